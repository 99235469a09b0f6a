import collections
import dataclasses
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma_keras_ft.config import register
from gemma_keras_ft.preprocessing.augmentation.augment import (
    augment_split,
    make_children,
)
from gemma_keras_ft.preprocessing.augmentation.base import (
    Augmentation,
)
from gemma_keras_ft.preprocessing.augmentation.variations import (
    DropLines,
    RomanizedCopy,
)
from gemma_keras_ft.preprocessing.augmentation.wording import (
    Paraphrase,
    ReorderWords,
    ReplaceWords,
)
from gemma_keras_ft.preprocessing.culture.phrases import PhraseMatcher
from gemma_keras_ft.preprocessing.culture.protection import ProtectedPhrases
from gemma_keras_ft.preprocessing.romanization.romanize import romanize_text
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.resources.own_songs import own_songs
from gemma_keras_ft.testing import awkward_records

TEA = (("चाय", "कॉफ़ी", "शरबत"), ("शाम", "रात"))


def song(*lines, **fields):
    return LyricRecord(**{"id": "a", "lines": lines, **fields})


def children(record, *augmentations, protected=(), **arguments):
    made, _ = make_children(
        record, augmentations, protected=PhraseMatcher(protected), **arguments
    )
    return made


def reverse_words(line, language):
    return [" ".join(reversed(line.split()))]


def shout(record):
    return [[line.upper() + "!" for line in record.lines]]


@register("test_augment.from_function")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Scripted(Augmentation):
    """Yields copies with the fields that it was given."""

    changes: tuple = ()

    def children(self, record, context):
        for change in self.changes:
            yield record.replace(**change)


def test_originals_come_first_then_children_that_name_their_parents():
    songs = own_songs()
    found = augment_split(songs, [DropLines(), RomanizedCopy()], seed=3)
    assert found.records[:40] == songs
    made = found.records[40:]
    parents = {record.id: record for record in songs}
    for child in made:
        parent = parents[child.metadata["parent"]]
        kind = child.metadata["augmentation"]
        assert child.id == f"{parent.id}~{kind}-1"
        for name in ("license", "source", "contributor", "consent", "author", "style"):
            assert getattr(child, name) == getattr(parent, name)
    assert len({record.id for record in found.records}) == len(found.records)
    report = found.report()
    assert (report["originals"], report["children"]) == (40, len(made))
    assert report["children_by_kind"]["drop_lines"] == 40
    # Songs in Arabic and Latin letters can't be romanized.
    assert report["children_by_kind"]["romanized_copy"] == 29
    assert report["seed"] == 3
    assert [one["type"] for one in report["augmentations"]] == [
        "drop_lines",
        "romanized_copy",
    ]
    json.dumps(report)


def test_rights_are_the_parents_whatever_an_augmentation_says():
    parent = song("a b", "c d", license="CC0-1.0", source="s", consent="yes")
    stolen = {"license": "mine", "source": "me", "contributor": "me", "consent": None}
    (child,) = children(parent, Scripted(changes=({"lines": ("x", "y"), **stolen},)))
    assert (child.license, child.source, child.contributor, child.consent) == (
        "CC0-1.0",
        "s",
        None,
        "yes",
    )


def test_sacred_songs_and_children_are_not_varied():
    sacred = song("a b", "c d", id="sacred", no_alter=True)
    every = [DropLines(minimum_lines=1), Scripted(changes=({"lines": ("x",)},))]
    first = augment_split([sacred, song("a b", "c d")], every)
    assert [record.id for record in first.records] == [
        "sacred",
        "a",
        "a~drop_lines-1",
        "a~test_augment.from_function-1",
    ]
    assert not any(r.metadata.get("parent") == "sacred" for r in first.records)
    assert first.report()["skipped"] == {"no_alter": 1}
    again = augment_split(first.records[2:], every)
    assert again.records == first.records[2:]
    assert again.report()["skipped"] == {"child": len(first.records) - 2}


@pytest.mark.parametrize("split", ["validation", "test", "Train"])
def test_only_the_training_split_is_varied(split):
    with pytest.raises(ValueError, match=f"`split` must be .* split='{split}'"):
        augment_split([song("a", "b")], [DropLines()], split=split)


def test_children_depend_on_the_seed_and_not_on_order_or_company():
    songs = own_songs()
    steps = [DropLines(copies=2), ReplaceWords(synonyms=TEA)]

    def made(records, steps, seed):
        found = augment_split(records, steps, seed=seed).records[len(records) :]
        return {child.id: child for child in found}

    shuffled = random.Random(0).sample(songs, len(songs))
    assert made(songs, steps, 1) == made(shuffled, steps, 1)
    assert made(songs, steps, 1) != made(songs, steps, 2)
    alone = made(songs[:1], steps, 1)
    assert alone and alone.items() <= made(songs, steps, 1).items()
    fewer = made(songs, steps[:1], 1)
    assert fewer and fewer.items() <= made(songs, steps[::-1], 1).items()


