import datetime
import decimal
import json
import sys

import pyarrow
import pyarrow.parquet
import pytest

from gemma_keras_ft.sources import ReadLimits, parquet_rows, read_records


@pytest.fixture
def table(tmp_path):
    def write(columns, name="a.parquet", **arguments):
        path = tmp_path / "all" / name
        path.parent.mkdir(exist_ok=True)
        pyarrow.parquet.write_table(pyarrow.table(columns), path, **arguments)
        return path

    return write


def test_rows_become_records(table, read):
    columns = {
        "id": [1, 2],
        "Lyrics": ["one\ntwo", "three"],
        "title": ["A", None],
        "tempo": [float("nan"), 90.5],
        "no_alter": [True, False],
    }
    first, second = read(table(columns)).records
    assert (first.id, first.lines, first.title) == ("1", ("one", "two"), "A")
    assert (first.no_alter, first.metadata) == (True, {})
    assert (second.id, second.title, second.metadata) == ("2", None, {"tempo": 90.5})


def test_lines_may_be_a_list_and_bytes_may_be_text(table, read):
    columns = {"lines": [["a", "", "b"]], "title": [b"\xe0\xa4\x85"]}
    (record,) = read(table(columns)).records
    assert (record.id, record.lines, record.title) == ("a-1", ("a", "", "b"), "अ")


def test_values_that_json_lacks_become_text_or_objects(table, read):
    columns = {
        "text": ["x"],
        "day": [datetime.date(1905, 1, 2)],
        "at": pyarrow.array([1], pyarrow.timestamp("ns")),
        "far": pyarrow.array([10**15], pyarrow.int64()).cast(pyarrow.timestamp("s")),
        "price": [decimal.Decimal("1.50")],
        "map": pyarrow.array(
            [[("a", 1)]], pyarrow.map_(pyarrow.string(), pyarrow.int64())
        ),
        "nested": [{"days": [datetime.date(1905, 1, 2)]}],
    }
    (record,) = read(table(columns)).records
    json.dumps(record.to_dict(), allow_nan=False)
    assert record.metadata["day"] == "1905-01-02"
    assert record.metadata["at"].endswith("00.000000001")
    assert record.metadata["price"] == "1.50"
    assert record.metadata["map"] == {"a": 1}
    assert record.metadata["nested"] == {"days": ["1905-01-02"]}


def test_bad_rows_are_set_aside_with_their_place(table, read):
    strings = pyarrow.array([b"x", b"\xff", b"", b"z\0"], pyarrow.binary())
    reading = read(table({"text": strings.view(pyarrow.string())}))
    assert [record.lines for record in reading.records] == [("x",)]
    assert [(aside.where, aside.reason) for aside in reading.asides] == [
        ("a.parquet:2", "not_utf8"),
        ("a.parquet:3", "no_text"),
        ("a.parquet:4", "nul_byte"),
    ]


def test_a_record_too_large_is_set_aside(table, read):
    path = table({"text": ["x" * 2000, "y"]})
    reading = read(path, limits=ReadLimits(max_record_bytes=1000))
    assert reading.reasons == ["record_too_large"]
    assert len(reading.records) == 1


def test_an_empty_table_is_an_empty_file(table, read):
    path = table({"text": pyarrow.array([], pyarrow.string())})
    assert read(path).reasons == ["empty_file"]


def test_rows_are_read_in_batches_across_row_groups(table, read, monkeypatch):
    monkeypatch.setattr(parquet_rows, "_MAX_BATCH_ROWS", 7)
    path = table({"text": [f"line {n}" for n in range(100)]}, row_group_size=30)
    records = read(path).records
    assert [record.lines[0] for record in records] == [f"line {n}" for n in range(100)]
    assert records[-1].id == "a-100"


def test_a_value_that_repeats_does_not_fill_memory(table, monkeypatch):
    song = "la " * 100_000
    path = table({"text": [song] * 60})
    assert path.stat().st_size < 1_000_000
    monkeypatch.setattr(parquet_rows, "_BATCH_BYTES", 3_000_000)
    before = pyarrow.total_allocated_bytes()
    most = 0
    count = 0
    for record in read_records(path):
        count += 1
        assert len(record.lines[0]) == len(song)
        most = max(most, pyarrow.total_allocated_bytes() - before)
    assert count == 60
    # All rows at once would be 18 MB.
    assert most < 9_000_000


@pytest.mark.parametrize("damage", ["cut", "start", "nonsense"])
def test_what_is_no_parquet_is_set_aside(damage, table, read):
    path = table({"text": ["x"] * 1000})
    data = path.read_bytes()
    path.write_bytes(
        {"cut": data[:-20], "start": b"????" + data[8:], "nonsense": b"no"}[damage]
    )
    reading = read(path)
    assert reading.reasons[-1:] == ["bad_parquet"]
    assert reading.asides[-1].where.startswith("a.parquet:")


def test_a_page_with_a_wrong_checksum_is_not_read(table, read):
    path = table({"text": ["abcdefgh"]}, write_page_checksum=True, compression="none")
    data = path.read_bytes()
    assert b"abcdefgh" in data
    path.write_bytes(data.replace(b"abcdefgh", b"abcdefgX", 1))
    reading = read(path)
    assert (reading.reasons, reading.records) == (["bad_parquet"], [])


def test_a_table_larger_than_allowed_is_set_aside(table, read):
    path = table({"text": ["x" * 1000] * 1000})
    limits = ReadLimits(max_decompressed_bytes=500)
    assert read(path, limits=limits).reasons == ["decompressed_too_large"]
    limits = ReadLimits(max_file_bytes=500)
    assert read(path, limits=limits).reasons == ["file_too_large"]


def test_a_table_without_lyrics_is_said(table, read):
    path = table({"title": ["x"]})
    with pytest.raises(ValueError, match=r"column of lyrics.*'title'.*'lyrics'"):
        list(read_records(path))
    assert read(path.parent).reasons == ["no_lyrics_column"]


def test_without_pyarrow_the_extra_is_named(table, monkeypatch):
    path = table({"text": ["x"]})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"pip install 'gemma_keras_ft\[parquet\]'"):
        list(read_records(path))
    with pytest.raises(ImportError, match=r"needs `pyarrow`"):
        list(read_records(path.parent))


def test_a_parquet_file_without_permission_is_unreadable(table, read, monkeypatch):
    path = table({"text": ["x"]})

    def refuse(*arguments):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(parquet_rows, "open", refuse, raising=False)
    assert read(path.parent).reasons == ["unreadable"]
