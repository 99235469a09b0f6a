"""Puts a closing mark where a song sets it on all comparable lines but this one."""

import dataclasses
import functools
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence

import regex

from gemma_keras_ft.config import register
from gemma_keras_ft.preprocessing.base import MapPreprocessor
from gemma_keras_ft.preprocessing.filling.fill import Fill, with_fills
from gemma_keras_ft.preprocessing.text.scripts import detect_script, script_of_letters
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.sources.plain_text import is_blank

# ISO 15924 code -> what closes a sentence or a verse. Questions, exclamations and
# commas are meant by the poet, so they are never made up; Thai and Lao close
# neither.
_DANDAS = ("।", "॥", "।।")
_MARKS = {
    **dict.fromkeys(("Latn", "Cyrl", "Grek", "Hebr", "Geor", "Hang"), (".",)),
    **dict.fromkeys(("Deva", "Beng", "Guru", "Gujr", "Orya"), (*_DANDAS, ".")),
    **dict.fromkeys(("Taml", "Telu", "Knda", "Mlym", "Sinh"), (".", *_DANDAS)),
    "Arab": ("۔", "."),
    "Thaa": (".",),
    "Hani": ("。",),
    "Jpan": ("。",),
    "Armn": ("։",),
    "Ethi": ("።",),
    "Mymr": ("။",),
    "Khmr": ("។", "៕"),
    "Tibt": ("།", "།།"),
    "Olck": ("᱾", "᱿"),
    "Mtei": ("꯫",),
}
# Languages whose own convention is narrower than their script's.
_MARKS_OF_LANGUAGE = {
    **dict.fromkeys(("ur", "pnb", "ks", "sd"), ("۔",)),
    **dict.fromkeys(("ar", "fa", "ps"), (".",)),
    **dict.fromkeys(("sa", "awa", "bra"), _DANDAS),
}
# What a line may end in instead.
_BARE, _NUMBER, _OTHER = "", "number", "other"
# What says nothing of a line's neighbor; None is the border of a stanza.
_SILENT = (None, _BARE, _OTHER)

_BARE_END = regex.compile(r"[\p{L}\p{M}\u200c\u200d]$")
_NUMBER_END = regex.compile(r"[।॥]\s*\p{N}+\s*[।॥]*$")
# A line so much shorter than the others is a heading, or was cut off.
_SHORT = 0.5


@dataclasses.dataclass(frozen=True)
class _Line:
    """A line, what it ends in, and what to compare it with, the closest first."""

    place: int
    text: str
    gap: str
    mark: str
    neighbors: tuple[str | None, str | None]
    comparable: tuple[tuple, ...]


@dataclasses.dataclass(frozen=True)
class _Group:
    """What comparable lines have in common: end, length, what stands beside them."""

    end: str
    length: float
    beside: tuple[set[str | None], set[str | None]]


@register("fill_punctuation")
@dataclasses.dataclass(frozen=True, kw_only=True)
class FillPunctuation(MapPreprocessor):
    """Closes the lines that lack the mark which the song's other lines have.

    The song itself says what is missing. Lines are comparable that stand at the
    same place of stanzas of equal length; where these are too few, last lines of
    stanzas are compared with last lines, odd with odd and even with even ones; and
    where these are too few, all lines. If nearly all of them end in one and the
    same closing mark of the language (danda, double danda, full stop, `۔`, `。` …),
    a line that ends in a bare letter gets it, with the space before it that the
    others have.

    Nothing else is added: no question mark, no comma, no verse number, no mark in
    a song that does without. A line is left alone that is half as long as the
    others, since it may be a heading or have been cut off, and so is one whose
    neighbors end otherwise than those of the lines it is compared with, since it
    may begin a verse of another form. Lines of a `no_alter` record stay as they
    are. `metadata["filled"]` says what was added where; `undo_fills` takes it back.

    Example:
        in:   "पानी बोले ।", "धरती डोले ।", "बादल आए", "मन हरषाए ।", "नाचे मोर ।"
        out:  "पानी बोले ।", "धरती डोले ।", "बादल आए ।", "मन हरषाए ।", "नाचे मोर ।"

    Args:
        minimum_lines: How many lines must be comparable.
        minimum_share: Share of them, 0.5 to 1, that must have the mark.

    Raises:
        ValueError: If `minimum_lines` is below 3 or the share not in [0.5, 1].
    """

    minimum_lines: int = 4
    minimum_share: float = 0.75

    def __post_init__(self):
        if self.minimum_lines < 3:
            raise ValueError(
                "`minimum_lines` must be at least 3. "
                f"Received: minimum_lines={self.minimum_lines!r}."
            )
        if not 0.5 <= self.minimum_share <= 1:
            raise ValueError(
                "`minimum_share` must be a share in [0.5, 1]. "
                f"Received: minimum_share={self.minimum_share!r}."
            )

    def map(self, record: LyricRecord) -> LyricRecord:
        """Returns the record with the marks that were missing."""
        marks = () if record.no_alter else closing_marks(record)
        lines = list(record.lines)
        fills: list[Fill] = []
        # Again until nothing is missing: what was added is evidence too, and a
        # second run of this step must find nothing.
        while marks:
            missing = list(self._missing(lines, marks))
            if not missing:
                break
            for line, added in missing:
                fills.append(
                    Fill(field="lines", line=line.place, at=len(line.text), added=added)
                )
                lines[line.place] = line.text + added
        return with_fills(record, fills, lines=tuple(lines)) if fills else record

    def _missing(
        self, texts: Sequence[str], marks: tuple[str, ...]
    ) -> Iterator[tuple[_Line, str]]:
        lines = _read_lines(texts, marks)
        members: dict[tuple, list[_Line]] = {}
        for line in lines:
            for key in line.comparable:
                members.setdefault(key, []).append(line)
        group_of = functools.cache(lambda key: _group(members[key], self.minimum_share))
        for line in lines:
            if line.mark != _BARE:
                continue
            for key in line.comparable:
                if len(members[key]) >= self.minimum_lines:
                    group = group_of(key)
                    if group.end and _is_alike(line, group):
                        yield line, group.end
                    break


