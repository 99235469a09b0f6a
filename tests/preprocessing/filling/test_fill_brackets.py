import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma_keras_ft.preprocessing.filling.fill import undo_fills
from gemma_keras_ft.preprocessing.filling.fill_brackets import CloseBrackets
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.resources.corpus import embedded_records
from gemma_keras_ft.testing import awkward_records, check_preprocessor


def closed(*lines, **fields):
    return CloseBrackets()(LyricRecord(id="a", lines=lines, **fields)).lines


def test_each_fill_says_line_place_and_mark():
    record = LyricRecord(id="a", lines=("I sing (oh) now", "la", "I sing (oh now"))
    filled = CloseBrackets()(record)
    assert filled.lines[2] == "I sing (oh) now"
    assert filled.metadata["filled"] == [
        {"field": "lines", "line": 2, "at": 10, "added": ")"}
    ]
    assert undo_fills(filled) == record
    sacred = record.replace(no_alter=True)
    assert CloseBrackets()(sacred) is sacred


def test_a_twin_shows_the_opening_mark_too():
    assert closed("(ooh)", "la", "ooh)") == ("(ooh)", "la", "(ooh)")
    assert closed("«la» lo", "la» lo") == ("«la» lo", "«la» lo")


def test_twins_that_disagree_show_nothing():
    lines = ("I (oh) sing", "I (oh sing)", "I (oh sing")
    assert closed(*lines) == lines


def test_a_bracket_that_may_run_over_lines_is_left_open():
    lines = ("(ooh)", "(aah)", "(the rain", "and the wind)")
    assert closed(*lines) == lines
    lines = ('"la" lo', '"la lo', 'and so on"')
    assert closed(*lines) == lines


def test_the_song_must_show_at_least_two_brackets_that_enclose_lines():
    assert closed("(ooh)", "la", "(lo") == ("(ooh)", "la", "(lo")
    assert closed("(ooh)", "(aah)", "(lo") == ("(ooh)", "(aah)", "(lo)")
    lines = ("(ooh)", "(aah)", "so (it) is", "(lo")
    assert closed(*lines) == lines
    # It closes after a letter, not after a mark that may stand outside.
    assert closed("(ooh)", "(aah)", "(lo,") == ("(ooh)", "(aah)", "(lo,")


def test_several_lines_are_closed_at_once():
    lines = ("(ooh)", "(aah", "[lo] la", "(uhh", "[lo la", "(ehh)")
    assert closed(*lines) == ("(ooh)", "(aah)", "[lo] la", "(uhh)", "[lo] la", "(ehh)")


def test_real_songs_are_left_as_they_are():
    step = CloseBrackets()
    for record in embedded_records():
        assert step(record.replace(no_alter=False)).lines == record.lines


@given(
    st.lists(st.text(alphabet='()[]“”"«»「」a ', max_size=6), max_size=10),
    st.booleans(),
)
def test_marks_are_only_added_and_once(lines, no_alter):
    record = LyricRecord(id="a", lines=tuple(lines), no_alter=no_alter)
    step = CloseBrackets()
    filled = step(record)
    for before, after in zip(record.lines, filled.lines, strict=True):
        rest = iter(after)
        assert all(char in rest for char in before)  # In order.
        assert len(after) - len(before) <= 7  # One mark of a kind.
    if no_alter:
        assert filled is record
    assert undo_fills(filled) == record
    assert step(filled) == filled


def test_a_hostile_song_takes_neither_time_nor_memory():
    lines = [*(f"({number}" for number in range(20_000)), "(a" * 9_000 + ")" * 9_000]
    tracemalloc.start()
    begun = time.perf_counter()
    closed(*lines)
    elapsed, peak = time.perf_counter() - begun, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert elapsed < 10
    assert peak < 50_000_000


def test_contract():
    check_preprocessor(CloseBrackets())
    for record in awkward_records():
        assert undo_fills(CloseBrackets()(record)) == record


@pytest.mark.parametrize("text", ["rock 'n' roll", "don’t", ":)", "<3", "1) one"])
def test_what_is_no_bracket_is_left_alone(text):
    assert closed(text, "la", text + " la") == (text, "la", text + " la")