def test_what_lost_a_protected_phrase_is_dropped_and_counted():
    parent = song("आँखों का तारा", "मेरा भाई", "आँखों का तारा")
    versions = (
        {"lines": ("आँखों का तारा", "मेरा यार", "आँखों का तारा")},
        {"lines": ("आँखों की तारा", "मेरा भाई", "आँखों का तारा")},
        {"lines": ("आँखों का तारा", "मेरा भाई", "कुछ नहीं")},
        {"lines": ("आँखों का तारामंडल", "मेरा भाई", "आँखों का तारा")},
    )
    found = augment_split(
        [parent], [Scripted(changes=versions)], protected=["आँखों का तारा"]
    )
    assert [child.lines[1] for child in found.records[1:]] == ["मेरा यार"]
    assert found.report()["dropped"] == {"protected": 3}


def test_protected_phrases_may_depend_on_the_record():
    songs = [song("दिल मेरा", "गाना", id=name, language=name) for name in ("hi", "mr")]
    versions = ({"lines": ("मन मेरा", "गाना")},)
    found = augment_split(
        songs,
        [Scripted(changes=versions)],
        protected=lambda record: ["दिल"] if record.language == "hi" else [],
    )
    assert [child.metadata["parent"] for child in found.records[2:]] == ["mr"]


def test_packaged_phrases_are_taken_as_they_are():
    phrases = ProtectedPhrases(languages=(), phrases=("दिल मेरा",))
    versions = Scripted(changes=({"lines": ("मन मेरा", "गाना")},))
    found = augment_split([song("दिल मेरा", "गाना")], [versions], protected=phrases)
    assert found.report()["dropped"] == {"protected": 1}


def test_copies_of_the_parent_and_of_siblings_are_dropped():
    changes = (
        {"lines": ("A, b!", "C d")},
        {"lines": ("a b", "c e")},
        {"lines": ("a b", "c e.")},
        {"lines": ("", " ")},
    )
    found = augment_split([song("a b", "c d")], [Scripted(changes=changes)])
    assert [child.lines for child in found.records[1:]] == [("a b", "c e")]
    assert found.report()["dropped"] == {"duplicate": 2, "no_text": 1}


def test_what_was_noted_of_the_parents_text_is_not_said_of_the_child():
    noted = {"filled": [1], "flags": [2], "removed": ["x"], "raag": "y"}
    parent = song("a b", "c d", metadata=noted)
    (child,) = children(parent, Scripted(changes=({"lines": ("x",)},)))
    assert set(child.metadata) == {"raag", "parent", "augmentation"}
    assert parent.metadata == noted


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1}, "`seed` must be"),
        ({"protected": "phrase"}, "`protected` must be a list"),
        ({"augmentations": ["drop_lines"]}, "`augmentations` must hold augment"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    augmentations = arguments.pop("augmentations", [DropLines()])
    with pytest.raises(ValueError, match=message):
        augment_split([song("a", "b")], augmentations, **arguments)


# Whatever the songs.

EVERY = [
    DropLines(share=0.5, minimum_lines=1, copies=2),
    ReplaceWords(synonyms=(("la", "lo"), ("மழை", "வெயில்"), ("राम", "मन")), share=1.0),
    ReorderWords(variants=reverse_words),
    Paraphrase(versions=shout),
    RomanizedCopy(),
    Scripted(changes=({"lines": ("राम la",)}, {"lines": ("மழை", "la la")})),
]
WORDS = st.sampled_from(["la", "मन", "राम", "மழை", "don't", "रामायण", "!", "\u200d"])
LINES = st.lists(WORDS, max_size=5).map(" ".join)
PHRASES = ["राम", "மழை", "la la", "मन राम"]


@given(
    lines=st.lists(LINES, max_size=8),
    protected=st.lists(st.sampled_from(PHRASES), max_size=3),
    script=st.sampled_from(["Deva", "Taml", "Latn", None]),
    seed=st.integers(0, 9),
)
def test_no_child_loses_a_protected_phrase(lines, protected, script, seed):
    parent = song(*lines, script=script)

    def count(record, texts):
        return [len(PhraseMatcher([text]).find(record.text)) for text in texts]

    for child in children(parent, *EVERY, protected=protected, seed=seed):
        phrases = protected
        if child.script != parent.script:
            phrases = [romanize_text(phrase) for phrase in protected]
        before = count(parent, protected)
        assert all(map(int.__ge__, count(child, phrases), before)), child


def test_awkward_songs_neither_raise_nor_change_and_what_comes_is_json():
    records = awkward_records()
    before = [record.to_dict() for record in records]
    found = augment_split(records, EVERY, protected=ProtectedPhrases())
    assert [record.to_dict() for record in records] == before
    assert found.records[: len(records)] == records
    ids = collections.Counter(record.id for record in found.records)
    assert max(ids.values()) == 1
    for child in found.records[len(records) :]:
        assert LyricRecord.from_dict(json.loads(json.dumps(child.to_dict()))) == child
        assert child.metadata["parent"] != "awkward-no-alter"
