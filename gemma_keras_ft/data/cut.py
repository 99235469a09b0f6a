"""Examples -> parts that fit a row, cut at borders of lines and stanzas."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from gemma_keras_ft.data.tokenize import LINE, STANZA, TokenizedExamples

# Tokens that Gemma 2 was trained to attend over.
CONTEXT_LENGTH = 8192
OVERFLOWS = ("split", "truncate")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Parts:
    """Pieces of examples, each of which fits a row.

    Args:
        spans: Of each part: its example, then start and stop of its lead, of its
            context and of its response in `TokenizedExamples.token_ids`, and 1 where
            it ends its example; int64 `(parts, 8)`.
        places: Places each takes in a row, int64 `(parts,)`.
        left_out: Examples of which a single line, with its prompt, is longer than a
            row.
        cut_tokens: Tokens of responses that no part holds.
    """

    spans: np.ndarray
    places: np.ndarray
    left_out: tuple[int, ...]
    cut_tokens: int

    def __len__(self):
        return len(self.places)


def cut_examples(
    examples: TokenizedExamples, *, sequence_length: int, overflow: str = "split"
) -> Parts:
    r"""Cuts examples into parts of at most `sequence_length` places.

    A response too long for a row goes on in the next part, led in by its last lines
    or, where the example names none, by its prompt. A border of lines is always a
    border of parts, one of stanzas where it is near; no response token stands in two
    parts. An example that cannot be cut is left out and counted.

    Example:
        in:   prompt "a\n", response "b\nc\nd", context_lines=1, sequence_length=5
        out:  <bos> "a\n" "b\n"  ·  <bos> "b\n" "c\n"  ·  <bos> "c\n" "d" <eos>

    Args:
        examples: What to cut.
        sequence_length: Places in a row, at most Gemma 2's context of 8,192.
        overflow: `"split"`, or `"truncate"` to keep the first part alone and count
            what was cut, whatever follows it.

    Raises:
        ValueError: If a setting is out of range.
    """
    if not 8 <= sequence_length <= CONTEXT_LENGTH:
        raise ValueError(
            f"`sequence_length` must be from 8 to {CONTEXT_LENGTH}. Received: "
            f"sequence_length={sequence_length!r}."
        )
    if overflow not in OVERFLOWS:
        raise ValueError(
            f"`overflow` must be one of {[*OVERFLOWS]}. Received: "
            f"overflow={overflow!r}."
        )
    spans, left_out, cut_tokens = [], [], 0
    for number, whole in enumerate(_whole(examples)):
        if places_of(examples, whole) <= sequence_length:
            spans.append(whole)
            continue
        parts = list(_cut(examples, whole, sequence_length))
        if overflow == "truncate":
            del parts[1:]
        elif not parts or parts[-1][6] < whole[6]:
            parts = []
        if not parts:
            left_out.append(number)
        spans += parts
        cut_tokens += whole[6] - (parts[-1][6] if parts else whole[5])
    places = [places_of(examples, span) for span in spans]
    return Parts(
        spans=np.array(spans, "int64").reshape(-1, 8),
        places=np.array(places, "int64"),
        left_out=tuple(left_out),
        cut_tokens=int(cut_tokens),
    )


def places_of(examples: TokenizedExamples, span) -> int:
    """Returns how many places of a row a part takes."""
    number, lead, lead_stop, context, context_stop, start, stop, ends = span
    frame = examples.frame(number)
    given = lead_stop - lead + context_stop - context + stop - start
    after = len(frame.after) if ends else 0
    # The last token is only ever a label.
    return len(frame.before) + given + len(frame.between) + after - 1


def _whole(examples: TokenizedExamples) -> Iterator[tuple[int, ...]]:
    stops = examples.lengths.reshape(-1).cumsum(dtype="int64").reshape(-1, 3)
    start = 0
    for number, (lead, prompt, response) in enumerate(stops.tolist()):
        yield (number, start, lead, lead, prompt, prompt, response, 1)
        start = response


def _cut(
    examples: TokenizedExamples, whole: tuple[int, ...], sequence_length: int
) -> Iterator[tuple[int, ...]]:
    """Yields parts from the first line on, up to one that is too long for a row."""
    number, lead, lead_stop, context, context_stop, start, last, _ = whole
    # In turns no line break ends the prompt, nor what stands in its place later on.
    turns = bool(examples.turns[number])
    first = start if turns else context
    lines = int(examples.context_lines[number])
    ends = first + 1 + np.flatnonzero(examples.borders[first:last] >= LINE)
    while True:
        rest = (number, lead, lead_stop, context, context_stop, start, last, 1)
        if places_of(examples, rest) <= sequence_length:
            yield rest
            return
        # One part that ends nothing has no label to spare for what closes it.
        room = start + sequence_length - places_of(examples, (*rest[:6], start, 0))
        stop = _last_border(examples.borders, start, min(room, last - 1))
        if stop == start:
            return
        yield (*rest[:6], stop, 0)
        start = stop
        if lines:
            before = np.searchsorted(ends, stop, side="right") - lines
            context = int(ends[before - 1]) if before > 0 else first
            context_stop = stop
            while turns and examples.borders[context_stop - 1]:
                context_stop -= 1


def _last_border(borders: np.ndarray, start: int, stop: int) -> int:
    """Returns where to cut: after a stanza in the later half, else after a line."""
    window = borders[start:stop]
    lines = np.flatnonzero(window >= LINE)
    if not len(lines):
        return start
    stanzas = np.flatnonzero(window == STANZA)
    near = stanzas[2 * (stanzas + 1) >= lines[-1] + 1]
    return start + 1 + int(near[-1] if len(near) else lines[-1])
