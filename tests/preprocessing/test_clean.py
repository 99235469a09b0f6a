import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma_keras_ft.preprocessing.clean import Clean
from gemma_keras_ft.records import LyricRecord


def cleaned(text, **fields):
    song = LyricRecord(id="a", lines=tuple(text.split("\n")), **fields)
    return Clean()(song)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<p>one<br>two</p>", "one\ntwo"),
        ("a &amp; b &#2309; &lt;3", "a & b अ <3"),
        ("<!-- note -->one", "one"),
        ("one<script>alert(1)</script>\ntwo", "one\ntwo"),
        ("I <3 you", "I <3 you"),
        ("a < b and c > d", "a < b and c > d"),
        ("<i>x</i> <3 y", "x <3 y"),
        ("one\x00\x1b[31m\ntwo", "one[31m\ntwo"),
        ("a\tb", "a b"),
        ("\n\none\n\n\n\ntwo\n\n", "one\n\ntwo"),
        ("मैं तो तेरे पास में3Embed", "मैं तो तेरे पास में"),
        ("तुम embed हो मेरे दिल में", "तुम embed हो मेरे दिल में"),
        ("12 Contributorsगीत Lyricsपहली\nदूसरी", "पहली\nदूसरी"),
    ],
)
def test_golden(before, after):
    assert cleaned(before).text == after


def test_residue_is_kept_aside_in_the_metadata():
    found = cleaned("12 Contributorsगीत Lyricsपहली\nदूसरी3Embed", metadata={"k": 1})
    assert found.metadata["removed"] == ["12 Contributorsगीत Lyrics", "3Embed"]
    assert found.metadata["k"] == 1


def test_no_alter_loses_controls_and_outer_space_only():
    found = cleaned(" <b>ੴ</b>\x07 3Embed ", no_alter=True)
    assert found.text == "<b>ੴ</b> 3Embed"


def test_parallel_lines_stay_parallel():
    found = cleaned(
        "\none\n\n\ntwo", translation=("", "eins", "", "", "zwei"), title="<b>T</b>"
    )
    assert found.lines == ("one", "", "two")
    assert found.translation == ("eins", "", "zwei")
    assert found.title == "T"


def test_a_romanization_that_lost_its_lines_is_made_anew():
    found = cleaned("one<br>two", romanized=("one two",), translation=("eins zwei",))
    assert found.romanized is None
    assert found.translation == ("eins zwei",)


@given(st.text(alphabet="a <>/&;brpdiv\n#x31lt\x00!-[]3Embed", max_size=60))
def test_cleaning_twice_is_cleaning_once(text):
    once = cleaned(text)
    assert Clean()(once) == once
