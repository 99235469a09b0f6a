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


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("\ufeffनमस्ते\u00a0 दुनिया", "hi", "नमस्ते दुनिया"),
        ("e\u0301te\u0301", "fr", "\u00e9t\u00e9"),
        ("a\u200bb\u2060c\u00ad", None, "abc"),
        ("\u202eabc\u202c\u2066d\u2069", "en", "abcd"),
        ("क\u200dष", "hi", "कष"),
        ("दर्\u200dया", "mr", "दर्\u200dया"),
        ("می\u200cخواهم", "fa", "می\u200cخواهم"),
        ("ন\u200dা", "bn", "ন\u200dা"),
        ("x\u200cy", "ta-Latn", "xy"),
        ("a \t  b\nc", "en", "a b\nc"),
    ],
)
def test_golden(text, language, expected):
    assert normalize_text(text, language) == expected


@given(st.text(), st.sampled_from(["hi", "fa", "mr", None]))
def test_normalizing_twice_is_normalizing_once(text, language):
    once = normalize_text(text, language)
    assert normalize_text(once, language) == once


@given(st.text())
def test_no_letter_or_mark_is_lost(text):
    def kept(value):
        return [
            c
            for c in unicodedata.normalize("NFC", value)
            if unicodedata.category(c)[0] in "LMN"
        ]

    assert kept(normalize_text(text, "fa")) == kept(text)


def test_comparison_form_keeps_vowel_signs():
    assert comparison_form("ख्वाहिशें, ऐसी!") == "ख्वाहिशें ऐसी"
    assert comparison_form("Hazaron  khwahishen, aisi!") == "hazaron khwahishen aisi"
    assert comparison_form("STRASSE") == comparison_form("Straße")


@given(st.text())
def test_comparison_form_is_stable(text):
    once = comparison_form(text)
    assert comparison_form(once) == once


def test_every_text_field_is_normalized():
    song = LyricRecord(
        id="a",
        lines=(" e\u0301 ", ""),
        title="\ufeffT",
        author="\u200b",
        translation=("x\u00a0y",),
        romanized=("a\u200b",),
        language="fr",
    )
    found = Normalize()(song)
    assert found.lines == ("\u00e9", "")
    assert (found.title, found.author) == ("T", None)
    assert found.translation == ("x y",) and found.romanized == ("a",)