def closing_marks(record: LyricRecord) -> tuple[str, ...]:
    """Returns what may close a sentence or verse in a record's language or script."""
    language = (record.language or "").split("-")[0].lower()
    script = script_of_letters(record.script or detect_script(record.text) or "")
    marks = _MARKS.get(script, ())
    wanted = _MARKS_OF_LANGUAGE.get(language, marks)
    return tuple(mark for mark in marks if mark in wanted)


def _read_lines(texts: Sequence[str], marks: tuple[str, ...]) -> list[_Line]:
    lines: list[_Line] = []
    for stanza in _stanzas(texts):
        ends = [_end(texts[place], marks) for place in stanza]
        around = (None, *(mark for _, mark in ends), None)
        for index, (place, (gap, mark)) in enumerate(zip(stanza, ends, strict=True)):
            is_last = index == len(stanza) - 1
            comparable = (
                ("place", len(stanza), index),
                ("last",) if is_last else ("turn", index % 2),
                ("any",),
            )
            neighbors = (around[index], around[index + 2])
            lines.append(_Line(place, texts[place], gap, mark, neighbors, comparable))
    return lines


def _stanzas(texts: Sequence[str]) -> list[list[int]]:
    """Returns the places of the lines, stanza by stanza."""
    stanzas: list[list[int]] = [[]]
    for place, text in enumerate(texts):
        if not is_blank(text):
            stanzas[-1].append(place)
        elif stanzas[-1]:
            stanzas.append([])
    return stanzas


def _end(text: str, marks: tuple[str, ...]) -> tuple[str, str]:
    """Returns the space before a line's closing mark, and the mark."""
    found = _ending(marks).search(text)
    if found:
        return found["gap"], found["mark"]
    if _BARE_END.search(text):
        return "", _BARE
    return "", _NUMBER if _NUMBER_END.search(text) else _OTHER


@functools.lru_cache(maxsize=64)
def _ending(marks: tuple[str, ...]) -> regex.Pattern:
    # After a letter, a bracket or a quote: `...` is no full stop, and a danda after
    # a verse number closes the number.
    longest_first = sorted(marks, key=len, reverse=True)
    choice = "|".join(regex.escape(mark) for mark in longest_first)
    before = r"(?<=[\p{L}\p{M}\p{Pe}\p{Pf}])"
    return regex.compile(rf"{before}(?P<gap> ?)(?P<mark>{choice})$")


def _group(lines: Sequence[_Line], minimum_share: float) -> _Group:
    (mark, count), *_ = Counter(line.mark for line in lines).most_common(1)
    end = ""
    if mark not in (*_SILENT, _NUMBER) and count >= minimum_share * len(lines):
        gaps = Counter(line.gap for line in lines if line.mark == mark)
        end = max(sorted(gaps), key=gaps.__getitem__) + mark
    beside = []
    for side in (0, 1):
        found = Counter(line.neighbors[side] for line in lines)
        for silent in _SILENT:
            del found[silent]
        beside.append({m for m, n in found.items() if n == max(found.values())})
    length = statistics.median(len(line.text) for line in lines)
    return _Group(end, length, (beside[0], beside[1]))


def _is_alike(line: _Line, group: _Group) -> bool:
    """Says whether a line is as long, and stands beside the same, as the others."""
    return len(line.text) >= _SHORT * group.length and all(
        mark in _SILENT or mark in usual
        for mark, usual in zip(line.neighbors, group.beside, strict=True)
    )
