import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma_keras_ft.preprocessing.filling.fill import undo_fills
from gemma_keras_ft.preprocessing.filling.fill_punctuation import (
    FillPunctuation,
    closing_marks,
)
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.resources.corpus import embedded_records
from gemma_keras_ft.testing import awkward_records, check_preprocessor


def song(*lines, **fields):
    return LyricRecord(id="a", lines=lines, **fields)


def test_each_fill_says_line_place_and_mark():
    record = song("नदी बहे ।", "पवन चले ।", "रात ढले", "भोर हुई ।", "दीप जले ।")
    filled = FillPunctuation()(record)
    assert filled.lines[2] == "रात ढले ।"
    assert filled.metadata["filled"] == [
        {"field": "lines", "line": 2, "at": 7, "added": " ।"}
    ]
    assert undo_fills(filled) == record
    sacred = record.replace(no_alter=True)
    assert FillPunctuation()(sacred) is sacred


@pytest.mark.parametrize(
    ("fields", "marks"),
    [
        ({"script": "Deva", "language": "hi"}, ("।", "॥", "।।", ".")),
        ({"script": "Deva", "language": "sa"}, ("।", "॥", "।।")),
        ({"script": "Arab", "language": "ur"}, ("۔",)),
        ({"script": "Arab", "language": "fa-IR"}, (".",)),
        ({"script": "Arab"}, ("۔", ".")),
        ({"script": "Hans"}, ("。",)),
        ({"script": "Latn", "language": "hi-Latn"}, (".",)),
        ({"script": "Thai"}, ()),
        ({"lines": ("நதி",)}, (".", "।", "॥", "।।")),
        ({"lines": ("...",)}, ()),
    ],
)
def test_a_language_has_its_own_marks(fields, marks):
    assert closing_marks(LyricRecord(**{"id": "a", "lines": ("x",), **fields})) == marks


def test_a_mark_of_another_language_is_not_made_up():
    lines = ["شام ہوئی.", "ہوا چلی.", "گیت سنے", "رات ڈھلی.", "چاند نکلا."]
    record = song(*lines, language="ur")
    assert FillPunctuation()(record) is record
    assert FillPunctuation()(record.replace(language=None)).lines[2] == "گیت سنے."


def test_the_bounds_are_exact():
    lines = ["Rain came.", "Wind rose", "Night fell.", "Birds slept."]
    record = song(*lines)
    # Three of four.
    assert FillPunctuation()(record).lines[1] == "Wind rose."
    assert FillPunctuation(minimum_share=0.76)(record) is record
    assert FillPunctuation(minimum_lines=5)(record) is record
    assert FillPunctuation(minimum_lines=4)(record).lines[1] == "Wind rose."


def test_the_place_in_the_stanza_decides_before_the_song_as_a_whole():
    stanza = ["दीप जले आँगन में ।", "रात ढले आँगन में ॥"]
    lines = [line for _ in range(5) for line in (*stanza, "")]
    lines[4] = "रात ढले आँगन में"
    lines[6] = "दीप जले आँगन में"
    filled = FillPunctuation()(song(*lines, language="hi"))
    assert filled.lines[4] == stanza[1] and filled.lines[6] == stanza[0]


def test_last_lines_are_compared_where_stanzas_differ_in_length():
    lines = []
    for size in (3, 4, 2, 5, 3):
        lines += ["Rain on the river"] * (size - 1) + ["Rain on the sea.", ""]
    bare = [*lines]
    bare[7] = "Rain on the sea"
    assert bare != lines
    assert FillPunctuation()(song(*bare)).lines == tuple(lines)


def test_a_line_that_begins_a_verse_of_another_form_is_left_alone():
    couplets = ["मन रे गीत गा।।", "नदी रे आज बह।।", "पवन रे मंद चल।।"] * 3
    verse = ["सावन में झूला पड़ा", "रात में दीपक जला।।१।।"]
    record = song(*couplets, *verse, *couplets, language="hi")
    assert FillPunctuation()(record) is record
    # Were it one of the couplets, it would be closed.
    record = song(*couplets, verse[0], *couplets, language="hi")
    assert FillPunctuation()(record).lines[9] == "सावन में झूला पड़ा।।"


def test_a_heading_and_a_line_that_was_cut_off_are_left_alone():
    lines = ["Rain came down to the sea."] * 5
    assert FillPunctuation()(song("Rain", *lines)).lines[0] == "Rain"
    assert FillPunctuation()(song(*lines, "Rain ca")).lines[-1] == "Rain ca"
    assert FillPunctuation()(song(*lines, "Rain came to")).lines[-1] == "Rain came to"
    whole = FillPunctuation()(song(*lines, "Rain came down"))
    assert whole.lines[-1] == "Rain came down."


@pytest.mark.parametrize("tag", ["ta", "lzh"])
def test_a_mark_that_is_taken_from_a_real_song_comes_back_or_stays_away(tag):
    step, restored = FillPunctuation(), 0
    records = [record for record in embedded_records() if record.language == tag]
    for number, record in enumerate(records):
        whole = step(record).lines
        marks = closing_marks(record)
        closed = [place for place, line in enumerate(whole) if line.endswith(marks)]
        if not closed:
            continue
        place = closed[number % len(closed)]
        cut = [*whole]
        cut[place] = cut[place].rstrip("".join(marks))
        found = step(record.replace(lines=cut)).lines
        assert found in (whole, tuple(cut))
        restored += found == whole
    assert restored > {"ta": 100, "lzh": 50}[tag]


LINES = st.lists(
    st.sampled_from(
        ["दीप जले", "दीप जले ।", "दीप जले।", "रात ॥", "", "क्यों?", "बात,", "मन ।१।", "a."]
    ),
    max_size=24,
)


@given(LINES, st.sampled_from([None, "hi", "sa", "en"]), st.booleans())
def test_marks_are_only_added_and_once(lines, language, no_alter):
    record = song(*lines, language=language, no_alter=no_alter)
    step = FillPunctuation()
    filled = step(record)
    for before, after in zip(record.lines, filled.lines, strict=True):
        assert after.startswith(before)
        assert after[len(before) :].strip() in ("", "।", "॥", ".")
        assert before or not after
    if no_alter:
        assert filled is record
    assert undo_fills(filled) == record
    assert step(filled) == filled


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"minimum_lines": 2}, "minimum_lines=2"),
        ({"minimum_share": 0.4}, "minimum_share=0.4"),
        ({"minimum_share": 1.1}, "minimum_share=1.1"),
    ],
)
def test_wrong_bounds_are_named(bounds, message):
    with pytest.raises(ValueError, match=message):
        FillPunctuation(**bounds)


@pytest.mark.parametrize(
    "step", [FillPunctuation(), FillPunctuation(minimum_lines=3, minimum_share=0.5)]
)
def test_contract(step):
    check_preprocessor(step)
    for record in awkward_records():
        assert undo_fills(step(record)) == record


def test_a_hostile_song_takes_no_quadratic_time():
    lines = ["Rain on the river.", "Rain on the river.", "Rain on the river"] * 10_000
    begun = time.perf_counter()
    filled = FillPunctuation(minimum_share=0.6)(song(*lines))
    assert set(filled.lines) == {"Rain on the river."}
    assert time.perf_counter() - begun < 10
