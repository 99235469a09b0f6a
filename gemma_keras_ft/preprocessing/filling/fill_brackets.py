"""Closes brackets and quotes that were left open, where the place is certain."""

import dataclasses
from collections.abc import Sequence

import regex

from gemma_keras_ft.config import register
from gemma_keras_ft.preprocessing.base import MapPreprocessor
from gemma_keras_ft.preprocessing.filling.fill import Fill, with_fills
from gemma_keras_ft.records import LyricRecord

# Not ‘ and ’, which are apostrophes too, and not „ whose closing mark opens elsewhere.
_BRACKETS = ("()", "[]", "{}", "（）", "［］", "【】")
_QUOTES = ("“”", "«»", "「」", "『』", "《》", "〈〉", '""')
_CLOSED_END = regex.compile(r"[\p{L}\p{M}\p{N}!?！？…]$")
# How many other lines show how this song sets its brackets.
_MINIMUM_SHOWN = 2
# A line with more marks of one kind is no line of a song.
_MAXIMUM_MARKS = 8


@register("close_brackets")
@dataclasses.dataclass(frozen=True, kw_only=True)
class CloseBrackets(MapPreprocessor):
    """Adds the one bracket or quote that a line lacks, where the song shows it.

    Two cases are certain enough, and nothing else is touched:

    - The same line stands elsewhere in the song with both marks, as in a refrain:
      it gets the mark that it lacks in the place where the other has it.
    - A line begins with a bracket that is never closed, and the song's other
      brackets of the kind, at least two, enclose whole lines, as with backing
      vocals: it is closed at the line's end.

    A bracket or quote may run over several lines, so neither case holds where some
    line of the song has a closing mark too many. Quotes are only closed in the first
    case. Lines of a `no_alter` record stay as they are. `metadata["filled"]` says
    what was added where.

    Example:
        in:   "(ooh, the rain)", "(aah, the wind)", "(ooh, the night"
        out:  "(ooh, the rain)", "(aah, the wind)", "(ooh, the night)"
    """

    def map(self, record: LyricRecord) -> LyricRecord:
        """Returns the record with the brackets and quotes that were missing."""
        lines: list[str] = list(record.lines)
        fills: list[Fill] = []
        if not record.no_alter:
            # What was added shows the next, so that a second run finds nothing.
            while missing := _missing(lines):
                for place, at, mark in missing:
                    lines[place] = lines[place][:at] + mark + lines[place][at:]
                    fills.append(Fill(field="lines", line=place, at=at, added=mark))
        return with_fills(record, fills, lines=tuple(lines)) if fills else record


def _missing(lines: Sequence[str]) -> list[tuple[int, int, str]]:
    """Returns line, place and mark of what is missing of one kind, once a line."""
    for pair in (*_BRACKETS, *_QUOTES):
        surplus = [_surplus(line, pair) for line in lines]
        if not _is_line_by_line(surplus, pair):
            continue
        twins = _twins(lines, surplus, pair)
        encloses = pair in _BRACKETS and _encloses_lines(lines, surplus, pair)
        found = []
        for place, line in enumerate(lines):
            if not surplus[place]:
                continue
            if len(twins.get(line, ())) == 1:
                ((at, mark),) = twins[line]
                found.append((place, at, mark))
            elif encloses and _is_left_open(line, pair):
                found.append((place, len(line), pair[1]))
        if found:
            return found
    return []


def _surplus(line: str, pair: str) -> int:
    """Returns how many opening marks a line has too many; 1 for odd straight quotes."""
    opening, closing = pair
    if opening == closing:
        return line.count(opening) % 2
    return line.count(opening) - line.count(closing)


def _is_line_by_line(surplus: Sequence[int], pair: str) -> bool:
    """Says whether marks are missing that cannot be on another line."""
    found = [count for count in surplus if count]
    if pair[0] == pair[1]:
        return len(found) == 1
    return set(found) in ({1}, {-1})


def _twins(
    lines: Sequence[str], surplus: Sequence[int], pair: str
) -> dict[str, set[tuple[int, str]]]:
    """Returns every complete line less one mark, with the mark and its place."""
    twins: dict[str, set[tuple[int, str]]] = {}
    for line in {line for line, count in zip(lines, surplus, strict=True) if not count}:
        places = [place for place, char in enumerate(line) if char in pair]
        for place in places if len(places) <= _MAXIMUM_MARKS else ():
            rest = line[:place] + line[place + 1 :]
            twins.setdefault(rest, set()).add((place, line[place]))
    return twins


def _encloses_lines(lines: Sequence[str], surplus: Sequence[int], pair: str) -> bool:
    """Says whether every complete bracket of the song encloses a whole line."""
    opening, closing = pair
    shown = [
        line
        for line, count in zip(lines, surplus, strict=True)
        if opening in line and not count
    ]
    return len(shown) >= _MINIMUM_SHOWN and all(
        line.startswith(opening) and line.endswith(closing) and line.count(opening) == 1
        for line in shown
    )


def _is_left_open(line: str, pair: str) -> bool:
    opening, closing = pair
    return (
        line.startswith(opening)
        and line.count(opening) == 1
        and closing not in line
        and _CLOSED_END.search(line) is not None
    )
