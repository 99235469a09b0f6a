import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma_keras_ft.preprocessing.cleaning.case import Lowercase
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.resources.corpus import embedded_records


def lowered(*lines, **fields):
    return Lowercase()(LyricRecord(id="a", lines=lines, **fields))


def test_each_field_is_lowercased_in_its_own_language():
    found = lowered(
        "IŞIK",
        language="tr",
        romanized=("ILIK",),
        translation=("IN LIGHT",),
        translation_language="en",
        title="IŞIK",
    )
    assert (found.lines, found.title) == (("ışık",), "IŞIK")
    assert (found.romanized, found.translation) == (("ilik",), ("in light",))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Ár nAthair, an tAthair", "ár n-athair, an t-athair"),
        ("i nÉirinn na nÓg", "i n-éirinn na n-óg"),
        ("Tá an tE\u0301an", "tá an t-e\u0301an"),
        ("NATHAIR agus an t-Aer, McAodha", "nathair agus an t-aer, mcaodha"),
    ],
)
def test_an_irish_prefix_is_still_told_from_its_word(before, after):
    for language in ("ga", "ga-IE", "GA-Latn"):
        assert lowered(before, language=language).lines == (after,)
    assert lowered(before, language="gd").lines == (before.lower(),)


@pytest.mark.parametrize("scheme", ["itrans", "HK", "Harvard-Kyoto", "slp1"])
@pytest.mark.parametrize("key", ["romanization", "scheme", "transliteration"])
def test_a_declared_scheme_keeps_its_capitals(scheme, key):
    found = lowered(
        "मेरा DIL",
        script="Deva",
        romanized=("merA DIL",),
        translation=("My HEART",),
        metadata={key: scheme},
    )
    assert found.lines == ("मेरा dil",)
    assert found.romanized == ("merA DIL",)
    assert found.translation == ("my heart",)
    assert found.metadata["kept_case"][0].startswith("romanized: in ")
    alone = lowered("merA DIL", script="Latn", metadata={key: scheme})
    assert alone.lines == ("merA DIL",)
    assert alone.metadata["kept_case"][0].startswith("lines: in ")


@pytest.mark.parametrize("fields", [{"language": "sa-Latn-x-hk"}, {"script": "ITRANS"}])
def test_a_tag_may_name_the_scheme(fields):
    assert lowered("rAma", **fields).lines == ("rAma",)


def test_other_schemes_lose_nothing():
    metadata = {"romanization": "ISO 15919"}
    assert lowered("Rāma Ṭha", metadata=metadata).lines == ("rāma ṭha",)


def test_capitals_inside_words_are_taken_for_letters_in_indic_text_alone():
    lines = ("rAmaM bhajAmi satatam", "sItApatiM namAmyaham")
    assert lowered(*lines, language="sa").lines == lines
    assert lowered(*lines, language="en").lines == tuple(map(str.lower, lines))
    assert lowered("Ghar ka WiFi slow", language="hi-Latn").lines == (
        "ghar ka wifi slow",
    )


def test_sacred_text_keeps_its_capitals():
    record = LyricRecord(id="a", lines=("Mapalad ang Tao",), no_alter=True)
    assert Lowercase()(record) is record


def test_iast_and_iso_lose_no_word():
    words = {
        word
        for record in embedded_records()
        for line in record.romanized or ()
        for word in line.split()
    }
    assert len(words) > 3000
    found = {lowered(word).lines[0] for word in words}
    assert len(found) == len({word.casefold() for word in words})


@given(
    st.text(max_size=20),
    st.sampled_from(["tr", "az", "lt", "ga", "el", "de", "hi", "en"]),
)
def test_lowercasing_twice_is_lowercasing_once(text, language):
    once = lowered(text.replace("\n", " "), language=language)
    assert Lowercase()(once) == once
