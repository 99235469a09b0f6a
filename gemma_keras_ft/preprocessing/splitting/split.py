"""Stratified splits that keep near duplicates on one side."""

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from gemma_keras_ft.config import Configurable, check_seed, register
from gemma_keras_ft.preprocessing.splitting.likeness import measure_likeness
from gemma_keras_ft.records import LyricRecord

SPLITS = ("train", "validation", "test")
# A song that is owed is given at once, unless it is less than this share of all that
# was to be given so far: large strata keep the share that is nearest to theirs.
_TOLERANCE = 0.01
_ROUNDING_ERROR = 1e-9


class Draw(NamedTuple):
    """A record's ticket.

    Args:
        stratum: Language, script and style.
        ticket: Order of the draw, from 0 to 2**64 - 1.
    """

    stratum: tuple[str, str, str]
    ticket: int


@register("split")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Split(Configurable):
    """Draws train, validation and test, stratified by language, script and style.

    Whole groups of near duplicates go to one side. Strata too small for a share of
    their own are held out from together. The draw depends on the texts and the
    seed, never on names or on the order in which records were read.

    Args:
        validation: Share of songs held out to watch the training.
        test: Share of songs held out to judge the result.
        keep_artists: Whether all songs of one author go to one side too.
        seed: Seed of the draw.

    Raises:
        ValueError: If the shares are negative or leave nothing to train on.
    """

    validation: float = 0.1
    test: float = 0.2
    keep_artists: bool = False
    seed: int = 0

    def __post_init__(self):
        shares = (self.validation, self.test)
        # Written so that NaN fails too.
        if not (min(shares) >= 0 and sum(shares) < 1):
            raise ValueError(
                "`validation` and `test` must be shares that leave some for training. "
                f"Received: validation={self.validation!r}, test={self.test!r}."
            )
        check_seed(self.seed)

    def draw(self, record: LyricRecord, words: bytes | None = None) -> Draw:
        """Draws a record's ticket.

        Args:
            record: The record.
            words: Its `Likeness.words`, where that has been measured.
        """
        if words is None:
            words = measure_likeness([record])[0].words
        drawn = f"{self.seed}\n{record.language}\n{words.hex()}"
        digest = hashlib.sha256(drawn.encode("utf-8", "replace")).digest()
        stratum = (record.language or "", record.script or "", record.style or "")
        return Draw(stratum, int.from_bytes(digest[:8], "big"))

    def assign(self, draws: Iterable[Draw], groups: Sequence[int]) -> np.ndarray:
        """Assigns each record to a side.

        Args:
            draws: Each record's `draw`.
            groups: One group number a record; see `duplicate_groups`.

        Returns:
            The place of each record's side in `SPLITS`, uint8 `(records,)`.
        """
        names: dict[tuple[str, str, str], int] = {}
        pairs = [(names.setdefault(d.stratum, len(names)), d.ticket) for d in draws]
        strata = np.array([stratum for stratum, _ in pairs], np.int32)
        tickets = np.array([ticket for _, ticket in pairs], np.uint64)
        return self.deal(strata, tickets, np.asarray(groups), [*names])

    def deal(
        self,
        strata: np.ndarray,
        tickets: np.ndarray,
        groups: np.ndarray,
        names: Sequence[tuple[str, str, str]],
    ) -> np.ndarray:
        """Does the work of `assign` on arrays, which a million records fit in.

        Args:
            strata: Place in `names` of each record's stratum, int32.
            tickets: Each record's ticket, uint64.
            groups: Each record's group, int64.
            names: The strata.
        """
        # Members of a group stand side by side, the lowest ticket first.
        order = np.lexsort((tickets, groups))
        changes = np.flatnonzero(np.diff(groups[order])) + 1
        starts = np.concatenate([[0], changes])[: len(order)]
        sizes = np.diff(np.append(starts, len(order)))
        lowest = tickets[order[starts]]
        kinds = strata[order[starts]]
        for group in np.flatnonzero(sizes > 1):
            members = order[starts[group] : starts[group] + sizes[group]]
            kinds[group] = _commonest(strata[members], names)
        members = {kind: np.flatnonzero(kinds == kind) for kind in np.unique(kinds)}
        quotas = self.quotas(
            {names[kind]: int(sizes[chosen].sum()) for kind, chosen in members.items()}
        )
        sides_of_groups = np.zeros(len(starts), np.uint8)
        for kind, chosen in members.items():
            drawn = chosen[np.argsort(lowest[chosen], kind="stable")]
            quota = quotas[names[kind]]
            sides_of_groups[drawn] = self.fill(sizes[drawn].tolist(), quota)
        sides = np.zeros(len(order), np.uint8)
        sides[order] = np.repeat(sides_of_groups, sizes)
        return sides

    def quotas(
        self, totals: Mapping[tuple[str, str, str], int]
    ) -> dict[tuple[str, str, str], tuple[int, int]]:
        """Says how many songs of each stratum are held out.

        Each stratum's shares are rounded. What that leaves over is carried on to the
        next stratum, by name, and given there once it makes up a whole song: so
        many small strata hold out what one large one would.

        Example:
            in:   Split(validation=0, test=0.2), four strata of 2 songs
            out:  (0, 0), (0, 0), (1, 0), (0, 0)

        Args:
            totals: Songs in each stratum.

        Returns:
            Songs for test and for validation of each stratum.
        """
        owed, asked = [0.0, 0.0], [0.0, 0.0]
        quotas = {}
        for stratum in sorted(totals):
            room = totals[stratum]
            counts = []
            for place, share in enumerate((self.test, self.validation)):
                exact = totals[stratum] * share
                asked[place] += exact
                owed[place] += exact
                count = min(_due(round(exact), owed[place], asked[place]), room)
                owed[place] -= count
                room -= count
                counts.append(count)
            quotas[stratum] = (counts[0], counts[1])
        return quotas

    def fill(self, sizes: Sequence[int], quota: tuple[int, int]) -> list[int]:
        """Fills test, then validation, then train, in the order of the draw.

        Args:
            sizes: Songs in each group of one stratum, the lowest ticket first.
            quota: How many of them go to test and to validation; see `quotas`.

        Returns:
            The place of each group's side in `SPLITS`.
        """
        wanted = {SPLITS.index("test"): quota[0], SPLITS.index("validation"): quota[1]}
        sides = []
        for size in sizes:
            side = next((side for side in wanted if wanted[side] >= size), 0)
            if side:
                wanted[side] -= size
            sides.append(side)
        return sides

    def warnings(self, songs: Mapping[str, int]) -> list[str]:
        """Returns a sentence about each split that was asked for and is empty.

        Args:
            songs: How many songs each split has.
        """
        shares = {"validation": self.validation, "test": self.test}
        shares["train"] = 1 - sum(shares.values())
        return [
            f"The split {name!r} is empty, though {shares[name]:.0%} of "
            f"{sum(songs.values())} songs were asked for: there are too few "
            "songs, or too few groups of songs that belong together."
            for name in SPLITS
            if shares[name] > 0 and not songs[name]
        ]


def _due(rounded: int, owed: float, asked: float) -> int:
    """Returns a stratum's rounded share, one more or less where it has to be."""
    rest = owed - rounded
    if abs(rest) < max(1 - _ROUNDING_ERROR, asked * _TOLERANCE):
        return rounded
    return max(0, rounded + (1 if rest > 0 else -1))


def _commonest(strata: np.ndarray, names: Sequence[tuple[str, str, str]]) -> int:
    counts = Counter(strata.tolist())
    return min(counts, key=lambda kind: (-counts[kind], names[kind]))
