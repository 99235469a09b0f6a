"""LRC inside a text: tags to the metadata, times off, refrains where they are sung."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import regex

from gemma_keras_ft.config import register
from gemma_keras_ft.preprocessing.base import CleaningPreprocessor
from gemma_keras_ft.preprocessing.cleaning.credits import named_by_credits
from gemma_keras_ft.preprocessing.cleaning.patterns import cut, cutting
from gemma_keras_ft.preprocessing.edits import Edit, edit_song
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.sources.plain_text import is_blank

# Only what players write: `[Chorus: both]` is no tag but a line of the song. What is
# a credit goes by its role.
_TAGS = {
    "ti": "title",
    "ar": "artist",
    "al": "album",
    "au": "lyrics",
    "lr": "lyrics",
    "by": "transcriber",
    "re": "",
    "tool": "",
    "ve": "",
    "version": "",
    "la": "",
    "lang": "",
    "offset": "",
    "length": "",
    "id": "",
    "#": "",
}
_TAG = regex.compile(r"\[\s*(#|[a-z]+)\s*:([^\[\]]*)\]", regex.IGNORECASE)
_CLOCK = r"(?:(?P<hours>\d{1,2}):(?=\d+:\d+\.))?(?P<minutes>\d{1,3}):(?P<seconds>\d{2})"
_STAMP = regex.compile(rf"\s*\[{_CLOCK}(?:[.:](?P<fraction>\d{{1,3}}))?\]")
# Inside a line a time needs its fraction: "the train at [12:30]" is text.
_WORD_STAMP = cutting(r"<\d{1,3}:\d{2}(?:[.:]\d{1,3})?>|\[\d{1,3}:\d{2}[.:]\d{1,3}\]")
_SUSPECT = regex.compile(r"\[\s*[#a-z]+\s*:|[\[<]\d{1,3}:\d{2}", regex.IGNORECASE)


@register("strip_timestamps")
@dataclasses.dataclass(frozen=True, kw_only=True)
class StripTimestamps(CleaningPreprocessor):
    """Takes out LRC's tags and times; puts the lines in the order sung.

    A line with several times is a refrain and comes at each of them. A time without
    a fraction counts at the start of a line only if it is one of several there or
    half of the lines begin with one. `metadata["line_times_seconds"]` keeps the
    times, `metadata["credits"]` the tags; they fill a missing title and author.

    Example:
        in:   "[ti:Kahan]", "[00:10.00][01:10.00]refrain", "[00:20.50]ve<00:21.00>rse"
        out:  "refrain", "verse", "refrain"
    """

    def map(self, record: LyricRecord) -> LyricRecord:
        """Returns the record with its lines in the order sung."""
        return named_by_credits(record, edit_song(record, _strip))


def _strip(lines: Sequence[str], language: str | None) -> Edit | None:
    text = "\n".join(lines)
    if not (("[" in text or "<" in text) and _SUSPECT.search(text)):
        return None
    stamps = [_stamps(line) for line in lines]
    written = sum(not is_blank(line) and _credit(line) is None for line in lines)
    begun = sum(bool(times) for times, _, _ in stamps)
    timed = begun > 1 and 2 * begun >= written
    pieces: list[tuple[str, ...]] = []
    credits, removed = [], []
    entries: list[tuple[float, float | None, int]] = []
    latest = -math.inf
    for place, line in enumerate(lines):
        credit = _credit(line)
        times, certain, end = stamps[place]
        if credit is not None:
            pieces.append(())
            removed.append(line.strip())
            if credit["role"] and credit["name"]:
                credits.append(credit)
            times = []
        elif times and (certain or timed):
            pieces.append((cut(_WORD_STAMP, line[end:]).strip(),))
            latest = min(times)
        else:
            times = []
            pieces.append((cut(_WORD_STAMP, line),))
        entries.extend((time, time, place) for time in times)
        if not times:
            entries.append((latest, None, place))
    if all(piece == (line,) for piece, line in zip(pieces, lines, strict=True)):
        return None
    entries.sort(key=lambda entry: entry[0])
    return Edit(
        pieces=pieces,
        order=[place for *_, place in entries],
        times=[time for _, time, _ in entries] if latest >= 0 else None,
        notes={"credits": credits, "removed": removed},
    )


def _credit(line: str) -> dict[str, Any] | None:
    tag = _TAG.fullmatch(line.strip()) if "[" in line else None
    role = _TAGS.get(tag[1].lower()) if tag else None
    if tag is None or role is None:
        return None
    return {"role": role, "name": tag[2].strip()}


def _stamps(line: str) -> tuple[list[float], bool, int]:
    """Returns the times before a line, whether they surely are, and where they end."""
    times: list[float] = []
    certain = False
    place = 0
    while stamp := _STAMP.match(line, place):
        times.append(_seconds(stamp))
        certain = certain or stamp["fraction"] is not None
        place = stamp.end()
    return times, certain or len(times) > 1, place


def _seconds(stamp: regex.Match) -> float:
    hours, minutes = int(stamp["hours"] or 0), int(stamp["minutes"])
    fraction = float(f"0.{stamp['fraction'] or 0}")
    return round(hours * 3600 + minutes * 60 + int(stamp["seconds"]) + fraction, 3)
