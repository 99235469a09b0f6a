"""Curated records as CSV, for spreadsheets, and as Parquet, for data frames."""

import csv
import io
import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from gemma_keras_ft.records import (
    LINES_FIELDS,
    TEXT_FIELDS,
    LyricRecord,
    written_atomically,
)

_ROWS_PER_GROUP = 4096


def write_csv(path: str | Path, records: Iterable[LyricRecord]) -> None:
    r"""Writes one row a song, lines parted by line breaks inside the cell.

    `read_records` reads it back; runs of empty lines come back as one stanza border
    then, since a cell of text can't tell more. `no_alter` is `true` or empty,
    `metadata` is JSON. A cell that begins with `=`, `+`, `-` or `@` is written as it
    is: import it as text where a spreadsheet would take it for a formula.

    Args:
        path: File to write; it appears once it is whole.
        records: The records; one is held in memory at a time.
    """
    with written_atomically(path) as file:
        # Ends lines with LF alone, so that a verse never holds a stray CR.
        text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["id", *LINES_FIELDS, *TEXT_FIELDS, "no_alter", "metadata"])
        for record in records:
            writer.writerow(_cells(record))
        text.detach()


def write_parquet(path: str | Path, records: Iterable[LyricRecord]) -> None:
    """Writes one row a song, lines as lists; `read_records` reads it back exactly.

    Args:
        path: File to write; it appears once it is whole.
        records: The records; a few thousand are held in memory at a time.

    Raises:
        ImportError: If pyarrow isn't installed.
    """
    pyarrow = import_pyarrow()
    text, lines = pyarrow.string(), pyarrow.list_(pyarrow.string())
    schema = pyarrow.schema(
        [
            ("id", text),
            *((name, lines) for name in LINES_FIELDS),
            *((name, text) for name in TEXT_FIELDS),
            ("no_alter", pyarrow.bool_()),
            ("metadata", text),
        ]
    )
    with (
        written_atomically(path) as file,
        pyarrow.parquet.ParquetWriter(file, schema, compression="zstd") as writer,
    ):
        for rows in _batches(map(_columns, records)):
            writer.write_table(pyarrow.Table.from_pylist(rows, schema))


def _cells(record: LyricRecord) -> list[str]:
    return [
        record.id,
        *("\n".join(getattr(record, name) or ()) for name in LINES_FIELDS),
        *(getattr(record, name) or "" for name in TEXT_FIELDS),
        "true" if record.no_alter else "",
        _metadata(record) or "",
    ]


def _columns(record: LyricRecord) -> dict[str, Any]:
    names = ("id", *LINES_FIELDS, *TEXT_FIELDS, "no_alter")
    return {
        **{name: getattr(record, name) for name in names},
        "metadata": _metadata(record),
    }


def _metadata(record: LyricRecord) -> str | None:
    if not record.metadata:
        return None
    return json.dumps(dict(record.metadata), ensure_ascii=False, sort_keys=True)


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(itertools.islice(rows, _ROWS_PER_GROUP)):
        yield batch


def import_pyarrow() -> Any:
    """Imports pyarrow.

    Raises:
        ImportError: If it isn't installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError(
            "Writing Parquet needs `pyarrow`. Install it with "
            "`pip install 'gemma_keras_ft[parquet]'`."
        ) from error
    return pyarrow
