import json

import pytest

from gemma_keras_ft.sources import ReadLimits
from gemma_keras_ft.sources.lrc import parse_lrc


def test_tags_become_fields_and_times_metadata(write, read):
    path = write(
        "a.lrc",
        "[ti: Moko kahan ]\n[ar:Kabir]\n[al:Songs]\n[by:me]\n[la:hi]\n[offset:+500]\n"
        "[au:]\n\n[00:12.34]one\n[00:15.5]two\n\n[01:02]three\n",
    )
    (record,) = read(path).records
    assert (record.title, record.author, record.language) == (
        "Moko kahan",
        "Kabir",
        "hi",
    )
    assert record.lines == ("one", "two", "", "three")
    assert record.metadata == {
        "album": "Songs",
        "by": "me",
        "offset": "+500",
        "line_times_seconds": [12.34, 15.5, None, 62.0],
    }
    json.dumps(record.to_dict(), allow_nan=False)


def test_a_refrain_with_several_times_comes_again_in_their_order():
    fields = parse_lrc(
        ["[00:10.00][01:10.00]refrain", "second", "", "[00:20.00]one", "[01:20.00]two"]
    )
    assert fields == {
        "lines": ["refrain", "second", "", "one", "refrain", "two"],
        "line_times_seconds": [10.0, None, None, 20.0, 70.0, 80.0],
    }


@pytest.mark.parametrize(
    "stamp, seconds",
    [
        ("[00:12.34]", 12.34),
        ("[00:12.345]", 12.345),
        ("[00:12.3]", 12.3),
        ("[00:12:34]", 12.34),
        ("[0:12]", 12.0),
        ("[75:00.00]", 4500.0),
        ("[123:00.00]", 7380.0),
        ("[1:01:02.50]", 3662.5),
        (" [00:12.34] ", 12.34),
    ],
)
def test_times_are_read_in_seconds(stamp, seconds):
    fields = parse_lrc([f"{stamp}line"])
    assert fields == {"lines": ["line"], "line_times_seconds": [seconds]}


@pytest.mark.parametrize(
    "line",
    [
        "[12] months",
        "[Chorus: both]",
        "[12:3] x",
        "[Am]ek [G]do",
        "I <3 you",
        "the train at [12:30]",
        "<12:30> [x:y]"[8:],
    ],
)
def test_what_is_no_time_and_no_tag_is_text(line):
    assert parse_lrc([line]) == {"lines": [line]}


@pytest.mark.parametrize(
    "line, text",
    [
        ("[00:01.00] <00:01.00> Hello <00:01.50> world <00:02.00>", "Hello world"),
        ("[00:01.00]<00:01.00>ka<00:01.50>han <00:02.00>re", "kahan re"),
        ("[00:01.00]Hello [00:01.50]world", "Hello world"),
        ("[00:01.00]  spaced   out  ", "spaced   out"),
    ],
)
def test_times_of_words_are_taken_out(line, text):
    assert parse_lrc([line])["lines"] == [text]


def test_a_timed_empty_line_is_a_stanza_border():
    fields = parse_lrc(["[00:01.00]a", "[00:02.00]", "[00:03.00]b", "[00:04.00]"])
    assert fields["lines"] == ["a", "", "b"]
    assert fields["line_times_seconds"] == [1.0, 2.0, 3.0]


def test_lines_before_any_time_come_first():
    fields = parse_lrc(["intro", "[00:05.00]b", "[00:01.00]a"])
    assert fields["lines"] == ["intro", "a", "b"]
    assert fields["line_times_seconds"] == [None, 1.0, 5.0]


def test_tags_alone_are_no_text(write, read):
    assert read(write("a.lrc", "[ti:A]\n[00:01.00]\n")).reasons == ["no_text"]


def test_a_refrain_that_would_unfold_without_end_is_set_aside(write, read):
    line = "".join(f"[00:{number % 60:02}.00]" for number in range(5000)) + "la" * 5000
    reading = read(write("a.lrc", line), limits=ReadLimits(max_record_bytes=100_000))
    assert reading.reasons == ["record_too_large"]
    assert len(reading.asides[0].record["text"]) == 2000
