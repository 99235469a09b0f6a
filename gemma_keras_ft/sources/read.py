"""Reads lyrics in any known format into records."""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gemma_keras_ft.records import LyricRecord, SetAside
from gemma_keras_ft.sources.csv_rows import read_csv
from gemma_keras_ft.sources.fields import build_record, check_defaults
from gemma_keras_ft.sources.folder import (
    find_file,
    find_files,
    set_aside_file,
    unreadable,
)
from gemma_keras_ft.sources.json_rows import read_json, read_jsonl
from gemma_keras_ft.sources.lrc import read_lrc
from gemma_keras_ft.sources.parquet_rows import read_parquet
from gemma_keras_ft.sources.plain_text import read_song, read_songs
from gemma_keras_ft.sources.rows import (
    BadRow,
    MissingLyricsColumn,
    ReadLimits,
    Row,
    SourceFile,
    UnreadableFile,
    payload,
)

_READERS: dict[str, Callable[[SourceFile, ReadLimits], Iterator[Row | BadRow]]] = {
    ".csv": read_csv,
    ".json": read_json,
    ".jsonl": read_jsonl,
    ".lrc": read_lrc,
    ".ndjson": read_jsonl,
    ".parquet": read_parquet,
    ".tsv": read_csv,
}
_TEXT_READERS = {"file": read_song, "blank_lines": read_songs}
_DEFAULT_LIMITS = ReadLimits()


def read_records(
    path: str | os.PathLike,
    *,
    defaults: Mapping[str, Any] | None = None,
    songs: str = "file",
    limits: ReadLimits = _DEFAULT_LIMITS,
) -> Iterator[LyricRecord | SetAside]:
    r"""Reads a file, or all files of a folder, one record at a time.

    Reads JSONL (`.jsonl`, `.ndjson`), JSON, CSV, TSV, plain text (`.txt`) and LRC,
    each also with `.gz` behind, and Parquet. Text is UTF-8, or UTF-16 or UTF-32
    with a byte order mark. What can't be read comes as a `SetAside` with its
    reason and place, in the same order; content never raises.

    Of a structured file the words may stand in `lines` (a list or text), `lyrics`,
    `lyric`, `text` or `song`; `artist` and `singer` count as `author`, `name` as
    `title`, `lang` as `language`, `licence` as `license`, in upper or lower case.
    Fields that a record doesn't know become its metadata. In memory are one record
    and, to find ids that come twice, all ids.

    Example:
        ```python
        for item in read_records("songs/", defaults={"language": "ta"}):
            if isinstance(item, SetAside):
                print(item.where, item.reason, item.detail)
            else:
                print(item.id, item.lines)
        ```

    Args:
        path: A file or a folder; a folder is read with all below it, sorted by
            name, hidden files left out.
        defaults: Values of record fields where a record lacks them, such as
            `{"language": "ta", "license": "CC0-1.0"}`.
        songs: How plain text holds songs: `"file"`, one a file, or
            `"blank_lines"`, parted by blank lines.
        limits: How much may be read.

    Returns:
        Iterator of records and set-asides.

    Raises:
        FileNotFoundError: If `path` doesn't exist.
        ValueError: If `songs` or `defaults` is wrong; if `path` names a file of
            unknown kind or no regular file; while iterating, if it names a table
            without a column of lyrics.
        OSError: If `path` names a file that the system can't read.
        ImportError: While iterating, if Parquet comes up without pyarrow.
    """
    if songs not in _TEXT_READERS:
        raise ValueError(
            f"`songs` must say how plain text holds songs. Received: songs={songs!r}. "
            f"Available: {sorted(_TEXT_READERS)}."
        )
    root = Path(path)
    if not os.fspath(path) or not root.exists():
        raise FileNotFoundError(
            f"`path` must be an existing file or folder. "
            f"Received: path={os.fspath(path)!r}. "
            f"Check the spelling; relative paths begin at {os.getcwd()!r}."
        )
    reader = _Reader(check_defaults(defaults), songs, limits)
    if root.is_dir():
        return reader.read_folder(root)
    return reader.read_named_file(find_file(root))


class _Reader:
    """One call of `read_records`; remembers the ids that it gave out."""

    def __init__(self, defaults: dict[str, Any], songs: str, limits: ReadLimits):
        self._defaults = defaults
        self._readers = {**_READERS, ".txt": _TEXT_READERS[songs]}
        self._limits = limits
        self._ids: set[str] = set()

    def read_folder(self, root: Path) -> Iterator[LyricRecord | SetAside]:
        """Reads what there is; a file that can't be read is set aside."""
        anything = False
        for item in find_files(root):
            anything = True
            if isinstance(item, SetAside):
                yield item
                continue
            try:
                yield from self.read_named_file(item)
            except OSError as error:
                yield unreadable(item.name, error)
            except MissingLyricsColumn as error:
                yield set_aside_file(item.name, "no_lyrics_column", str(error))
        if not anything:
            name = root.resolve().name
            yield set_aside_file(name, "empty_folder", "Holds no visible file.")

    def read_named_file(self, file: SourceFile) -> Iterator[LyricRecord | SetAside]:
        """Reads one file; one that holds no record is set aside."""
        anything = False
        try:
            for row in self._readers[file.kind](file, self._limits):
                anything = True
                yield self._finish(row, file)
        except UnreadableFile as problem:
            yield set_aside_file(
                file.name, problem.reason, problem.detail, problem.line
            )
        else:
            if not anything:
                yield set_aside_file(file.name, "empty_file", "Holds no record.")

    def _finish(self, row: Row | BadRow, file: SourceFile) -> LyricRecord | SetAside:
        where = f"{file.name}:{row.line}"
        if isinstance(row, BadRow):
            return SetAside(
                id=where,
                reason=row.reason,
                detail=row.detail,
                where=where,
                record={"text": row.text} if row.text else None,
            )
        record = build_record(
            row,
            made_up_id=self._free_id(row, file),
            where=where,
            defaults=self._defaults,
            limits=self._limits,
        )
        if isinstance(record, SetAside):
            return record
        if record.id in self._ids:
            return SetAside(
                id=record.id,
                reason="duplicate_id",
                detail="An earlier record has this id.",
                where=where,
                record=payload(row.fields),
            )
        self._ids.add(record.id)
        return record

    def _free_id(self, row: Row, file: SourceFile) -> str:
        # `song.txt` and `song.lrc` may lie side by side: the second of them is
        # called by its whole name.
        place = "" if row.number is None else f"-{row.number}"
        short = f"{file.stem}{place}"
        return f"{file.name}{place}" if short in self._ids else short
