"""Plain text: one song a file, or songs separated by blank lines."""

import itertools
import re
from collections.abc import Iterable, Iterator

from gemma_keras_ft.sources.rows import BadRow, ReadLimits, Row, SourceFile, excerpt
from gemma_keras_ft.sources.stream import TextLines, open_stream

# Not U+0085 (in text misread from Windows-1252 it is an ellipsis) and not the
# separators U+001C to U+001E, all of which `str.splitlines` would split at. A
# run of CR before LF is one break: a file written twice in "text mode" has it. The
# look behind keeps a long run of CR from being walked again from each of them.
_LINE_BREAK = re.compile(r"(?<!\r)\r+\n|[\n\r\v\f\u2028\u2029]")
# Spaces, and the characters that take no place: joiners, direction and BOM.
_VISIBLE = re.compile(r"[^\s\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")


def split_lines(text: str) -> list[str]:
    r"""Splits text into lines; a break at its end begins no further line.

    Example:
        in:   "a\r\nb\u2028c\n"
        out:  ["a", "b", "c"]
    """
    lines = _LINE_BREAK.split(text)
    if lines[-1] == "":
        lines.pop()
    return lines


def is_blank(line: str) -> bool:
    """Says whether a line holds nothing that could be seen."""
    return _VISIBLE.search(line) is None


def stanza_places(lines: list[str]) -> list[int]:
    """Returns which lines to keep so that stanzas are parted by one blank each.

    Example:
        in:   ["", "a", "b", " ", "", "c", ""]
        out:  [1, 2, 3, 5]
    """
    places: list[int] = []
    for place, line in enumerate(lines):
        if is_blank(line):
            continue
        if places and place > places[-1] + 1:
            places.append(places[-1] + 1)
        places.append(place)
    return places


def tidy_stanzas(lines: list[str]) -> list[str]:
    """Returns the lines, stanzas parted by one empty line, none at the ends."""
    return [
        "" if is_blank(lines[place]) else lines[place] for place in stanza_places(lines)
    ]


def read_song(file: SourceFile, limits: ReadLimits) -> Iterator[Row | BadRow]:
    """Reads a file that is one song; its first line is a line like any other.

    Raises:
        UnreadableFile: If the file can't be read on.
    """
    with open_stream(file, limits) as stream:
        text_lines = TextLines(stream, limits.max_line_bytes)
        song = whole_song(numbered_lines(text_lines), limits)
    if isinstance(song, BadRow):
        yield song
    elif song:
        yield Row(fields={"lines": tidy_stanzas(song)}, line=1, number=None)


def read_songs(file: SourceFile, limits: ReadLimits) -> Iterator[Row | BadRow]:
    """Reads a file of songs that are parted by blank lines.

    Raises:
        UnreadableFile: If the file can't be read on.
    """
    with open_stream(file, limits) as stream:
        text_lines = TextLines(stream, limits.max_line_bytes)
        number = 0
        # What `whole_song` leaves of a song that is set aside, groupby skips.
        for sung, group in itertools.groupby(numbered_lines(text_lines), _is_sung):
            if not sung:
                continue
            number += 1
            line = text_lines.number
            song = whole_song(group, limits)
            if isinstance(song, BadRow):
                yield song
            else:
                yield Row(fields={"lines": song}, line=line, number=number)


def numbered_lines(text_lines: TextLines) -> Iterator[tuple[int, str | BadRow]]:
    """Yields every line with its number in the file.

    One line of the file is several where it holds rarer line breaks.
    """
    for line in text_lines:
        pieces = [line] if isinstance(line, BadRow) else split_lines(line)
        for piece in pieces:
            yield text_lines.number, piece


def whole_song(
    numbered: Iterable[tuple[int, str | BadRow]], limits: ReadLimits
) -> list[str] | BadRow:
    """Returns a song's lines, or the first thing that is wrong with them."""
    lines: list[str] = []
    size = 0
    for number, line in numbered:
        if isinstance(line, BadRow):
            return line
        size += len(line.encode()) + 1
        if size > limits.max_record_bytes:
            return BadRow(
                reason="record_too_large",
                detail=f"A song with more than {limits.max_record_bytes} bytes.",
                line=number,
                text=excerpt("\n".join(lines)),
            )
        lines.append(line)
    return lines


def _is_sung(numbered: tuple[int, str | BadRow]) -> bool:
    line = numbered[1]
    return isinstance(line, BadRow) or not is_blank(line)
