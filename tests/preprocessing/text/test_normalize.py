import csv
import pathlib
import random
import re
import time
import unicodedata

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from gemma_keras_ft.preprocessing.text.normalize import (
    Normalize,
    comparison_form,
    normalize_text,
)
from gemma_keras_ft.preprocessing.text.words import split_words
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.testing import check_preprocessor


def unescaped(text):
    return re.sub(
        r"\\u([0-9a-f]{4})|\\U([0-9a-f]{8})",
        lambda code: chr(int(code[1] or code[2], 16)),
        text,
    )


def golden_rows():
    """Reads the table; what is invisible or easily composed is escaped in it."""
    table = pathlib.Path(__file__).parents[2] / "golden" / "normalize.tsv"
    with open(table, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


ROWS = golden_rows()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: ascii(row["text"]))
def test_golden_however_it_is_composed(row):
    text, expected = unescaped(row["text"]), unescaped(row["expected"])
    language = row["language"] or None
    for form in (text, *(unicodedata.normalize(f, text) for f in ("NFC", "NFD"))):
        assert normalize_text(form, language) == expected
    assert normalize_text(expected, language) == expected


def test_the_table_is_broad_and_says_where_a_row_comes_from():
    assert len(ROWS) >= 240
    assert all(row["source"] for row in ROWS)
    scripts = {
        unicodedata.name(char).split()[0]
        for row in ROWS
        for char in unescaped(row["text"])
        if "\u0900" <= char < "\u0e00" and unicodedata.name(char, "")
    }
    assert len(scripts) == 10


def test_line_breaks_stay():
    assert normalize_text("a \t  b\n\u3000c\n\nराम |\nश्याम |") == (
        "a b\n c\n\nराम ।\nश्याम ।"
    )


# What the rules are about, more often than chance would bring it together.
INDIC = st.sampled_from(
    "कतनरलஸகనಕനකअआएइഎഒඑੳੲ़़़््््ාාොെ"
    "ाेौॅंःँिਾੋੱੰੵਁাৌ়ా్ంౕംൾ൯൦౦౧೦೧१२૨૫৷|: oOl1'\n-"
    "\u200b\u200c\u200d\u200d\ufeff\u00ad"
)
PHRASES = st.sampled_from(
    ["दु:", "अत:", "র্", "ত্\u200d", "ন্\u200c", "ন\u0d4d\u200d", "ரீ", "ஸ்", "र्इ"]
)
TEXTS = st.lists(st.one_of(INDIC, INDIC, PHRASES), max_size=14).map("".join)
LANGUAGES = st.sampled_from(["hi", "fa", "mr", "pa-Guru", "bn", "ml", "th", "sa", None])


@settings(max_examples=400)
@given(st.one_of(TEXTS, st.text()), LANGUAGES)
def test_normalizing_twice_is_normalizing_once(text, language):
    for canonical_only in (False, True):
        once = normalize_text(text, language, canonical_only=canonical_only)
        again = normalize_text(once, language, canonical_only=canonical_only)
        assert again == once
        assert unicodedata.is_normalized("NFC", once)


@settings(max_examples=400)
@given(st.one_of(TEXTS, st.text()), LANGUAGES)
def test_canonically_equivalent_texts_become_one(text, language):
    expected = normalize_text(text, language)
    for form in ("NFC", "NFD"):
        assert normalize_text(unicodedata.normalize(form, text), language) == expected


@given(st.one_of(TEXTS, st.text()), LANGUAGES)
def test_canonical_only_changes_no_letter_mark_or_sign(text, language):
    def visible(value):
        value = regex.sub(r"\p{Cf}", "", value)
        # Compared taken apart: a mark may join a letter that stood apart from it.
        return "".join(unicodedata.normalize("NFD", value).split())

    result = normalize_text(text, language, canonical_only=True)
    assert visible(result) == visible(text)


@given(st.text(st.characters(exclude_categories=["Cf"])))
def test_nothing_but_spaces_and_composition_changes_outside_the_tables(text):
    text = regex.sub(r"[\u0900-\u0dff|:]", "", text)
    assert normalize_text(text, "en").split() == (
        unicodedata.normalize("NFC", text).split()
    )


