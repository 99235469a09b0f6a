import pytest

from gemma_keras_ft.preprocessing.cleaning.patterns import cut, cutting, folded
from gemma_keras_ft.preprocessing.edits import Edit, edit_each, edit_song, extended
from gemma_keras_ft.records import LyricRecord


def song(*lines, **fields):
    return LyricRecord(id="a", lines=lines, **fields)


def once(edit):
    """An edit that is made of the lines given, and of no others."""

    def edit_lines(lines, language):
        return edit if len(lines) == len(edit.pieces) and lines[0] == "one" else None

    return edit_lines


def test_what_is_not_edited_is_the_same_record():
    record = song("one", "", "", "two")
    assert edit_song(record, lambda lines, language: None) is record


def test_sacred_text_is_not_edited():
    record = song("one", no_alter=True)
    assert edit_song(record, once(Edit(pieces=[()]))) is record


def test_a_line_that_goes_takes_what_stands_beside_it():
    record = song(
        "one", "two", "", romanized=("ONE", "TWO", ""), translation=("1", "2", "")
    )
    edit = Edit(pieces=[(), ("two",), ("",)], notes={"removed": ["one"]})
    found = edit_song(record, once(edit))
    assert found.lines == ("two",)
    assert (found.romanized, found.translation) == (("TWO",), ("2",))
    assert found.metadata == {"removed": ["one", "ONE", "1"]}


def test_lines_are_repeated_and_moved_together():
    record = song(
        "one",
        "two",
        romanized=("ONE", "TWO"),
        translation=("1", ""),
        metadata={"line_types": ["refrain", "line"]},
    )
    edit = Edit(pieces=[("one!",), ("two",)], order=[1, 0, 0], times=[1.0, 2.0, None])
    found = edit_song(record, once(edit))
    assert found.lines == ("two", "one!", "one!")
    assert found.romanized == ("TWO", "ONE", "ONE")
    assert found.translation == ("", "1", "1")
    assert found.metadata == {
        "line_types": ["line", "refrain", "refrain"],
        "line_times_seconds": [1.0, 2.0, None],
    }


def test_a_line_is_split_with_its_romanization_or_loses_it():
    def split(lines, language):
        pieces = [tuple(line.split("/")) for line in lines]
        return Edit(pieces=pieces) if any("/" in line for line in lines) else None

    record = song("a/b", romanized=("A/B",), translation=("a and b",))
    found = edit_song(record, split)
    assert (found.lines, found.romanized) == (("a", "b"), ("A", "B"))
    assert found.translation == ("a and b",)
    assert edit_song(record.replace(romanized=("A B",)), split).romanized is None


def test_what_is_shared_stands_in_every_field():
    record = song("one", "two", romanized=("ONE", "TWO"), translation=("free",))
    found = edit_song(record, once(Edit(pieces=[("[x]",), ("two",)], shared={0})))
    assert found.romanized == ("[x]", "TWO")
    assert found.translation == ("free",)


def test_a_mark_that_only_a_translation_has_stays_there():
    def expand(lines, language):
        order = [p for p, line in enumerate(lines) for _ in range(1 + ("*" in line))]
        pieces = [(line.strip("*"),) for line in lines]
        return Edit(pieces=pieces, order=order) if len(order) > len(lines) else None

    record = song("a*", "b", translation=("A", "B*"))
    found = edit_song(record, expand)
    assert found.lines == ("a", "a", "b")
    assert found.translation == ("A", "A", "B*")


def test_each_field_is_edited_in_its_own_language():
    seen = []
    record = song(
        "a",
        language="tr",
        romanized=("b",),
        translation=("c",),
        translation_language="el",
    )
    edit_song(record, lambda lines, language: seen.append((lines[0], language)))
    assert seen == [("a", "tr"), ("b", "und-Latn"), ("c", "el")]


def test_a_song_that_goes_on_changing_stays_as_it_came():
    def grow(lines, language):
        return edit_each(lines, lambda line: line + "!")

    record = song("one")
    assert edit_song(record, grow) is record


def test_layers_are_taken_off_until_there_are_none():
    def peel(lines, language):
        return edit_each(lines, lambda line: line.replace("()", "", 1))

    assert edit_song(song("((()))x"), peel).lines == ("x",)


def test_names_are_edited_and_emptied():
    def shout(lines, language):
        return edit_each(lines, lambda line: line.replace("~", ""))

    record = song("~", title="a ~", author="~")
    found = edit_song(record, lambda lines, language: None, shout)
    assert (found.lines, found.title, found.author) == (("~",), "a", None)


def test_metadata_is_extended_and_never_overwritten():
    before = {"removed": "x", "performers": ["A"], "labels": None}
    notes = {"removed": ["x"], "performers": ["A", "B"], "labels": [1, 1], "new": []}
    assert extended(before, notes) == {
        "removed": ["x", "x"],
        "performers": ["A", "B"],
        "labels": [1, 1],
    }
    assert before == {"removed": "x", "performers": ["A"], "labels": None}


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("a <x> b", "a b"),
        ("a<x>b", "ab"),
        ("a <x>b", "a b"),
        ("a <x> <x><x> b", "a b"),
        ("<x> a <x>", "a"),
        ("a  b", "a  b"),
    ],
)
def test_what_stood_apart_is_parted_by_one_space(line, after):
    removed = []
    assert cut(cutting("<x>"), line, removed) == after
    assert removed == ["<x>"] * line.count("<x>")


def test_words_are_looked_up_in_one_form():
    assert folded("\ufeff Verse \u00a0 ONE\u200b") == "verse one"
    assert folded("मुखड़ा") == folded("मुखड\u093cा")
