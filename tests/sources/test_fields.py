import json

import pytest

from gemma_keras_ft.sources import ReadLimits


def record_of(read, write, row):
    (record,) = read(write("a.jsonl", json.dumps(row))).records
    return record


@pytest.mark.parametrize("name", ["lines", "lyrics", "lyric", "text", "song", "Lyrics"])
@pytest.mark.parametrize("value", ["one\ntwo", ["one", "two"]])
def test_the_words_may_stand_under_any_common_name(name, value, write, read):
    record = record_of(read, write, {name: value})
    assert record.lines == ("one", "two")
    assert record.metadata == {}


@pytest.mark.parametrize(
    "name, field",
    [
        ("artist", "author"),
        ("singer", "author"),
        ("ARTIST", "author"),
        (" Author ", "author"),
        ("name", "title"),
        ("Title", "title"),
        ("lang", "language"),
        ("licence", "license"),
    ],
)
def test_other_spellings_of_fields_are_known(name, field, write, read):
    record = record_of(read, write, {"lines": ["x"], name: "said"})
    assert getattr(record, field) == "said"
    assert record.metadata == {}


def test_the_own_name_of_a_field_wins_and_the_other_is_kept(write, read):
    row = {
        "song": "Blues",
        "Text": "shout",
        "text": "words",
        "artist": "A",
        "author": "B",
        "title": None,
    }
    record = record_of(read, write, row)
    assert (record.lines, record.author, record.title) == (("words",), "B", "Blues")
    assert record.metadata == {"Text": "shout", "artist": "A"}


@pytest.mark.parametrize("names", [("Text", "text"), ("text", "Text")])
def test_the_exact_spelling_wins_over_capitals(names, write, read):
    record = record_of(read, write, {name: name for name in names})
    assert (record.lines, record.metadata) == (("text",), {"Text": "Text"})


def test_song_is_the_words_where_nothing_else_is(write, read):
    record = record_of(read, write, {"song": "words", "lyrics": None, "lines": []})
    assert (record.lines, record.title) == (("words",), None)


def test_unknown_fields_become_metadata_as_they_are(write, read):
    row = {
        "lines": ["x"],
        "raga": "Todi",
        "translation_en": "X",
        "parallel_en_web": ["X"],
        "page": 10**30,
        "nothing": None,
    }
    record = record_of(read, write, row)
    assert record.translation is None
    assert record.metadata == {name: row[name] for name in row if name != "lines"}


def test_a_translation_in_one_string_is_split(write, read):
    row = {"lines": ["x"], "translation": "a\r\nb", "romanized": "c\nd"}
    record = record_of(read, write, row)
    assert (record.translation, record.romanized) == (("a", "b"), ("c", "d"))


def test_text_is_split_at_line_breaks_only(write, read):
    text = "a\r\nb\nc\rd\u2028e\u2029f\vg\fh\r\r\ni\u0085j\x1ck l\n"
    record = record_of(read, write, {"lyrics": text})
    assert record.lines == (*"abcdefgh", "i\u0085j\x1ck l")


def test_stanzas_of_text_are_parted_by_one_empty_line(write, read):
    record = record_of(read, write, {"lyrics": "\n \na\n\n\u200b\n\u3000\nb\n\n"})
    assert record.lines == ("a", "", "b")


def test_a_listed_line_that_holds_a_break_becomes_two(write, read):
    record = record_of(read, write, {"lines": ["a\n", "b\nc", "", "\n"]})
    assert record.lines == ("a", "b", "c", "", "")


