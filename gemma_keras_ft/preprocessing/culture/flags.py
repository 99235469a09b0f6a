"""Flags what a person should look at; drops nothing unless it is asked to."""

import bisect
import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeGuard

from gemma_keras_ft.config import register
from gemma_keras_ft.preprocessing.base import FilterPreprocessor, MapPreprocessor
from gemma_keras_ft.preprocessing.culture.exclusions import (
    CATEGORIES,
    SEVERITIES,
    Exclusion,
    ExclusionList,
    check_category,
    check_severity,
)
from gemma_keras_ft.preprocessing.culture.personal_data import find_personal_data
from gemma_keras_ft.preprocessing.culture.phrases import PhraseMatcher, check_phrase
from gemma_keras_ft.preprocessing.culture.protection import ProtectedPhrases
from gemma_keras_ft.records import LyricRecord

FLAGS = "flags"
# Begins the reason of what `ExcludeFlagged` sets aside; the category follows.
FLAGGED = "flagged_"
_FIELDS = ("title", "lines", "translation")
_PATTERNS = "personal data by pattern"
# What a protected phrase is never flagged as.
_OFFENSES = frozenset({"slur", "caste", "religion", "gender"})


@register("flag_spans")
@dataclasses.dataclass(frozen=True, kw_only=True)
class FlagSpans(MapPreprocessor):
    """Flags spans of title, lines and translation for a person to look at.

    `metadata["flags"]` holds, for each span, `field`, `line` (None in a title),
    `start` and `end` in code points, `text`, `category`, `severity`, `list`, and
    `note` where the list has one. It is made anew each time. Nothing is dropped.

    Personal data is always flagged: telephone numbers, e-mail addresses, PAN- and
    Aadhaar-like numbers. All else comes from lists: whole tokens, letter case
    ignored, in songs of the entry's language or of an unknown one.

    Protected phrases, sacred names among them, are not flagged as offensive, and a
    record marked `no_alter` is not searched for offenses at all: a people's scripture
    is not ours to mark up. Both can be asked for.

    Example:
        in:   lines=("call 98450 00000",)
        out:  metadata={"flags": [{"field": "lines", "line": 0, "start": 5, "end": 16,
                  "text": "98450 00000", "category": "personal_data",
                  "severity": "medium",
                  "list": "personal data by pattern: phone number"}]}

    Args:
        lists: What to flag besides personal data; see `read_exclusions`.
        allow: Phrases inside which nothing is flagged.
        protected: Phrases that are not flagged as offensive; None for none.
        search_no_alter: Whether records marked `no_alter` are searched for offenses.

    Raises:
        ValueError: If a phrase of `allow` is blank.
    """

    lists: tuple[ExclusionList, ...] = ()
    allow: tuple[str, ...] = ()
    protected: ProtectedPhrases | None = dataclasses.field(
        default_factory=ProtectedPhrases
    )
    search_no_alter: bool = False

    def __post_init__(self):
        if isinstance(self.allow, str):
            raise ValueError(
                f"`allow` must be a list. Received: allow={self.allow!r}. "
                "Put it into a tuple."
            )
        object.__setattr__(self, "allow", tuple(map(check_phrase, self.allow)))

    def map(self, record: LyricRecord) -> LyricRecord:
        """Returns the record with its flags, or without any where there are none."""
        flags = self._flags(record)
        if flags == record.metadata.get(FLAGS, []):
            return record
        metadata = {
            key: value for key, value in record.metadata.items() if key != FLAGS
        }
        return record.replace(
            metadata={**metadata, FLAGS: flags} if flags else metadata
        )

    def _flags(self, record: LyricRecord) -> list[dict[str, Any]]:
        text = _Text(record)
        allowed = [match[1:] for match in self._allowed.find(text.text)]
        found = [
            (span, flag)
            for span, flag in self._found(record, text.text)
            if not _is_inside(span, allowed)
        ]
        # Two lists may say the same of one span.
        flags = {
            (*span, *flag.values()): text.place(*span) | flag for span, flag in found
        }
        return [flags[key] for key in sorted(flags)]

    def _found(
        self, record: LyricRecord, text: str
    ) -> Iterator[tuple[tuple[int, int], dict[str, str]]]:
        for start, end, kind, severity in find_personal_data(text):
            yield (start, end), _flag("personal_data", severity, f"{_PATTERNS}: {kind}")
        matches = self._matcher.find(text)
        if not matches:
            return
        spared = [match[1:] for match in self._spared.find(text)]
        for phrase, start, end in matches:
            name, entry = self._entries[phrase]
            offense = entry.category in _OFFENSES
            if not _speaks(entry.language, record.language):
                continue
            if offense and record.no_alter and not self.search_no_alter:
                continue
            if offense and _is_inside((start, end), spared):
                continue
            yield (start, end), _flag(entry.category, entry.severity, name, entry.note)

    @functools.cached_property
    def _entries(self) -> Sequence[tuple[str, Exclusion]]:
        return [(item.name, entry) for item in self.lists for entry in item.entries]

    @functools.cached_property
    def _matcher(self) -> PhraseMatcher:
        return PhraseMatcher((entry.phrase for _, entry in self._entries), fold=True)

    @functools.cached_property
    def _allowed(self) -> PhraseMatcher:
        return PhraseMatcher(self.allow, fold=True)

    @functools.cached_property
    def _spared(self) -> PhraseMatcher:
        return PhraseMatcher(self.protected.texts if self.protected else (), fold=True)


