import pytest

from gemma_keras_ft.sources import ReadLimits
from gemma_keras_ft.sources.plain_text import split_lines, tidy_stanzas


def test_a_file_is_one_song_and_its_first_line_no_title(write, read):
    (record,) = read(write("a.txt", "\n\nTitle?\none\n\n \n\ntwo\n\n")).records
    assert record.lines == ("Title?", "one", "", "two")
    assert record.title is None


def test_a_file_of_blanks_has_no_text(write, read):
    assert read(write("a.txt", " \n\u200b\n")).reasons == ["no_text"]
    path = write("b.txt", " \n\u200b\n")
    assert read(path, songs="blank_lines").reasons == ["empty_file"]


def test_blank_lines_part_songs(write, read):
    path = write("a.txt", "\none\ntwo\n\nthree\n \n\n\u3000\nfour")
    records = read(path, songs="blank_lines").records
    assert [record.lines for record in records] == [
        ("one", "two"),
        ("three",),
        ("four",),
    ]
    assert [record.id for record in records] == ["a-1", "a-2", "a-3"]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r", "\r\r\n", "\u2028", "\v"])
def test_songs_are_parted_whatever_ends_a_line(ending, write, read):
    path = write("a.txt", ending.join(["one", "two", "", "three", ""]))
    records = read(path, songs="blank_lines").records
    assert [record.lines for record in records] == [("one", "two"), ("three",)]


def test_a_bad_line_costs_its_song_only(write, read):
    content = b"one\n\ntwo\n\xff\nmore\n\xff\n\nthree\n\0\n\nfour\n"
    reading = read(write("a.txt", content), songs="blank_lines")
    assert [record.lines for record in reading.records] == [("one",), ("four",)]
    assert [(aside.reason, aside.where) for aside in reading.asides] == [
        ("not_utf8", "a.txt:4"),
        ("nul_byte", "a.txt:9"),
    ]


@pytest.mark.parametrize("songs, kept", [("file", 0), ("blank_lines", 2)])
def test_a_song_too_large_is_set_aside(songs, kept, write, read):
    content = "one\n\n" + "la la\n" * 100 + "\ntwo\n"
    limits = ReadLimits(max_record_bytes=300)
    reading = read(write("a.txt", content), songs=songs, limits=limits)
    assert reading.reasons == ["record_too_large"]
    assert len(reading.records) == kept
    assert reading.asides[0].record["text"].count("la la") < 51


@pytest.mark.parametrize(
    "text, lines",
    [
        ("", []),
        ("\n", [""]),
        ("a", ["a"]),
        ("a\n\n", ["a", ""]),
        ("a\r\n\r\nb", ["a", "", "b"]),
        ("\r\ra", ["", "", "a"]),
    ],
)
def test_lines_are_split(text, lines):
    assert split_lines(text) == lines


@pytest.mark.parametrize(
    "lines, tidy",
    [
        ([], []),
        ([""], []),
        (["", "a", "", "", "b", " ", "c", ""], ["a", "", "b", "", "c"]),
        (["a", "b"], ["a", "b"]),
        ([" a ", "\t"], [" a "]),
    ],
)
def test_stanzas_are_tidied(lines, tidy):
    assert tidy_stanzas(lines) == tidy
    assert tidy_stanzas(tidy) == tidy
