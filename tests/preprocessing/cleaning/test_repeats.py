import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma_keras_ft.preprocessing.cleaning.marks import read_mark
from gemma_keras_ft.preprocessing.cleaning.repeats import CapElongation, ExpandRepeats
from gemma_keras_ft.records import LyricRecord


def expanded(*lines, **options):
    return ExpandRepeats(**options)(LyricRecord(id="a", lines=lines)).lines


@pytest.mark.parametrize("count", [2, 3, 8])
@pytest.mark.parametrize(
    "mark",
    [
        *(
            "(x{})",
            "(X{})",
            "[x{}]",
            "({}x)",
            "[{}X]",
            "(×{})",
            "{{x{}}}",
            "（x{}）",
            "x{}",
        ),
        *("×{}", "{}×", "(x {})", "({} x)", "({} times)", "(Repeat x{})", "(sing {}x)"),
    ],
)
def test_marks_say_how_often(mark, count):
    assert read_mark(f"la la {mark.format(count)}") == ("la la", count)
    assert read_mark(f"नदी {mark.format('३')}") == ("नदी", 3)
    assert expanded(f"la {mark.format(count)}") == ("la",) * count


@pytest.mark.parametrize(
    "line",
    [
        "4x4",
        "size 2x",
        "Gen X2",
        "fax2",
        "x",
        "2",
        "(2)",
        "(x)",
        "x2 la",
        "(x2) la",
        "x222",
    ],
)
def test_what_only_looks_like_a_mark_is_none(line):
    assert read_mark(line) is None


def test_nothing_beyond_the_limit_is_expanded_or_lost():
    assert expanded("la (x9)") == ("la (x9)",)
    assert expanded("la (x9)", limit=9) == ("la",) * 9
    assert expanded("la (x3)", limit=2) == ("la (x3)",)
    assert expanded("la (x0)", "lo (x1)") == ("la (x0)", "lo (x1)")


def test_a_song_grows_no_more_than_the_limit():
    nested = ("[Chorus x8]", *["la (x8)"] * 20, "(x8)")
    assert expanded(*nested) == nested
    assert len(expanded(*["la (x8)"] * 50)) == 400


def test_a_section_is_repeated_up_to_its_border():
    lines = ("[Chorus] (x2)", "one", "two (x2)", "[Verse]", "three")
    assert expanded(*lines) == (
        *("[Chorus]", "one", "two", "two", "one", "two", "two", "[Verse]", "three"),
    )


def test_marks_are_written_alike():
    lines = ("la ×2", "lo [3x]", "(x2)", "na (bis)", "no")
    assert expanded(*lines, repeats="mark") == (
        *("la (x2)", "lo (x3)", "(x2)", "na (x2)", "no"),
    )


MARKED = st.tuples(
    st.sampled_from(["la", "नदी बहे", "lo lo", "[Chorus]", ""]),
    st.sampled_from(["", " (x2)", " ×3", " [2x]", " x4"]),
).map("".join)


@given(st.lists(MARKED, max_size=8))
def test_every_word_is_sung_at_least_as_often(lines):
    found = expanded(*lines)
    for word in ("la", "नदी", "lo", "Chorus"):
        assert " ".join(found).count(word) >= " ".join(lines).count(word)


def test_elongation_is_capped_where_it_is_asked_for():
    record = LyricRecord(id="a", lines=("soooo ओऽऽऽ",))
    assert CapElongation(letters=4, avagraha=2)(record).lines == ("soooo ओऽऽ",)
    assert CapElongation()(record).lines == ("sooo ओऽ",)
