import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma_keras_ft.preprocessing.filling.fill import (
    Fill,
    FillTitle,
    fill_field,
    is_filled,
    undo_fills,
    with_fills,
)
from gemma_keras_ft.preprocessing.filling.missing import DetectScript
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.testing import awkward_records, check_preprocessor

SONG = LyricRecord(id="a", lines=("नदी बहे", "पवन चले"))


def test_fills_are_written_down_in_order_beside_what_stands_there():
    song = SONG.replace(metadata={"filled": ["license", 3], "k": 1})
    filled = fill_field(song, script="Deva", title="नदी")
    filled = with_fills(
        filled,
        [Fill(field="lines", line=1, at=7, added="।")],
        lines=("नदी बहे", "पवन चले।"),
    )
    assert filled.metadata == {
        "filled": [
            "license",
            3,
            {"field": "script", "added": "Deva"},
            {"field": "title", "added": "नदी"},
            {"field": "lines", "added": "।", "line": 1, "at": 7},
        ],
        "k": 1,
    }
    assert LyricRecord.from_dict(json.loads(json.dumps(filled.to_dict()))) == filled
    assert undo_fills(filled) == song


def test_undo_takes_back_the_last_first():
    line = [
        Fill(field="lines", line=0, at=7, added=" रे"),
        Fill(field="lines", line=0, at=10, added="।"),
        Fill(field="lines", line=0, at=0, added="“", instead_of='"'),
    ]
    song = SONG.replace(lines=('"नदी बह', "पवन चले"))
    filled = with_fills(song, line, lines=("“नदी बह रे।", "पवन चले"))
    assert undo_fills(filled) == song


@pytest.mark.parametrize("title", [None, "", " \t"])
def test_undo_restores_what_a_blank_field_held(title):
    song = SONG.replace(title=title)
    filled = FillTitle()(song)
    assert filled.title == "नदी बहे"
    assert undo_fills(filled) == song


def test_undo_refuses_where_the_filled_text_has_changed():
    filled = FillTitle()(SONG)
    with pytest.raises(ValueError, match="`title` of record 'a' must hold"):
        undo_fills(filled.replace(title="Another"))
    fill = Fill(field="lines", line=1, at=7, added="।")
    closed = with_fills(SONG, [fill], lines=("नदी बहे", "पवन चले।"))
    for lines in (("नदी बहे", "पवन चले"), ("नदी बहे",), ()):
        with pytest.raises(ValueError, match="Undo fills before"):
            undo_fills(closed.replace(lines=lines))


def test_what_is_filled_is_known():
    filled = DetectScript()(SONG)
    assert is_filled(filled, "script") and not is_filled(filled, "language")
    assert not is_filled(SONG.replace(script="Deva"), "script")
    # A bare name, as a step of one's own may write it.
    assert is_filled(SONG.replace(metadata={"filled": ["era"]}), "era")


@pytest.mark.parametrize(
    "entry",
    [
        None,
        "title",
        7,
        {"field": "title"},
        {"field": "title", "added": 3},
        {"field": "nowhere", "added": "x"},
        {"field": "title", "added": "x", "line": 0, "at": 0},
        {"field": "lines", "added": "x"},
        {"field": "lines", "added": "x", "line": "0", "at": 0},
        {"field": "title", "added": "x", "other": "y"},
    ],
)
def test_what_no_step_wrote_is_left_alone(entry):
    song = SONG.replace(metadata={"filled": [entry]})
    assert undo_fills(song) is song
    filled = FillTitle()(song)
    assert filled.metadata["filled"][0] == entry
    assert undo_fills(filled) == song


@given(
    st.lists(st.text(alphabet="ab ।॥१2.,?!…-[]()نदी", max_size=12)), st.integers(2, 9)
)
def test_a_title_is_one_short_line_of_the_song_and_can_be_taken_back(lines, size):
    song = LyricRecord(id="a", lines=tuple(lines), no_alter=True)
    step = FillTitle(maximum_characters=size)
    filled = step(song)
    assert filled.lines == song.lines
    assert undo_fills(filled) == song
    if filled.title is not None:
        assert len(filled.title) <= size + 2  # Some characters combine.
        assert any(filled.title.removesuffix("…") in line for line in lines)
    assert step(filled) == filled


def test_a_long_title_ends_with_a_word():
    line = "one two three four"
    for size, title in (
        (18, "one two three four"),
        (17, "one two three…"),
        (14, "one two three…"),
        (13, "one two…"),
        (3, "on…"),
    ):
        step = FillTitle(maximum_characters=size)
        assert step(LyricRecord(id="a", lines=(line,))).title == title
    # Counted as a reader counts: no sign is cut from its letter.
    step = FillTitle(maximum_characters=3)
    assert step(LyricRecord(id="a", lines=("दीपावली",))).title == "दीपा…"


def test_a_title_needs_room():
    with pytest.raises(ValueError, match="maximum_characters=1"):
        FillTitle(maximum_characters=1)


@pytest.mark.parametrize("step", [FillTitle(), FillTitle(maximum_characters=5)])
def test_contract(step):
    check_preprocessor(step)
    for record in awkward_records():
        if record.id == "awkward-metadata":
            continue  # What it holds under "filled" is no list; it becomes one.
        assert undo_fills(step(record)) == record
