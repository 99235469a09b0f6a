import dataclasses
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma_keras_ft.records import (
    LyricRecord,
    SetAside,
    write_jsonl,
    write_text_atomically,
)

FULL = LyricRecord(
    id="a",
    lines=("one", "", "two"),
    title="T",
    language="en",
    romanized=("1", "", "2"),
    translation=("eins",),
    translation_language="de",
    no_alter=True,
    metadata={"raag": "x"},
)


def test_records_round_trip_through_json():
    assert LyricRecord.from_dict(json.loads(json.dumps(FULL.to_dict()))) == FULL
    bare = LyricRecord(id="b", lines=())
    assert bare.to_dict() == {"id": "b", "lines": []}
    assert LyricRecord.from_dict(bare.to_dict()) == bare


LINE = st.text().map(lambda text: text.replace("\n", ""))
LINES = st.lists(LINE, max_size=3).map(tuple)


@given(LINES, LINES | st.none(), st.text() | st.none(), st.booleans())
def test_any_text_round_trips_through_json(lines, romanized, title, no_alter):
    record = LyricRecord(
        id="a", lines=lines, romanized=romanized, title=title, no_alter=no_alter
    )
    assert LyricRecord.from_dict(json.loads(json.dumps(record.to_dict()))) == record
    assert pickle.loads(pickle.dumps(record)) == record


def test_lines_may_be_given_as_a_list_and_are_kept_as_a_tuple():
    assert LyricRecord(id="a", lines=["one"]).lines == ("one",)


def test_a_record_is_frozen_and_replaced_by_checked_copies():
    with pytest.raises(dataclasses.FrozenInstanceError):
        FULL.title = "X"
    assert FULL.replace(title="X").title == "X"
    assert FULL.title == "T"
    with pytest.raises(ValueError, match="`lines`"):
        FULL.replace(lines=("a\nb",))


def test_a_dict_of_a_record_is_its_own():
    data = FULL.to_dict()
    data["metadata"]["raag"] = "y"
    data["lines"].append("three")
    assert FULL.metadata == {"raag": "x"}
    assert FULL.lines == ("one", "", "two")


def test_unknown_fields_become_metadata():
    found = LyricRecord.from_dict(
        {"id": "a", "lines": [], "x": 1, "metadata": {"y": 2}}
    )
    assert found.metadata == {"x": 1, "y": 2}


def test_text_joins_the_lines():
    assert FULL.text == "one\n\ntwo"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": ""}, "`id`"),
        ({"lines": "one"}, "`lines`"),
        ({"lines": ["a\nb"]}, "`lines`"),
        ({"lines": [1]}, "`lines`"),
        ({"title": 3}, "`title`"),
        ({"no_alter": "yes"}, "`no_alter`"),
        ({"metadata": []}, "`metadata`"),
        ({"metadata": [], "extra": 1}, "`metadata`"),
    ],
)
def test_wrong_fields_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        LyricRecord.from_dict(FULL.to_dict() | change)


@pytest.mark.parametrize("name", ["id", "lines"])
def test_missing_fields_are_named(name):
    data = FULL.to_dict()
    del data[name]
    with pytest.raises(ValueError, match=f"`{name}` must be present"):
        LyricRecord.from_dict(data)


def test_jsonl_holds_what_utf8_cannot(tmp_path):
    rows = [{"a": "lone \ud800"}, {"a": "காதல்"}, SetAside(id="x", reason="y").to_dict()]
    assert write_jsonl(tmp_path / "f", rows) == 3
    text = (tmp_path / "f").read_text(encoding="utf-8")
    assert [json.loads(line) for line in text.splitlines()] == rows
    assert "காதல்" in text


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "f"
    write_jsonl(path, [{"a": 1}])
    with pytest.raises(TypeError):
        write_jsonl(path, [{"a": object()}])
    assert json.loads(path.read_text()) == {"a": 1}
    assert [found.name for found in tmp_path.iterdir()] == ["f"]


def test_text_is_written_as_it_is_with_its_folders(tmp_path):
    path = tmp_path / "new" / "f.txt"
    write_text_atomically(path, "மழை\r\nx\n")
    assert path.read_bytes() == "மழை\r\nx\n".encode()
    assert path.stat().st_mode & 0o777 == 0o644
