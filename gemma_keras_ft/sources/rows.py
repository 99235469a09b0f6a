"""What the readers of the formats share: a file, its rows, and their limits."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_PAYLOAD_CHARACTERS = 2000

LYRICS_FIELDS = ("lines", "lyrics", "lyric", "text", "song")
"""Fields that may hold a song's words, the surest name first."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReadLimits:
    """How much of a source may be held in memory or read at all, in bytes.

    What passes a limit is set aside with a reason; it is never loaded whole.

    Args:
        max_line_bytes: Longest line of JSONL, CSV, TSV, plain text and LRC.
        max_record_bytes: Largest record of any format.
        max_file_bytes: Largest file, as it lies on the disk.
        max_decompressed_bytes: Most that a compressed file may unfold to.

    Raises:
        ValueError: If a limit is not a positive integer.
    """

    max_line_bytes: int = 1 << 20
    max_record_bytes: int = 4 << 20
    max_file_bytes: int = 2 << 30
    max_decompressed_bytes: int = 2 << 30

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(
                    f"`{field.name}` must be a positive number of bytes. "
                    f"Received: {field.name}={value!r}. "
                    f"The default is {field.default}."
                )


@dataclasses.dataclass(frozen=True, kw_only=True)
class SourceFile:
    """One file to read.

    Args:
        path: Where it lies.
        name: How set-asides call it: its path below the folder being read.
        stem: `name` without its format's endings; begins the ids it gives out.
        kind: The format's ending, such as `".jsonl"`.
        gzipped: Whether it is compressed with gzip.
    """

    path: Path
    name: str
    stem: str
    kind: str
    gzipped: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
    """The fields of one record, as the file spells them.

    Args:
        fields: Names to JSON values.
        line: The line, or the row where the format has none, at which it begins.
        number: Its row number, from 1; None where the file holds just this one.
    """

    fields: Mapping[str, Any]
    line: int
    number: int | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class BadRow:
    """A place in a file that gives no fields, and why.

    Args:
        reason: The key to count it by.
        detail: One sentence for a person.
        line: The line or row at which it begins.
        text: What stands there, cut to a bounded length.
    """

    reason: str
    detail: str
    line: int
    text: str = ""


class UnreadableFile(Exception):
    """The rest of a file can't be read; what came before it stands."""

    def __init__(self, reason: str, detail: str, *, line: int = 1):
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.line = line


class MissingLyricsColumn(ValueError):
    """A table has no column that could hold lyrics."""

    def __init__(self, name: str, columns: list[str]):
        shown = [f"{column:.60}" for column in columns[:20]]
        more = f" and {len(columns) - 20} more" if len(columns) > 20 else ""
        super().__init__(
            f"`path` must have a column of lyrics. Received: {name!r} with the "
            f"columns {shown}{more}. Name the one with the words after one of "
            f"{list(LYRICS_FIELDS)}."
        )


def column_names(header: list[str]) -> list[str]:
    """Returns the header's names, trimmed, each used once and none empty.

    Example:
        in:   ["", "title", " lyrics", "title"]
        out:  ["column_1", "title", "lyrics", "title_4"]
    """
    names: dict[str, None] = {}
    for position, cell in enumerate(header, start=1):
        name = cell.strip() or f"column_{position}"
        while name in names:
            name = f"{name}_{position}"
        names[name] = None
    return list(names)


def has_lyrics_column(columns: list[str]) -> bool:
    """Says whether one of `columns` can hold lyrics, in upper or lower case."""
    return not {column.casefold() for column in columns}.isdisjoint(LYRICS_FIELDS)


def excerpt(text: str | bytes) -> str:
    """Returns the first 2,000 characters; bytes are read as UTF-8 if need be."""
    if isinstance(text, bytes):
        # Four bytes are the most that one character of UTF-8 takes.
        text = text[: 4 * _PAYLOAD_CHARACTERS].decode("utf-8", "replace")
    return text[:_PAYLOAD_CHARACTERS]


def payload(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Returns `fields` where they are short, else the start of their JSON.

    NaN and infinity, which JSON lacks, become words.
    """
    text = json.dumps(dict(fields), ensure_ascii=False)
    if len(text) <= _PAYLOAD_CHARACTERS:
        return json.loads(text, parse_constant=str)
    return {"text": excerpt(text)}


def shown(name: str) -> str:
    """Returns a field's name in backticks, short and fit for a terminal."""
    return f"`{repr(name)[1:-1]:.80}`"