class _Text:
    """A record's text in one piece, and where in the record each part of it stands."""

    def __init__(self, record: LyricRecord):
        title = [("title", None, record.title or "")]
        others = [
            (name, place, line)
            for name in _FIELDS[1:]
            for place, line in enumerate(getattr(record, name) or ())
        ]
        self._parts = title + others
        self._starts = [0]
        for _, _, line in self._parts[:-1]:
            self._starts.append(self._starts[-1] + len(line) + 1)
        self.text = "\n".join(line for _, _, line in self._parts)

    def place(self, start: int, end: int) -> dict[str, Any]:
        part = bisect.bisect_right(self._starts, start) - 1
        name, line, text = self._parts[part]
        start, end = start - self._starts[part], end - self._starts[part]
        return {
            "field": name,
            "line": line,
            "start": start,
            "end": end,
            "text": text[start:end],
        }


def _flag(category: str, severity: str, name: str, note: str = "") -> dict[str, str]:
    flag = {"category": category, "severity": severity, "list": name}
    return {**flag, "note": note} if note else flag


def _is_inside(span: tuple[int, int], others: Sequence[tuple[int, ...]]) -> bool:
    return any(start <= span[0] and span[1] <= end for start, end in others)


def _speaks(entry: str | None, record: str | None) -> bool:
    """Says whether an entry of one language concerns a song of another."""
    if not entry or not record:
        return True
    return entry.split("-")[0].casefold() == record.split("-")[0].casefold()


def flags_of(record: LyricRecord) -> list[dict[str, Any]]:
    """Returns the flags that fit the record's text; what else stands there is left.

    The metadata of a record is the user's: it may hold anything under that name.
    """
    values = record.metadata.get(FLAGS)
    values = values if isinstance(values, list | tuple) else ()
    return [dict(value) for value in values if _fits(value, record)]


def _fits(flag: Any, record: LyricRecord) -> bool:
    if not isinstance(flag, Mapping) or flag.get("field") not in _FIELDS:
        return False
    text = _text_of(record, flag["field"], flag.get("line"))
    start, end = flag.get("start"), flag.get("end")
    if text is None or not _is_place(start) or not _is_place(end):
        return False
    return (
        start < end
        and text[start:end] == flag.get("text")
        and flag.get("category") in CATEGORIES
        and flag.get("severity") in SEVERITIES
        and isinstance(flag.get("list"), str)
        and isinstance(flag.get("note", ""), str)
    )


def _text_of(record: LyricRecord, field: str, line: Any) -> str | None:
    if field == "title":
        return record.title if line is None else None
    lines = getattr(record, field) or ()
    return lines[line] if _is_place(line) and line < len(lines) else None


def _is_place(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


@register("exclude_flagged")
@dataclasses.dataclass(frozen=True, kw_only=True)
class ExcludeFlagged(FilterPreprocessor):
    """Sets songs with grave flags aside; stands behind `FlagSpans`, if anywhere.

    Flags are made for a person to decide on, so this is no part of any default. A
    song that a reader has accepted or edited is kept whatever its flags say.

    Args:
        categories: Categories that exclude a song.
        minimum_severity: The least severity that does.

    Raises:
        ValueError: If a category or the severity is unknown, or none is given.
    """

    categories: tuple[str, ...] = CATEGORIES
    minimum_severity: str = "high"

    def __post_init__(self):
        if isinstance(self.categories, str) or not self.categories:
            raise ValueError(
                "`categories` must be a list of at least one. Received: "
                f"categories={self.categories!r}. Choose from {list(CATEGORIES)}."
            )
        for category in self.categories:
            check_category(category)
        check_severity(self.minimum_severity)

    def reject(self, record: LyricRecord) -> tuple[str, str] | None:
        """Returns the gravest flag's category and what was found."""
        if is_cleared(record):
            return None
        least = SEVERITIES.index(self.minimum_severity)
        grave = [
            flag
            for flag in flags_of(record)
            if flag["category"] in self.categories
            and SEVERITIES.index(flag["severity"]) >= least
        ]
        if not grave:
            return None
        worst = max(grave, key=lambda flag: SEVERITIES.index(flag["severity"]))
        return f"{FLAGGED}{worst['category']}", (
            f"{len(grave)} flagged, the gravest {worst['severity']}, by "
            f"{worst['list']!r}. A reader can accept the song in the review."
        )


def is_cleared(record: LyricRecord) -> bool:
    """Says whether a reader has accepted or edited the record."""
    review = record.metadata.get("review")
    state = review.get("state") if isinstance(review, Mapping) else None
    return state in ("accepted", "edited")
