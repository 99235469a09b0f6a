import pytest

from gemma_keras_ft.preprocessing.cleaning.credit_words import CREDIT_WORDS
from gemma_keras_ft.preprocessing.cleaning.credits import MoveCredits
from gemma_keras_ft.records import LyricRecord


def moved(*lines, **fields):
    return MoveCredits()(LyricRecord(id="a", lines=lines, **fields))


def test_credits_are_kept_with_their_roles():
    found = moved(
        "Title: Slow River",
        "गायक : आशा / रवि",
        "ராகம்-நாட்டை",
        "",
        "la",
        "",
        "Music & Lyrics by: Jo Park",
        "© 2020 Slow River Music",
    )
    assert found.lines == ("la",)
    assert found.metadata["credits"] == [
        {"role": "title", "name": "Slow River"},
        {"role": "singer", "name": "आशा / रवि"},
        {"role": "raga", "name": "நாட்டை"},
        {"role": "music", "name": "Jo Park"},
        {"role": "copyright", "name": "2020 Slow River Music"},
    ]
    assert found.title == "Slow River"
    assert found.metadata["filled"] == ["title"]
    assert found.metadata["removed"][1] == "गायक : आशा / रवि"


@pytest.mark.parametrize("word", sorted(CREDIT_WORDS))
def test_every_word_announces_its_credit(word):
    role, _ = CREDIT_WORDS[word]
    found = moved(f"{word}: Asha", f"{word} - Ravi", "", "la la")
    assert found.lines == ("la la",)
    assert [item["role"] for item in found.metadata["credits"]] == [role, role]


@pytest.mark.parametrize("word", sorted(CREDIT_WORDS))
def test_a_common_word_alone_needs_a_border(word):
    _, sure = CREDIT_WORDS[word]
    assert moved(f"{word}: Asha", "la la").lines == (
        ("la la",) if sure else (f"{word}: Asha", "la la")
    )
    assert moved(f"{word}: Asha", "", "la la").lines == ("la la",)


def test_credits_beside_a_translation_go_with_it():
    found = moved(
        "गायक: आशा",
        "नदी",
        romanized=("gāyaka: āśā", "nadī"),
        translation=("Who", "river"),
    )
    assert found.romanized == ("nadī",)
    assert found.translation == ("river",)
    assert found.metadata["removed"] == ["गायक: आशा", "gāyaka: āśā", "Who"]


def test_a_record_with_odd_metadata_is_no_trouble():
    found = moved("Singer: Asha", "la", metadata={"credits": "by hand", "filled": None})
    assert found.metadata["credits"] == ["by hand", {"role": "singer", "name": "Asha"}]
