import dataclasses

import pytest

from gemma_keras_ft.config import register
from gemma_keras_ft.preprocessing.augmentation.augment import make_children
from gemma_keras_ft.preprocessing.augmentation.variations import (
    DropLines,
    RomanizedCopy,
)
from gemma_keras_ft.preprocessing.culture.phrases import PhraseMatcher
from gemma_keras_ft.preprocessing.romanization.romanize import (
    SCHEMES,
    Romanize,
    romanize_text,
)
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.resources.own_songs import own_songs


def song(*lines, **fields):
    return LyricRecord(**{"id": "a", "lines": lines, **fields})


def children(record, *augmentations, protected=(), **arguments):
    made, _ = make_children(
        record, augmentations, protected=PhraseMatcher(protected), **arguments
    )
    return made


REFRAIN = ("la la", "lo lo")
VERSES = ("a1", "a2", "a3", "", *REFRAIN, "", "b1", "b2", "b3", "", *REFRAIN)


def test_dropped_lines_leave_every_stanza_and_the_refrain():
    for seed in range(50):
        (child,) = children(song(*VERSES), DropLines(share=0.2), seed=seed)
        stanzas = [part.split("\n") for part in child.text.split("\n\n")]
        assert len(stanzas) == 4
        assert stanzas[1] == stanzas[3] == [*REFRAIN]
        assert stanzas[0] and stanzas[2]
        assert len(stanzas[0]) + len(stanzas[2]) == 4
        kept = iter(VERSES)
        assert all(line in kept for line in child.lines)


def test_lines_of_protected_phrases_are_never_left_out():
    lines = ("one", "my heart", "two", "three", "four")
    step = DropLines(share=0.5, minimum_lines=3, copies=5)
    heart = PhraseMatcher(["heart"])
    found = set()
    for seed in range(20):
        made, dropped = make_children(song(*lines), [step], protected=heart, seed=seed)
        assert "protected" not in dropped
        found |= {child.lines for child in made}
    assert all("my heart" in lines for lines in found)
    assert {len(lines) for lines in found} == {3}
    assert len(found) == 6


@pytest.mark.parametrize(
    "lines", [("a", "b"), ("a", "", "b", "", "c", "", "d", "", "e")]
)
def test_short_songs_and_stanzas_lose_nothing(lines):
    assert children(song(*lines), DropLines()) == []


def test_a_romanized_copy_points_back():
    record = Romanize()(
        song("ਚਾਹ ਦਾ ਕੱਪ", "highway 'ਤੇ", title="ਚਾਹ", script="Guru", language="pa")
    )
    (child,) = children(record, RomanizedCopy())
    assert child.lines == record.romanized
    assert child.lines[1] == f"highway '{romanize_text('ਤੇ')}"
    assert child.title == romanize_text("ਚਾਹ")
    assert (child.script, child.language, child.romanized) == ("Latn", "pa-Latn", None)
    assert child.metadata["native_script"] == "Guru"
    assert child.metadata["parent"] == record.id


@pytest.mark.parametrize(
    ("language", "latin"),
    [
        ("ta", "ta-Latn"),
        ("fa-Guru", "fa-Latn"),
        ("pa-IN", "pa-Latn-IN"),
        ("sa-Deva-IN", "sa-Latn-IN"),
        (None, None),
    ],
)
def test_the_language_tag_says_latin(language, latin):
    record = song("ਚਾਹ ਦਾ", "ਕੱਪ", script="Guru", language=language)
    (child,) = children(record, RomanizedCopy())
    assert child.language == latin


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_romanized_copy_holds_the_phrases_own_romanization(scheme):
    step = RomanizedCopy(scheme=scheme)
    for record in own_songs():
        phrases = record.metadata.get("idioms", [])
        for child in children(record, step, protected=phrases):
            for phrase in phrases:
                form = romanize_text(phrase, scheme=scheme, language=record.language)
                assert form in child.text
                assert phrase not in child.text
    record = song("मेरी आँखों का तारा", "आ जा", script="Deva", language="hi")
    assert children(record, step, protected=["आँखों का तारा"])


def test_a_romanized_copy_that_spells_a_phrase_otherwise_is_dropped():
    record = song("मेरी आँखों का तारा", "आ जा", script="Deva", language="hi")
    phrase = "आँखों का तारा"
    broken = dataclasses.make_dataclass(
        "Broken",
        [],
        bases=(RomanizedCopy,),
        frozen=True,
        namespace={"protected_form": lambda self, text, record: text[:7]},
    )
    register("test_augment.broken")(broken)
    assert children(record, broken(), protected=[phrase]) == []


def test_scripts_that_are_not_romanized_get_no_copy():
    for record in own_songs():
        made = children(record, RomanizedCopy())
        assert bool(made) == (record.script not in ("Arab", "Latn")), record.id
