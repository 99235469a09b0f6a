import codecs
import gzip
import time
import tracemalloc

import pytest

from gemma_keras_ft.sources import ReadLimits, read_records
from gemma_keras_ft.sources import stream as stream_module

SONG = "अकार\nதமிழ்\n😀"
LINES = ("अकार", "தமிழ்", "😀")


@pytest.mark.parametrize(
    "encoding, mark",
    [
        ("utf-8", b""),
        ("utf-8", codecs.BOM_UTF8),
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE),
        ("utf-32-le", codecs.BOM_UTF32_LE),
        ("utf-32-be", codecs.BOM_UTF32_BE),
    ],
)
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_text_is_decoded_by_its_mark_which_is_dropped(
    encoding, mark, ending, write, read, monkeypatch
):
    # Chunks of five bytes cut every character and every surrogate pair.
    monkeypatch.setattr(stream_module, "_CHUNK_BYTES", 5)
    path = write("a.txt" + ending, mark + SONG.encode(encoding))
    assert read(path).records[0].lines == LINES


def test_a_marked_jsonl_and_csv_lose_the_mark(write, read):
    path = write("a.jsonl", '\ufeff{"id": "x", "lines": ["y"]}')
    assert read(path).records[0].id == "x"
    path = write("a.csv", "lyrics\r\ny\r\n".encode("utf-16"))
    assert read(path).records[0].lines == ("y",)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_line_that_is_no_utf8_costs_that_line(mark, write, read):
    good = (mark + '{"lines": ["x"]}\n').encode()
    path = write("a.jsonl", good + b'{"lines": ["\xe9"]}\n' + b'{"lines": ["y"]}\n')
    reading = read(path)
    assert [record.lines for record in reading.records] == [("x",), ("y",)]
    (aside,) = reading.asides
    assert (aside.reason, aside.where) == ("not_utf8", "a.jsonl:2")
    assert f"at byte {len(good) + 12} " in aside.detail
    assert aside.record["text"].startswith('{"lines": ["\ufffd"')


@pytest.mark.parametrize("name", ["a.txt", "a.lrc", "a.csv", "a.json", "a.jsonl"])
@pytest.mark.parametrize(
    "content", [b"\xff\xff", "é".encode("latin-1"), b"abc\xe0\xa4"]
)
def test_other_encodings_are_set_aside(name, content, write, read):
    assert read(write(name, content)).reasons == ["not_utf8"]


@pytest.mark.parametrize(
    "encoding, broken, offset",
    [("utf-16-le", b"\x00\xd8a\x00", 8), ("utf-32-le", b"\xff\xff\xff\xff", 16)],
)
def test_broken_marked_text_is_set_aside_from_there_on(
    encoding, broken, offset, write, read, monkeypatch
):
    monkeypatch.setattr(stream_module, "_CHUNK_BYTES", 3)
    mark = "\ufeff".encode(encoding)
    reading = read(write("a.txt", mark + "a\nb".encode(encoding) + broken))
    assert reading.reasons == ["not_utf8"]
    assert reading.asides[0].detail.endswith(f" at byte {offset}.")


@pytest.mark.parametrize("name", ["a.txt", "a.lrc", "a.json", "a.jsonl"])
def test_a_nul_is_set_aside_with_its_place(name, write, read):
    reading = read(write(name, b'{"lines": ["x\0"]}'))
    assert reading.reasons == ["nul_byte"]
    assert "at byte 13 " in reading.asides[0].detail


def test_a_nul_in_a_table_costs_its_row(write, read):
    reading = read(write("a.csv", b"lyrics\nx\ny\0\nz\n"))
    assert [record.lines for record in reading.records] == [("x",), ("z",)]
    assert [(aside.reason, aside.where) for aside in reading.asides] == [
        ("nul_byte", "a.csv:3")
    ]


def test_unmarked_utf16_is_told_by_its_nuls(write, read):
    assert read(write("a.txt", "abc".encode("utf-16-le"))).reasons == ["nul_byte"]


