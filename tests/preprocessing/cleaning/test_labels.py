import pytest

from gemma_keras_ft.preprocessing.cleaning.label_words import LABEL_WORDS, ORDINALS
from gemma_keras_ft.preprocessing.cleaning.labels import LabelSections, read_label
from gemma_keras_ft.records import LyricRecord


def labeled(*lines, labels="canonical", **fields):
    return LabelSections(labels=labels)(LyricRecord(id="a", lines=lines, **fields))


def test_native_form_and_performers_are_kept():
    found = labeled(
        "[Verse 2: Asha, Ravi & Jo]", "la", "अंतरा १:", "lo", "[chorus]", "x"
    )
    assert found.metadata == {
        "labels": [
            {"label": "[verse 2]", "native": "[Verse 2: Asha, Ravi & Jo]"},
            {"label": "[verse 1]", "native": "अंतरा १:"},
        ],
        "performers": ["Asha", "Ravi", "Jo"],
    }


@pytest.mark.parametrize("word", sorted(LABEL_WORDS))
def test_every_word_is_a_label(word):
    name, certain = LABEL_WORDS[word]
    for line in (f"[{word}]", f"{word}:", f"{word.title()}:", f"== {word} =="):
        assert read_label(line).text == f"[{name}]"
    assert read_label(f"{word} 3:").text == f"[{name} 3]"
    assert read_label(f"[{word}: Asha]").performers == ("Asha",)
    bare = read_label(word[0].upper() + word[1:])
    assert (bare.name, bare.certain, bare.bare) == (name, certain, True)


def test_a_canonical_label_is_read_as_itself():
    for name, _ in LABEL_WORDS.values():
        assert read_label(f"[{name}]").text == f"[{name}]"
        assert read_label(f"[{name} 12] (x3)").text == f"[{name} 12] (x3)"


@pytest.mark.parametrize("word", sorted(ORDINALS))
def test_ordinals_are_numbers(word):
    assert read_label(f"{word} verse:").text == f"[verse {ORDINALS[word]}]"


@pytest.mark.parametrize(
    "line",
    [
        "Chorus of birds",
        "Verse and chorus, all night",
        "[chorus girl]",
        "[verse",
        "chorus]",
        "मुखड़ा देखा",
        "Refrain from crying",
        "First chorus of the morning birds",
        "I",
        "V",
        "2",
        "[2]",
        "()",
        "[]",
        ":",
        "--",
        "",
    ],
)
def test_what_only_begins_like_a_label_is_none(line):
    assert read_label(line) is None


def test_a_romanized_label_takes_the_song_s_form():
    found = labeled(
        "मुखड़ा:", "नदी", romanized=("mukhaṛā", "nadī"), translation=("Face:", "River")
    )
    assert found.romanized == ("[chorus]", "nadī")
    assert found.translation == ("[chorus]", "River")


def test_taken_out_a_label_leaves_a_border_in_every_field():
    found = labeled(
        "पल्लवि",
        "नदी",
        "[चरणम्]",
        "नाव",
        labels="remove",
        romanized=("pallavi", "nadī", "[caraṇam]", "nāva"),
    )
    assert found.lines == ("नदी", "", "नाव")
    assert found.romanized == ("nadī", "", "nāva")
    assert [item["native"] for item in found.metadata["labels"]] == ["पल्लवि", "[चरणम्]"]


def test_how_often_a_section_is_sung_is_never_taken_out():
    assert labeled("[Chorus x2]", "la", labels="remove").lines == (
        "[chorus] (x2)",
        "la",
    )


def test_kept_labels_are_not_touched():
    record = LyricRecord(id="a", lines=("[Verse 2: Jo]", "la"))
    assert LabelSections(labels="keep")(record) is record
