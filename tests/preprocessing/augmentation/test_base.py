from gemma_keras_ft.preprocessing.augmentation.base import with_lines, with_rows
from gemma_keras_ft.preprocessing.romanization.romanize import Romanize, romanize_text
from gemma_keras_ft.records import LyricRecord


def song(*lines, **fields):
    return LyricRecord(**{"id": "a", "lines": lines, **fields})


def test_changed_lines_are_romanized_as_the_others_were():
    record = Romanize()(song("शाम की चाय", "गाना", script="Deva", language="hi"))
    found = with_lines(record, ["रात की चाय", "गाना"])
    assert found.romanized == (romanize_text("रात की चाय"), record.romanized[1])


def test_a_romanization_of_the_sources_own_is_dropped():
    record = song("शाम", "गाना", script="Deva", romanized=("shaam", "gaana"))
    assert with_lines(record, ["रात", "गाना"]).romanized is None
    urdu = song("شام", "گانا", script="Arab", romanized=("shaam", "gaana"))
    assert with_lines(urdu, ["رات", "گانا"]).romanized is None


def test_what_runs_line_for_line_goes_along():
    lines = ("a", "b", "", "c")
    record = song(
        *lines,
        romanized=tuple(line and f"r {line}" for line in lines),
        translation=tuple(line and f"t {line}" for line in lines),
        translation_language="en",
        metadata={"line_types": [1, 2, 3, 4], "line_times_seconds": [1], "list": [1]},
    )
    found = with_rows(record, [0, 2, 3])
    assert found.lines == ("a", "", "c")
    assert found.romanized == ("r a", "", "r c")
    assert (found.translation, found.translation_language) == (("t a", "", "t c"), "en")
    assert found.metadata == {
        "line_types": [1, 3, 4],
        "line_times_seconds": [1],
        "list": [1],
    }


def test_a_free_translation_says_too_much_of_a_part():
    record = song("a", "b", translation=("all",), translation_language="en")
    found = with_rows(record, [0])
    assert (found.translation, found.translation_language) == (None, None)
