"""Parts of examples -> rows of token ids, packed, bucketed or one a row."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from gemma_keras_ft.config import Configurable, check_seed, register
from gemma_keras_ft.data.cut import CONTEXT_LENGTH, OVERFLOWS, Parts, cut_examples
from gemma_keras_ft.data.pack import pack_lengths
from gemma_keras_ft.data.tokenize import TokenizedExamples

PACKED, BUCKETED, SINGLE = "packed", "bucketed", "single"
_LAYOUTS = (PACKED, BUCKETED, SINGLE)
ARRAYS = {
    "token_ids": "int32",
    "labels": "int32",
    "segment_ids": "int32",
    "positions": "int32",
    "sample_weight": "float32",
}
_SHORTEST_BUCKET = 64


@dataclasses.dataclass(frozen=True, kw_only=True)
class TokenRows:
    """Rows of one length, and which record each of their segments came from.

    Args:
        arrays: `token_ids`, `labels`, `segment_ids`, `positions` int32 and
            `sample_weight` float32, each `(rows, sequence_length)`. `segment_ids`
            counts the texts of a row from 1; 0 is an unused place. `positions` counts
            the places of a text from 0.
        segments: Of each text in a row: the row, its segment id, and the index of its
            record in `record_ids`; int64 `(segments, 3)`, ordered by row.
        record_ids: The records.
    """

    arrays: Mapping[str, np.ndarray]
    segments: np.ndarray
    record_ids: tuple[str, ...]

    def __len__(self):
        return len(self.arrays["token_ids"])

    @property
    def sequence_length(self) -> int:
        """Places in a row."""
        return self.arrays["token_ids"].shape[1]

    def records_of(self, row: int) -> tuple[str, ...]:
        """Returns the records of a row's texts, by segment."""
        first, last = np.searchsorted(self.segments[:, 0], [row, row + 1])
        return tuple(self.record_ids[i] for i in self.segments[first:last, 2])


@register("rows")
@dataclasses.dataclass(frozen=True, kw_only=True)
class RowPlan(Configurable):
    """How examples become rows.

    Args:
        sequence_length: Places in a row, at most Gemma 2's context of 8,192.
        layout: `"packed"`: short texts share a row, told apart by `segment_ids`.
            `"bucketed"`: one text a row, in rows as long as the text needs: 64, 96,
            128, 192, ... up to `sequence_length`. `"single"`: one text a row of
            `sequence_length`.
        overflow: What becomes of a text too long for a row: `"split"` at borders of
            lines and stanzas, or `"truncate"` there.
        seed: Draws which examples are taken once more where an epoch takes them a
            broken number of times.

    Raises:
        ValueError: If a setting is unknown or out of range.
    """

    sequence_length: int = 512
    layout: str = PACKED
    overflow: str = "split"
    seed: int = 0

    def __post_init__(self):
        size = self.sequence_length
        if not isinstance(size, int) or not 8 <= size <= CONTEXT_LENGTH:
            raise ValueError(
                f"`sequence_length` must be from 8 to {CONTEXT_LENGTH}. Received: "
                f"sequence_length={self.sequence_length!r}."
            )
        for name, known in (("layout", _LAYOUTS), ("overflow", OVERFLOWS)):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"`{name}` must be one of {[*known]}. Received: "
                    f"{name}={getattr(self, name)!r}."
                )
        check_seed(self.seed)

    def build(self, examples: TokenizedExamples) -> "PlannedRows":
        """Cuts, repeats and lays out examples.

        Raises:
            ValueError: If no example fits.
        """
        parts = cut_examples(
            examples, sequence_length=self.sequence_length, overflow=self.overflow
        )
        if not len(parts):
            raise ValueError(
                f"`examples` must hold one that fits. Received: {len(examples)} "
                f"examples, each with a line longer than "
                f"sequence_length={self.sequence_length}. Use longer rows."
            )
        taken = _taken(examples, parts, self.seed)
        return PlannedRows(
            plan=self,
            buckets=tuple(
                _fill(examples, parts, taken[chosen], rows, length)
                for chosen, rows, length in self._lay_out(parts.places[taken])
            ),
            left_out=tuple(
                examples.record_ids[examples.records[n]] for n in parts.left_out
            ),
            left_out_examples=parts.left_out,
            cut_tokens=parts.cut_tokens,
        )

    def _lay_out(self, places: np.ndarray):
        """Yields which parts go together, their rows, and how long those are."""
        everything = np.arange(len(places))
        if self.layout == PACKED:
            rows = pack_lengths(places, sequence_length=self.sequence_length)
            yield everything, rows, self.sequence_length
        elif self.layout == SINGLE:
            yield everything, everything, self.sequence_length
        else:
            lengths = np.array([self._bucket(size) for size in places.tolist()])
            for length in np.unique(lengths).tolist():
                chosen = np.flatnonzero(lengths == length)
                yield chosen, np.arange(len(chosen)), length

    def _bucket(self, places: int) -> int:
        """Rounds up to 64, 96, 128, 192, 256, ...: few programs, little padding."""
        return min(self.sequence_length, bucket_length(places))


