import json

import pytest

from gemma_keras_ft.records import LyricRecord, SetAside, write_jsonl

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
