"""LRC: lyrics with the time at which each line is sung."""

import math
import re
from collections.abc import Iterator
from typing import Any

from gemma_keras_ft.sources.plain_text import (
    is_blank,
    numbered_lines,
    stanza_places,
    whole_song,
)
from gemma_keras_ft.sources.rows import BadRow, ReadLimits, Row, SourceFile
from gemma_keras_ft.sources.stream import TextLines, open_stream

# Only what players write: `[Chorus: both]` is no tag but a line of the song.
_TAGS = {
    "ti": "title",
    "ar": "author",
    "la": "language",
    "lang": "language",
    "al": "album",
    "au": "songwriter",
    "lr": "lyricist",
    "by": "by",
    "re": "tool",
    "tool": "tool",
    "ve": "version",
    "version": "version",
    "offset": "offset",
    "length": "length",
    "id": "lrc_id",
    "#": "comment",
}
_TAG = re.compile(r"\s*\[\s*(#|[A-Za-z]+)\s*:(.*)\]\s*")
# 01:02, 01:02.3, 01:02.345, 01:02:34 (hundredths) and 1:01:02.34 (hours).
_TIME = r"(?:(?P<hours>\d{1,2}):(?=\d+:\d+\.))?(?P<minutes>\d{1,3}):(?P<seconds>\d{2})"
_STAMP = re.compile(rf"\s*\[{_TIME}(?:[.:](?P<fraction>\d{{1,3}}))?\]")
# Inside a line a time needs its fraction: "the train at [12:30]" is text.
# The look behind keeps a long run of spaces from being walked again and again.
_WORD_STAMP = re.compile(
    r"(?:(?<!\s)\s+)?"
    r"(?:<\d{1,3}:\d{2}(?:[.:]\d{1,3})?>|\[\d{1,3}:\d{2}[.:]\d{1,3}\])\s*"
)


def read_lrc(file: SourceFile, limits: ReadLimits) -> Iterator[Row | BadRow]:
    """Reads a file of timed lyrics as one song, its lines in the order sung.

    Raises:
        UnreadableFile: If the file can't be read on.
    """
    with open_stream(file, limits) as stream:
        text_lines = TextLines(stream, limits.max_line_bytes)
        lines = whole_song(numbered_lines(text_lines), limits)
    if isinstance(lines, BadRow):
        yield lines
    elif lines:
        yield Row(fields=parse_lrc(lines), line=1, number=None)


def parse_lrc(lines: list[str]) -> dict[str, Any]:
    """Returns the fields of a song in LRC.

    Times are seconds as stamped; the file's own `offset`, in milliseconds, is
    kept beside them and not applied. A line without a stamp stays behind the
    line it follows.

    Example:
        in:   ["[ti:Kahan]", "[00:10.00][01:10.00]refrain", "[00:20.50]verse"]
        out:  {"title": "Kahan", "lines": ["refrain", "verse", "refrain"],
               "line_times_seconds": [10.0, 20.5, 70.0]}
    """
    fields: dict[str, Any] = {}
    timed: list[tuple[float, float | None, str]] = []
    latest = -math.inf
    for line in lines:
        tag = _TAG.fullmatch(line)
        name = _TAGS.get(tag[1].lower()) if tag else None
        if tag and name:
            if tag[2].strip():
                fields.setdefault(name, tag[2].strip())
            continue
        times, text = _stamps(line)
        if times:
            latest = min(times)
            timed.extend((time, time, text) for time in times)
        else:
            timed.append((latest, None, text))
    timed.sort(key=lambda entry: entry[0])
    return {**fields, **_in_order(timed)}


def _stamps(line: str) -> tuple[list[float], str]:
    times = []
    place = 0
    while stamp := _STAMP.match(line, place):
        times.append(_seconds(stamp))
        place = stamp.end()
    return times, _WORD_STAMP.sub(_space_around, line[place:]).strip()


def _space_around(stamp: re.Match) -> str:
    # Stamps part words or, with no space around, the syllables of one word.
    return " " if stamp[0] != stamp[0].strip() else ""


def _seconds(stamp: re.Match) -> float:
    hours, minutes = int(stamp["hours"] or 0), int(stamp["minutes"])
    fraction = float(f"0.{stamp['fraction'] or 0}")
    return round(hours * 3600 + minutes * 60 + int(stamp["seconds"]) + fraction, 3)


def _in_order(timed: list[tuple[float, float | None, str]]) -> dict[str, Any]:
    kept = [timed[place] for place in stanza_places([text for *_, text in timed])]
    fields: dict[str, Any] = {
        "lines": ["" if is_blank(text) else text for *_, text in kept]
    }
    times = [time for _, time, _ in kept]
    if any(time is not None for time in times):
        fields["line_times_seconds"] = times
    return fields
