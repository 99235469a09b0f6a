import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemma_keras_ft.sources import ReadLimits, json_rows
from gemma_keras_ft.sources.json_rows import parse_json


@pytest.mark.parametrize(
    "line",
    [
        "{",
        '{"lines": ["x"]} extra',
        "nonsense",
        "5",
        '"text"',
        "null",
        '["x"]',
        "{'lines': ['x']}",
        '{"lines": ["tab\there"]}',
        f'{{"lines": ["x"], "page": {"9" * 5000}}}',
        "\u00a0",
        "[" * 100_000,
        f'{{"lines": ["x"], "deep": {"[" * 65}1{"]" * 65}}}',
        '{"lines": ["x"], "deep": ' + '{"a":' * 5000 + "1" + "}" * 5001,
    ],
)
@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_what_is_no_json_object_is_set_aside_with_its_line(line, name, write, read):
    before, after = '{"lines": ["x"]}', '{"lines": ["y"]}'
    if name == "a.jsonl":
        content = f"{before}\n\n{line}\n{after}\n"
        where = "a.jsonl:3"
    else:
        content = f"[{before}, {line}, {after}]"
        where = "a.json:2"
    reading = read(write(name, content))
    (aside,) = reading.asides[:1]
    assert (aside.reason, aside.where) == ("bad_json", where)
    assert line[:1900] in aside.record["text"]
    assert len(aside.record["text"]) <= 2000
    # What never closes takes the rest of a list with it, but of JSONL one line.
    if name == "a.jsonl" or line not in ("{", "[" * 100_000):
        assert [record.lines for record in reading.records] == [("x",), ("y",)]
        assert len(reading.asides) == 1


def test_values_are_kept_down_to_64_levels():
    text = "[" * 64 + "]" * 64
    assert json.dumps(parse_json(text)) == text
    with pytest.raises(ValueError, match="deeper than 64 levels"):
        parse_json(f"[{text}]")
    assert len(parse_json(json.dumps([[1]] * 100))) == 100


def test_blank_lines_of_jsonl_are_no_rows(write, read):
    reading = read(write("a.jsonl", '\n \t\r\n{"lines": ["x"]}\r\n\n'))
    assert [record.id for record in reading.records] == ["a-3"]
    assert not reading.asides


def test_an_object_alone_is_one_record(write, read):
    (record,) = read(write("kural.json", ' \n{"lines": ["x"]}\n')).records
    assert record.id == "kural"


@pytest.mark.parametrize("content", ["nonsense", "{", '{"lines": ["x"]}\n{}', "5"])
def test_a_file_that_is_neither_object_nor_list_is_set_aside(content, write, read):
    assert read(write("a.json", content)).reasons == ["bad_json"]


@pytest.mark.parametrize(
    "content, place",
    [
        ('[{"lines": ["x"]}', 2),
        ('[{"lines": ["x"]},', 2),
        ('[{"lines": ["x"]}] tail', 2),
        ('[{"lines": ["x"]}]]', 2),
        ("[", 1),
    ],
)
def test_a_list_that_does_not_end_well_keeps_what_it_had(content, place, write, read):
    reading = read(write("a.json", content))
    assert reading.reasons == ["bad_json"]
    assert reading.asides[0].where == f"a.json:{place}"
    assert len(reading.records) == place - 1


def test_a_broken_element_costs_that_element_only(write, read):
    content = '[{"lines": ["x"]}, {"lines": oops}, , {"lines": ["y"]}, ]'
    reading = read(write("a.json", content))
    assert [record.id for record in reading.records] == ["a-1", "a-3"]
    assert [aside.where for aside in reading.asides] == ["a.json:2"]


@pytest.mark.parametrize("shape", ["%s", "[%s]", '[{"lines": ["x"]}, %s]'])
def test_an_object_too_large_is_never_in_memory_whole(shape, write, read):
    large = json.dumps({"lines": ["x" * 100_000]})
    limits = ReadLimits(max_record_bytes=1000)
    reading = read(write("a.json", shape % large), limits=limits)
    assert reading.reasons == ["record_too_large"]
    assert len(reading.asides[0].record["text"]) == 1001


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


class Pieces:
    """A stream that gives out a few bytes at a time."""

    def __init__(self, data, size):
        self.data, self.size = data, size

    def read(self, _):
        piece, self.data = self.data[: self.size], self.data[self.size :]
        return piece


@settings(max_examples=60)
@given(
    values=st.lists(VALUES, max_size=4),
    indent=st.none() | st.integers(0, 2),
    ascii_only=st.booleans(),
    size=st.integers(1, 9),
)
def test_lists_are_cut_where_a_parser_would(values, indent, ascii_only, size):
    text = json.dumps(values, indent=indent, ensure_ascii=ascii_only)
    data = text.encode("utf-8", "surrogatepass")
    cutter = json_rows._ListCutter(1, 1 << 20)
    pieces = list(cutter.elements(Pieces(data[1:], size)))
    assert [json.loads(piece) for _, piece in pieces] == values
    assert all(data[start:].startswith(piece) for start, piece in pieces)
