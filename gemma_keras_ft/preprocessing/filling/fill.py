"""Fills of what is missing: how they are written down and taken back; titles."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import regex

from gemma_keras_ft.config import register
from gemma_keras_ft.preprocessing.base import MapPreprocessor
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.sources.plain_text import is_blank

_LETTER = regex.compile(r"\p{L}")
_GRAPHEME = regex.compile(r"\X")
_LABEL = regex.compile(r"[\[{【].*[\]}】]")
# Around a first line, but not the marks that say how it is meant: `?`, `!`, `…`.
_TITLE_START = regex.compile(
    r"^(?:[\s।॥|,;:.\-–—*#♪♫]+|\p{N}+(?=[.)।॥|])[.)।॥|]+)+|^॥\s*"
)
# Read from the end, where a long run of marks would be walked again and again.
_TITLE_END = regex.compile(
    r"(?r)(?:[\s।॥॰|,;:·\-–—*#♪♫،؛۔。、，；：]|(?<!\.)\.(?!\.)|[।॥|]\s*\p{N}+(?=\s*[।॥|]))+$"
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fill:
    """One thing that was added to a record, so that it can be taken back.

    `metadata["filled"]` holds one for each, in order, as JSON values.

    Example:
        {"field": "language", "added": "ta"}
        {"field": "lines", "line": 3, "at": 17, "added": " ।"}

    Args:
        field: The record's field.
        added: What now stands there.
        line: For `lines` and `romanized`, which line, from 0.
        at: Where in the line `added` begins, in characters.
        instead_of: What stood there before, where that was not nothing: a blank
            title, the three dots of a line that was cut off.
        source: The id of the record that it was taken from.
    """

    field: str
    added: str
    line: int | None = None
    at: int | None = None
    instead_of: str | None = None
    source: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values; what says nothing is left out."""
        values = dataclasses.asdict(self)
        return {name: value for name, value in values.items() if value is not None}


def with_fills(
    record: LyricRecord, fills: Sequence[Fill], **changes: Any
) -> LyricRecord:
    """Returns the record with `changes` made and `fills` written down."""
    before = record.metadata.get("filled", [])
    before = before if isinstance(before, list | tuple) else [before]
    filled = [*before, *(fill.to_dict() for fill in fills)]
    return record.replace(**changes, metadata={**record.metadata, "filled": filled})


def fill_field(record: LyricRecord, **values: str) -> LyricRecord:
    """Returns the record with text fields set that said nothing."""
    fills = [
        Fill(field=name, added=value, instead_of=getattr(record, name))
        for name, value in values.items()
    ]
    return with_fills(record, fills, **values)


def is_filled(record: LyricRecord, field: str) -> bool:
    """Says whether a field's value was found by a step, not declared.

    A bare name in `metadata["filled"]`, as a step of one's own may write, counts.
    """
    others, fills = _fills(record.metadata)
    return field in others or any(fill.field == field for fill in fills)


def undo_fills(record: LyricRecord) -> LyricRecord:
    """Returns the record as it was before anything was filled.

    What else stands in `metadata["filled"]` stays there.

    Raises:
        ValueError: If a filled value is no longer where it was put.
    """
    others, fills = _fills(record.metadata)
    changes: dict[str, Any] = {}
    for fill in reversed(fills):
        value = changes.get(fill.field, getattr(record, fill.field))
        changes[fill.field] = _without(fill, value, record.id)
    metadata = {**record.metadata, "filled": others}
    if fills and not others:
        del metadata["filled"]
    return record.replace(**changes, metadata=metadata) if fills else record


def _fills(metadata: Mapping[str, Any]) -> tuple[list[Any], list[Fill]]:
    """Parts what this package wrote down from what else stands there."""
    entries = metadata.get("filled", [])
    entries = entries if isinstance(entries, list | tuple) else [entries]
    others, fills = [], []
    for entry in entries:
        fill = _read(entry)
        if fill is None:
            others.append(entry)
        else:
            fills.append(fill)
    return others, fills


def _read(entry: Any) -> Fill | None:
    types = {"line": int, "at": int}
    names = {field.name for field in dataclasses.fields(Fill)}
    if not isinstance(entry, Mapping) or not {"field", "added"} <= set(entry) <= names:
        return None
    if not all(isinstance(entry[name], types.get(name, str)) for name in entry):
        return None
    fill = Fill(**entry)
    fields = {field.name for field in dataclasses.fields(LyricRecord)}
    in_line = fill.line is not None and fill.at is not None
    if fill.field not in fields or in_line != (fill.field in ("lines", "romanized")):
        return None
    return fill


def _without(fill: Fill, value: Any, record_id: str) -> Any:
    if fill.line is None or fill.at is None:
        if value == fill.added:
            return fill.instead_of
    elif value is not None and fill.line < len(value):
        line, end = value[fill.line], fill.at + len(fill.added)
        if line[fill.at : end] == fill.added:
            line = line[: fill.at] + (fill.instead_of or "") + line[end:]
            return (*value[: fill.line], line, *value[fill.line + 1 :])
    raise ValueError(
        f"`{fill.field}` of record {record_id!r} must hold what was filled in. "
        f"Received: {fill!r}, which is no longer there. Undo fills before the "
        "steps that come after them, or curate the source again without them."
    )


@register("fill_title")
@dataclasses.dataclass(frozen=True, kw_only=True)
class FillTitle(MapPreprocessor):
    """Names a song without a title by its first line, as song books do.

    Punctuation and verse numbers around the line go; `?`, `!` and `…` stay. A
    longer line is cut at a word's end and gets an ellipsis. Leave this step out
    where a model is to write a song for its title: it would learn to copy.

    Example:
        in:   lines=("॥ दीप जले आँगन में, ॥१॥", …), title=None
        out:  title="दीप जले आँगन में"

    Args:
        maximum_characters: Length of a title, in characters as a reader counts
            them (grapheme clusters).

    Raises:
        ValueError: If `maximum_characters` is below 2.
    """

    maximum_characters: int = 60

    def __post_init__(self):
        if self.maximum_characters < 2:
            raise ValueError(
                "`maximum_characters` must be at least 2. "
                f"Received: maximum_characters={self.maximum_characters!r}."
            )

    def map(self, record: LyricRecord) -> LyricRecord:
        """Returns the record with a title, if one was missing and can be made."""
        if record.title and not is_blank(record.title):
            return record
        for line in record.lines:
            title = self._shortened(_bare(line))
            if _LETTER.search(title) and not _LABEL.fullmatch(line.strip()):
                return fill_field(record, title=title)
        return record

    def _shortened(self, title: str) -> str:
        characters = _GRAPHEME.findall(title)
        if len(characters) <= self.maximum_characters:
            return title
        cut = "".join(characters[: self.maximum_characters - 1])
        # At a word's end, unless the word goes on or has no end in sight.
        if not characters[self.maximum_characters - 1].isspace() and " " in cut:
            cut = cut.rpartition(" ")[0]
        return _bare(cut) + "…"


def _bare(line: str) -> str:
    return _TITLE_END.sub("", _TITLE_START.sub("", line.strip()))
