from hypothesis import given
from hypothesis import strategies as st

from gemma_keras_ft.preprocessing.cleaning.whitespace import TidyWhitespace
from gemma_keras_ft.records import LyricRecord

SPACES = " \t\u00a0\u2003\u3000"


def test_names_are_single_spaced():
    record = LyricRecord(id="a", lines=("x",), title=" a \u00a0 b", author="\u3000")
    found = TidyWhitespace()(record)
    assert (found.title, found.author) == ("a b", None)


@given(
    st.lists(st.lists(st.sampled_from(["a", "नदी", "b"]), max_size=3), max_size=6),
    st.lists(st.text(SPACES, min_size=1, max_size=3), min_size=1),
)
def test_spaces_come_and_go_and_words_stay(lines, spaces):
    def written(words, at):
        gap = spaces[at % len(spaces)]
        return gap + gap.join(words) + gap

    dirty = tuple(written(words, at) for at, words in enumerate(lines))
    clean = TidyWhitespace()(LyricRecord(id="a", lines=dirty))
    assert [line for line in clean.lines if line] == [
        " ".join(words) for words in lines if words
    ]
    assert "" not in (clean.lines[:1] + clean.lines[-1:])
    assert TidyWhitespace()(clean) is clean


def test_glued_stanzas_are_split_in_every_field():
    record = LyricRecord(
        id="a",
        lines=("নদী।।নাও ॥তীর",),
        romanized=("nadī।।nāo ॥tīra",),
        translation=("river, boat, shore",),
    )
    assert TidyWhitespace()(record) is record
    found = TidyWhitespace(split_glued_danda=True)(record)
    assert found.lines == ("নদী।।", "", "নাও ॥তীর")
    assert found.romanized == ("nadī।।", "", "nāo ॥tīra")
    assert found.translation == ("river, boat, shore",)
