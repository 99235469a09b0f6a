import gzip
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.sources import ReadLimits, read_records
from gemma_keras_ft.sources.folder import READABLE_KINDS

LIMITS = ReadLimits(max_line_bytes=300, max_record_bytes=800)
# Pieces that readers act on, so that chance reaches further than the first byte.
PIECES = st.sampled_from(
    [
        b'{"lines": ["x"]}',
        b'{"id": "a", "lyrics": "x"}',
        b"lyrics,title\n",
        b"text\tid\n",
        b"[00:01.00]",
        b"[ti:x]",
        b"<00:01.00>",
        b"\n",
        b"\r\n",
        b",",
        b'"',
        b"\\",
        b"[",
        b"]",
        b"{",
        b"}",
        b"NaN",
        b"1e999",
        b'"\\ud800"',
        b"\xef\xbb\xbf",
        b"\0",
        b"\xff\xfe",
        b"x" * 301,
        "अ".encode(),
    ]
)
CONTENT = st.binary(max_size=200) | st.lists(PIECES | st.binary(max_size=3)).map(
    b"".join
)


def read_in_folder(name, content, **arguments):
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(content)
        return list(read_records(folder, **arguments))


@pytest.mark.parametrize("kind", READABLE_KINDS)
@given(
    content=CONTENT,
    packed=st.booleans(),
    songs=st.sampled_from(["file", "blank_lines"]),
)
@settings(max_examples=20, deadline=None)
def test_no_bytes_raise_in_any_format(kind, content, packed, songs):
    if kind.endswith(".gz") and packed:
        content = gzip.compress(content)
    items = read_in_folder(f"a{kind}", content, songs=songs, limits=LIMITS)
    assert items
    for item in items:
        json.dumps(item.to_dict(), allow_nan=False)
        if isinstance(item, LyricRecord):
            "".join([item.id, *item.lines]).encode()
        else:
            name, _, line = item.where.rpartition(":")
            assert name == f"a{kind}" and int(line) >= 1
            assert item.reason and item.detail
            assert len(str((item.record or {}).get("text", ""))) <= 2000


LINES = st.lists(PIECES.filter(lambda piece: b"\n" not in piece)).map(b"".join)


@given(
    lines=st.lists(LINES | st.binary(max_size=50).map(lambda b: b.replace(b"\n", b""))),
    ending=st.sampled_from([b"", b"\n"]),
)
@settings(max_examples=100, deadline=None)
def test_every_line_of_jsonl_is_accounted_for(lines, ending):
    # A mark at the start would make it UTF-16; a line before it keeps it a line.
    content = b"\n" + b"\n".join(lines) + ending
    items = read_in_folder("a.jsonl", content, limits=LIMITS)
    rows = sum(1 for line in content.split(b"\n") if line.strip())
    if rows:
        assert len(items) == rows
    else:
        assert [item.reason for item in items] == ["empty_file"]


@given(rows=st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
@settings(max_examples=100, deadline=None)
def test_every_row_of_a_table_is_accounted_for(rows):
    quoted = "".join('"{}",t\n'.format(row.replace('"', '""')) for row in rows)
    content = ("lyrics,title\n" + quoted).encode()
    assert len(read_in_folder("a.csv", content)) == len(rows)


@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_a_damaged_parquet_never_raises(data, parquet_bytes):
    place = data.draw(st.integers(0, len(parquet_bytes) - 1))
    byte = data.draw(st.integers(0, 255))
    damaged = bytearray(parquet_bytes)
    damaged[place] = byte
    for item in read_in_folder("a.parquet", bytes(damaged)):
        json.dumps(item.to_dict(), allow_nan=False)


@pytest.fixture(scope="module")
def parquet_bytes():
    import pyarrow.parquet

    table = pyarrow.table({"lyrics": ["one\ntwo", "three"], "id": [1, 2]})
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(table, sink, write_page_checksum=True)
    return sink.getvalue().to_pybytes()
