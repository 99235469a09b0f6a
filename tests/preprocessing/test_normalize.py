import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma_keras_ft.preprocessing.normalize import (
    Normalize,
    comparison_form,
    normalize_text,
)
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.testing import check_preprocessor


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("\ufeffनमस्ते\u00a0 दुनिया", "hi", "नमस्ते दुनिया"),
        ("e\u0301te\u0301", "fr", "\u00e9t\u00e9"),
        # What is removed may stand between a letter and its mark.
        ("e\u200b\u0301", "fr", "\u00e9"),
        ("a\u200bb\u2060c\u00ad", None, "abc"),
        ("\u202eabc\u202c\u2066d\u2069\u061c\u200e\u200f", "en", "abcd"),
        ("\u095c \u09dc", "hi", "ड\u093c ড\u09bc"),
        ("क\u200dष\u200c", "hi", "कष"),
        ("x\u200cy", "ta-Latn", "xy"),
        ("दर्\u200dया\u200c", "mr", "दर्\u200dया"),
        ("दर्\u200dया\u200c", "NE", "दर्\u200dया"),
        ("می\u200cخواهم", "fa", "می\u200cخواهم"),
        ("ন\u200dা\u200c", "bn", "ন\u200dা\u200c"),
        ("न\u200dा\u200c", None, "न\u200dा\u200c"),
        ("ব’লে ‘x’", "bn", "ব’লে ‘x’"),
        ("a \t  b\n\u3000c", "en", "a b\n c"),
    ],
)
def test_golden(text, language, expected):
    assert normalize_text(text, language) == expected


LANGUAGES = st.sampled_from(["hi", "fa", "mr", "pa-Guru", None])


@given(st.text(), LANGUAGES)
def test_normalizing_twice_is_normalizing_once(text, language):
    once = normalize_text(text, language)
    assert normalize_text(once, language) == once
    assert unicodedata.is_normalized("NFC", once)


@given(st.text())
def test_no_letter_or_mark_is_lost(text):
    def kept(value):
        return [c for c in value if unicodedata.category(c)[0] in "LMN"]

    visible = normalize_text(text, "fa")
    # Compared taken apart: a mark may join a letter that stood apart from it.
    assert kept(unicodedata.normalize("NFD", visible)) == (
        kept(unicodedata.normalize("NFD", visible_only(text)))
    )


def visible_only(text):
    return "".join(c for c in text if unicodedata.category(c) != "Cf")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hazaron  khwahishen, aisi!", "hazaron khwahishen aisi"),
        ("ख्वाहिशें, ऐसी!", "ख्वाहिशें ऐसी"),
        ("STRASSE ﬁne ①", "strasse fine 1"),
        ("क्\u200dष \ufeffx\u00ady", "क्ष xy"),
        ("❤\ufe0f dil ♪", "dil"),
        ("don't — stop", "don t stop"),
        ("!!! ।।", ""),
    ],
)
def test_comparison_form_is_letters_and_digits(text, expected):
    assert comparison_form(text) == expected


def test_comparison_form_ignores_case_and_composition():
    assert comparison_form("STRASSE") == comparison_form("Straße")
    assert comparison_form("\u095c E\u0301") == comparison_form("ड\u093c \u00c9")


@given(st.text())
def test_comparison_form_is_stable(text):
    once = comparison_form(text)
    assert comparison_form(once) == once
    assert comparison_form(f"  {text} \u200b!") == once


# Letters that casefolding takes apart or that fold in two steps.
@given(st.text(st.sampled_from("ǰΐͅᾳῼİſßﬃẞΣς\u0301\u0308\u200dｶﾞ½Ⅷ"), max_size=6))
def test_comparison_form_is_stable_for_letters_that_fold_oddly(text):
    once = comparison_form(text)
    assert comparison_form(once) == once


def test_every_text_field_is_normalized_by_its_own_language():
    song = LyricRecord(
        id="a",
        lines=(" क\u200dष e\u0301 ", "\u200b"),
        title="\ufeffT",
        author="\u200b",
        translation=("می\u200cخواهم\u00a0y",),
        romanized=("a\u200b\u200d",),
        language="hi",
        translation_language="fa",
    )
    found = Normalize()(song)
    assert found.lines == ("कष \u00e9", "")
    assert (found.title, found.author) == ("T", None)
    assert found.translation == ("می\u200cخواهم y",)
    assert found.romanized == ("a\u200d",)


def test_contract():
    check_preprocessor(Normalize())
