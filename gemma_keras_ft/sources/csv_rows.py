"""CSV and TSV: a header, then one record a row."""

import csv
import itertools
from collections.abc import Iterator
from typing import Any

from gemma_keras_ft.sources.rows import (
    BadRow,
    MissingLyricsColumn,
    ReadLimits,
    Row,
    SourceFile,
    UnreadableFile,
    column_names,
    excerpt,
    has_lyrics_column,
)
from gemma_keras_ft.sources.stream import TextLines, open_stream

# What spreadsheets write where the comma is the decimal mark comes second.
_DELIMITERS = {".csv": ",;\t", ".tsv": "\t"}
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def read_csv(file: SourceFile, limits: ReadLimits) -> Iterator[Row | BadRow]:
    """Reads the rows of a table; empty cells are fields not given.

    A row that breaks the rules of CSV is set aside with all lines it spans, and
    reading goes on at the next line.

    Raises:
        MissingLyricsColumn: If no column can hold lyrics.
        UnreadableFile: If the header can't be read, or the file not on.
    """
    # The csv module's bound is one for the whole process. It is only ever
    # raised, here: `_RecordLines` bounds what we read.
    csv.field_size_limit(max(csv.field_size_limit(), limits.max_record_bytes))
    with open_stream(file, limits) as stream:
        text_lines = TextLines(stream, limits.max_line_bytes)
        header = _first_line(text_lines)
        if header is None:
            return
        delimiter, columns = _read_header(header, file, text_lines.number)
        lines = _RecordLines(text_lines, limits.max_record_bytes)
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        for number in itertools.count(1):
            row = _next_row(reader, lines, columns, number)
            if row is None:
                return
            yield row


def _first_line(text_lines: TextLines) -> str | None:
    for line in text_lines:
        if isinstance(line, BadRow):
            raise UnreadableFile(
                line.reason, f"In the header: {line.detail}", line=line.line
            )
        if line.strip():
            return line
    return None


def _read_header(header: str, file: SourceFile, line: int) -> tuple[str, list[str]]:
    """Returns the delimiter under which a column can hold lyrics, and the names."""
    error = ""
    without: list[list[str]] = []
    for delimiter in _DELIMITERS[file.kind]:
        try:
            cells = next(csv.reader([header], delimiter=delimiter, strict=True))
        except csv.Error as problem:
            error = str(problem)
            continue
        columns = column_names(cells)
        if has_lyrics_column(columns):
            return delimiter, columns
        without.append(columns)
    if without:
        raise MissingLyricsColumn(file.name, max(without, key=len))
    raise UnreadableFile("bad_row", f"The header is no row of CSV: {error}.", line=line)


class _UnreadableLine(Exception):
    """Carries a bad line through the csv module."""

    def __init__(self, row: BadRow):
        super().__init__(row.detail)
        self.row = row


class _RecordLines:
    """The lines the csv module asks for, with what it took for one record."""

    def __init__(self, lines: TextLines, max_record_bytes: int):
        self._lines = lines
        self._max_record_bytes = max_record_bytes
        self.begin_record()

    def begin_record(self) -> None:
        self.first = self._lines.number + 1
        self._begin_offset = self._lines.offset
        self._taken: list[str] = []

    @property
    def last(self) -> int:
        return self._lines.number

    @property
    def text(self) -> str:
        return excerpt("".join(self._taken))

    def __iter__(self) -> "_RecordLines":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        if isinstance(line, BadRow):
            raise _UnreadableLine(line)
        self._taken.append(line)
        if self._lines.offset - self._begin_offset > self._max_record_bytes:
            detail = f"A row with more than {self._max_record_bytes} bytes."
            raise _UnreadableLine(self.bad_row("record_too_large", detail))
        return line

    def bad_row(self, reason: str, detail: str) -> BadRow:
        if self.last > self.first:
            detail = f"{detail} It spans the lines {self.first} to {self.last}."
        return BadRow(reason=reason, detail=detail, line=self.first, text=self.text)


def _next_row(
    reader: Iterator[list[str]], lines: _RecordLines, columns: list[str], number: int
) -> Row | BadRow | None:
    """Returns the next row with anything in it, None behind the last."""
    cells: list[str] = []
    while not any(cell.strip() for cell in cells):
        lines.begin_record()
        try:
            cells = next(reader)
        except StopIteration:
            return None
        except csv.Error as error:
            return lines.bad_row("bad_row", f"No row of CSV: {error}.")
        except _UnreadableLine as problem:
            return problem.row
    if len(cells) != len(columns):
        detail = f"Has {len(cells)} cells where the header has {len(columns)}."
        return lines.bad_row("bad_row", detail)
    pairs = zip(columns, cells, strict=True)
    fields = {name: _cell_value(name, cell) for name, cell in pairs if cell != ""}
    return Row(fields=fields, line=lines.first, number=number)


def _cell_value(name: str, cell: str) -> Any:
    """Returns what a cell says; a table has text only, a record one truth more."""
    if name.casefold() == "no_alter":
        return _TRUTH.get(cell.strip().casefold(), cell)
    return cell
