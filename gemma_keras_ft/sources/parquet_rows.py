"""Parquet: one record a row, read batch by batch through pyarrow."""

from collections.abc import Iterator, Mapping
from typing import Any

from gemma_keras_ft.sources.rows import (
    BadRow,
    MissingLyricsColumn,
    ReadLimits,
    Row,
    SourceFile,
    UnreadableFile,
    column_names,
    has_lyrics_column,
    shown,
)
from gemma_keras_ft.sources.stream import check_size

_MAX_BATCH_ROWS = 256
_BATCH_BYTES = 256 << 20


def read_parquet(file: SourceFile, limits: ReadLimits) -> Iterator[Row | BadRow]:
    """Reads the rows of a Parquet file.

    Dates, times and decimals become text; maps become objects.

    Raises:
        ImportError: If pyarrow isn't installed.
        MissingLyricsColumn: If no column can hold lyrics.
        UnreadableFile: If the file can't be read on.
        OSError: If the system can't open it.
    """
    pyarrow = _import_pyarrow()
    number = 0
    with open(file.path, "rb") as opened:
        check_size(opened.seek(0, 2), limits)
        try:
            for columns, arrays in _batches(pyarrow, opened, file, limits):
                for place in range(len(arrays[0])):
                    number += 1
                    yield _row(columns, arrays, place, number)
        except (pyarrow.ArrowException, UnicodeDecodeError, OSError) as error:
            detail = f"Not readable as Parquet: {str(error) or type(error).__name__}"
            raise UnreadableFile(
                "bad_parquet", f"{detail:.400}", line=number + 1
            ) from error


def _import_pyarrow():
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError(
            "Reading Parquet needs `pyarrow`. Install it with "
            "`pip install 'gemma_keras_ft[parquet]'`."
        ) from error
    return pyarrow


def _batches(pyarrow, opened, file: SourceFile, limits: ReadLimits) -> Iterator:
    # Without `pre_buffer` a column is read page by page, not whole.
    with pyarrow.parquet.ParquetFile(
        opened, pre_buffer=False, page_checksum_verification=True
    ) as table:
        columns = column_names(table.schema_arrow.names)
        if not has_lyrics_column(columns):
            raise MissingLyricsColumn(file.name, columns)
        rows = _rows_per_batch(table.metadata, limits)
        for batch in table.iter_batches(rows, use_threads=False):
            yield columns, [_as_text(pyarrow, array) for array in batch.columns]


def _as_text(pyarrow, array):
    # Python's dates end at microseconds and the year 9999; pyarrow's text doesn't.
    types = pyarrow.types
    if types.is_temporal(array.type) or types.is_decimal(array.type):
        return array.cast(pyarrow.string())
    return array


def _rows_per_batch(metadata, limits: ReadLimits) -> int:
    """Returns how many rows may be in memory at once.

    A dictionary-encoded column can repeat one large value in every row: the
    rows of a batch stay within bounds even then.
    """
    sizes = [
        metadata.row_group(group).column(column).total_uncompressed_size
        for group in range(metadata.num_row_groups)
        for column in range(metadata.num_columns)
    ]
    if sum(sizes) > limits.max_decompressed_bytes:
        raise UnreadableFile(
            "decompressed_too_large",
            f"Unfolds to {sum(sizes)} bytes, more than the "
            f"{limits.max_decompressed_bytes} allowed.",
        )
    largest = max(sizes, default=1)
    return max(1, min(_MAX_BATCH_ROWS, _BATCH_BYTES // max(1, largest)))


def _row(columns: list[str], arrays: list, place: int, number: int) -> Row | BadRow:
    fields = {}
    for name, array in zip(columns, arrays, strict=True):
        try:
            fields[name] = _json_value(array[place].as_py())
        except UnicodeDecodeError as error:
            detail = f"{shown(name)} is not UTF-8 at byte {error.start}."
            return BadRow(reason="not_utf8", detail=detail, line=number)
        except (ValueError, OverflowError) as error:
            detail = f"{shown(name)} can't be converted: {error!s:.200}."
            return BadRow(reason="bad_field", detail=detail, line=number)
    return Row(fields=fields, line=number, number=number)


def _json_value(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if isinstance(value, Mapping):
        return {str(key): _json_value(item) for key, item in value.items()}
    if isinstance(value, list):
        # pyarrow gives a map as a list of pairs.
        if value and all(isinstance(item, tuple) for item in value):
            value = dict(value)
            return _json_value(value)
        return [_json_value(item) for item in value]
    return str(value)
