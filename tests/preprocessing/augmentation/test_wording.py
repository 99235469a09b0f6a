import json
import pickle

import pytest

from gemma_keras_ft.config import from_config
from gemma_keras_ft.preprocessing.augmentation.augment import (
    augment_split,
    make_children,
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
from gemma_keras_ft.records import LyricRecord

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


# Words.


def test_whole_words_are_replaced_everywhere_alike():
    record = song("चाय, चायवाला; चाय-चाय", "शाम", "", "चाय!", language="hi")
    (child,) = children(record, ReplaceWords(synonyms=TEA[:1]))
    (word,) = {child.lines[3].strip("!")}
    assert word in ("कॉफ़ी", "शरबत")
    assert child.lines[0].split(" ")[:2] == [f"{word},", "चायवाला;"]
    assert child.lines[1:3] == ("शाम", "")


def test_elided_words_are_not_torn():
    record = song("don't go, don", "o'er and o'er")
    (child,) = children(record, ReplaceWords(synonyms=(("don", "sir"), ("o", "oh"))))
    assert child.lines == ("don't go, sir", "o'er and o'er")


def test_words_of_protected_phrases_are_not_replaced():
    record = song("शाम की चाय", "चाय और शाम")
    step = ReplaceWords(synonyms=TEA, share=1.0)
    (child,) = children(record, step, protected=["शाम की चाय"])
    assert child.lines[0] == "शाम की चाय"
    assert "चाय" not in child.lines[1] and "शाम" not in child.lines[1]
    assert children(song("शाम की चाय"), step, protected=["शाम की चाय"]) == []


def test_decomposed_words_are_found():
    record = song("Cafe\u0301 noir", "x")
    (child,) = children(record, ReplaceWords(synonyms=(("Café", "Bar"),)))
    assert child.lines[0] == "Bar noir"


@pytest.mark.parametrize(
    "step",
    [
        ReplaceWords(synonyms=(("a", "x"),), language="hi"),
        ReorderWords(variants=(("a b", "b a"),), language="hi"),
        Paraphrase(versions=(("a b", "x y"),), language="hi"),
    ],
)
def test_lists_of_one_language_leave_others_alone(step):
    lines = ("a b", "c")
    assert children(song(*lines, language="hi-Latn"), step)
    assert children(song(*lines, language="hil"), step) == []
    assert children(song(*lines), step) == []


# Word order.


def test_a_table_reorders_its_lines_and_no_others():
    step = ReorderWords(variants=(("चाँद निकला छत पर", "छत पर चाँद निकला"),))
    (child,) = children(song("चाँद निकला छत पर", "छत पर"), step)
    assert child.lines == ("छत पर चाँद निकला", "छत पर")
    assert children(song("छत पर"), step) == []


def test_a_table_must_keep_the_words():
    with pytest.raises(ValueError, match="Received: 'b c' for 'a b'"):
        ReorderWords(variants=(("a b", "b a", "b c"),))


def test_offers_of_a_function_with_other_words_are_dropped_and_counted():
    def offers(line, language):
        return [f"{line} indeed", *reverse_words(line, language)]

    step = ReorderWords(variants=offers, name="offers")
    found = augment_split([song("a b", "", "c d")], [step])
    assert found.records[1].lines == ("b a", "", "d c")
    assert found.report()["dropped"] == {"other_words": 2}


def test_an_order_that_breaks_a_protected_phrase_is_dropped():
    step = ReorderWords(variants=reverse_words)
    assert (
        children(song("dear old friend", "x y"), step, protected=["old friend"]) == []
    )
    assert children(song("dear old friend", "x y"), step, protected=["friend"])


# Paraphrase.


def test_a_function_paraphrases_a_song():
    record = song(
        "a", "b", translation=("x", "y"), translation_language="en", title="T"
    )
    (child,) = children(record, Paraphrase(versions=lambda r: ["c\nd"], name="v1"))
    assert (child.lines, child.translation, child.title) == (
        ("c", "d"),
        ("x", "y"),
        "T",
    )
    (child,) = children(
        record, Paraphrase(versions=lambda r: [["c", " d", "e"]], name="v1")
    )
    assert (child.lines, child.translation) == (("c", "d", "e"), None)


def test_no_more_children_than_copies():
    step = Paraphrase(
        versions=lambda record: (f"{n} {record.text}" for n in range(9)),
        name="numbers",
        copies=2,
    )
    made = children(song("a", "b"), step)
    assert [child.id for child in made] == ["a~paraphrase-1", "a~paraphrase-2"]


def test_a_table_paraphrases_lines():
    (child,) = children(song("a b", "c"), Paraphrase(versions=(("a b", "x y z"),)))
    assert child.lines == ("x y z", "c")


def test_what_a_function_raises_is_not_hidden():
    def fail(record):
        raise RuntimeError("out of quota")

    with pytest.raises(RuntimeError, match="out of quota"):
        augment_split([song("a")], [Paraphrase(versions=fail, name="fail")])


# Configuration.

STEPS = [
    DropLines(share=0.2, minimum_lines=3, copies=2),
    ReplaceWords(synonyms=TEA, language="hi", share=0.25, copies=3),
    ReorderWords(variants=(("a b", "b a"),), copies=2),
    Paraphrase(versions=(("a b", "c"), ("d", "e", "f")), language="en"),
    RomanizedCopy(scheme="iso15919"),
]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.config_name)
def test_augmentations_survive_json_and_pickle(step):
    assert from_config(json.loads(json.dumps(step.to_config()))) == step
    assert pickle.loads(pickle.dumps(step)) == step
    assert hash(step) == hash(pickle.loads(pickle.dumps(step)))