@pytest.mark.parametrize(
    "row, field",
    [
        ({"lines": 5}, "lines"),
        ({"lines": True}, "lines"),
        ({"lines": {"1": "x"}}, "lines"),
        ({"lines": ["x", 5]}, "lines"),
        ({"lines": ["x", None]}, "lines"),
        ({"lines": [["x"]]}, "lines"),
        ({"lyrics": 5.5}, "lines"),
        ({"lines": ["x"], "title": 5}, "title"),
        ({"lines": ["x"], "name": ["A"]}, "title"),
        ({"lines": ["x"], "artist": ["A", "B"]}, "author"),
        ({"lines": ["x"], "lang": {}}, "language"),
        ({"lines": ["x"], "no_alter": "true"}, "no_alter"),
        ({"lines": ["x"], "no_alter": 1}, "no_alter"),
        ({"lines": ["x"], "translation": 5}, "translation"),
        ({"lines": ["x"], "translation": [5]}, "translation"),
        ({"lines": ["x"], "romanized": {}}, "romanized"),
        ({"lines": ["x"], "metadata": 5}, "metadata"),
        ({"lines": ["x"], "metadata": "raga", "page": 5}, "metadata"),
        ({"lines": ["x"], "id": 5.5}, "id"),
        ({"lines": ["x"], "id": True}, "id"),
        ({"lines": ["x"], "id": ["a"]}, "id"),
        ({"lines": ["x"], "tempo": float("inf")}, "tempo"),
        ({"lines": ["x"], "metadata": {"a": [float("nan")]}}, "metadata"),
    ],
)
def test_a_wrong_type_is_set_aside_and_named(row, field, write, read):
    reading = read(write("a.jsonl", json.dumps(row)))
    assert reading.reasons == ["bad_field"]
    assert reading.asides[0].detail.startswith(f"`{field}` must ")
    # Names the file again, as JSON that any parser reads.
    again = json.dumps(reading.asides[0].to_dict(), allow_nan=False)
    assert json.loads(again)["where"] == "a.jsonl:1"


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"title": "x"},
        {"lines": None},
        {"lines": []},
        {"lines": ["", "  ", "\u200b\ufeff"]},
        {"lyrics": ""},
        {"lyrics": " \n\t\u00a0\n"},
    ],
)
def test_a_record_without_words_is_set_aside(row, write, read):
    reading = read(write("a.jsonl", json.dumps({"id": "x", **row})))
    assert [(aside.reason, aside.id) for aside in reading.asides] == [("no_text", "x")]


def test_nan_stands_for_a_missing_value(write, read):
    line = '{"lines": ["x"], "title": NaN, "tempo": NaN, "id": NaN}'
    (record,) = read(write("a.jsonl", line)).records
    assert (record.id, record.title, record.metadata) == ("a-1", None, {})


@pytest.mark.parametrize("number", ["Infinity", "-Infinity", "1e999"])
def test_infinity_is_set_aside(number, write, read):
    line = f'{{"lines": ["x"], "tempo": {number}}}'
    assert read(write("a.jsonl", line)).reasons == ["bad_field"]


@pytest.mark.parametrize(
    "row",
    [
        {"lines": ["a\ud800"]},
        {"lines": ["x"], "title": "\udc00"},
        {"lines": ["x"], "\ud800": 1},
        {"lines": ["x"], "notes": [{"a": ["\udfff"]}]},
        {"lines": ["x"], "notes": {"\ud800": 1}},
        {"lines": ["x"], "id": "\ud800"},
    ],
)
def test_half_a_surrogate_pair_is_set_aside(row, write, read):
    reading = read(write("a.jsonl", json.dumps(row)))
    assert reading.reasons == ["lone_surrogate"]
    reading.asides[0].detail.encode()


def test_a_whole_surrogate_pair_is_a_character(write, read):
    assert record_of(read, write, {"lines": ["😀"]}).lines == ("😀",)


@pytest.mark.parametrize(
    "row", [{"lines": ["a\0"]}, {"lines": ["x"], "a\0": 1}, {"lines": ["x"], "a": "\0"}]
)
def test_an_escaped_nul_is_set_aside(row, write, read):
    assert read(write("a.jsonl", json.dumps(row))).reasons == ["nul_byte"]


def test_a_record_may_have_all_the_bytes_allowed_and_no_more(write, read):
    path = write("a.jsonl", json.dumps({"lines": ["अ" * 10]}))
    size = len("lines") + 30
    assert read(path, limits=ReadLimits(max_record_bytes=size)).records
    reading = read(path, limits=ReadLimits(max_record_bytes=size - 1))
    assert reading.reasons == ["record_too_large"]