@pytest.mark.parametrize(
    "unit",
    ["दु:", "ంা", "ा", "ंाे", "ੱ़्", "्", "र्इ", "क|", "|", "१o", "౧ం", "৷", "ন্\u200d"],
)
def test_a_line_of_100000_characters_takes_no_more_than_its_share(unit):
    text = unit * (100_000 // len(unit))
    start = time.process_time()
    normalize_text(text, "mr")
    comparison_form(text)
    assert time.process_time() - start < 10


@pytest.mark.parametrize("marks", ["ੱ़्", "ా़्ం", "१२રo౦ం", "र्इ्अा"])
def test_disorder_settles_in_a_few_passes(marks):
    text = "".join(random.Random(1).choices(marks, k=12_000))
    start = time.process_time()
    once = normalize_text(text)
    assert time.process_time() - start < 3
    assert normalize_text(once) == once


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hazaron  khwahishen, aisi!", "hazaron khwahishen aisi"),
        ("ख्वाहिशें, ऐसी!", "ख्वाहिशें ऐसी"),
        ("STRASSE ﬁne ①", "strasse fine 1"),
        ("क्\u200dष \ufeffx\u00ady", "क्ष xy"),
        ("❤\ufe0f dil ♪", "dil"),
        ("don't — Don’t", "dont dont"),
        ("pag-ibig", "pag ibig"),
        ("1,000 3.5", "1000 35"),
        ("दु:ख कंा ഒരു അവന്\u200d", "दुःख कां ഒരു അവൻ"),
        ("১l১ १I१ Il", "১১১ १११ il"),
        ("今天 ฝนตก", "今 天 ฝ น ต ก"),
        # What goes may part what is then looked at together.
        ("र्'इ १o\u20e3", "ई १०"),
        ("!!! ।।", ""),
    ],
)
def test_comparison_form_is_bare_words(text, expected):
    assert comparison_form(text) == expected


def test_comparison_form_ignores_case_and_composition():
    assert comparison_form("STRASSE") == comparison_form("Straße")
    assert comparison_form("\u095c E\u0301") == comparison_form("ड\u093c \u00c9")


def test_comparison_form_parts_words_as_the_language_does():
    assert comparison_form("L’amour", "fr") == "l amour"
    assert comparison_form("Pag-ibig", "tl") == "pagibig"
    assert comparison_form("علي كتاب", "fa") == "علی کتاب"
    assert comparison_form("علي كتاب", "ar") == "علي كتاب"


@settings(max_examples=300)
@given(st.one_of(TEXTS, st.text()), LANGUAGES)
def test_comparison_form_is_stable(text, language):
    once = comparison_form(text, language)
    assert comparison_form(once, language) == once
    assert comparison_form(f"  {text} \u200b!", language) == once


@settings(max_examples=300)
@given(TEXTS, LANGUAGES)
def test_comparison_form_is_that_of_the_normalized_text(text, language):
    normalized = normalize_text(text, language)
    assert comparison_form(normalized, language) == comparison_form(text, language)


@given(st.text(st.sampled_from("ab’'éक्षाम १२.,-।!\u200d"), max_size=20))
def test_comparison_form_has_the_words_that_splitting_finds(text):
    text = normalize_text(text)
    words = [regex.sub(r"[^\p{L}\p{M}\p{N}]", "", word) for word in split_words(text)]
    assert len(comparison_form(text).split()) == len(words)


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
        romanized=("a\u200b\u200db",),
        language="hi",
        translation_language="fa",
    )
    found = Normalize()(song)
    assert found.lines == ("कष \u00e9", "")
    assert (found.title, found.author) == ("T", None)
    assert found.translation == ("می\u200cخواهم y",)
    assert found.romanized == ("a\u200db",)


def test_a_record_not_to_be_altered_keeps_its_spelling():
    lines = ("ਕੱੁਤਾ दु:ख |", "ত্\u200d ന്\u200d", "\ufeffड़\u00a0 अा १o")
    song = LyricRecord(
        id="a", lines=lines, title="ੳੁਸ", translation=("கௌ",), no_alter=True
    )
    kept = Normalize()(song)
    assert kept.lines == (*lines[:2], "ड\u093c अा १o")
    assert (kept.title, kept.translation) == ("ੳੁਸ", ("கௌ",))
    altered = Normalize()(song.replace(no_alter=False))
    assert altered.lines == ("ਕੁੱਤਾ दुःख ।", "ৎ ൻ", "ड\u093c आ १०")
    assert altered.title == "ਉਸ"


def test_contract():
    check_preprocessor(Normalize())


@pytest.mark.parametrize("space", ["\t", "\u00a0", "\u3000", "\u2003", "  ", " \u200d"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("||_राम", "॥ राम"),
        ("राम_||", "राम ॥"),
        ("राम_|", "राम ।"),
        ("१_||", "१ ॥"),
        ("||_१_||", "॥ १ ॥"),
        ("||_moon", "|| moon"),
    ],
)
def test_bars_are_told_by_what_stands_behind_any_space(text, expected, space):
    spaced = text.replace("_", space)
    assert normalize_text(spaced, "hi") == expected
    # Sacred text keeps its bars and loses no more than the odd space.
    plain = text.replace("_", " ")
    assert normalize_text(spaced, "hi", canonical_only=True) == plain