def test_a_function_is_named_and_not_rebuilt_from_a_name():
    for step, field in (
        (ReorderWords(variants=reverse_words), "variants"),
        (Paraphrase(versions=shout), "versions"),
    ):
        function = getattr(step, field)
        config = json.loads(json.dumps(step.to_config()))
        assert config[field] == f"{__name__}.{function.__name__}"
        with pytest.raises(ValueError, match=f"`{field}` must be rows or a function"):
            from_config(config)
    named = Paraphrase(versions=lambda record: [], name="model-2").to_config()
    assert (named["versions"], named["name"]) == ("model-2", "model-2")


class Model:
    def __call__(self, record):
        return []


@pytest.mark.parametrize("function", [lambda record: [], Model()])
def test_what_has_no_name_must_be_given_one(function):
    with pytest.raises(ValueError, match="`name` must say what `versions` is"):
        Paraphrase(versions=function)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DropLines(share=0), "`share` must be above 0"),
        (lambda: DropLines(share=float("nan")), "`share` must be above 0"),
        (lambda: DropLines(share=0.6), "at most 0.5"),
        (lambda: DropLines(minimum_lines=0), "`minimum_lines` must be at least 1"),
        (lambda: DropLines(copies=0), "`copies` must be at least 1"),
        (lambda: ReplaceWords(synonyms=()), "`synonyms` must be rows"),
        (lambda: ReplaceWords(synonyms="ab"), "`synonyms` must be rows"),
        (lambda: ReplaceWords(synonyms=("ab", "cd")), "`synonyms` must be rows"),
        (lambda: ReplaceWords(synonyms=(("a",),)), "`synonyms` must be rows"),
        (lambda: ReplaceWords(synonyms=(("a", " "),)), "`synonyms` must be rows"),
        (lambda: ReplaceWords(synonyms=(("a", "b\nc"),)), "`synonyms` must be rows"),
        (lambda: ReplaceWords(synonyms=(("a b", "c"),)), "must list single words"),
        (lambda: ReorderWords(variants=None), "`variants` must be rows"),
        (lambda: Paraphrase(versions=(("a", "b"),), name="x"), "`name` must name a"),
        (lambda: RomanizedCopy(scheme="wylie"), "`scheme` must be one of"),
    ],
)
def test_bad_configuration_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