def bucket_length(places: int) -> int:
    """Returns the shortest of 64, 96, 128, 192, 256, 384, ... that holds `places`."""
    power = max(_SHORTEST_BUCKET, 1 << (places - 1).bit_length())
    between = power * 3 // 4
    return between if _SHORTEST_BUCKET < between and places <= between else power


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlannedRows:
    """The rows of an epoch.

    Args:
        plan: How they were made.
        buckets: Rows of each length, shortest first.
        left_out: Records of examples that did not fit.
        left_out_examples: Numbers of those examples, in the order they were given.
        cut_tokens: Response tokens that stand in no row.
    """

    plan: RowPlan
    buckets: tuple[TokenRows, ...]
    left_out: tuple[str, ...] = ()
    left_out_examples: tuple[int, ...] = ()
    cut_tokens: int = 0

    def counts(self) -> dict[str, int | float]:
        """Returns what the report says of the rows."""
        filled = [rows.arrays["segment_ids"] > 0 for rows in self.buckets]
        scored = [rows.arrays["sample_weight"] > 0 for rows in self.buckets]
        places = sum(mask.size for mask in filled)
        real = int(sum(mask.sum() for mask in filled))
        return {
            "rows": sum(map(len, self.buckets)),
            "texts": sum(len(rows.segments) for rows in self.buckets),
            "places": places,
            "tokens": real,
            "scored_tokens": int(sum(mask.sum() for mask in scored)),
            "filled": real / places,
            "examples_left_out": len(self.left_out),
            "cut_tokens": self.cut_tokens,
        }


def _taken(examples: TokenizedExamples, parts: Parts, seed: int) -> np.ndarray:
    """Returns the parts that an epoch takes, each as often as its example is."""
    whole = np.floor(examples.times)
    draw = np.random.default_rng(seed).random(len(examples))
    times = (whole + (draw < examples.times - whole)).astype("int64")
    taken = np.repeat(np.arange(len(parts)), times[parts.spans[:, 0]])
    if not len(taken):
        raise ValueError(
            "`times` must give an epoch at least one example. Received: weights that "
            f"take none of {len(examples)}. Use larger weights."
        )
    return taken


def _fill(
    examples: TokenizedExamples,
    parts: Parts,
    taken: np.ndarray,
    rows: np.ndarray,
    sequence_length: int,
) -> TokenRows:
    order = np.argsort(rows, kind="stable")
    shape = (int(rows.max()) + 1, sequence_length)
    arrays = {name: np.zeros(shape, dtype) for name, dtype in ARRAYS.items()}
    for name in ("token_ids", "labels"):
        arrays[name].fill(examples.pad_id)
    segments = np.empty((len(taken), 3), "int64")
    used = np.zeros(shape[0], "int64")
    count = np.zeros(shape[0], "int64")
    for place, number in enumerate(order):
        row, span = rows[number], parts.spans[taken[number]]
        ids, weight = _part_tokens(examples, span)
        size = len(ids) - 1
        where = slice(used[row], used[row] + size)
        count[row] += 1
        arrays["token_ids"][row, where] = ids[:-1]
        arrays["labels"][row, where] = ids[1:]
        arrays["segment_ids"][row, where] = count[row]
        arrays["positions"][row, where] = np.arange(size)
        arrays["sample_weight"][row, where] = weight[1:]
        used[row] += size
        segments[place] = row, count[row], examples.records[span[0]]
    return TokenRows(arrays=arrays, segments=segments, record_ids=examples.record_ids)


def _part_tokens(examples: TokenizedExamples, span) -> tuple[np.ndarray, np.ndarray]:
    """Returns the ids of a part, control tokens and all, and the weight of each."""
    number, lead, lead_stop, context, context_stop, start, stop, ends = span
    frame = examples.frame(number)
    after = frame.after if ends else ()
    tokens = examples.token_ids
    given = (
        frame.before,
        tokens[lead:lead_stop],
        tokens[context:context_stop],
        frame.between,
    )
    ids = np.concatenate([*given, tokens[start:stop], after]).astype("int32")
    weight = np.zeros(len(ids), "float32")
    asked = sum(map(len, given))
    weight[asked:] = 1.0
    # What leads into a later part was scored in the part before it.
    if examples.scored[number] and _is_first(examples, span):
        weight[1:] = 1.0
    return ids, weight


def _is_first(examples: TokenizedExamples, span) -> bool:
    """Tells whether a part's response begins where its example's does."""
    lead, prompt, _ = examples.lengths[span[0]]
    return span[5] == span[1] + lead + prompt
