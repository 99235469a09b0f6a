import pytest

from gemma_keras_ft.preprocessing.cleaning.chords import StripChords
from gemma_keras_ft.records import LyricRecord


def stripped(*lines, **fields):
    return StripChords()(LyricRecord(id="a", lines=lines, **fields))


def test_directives_move_to_the_metadata():
    found = stripped(
        "{t: Nadi}", "{artist: Asha}", "{composer: Ravi}", "{x_own: 1}", "la"
    )
    assert found.lines == ("la",)
    assert (found.title, found.author) == ("Nadi", "Asha")
    assert [item["role"] for item in found.metadata["credits"]] == [
        "title",
        "artist",
        "composer",
    ]
    assert found.metadata["filled"] == ["title", "author"]


CHORDS = (
    *(
        "C#m7",
        "Bb",
        "Gsus4",
        "Dadd9",
        "E7(b9)",
        "A/C#",
        "Fmaj7",
        "Am7b5",
        "G6",
        "Cdim7",
    ),
    *("F♯m", "B♭7", "Daug", "E5", "Gm"),
)


@pytest.mark.parametrize("chord", CHORDS)
def test_a_line_of_chords_goes(chord):
    assert stripped(f"{chord} C", "carry me home").lines == ("carry me home",)
    assert stripped("carry", f"  G   {chord}", "home").lines == ("carry", "home")
    assert stripped(f"car[{chord}]ry me").lines == ("carry me",)
    assert stripped(chord, "नदी बहे").metadata["removed"] == [chord]


@pytest.mark.parametrize(
    "line",
    ["Bad", "Add", "Abba", "Cab", "Go", "Emma", "Dm me", "C ya", "F1 car", "Ebb"],
)
def test_a_line_of_words_stays(line):
    for lines in ((line, "carry me home"), ("G7 C", line)):
        assert line in stripped(*lines).lines
    assert stripped(line, "नदी बहे").lines[0] == line


def test_a_chord_line_goes_from_every_field():
    found = stripped("G7", "नदी", romanized=("G7", "nadī"), translation=("", "river"))
    assert (found.romanized, found.translation) == (("nadī",), ("river",))


def test_a_word_of_the_language_is_no_chord():
    lines = ("C  G", "đi về", "Em", "ở đâu")
    assert stripped(*lines, language="vi").lines == lines[1:]
    assert stripped(*lines, language="en").lines == ("đi về", "ở đâu")