@pytest.mark.parametrize("ending", ["\n", ""])
def test_a_line_may_have_all_the_bytes_allowed_and_no_more(ending, write, read):
    line = '{"lines": ["अ"]}'
    size = len(line.encode())
    path = write("a.jsonl", line + ending)
    assert len(read(path, limits=ReadLimits(max_line_bytes=size)).records) == 1
    reading = read(path, limits=ReadLimits(max_line_bytes=size - 1))
    assert reading.reasons == ["line_too_long"]
    assert f"Has {size + len(ending)} bytes" in reading.asides[0].detail


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.txt", "a.lrc", "a.jsonl.gz"])
def test_a_long_line_is_one_set_aside_and_never_in_memory(name, write):
    row = b'{"id": "%s", "lines": ["x"]}\n'
    long_line = b"x" * 20_000_000 + b"\n"
    if name.startswith("a.csv"):
        content = b"lyrics\nx\n" + long_line + b"y\n"
    else:
        content = row % b"a" + long_line + row % b"b"
    path = write(name, content)
    del content, long_line
    tracemalloc.start()
    items = list(read_records(path, limits=ReadLimits(max_line_bytes=10_000)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000
    reasons = [getattr(item, "reason", None) for item in items]
    # A song that is a whole file goes with its line.
    whole = name in ("a.txt", "a.lrc")
    assert reasons == (["line_too_long"] if whole else [None, "line_too_long", None])
    (aside,) = [item for item in items if getattr(item, "reason", None)]
    assert aside.where == f"{name}:2" if not name.startswith("a.csv") else "a.csv:3"
    assert len(aside.record["text"]) == 2000


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.json"])
def test_a_large_file_streams(name, write):
    words = "la " * 1500
    if name == "a.csv":
        content = "lyrics\n" + f"{words}\n" * 1000
    else:
        row = f'{{"lines": ["{words}"]}}'
        content = "\n".join([row] * 1000)
        content = content if name == "a.jsonl" else f"[{','.join([row] * 1000)}]"
    path = write(name, content)
    assert path.stat().st_size > 4_500_000
    del content
    tracemalloc.start()
    count = sum(1 for _ in read_records(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 1000
    assert peak < 2_000_000


@pytest.mark.parametrize(
    "name, start, piece",
    [
        ("a.txt", "x", "\r"),
        ("a.txt", "x", " "),
        ("a.lrc", "[00:01.00]x", " "),
        ("a.lrc", "[ti:x", "] "),
        ("a.lrc", "", "[00:01.00]"),
        ("a.lrc", "x", "<00:01.00> "),
        ("a.csv", "lyrics", ","),
        ("a.csv", 'lyrics\n"', '""'),
        ("a.json", "[", ","),
        ("a.json", "", "["),
        ("a.jsonl", "", '{"a":'),
    ],
)
def test_no_line_costs_more_than_its_length(name, start, piece, write):
    path = write(name, start + piece * (250_000 // len(piece)) + "x\n")
    before = time.process_time()
    assert list(read_records(path))
    assert time.process_time() - before < 6


def test_a_gzip_bomb_is_read_up_to_its_bound(write):
    row = b'{"lines": ["x"]}\n'
    packed = gzip.compress(row * 3 + b"\n" * 30_000_000)
    assert len(packed) < 40_000
    path = write("bomb.jsonl", packed)
    path = path.rename(path.with_name("bomb.jsonl.gz"))
    tracemalloc.start()
    items = list(read_records(path, limits=ReadLimits(max_decompressed_bytes=60)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000
    assert [getattr(item, "reason", None) for item in items] == [
        *[None] * 3,
        "decompressed_too_large",
    ]
    assert items[-1].where == "bomb.jsonl.gz:13"


def test_a_file_of_exactly_the_bytes_allowed_is_read(write, read):
    path = write("a.txt", "12345")
    assert read(path, limits=ReadLimits(max_file_bytes=5)).records
    assert read(path, limits=ReadLimits(max_file_bytes=4)).reasons == ["file_too_large"]
    path = write("b.txt.gz", "12345")
    assert read(path, limits=ReadLimits(max_decompressed_bytes=5)).records
    limits = ReadLimits(max_decompressed_bytes=4)
    assert read(path, limits=limits).reasons == ["decompressed_too_large"]


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.txt.gz", "a.csv.gz", "a.json.gz"])
def test_what_is_no_gzip_is_set_aside(name, tmp_path, read):
    (tmp_path / name).write_bytes(b'{"lines": ["x"]}\n')
    assert read(tmp_path / name).reasons == ["bad_gzip"]


def test_a_cut_gzip_gives_what_stands_before_the_cut(write, read):
    rows = [{"id": str(number), "lines": ["x" * number]} for number in range(1, 2000)]
    path = write("a.jsonl.gz", rows)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    reading = read(path)
    assert reading.reasons == ["bad_gzip"]
    assert len(reading.records) > 500
    assert reading.asides[0].where == f"a.jsonl.gz:{len(reading.records) + 1}"


def test_a_gzip_with_a_wrong_checksum_is_told(write, read):
    path = write("a.jsonl.gz", [{"lines": ["x"]}])
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    reading = read(path)
    assert len(reading.records) == 1
    assert reading.reasons == ["bad_gzip"]
