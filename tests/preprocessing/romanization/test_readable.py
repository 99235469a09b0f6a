import csv
import pathlib
import unicodedata
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma_keras_ft.preprocessing.romanization.readable import readable_text
from gemma_keras_ft.preprocessing.romanization.readable_words import typed_words
from gemma_keras_ft.preprocessing.romanization.romanize import romanize_text
from gemma_keras_ft.preprocessing.romanization.romanize_tables import SCRIPTS

TABLE = pathlib.Path(__file__).parents[2] / "golden" / "romanize_readable.tsv"
with open(TABLE, encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["language"] + row["expected"])
def test_words_are_typed_as_people_type_them(row):
    for form in ("NFC", "NFD"):
        native = unicodedata.normalize(form, row["native"])
        typed = romanize_text(native, scheme="readable", language=row["language"])
        assert typed == row["expected"]


def test_the_table_is_broad_and_says_where_a_row_comes_from():
    counts = Counter(row["language"] for row in ROWS)
    assert set(counts) == {"hi", "pa", "bn", "gu", "mr", "ta"}
    assert min(counts.values()) >= 20 and len(ROWS) >= 190
    assert all(row["source"] for row in ROWS)


def test_most_rows_are_the_rules_own_and_no_exceptions():
    by_rule = [r for r in ROWS if r["native"] not in typed_words(r["language"])]
    assert len(by_rule) / len(ROWS) > 0.8


@pytest.mark.parametrize("language", ["sa", "sa-Deva", None, "awa", "ne"])
def test_sanskrit_and_unnamed_devanagari_lose_no_vowel(language):
    assert readable_text("राम नगर", language) == "rama nagara"


def test_a_script_of_one_language_needs_no_name():
    line = "ਰਾਤ ગામ কথা காதல்"
    assert readable_text(line) == "raat gaam kotha kaadhal"
    assert readable_text(line, "und-x-unknown") == readable_text(line)
    # A word in another script than the language's own is read in the script's.
    assert readable_text(line, "hi") == readable_text(line)
    assert readable_text("कमल ਕਮਲ", "pa") == "kamala kamal"


def test_sanskrit_loses_no_vowel_in_any_script():
    assert readable_text("রাম ਰਾਮ રામ", "sa") == "rama rama rama"


def test_assamese_is_told_from_bengali_by_its_letters():
    assert readable_text("মোৰ মন") == "mora mana"
    assert readable_text("মোর মন") == "mor mon"


@pytest.mark.parametrize(
    ("written", "typed"),
    [
        ("கடல்", "kadal"),  # between vowels voiced, at the head not
        ("சங்கம்", "sangam"),  # after its nasal voiced
        ("பக்கம்", "pakkam"),  # doubled unvoiced
        ("பாடம்", "paadam"),
        ("பட்டம்", "pattam"),
        ("தம்பி", "thambi"),
        ("சபை", "sabai"),
        ("அப்பா", "appa"),
        ("இதம்", "idham"),
        ("கற்பு", "karpu"),  # after a stop-like r unvoiced
        ("வாழ்க", "vaazhga"),  # after a glide voiced
    ],
)
def test_tamil_stops_are_voiced_by_their_place(written, typed):
    assert readable_text(written, "ta") == typed


def test_the_nasal_fits_what_follows():
    assert readable_text("हिंदी लंबा", "hi") == "hindi lamba"
    assert readable_text("संयम सत्यं", "sa") == "samyama satyam"
    assert readable_text("আংটি", "bn") == "angti"


@pytest.mark.parametrize("language", ["hi", "pa", "bn", "gu", "mr", "ta"])
def test_exceptions_are_plain_and_composed(language):
    for native, typed in typed_words(language).items():
        assert unicodedata.is_normalized("NFC", native)
        assert typed.isascii() and typed.isalpha() and typed.islower(), native


LANGUAGES = ["hi", "mr", "sa", "pa", "gu", "bn", "as", "or", "ta", "te", "kn", "ml"]
letters = st.text(
    st.characters(min_codepoint=0x900, max_codepoint=0xD7F, categories=["L", "M"]),
    max_size=8,
)


@given(letters, st.sampled_from([None, *LANGUAGES]))
def test_typing_twice_is_typing_once(word, language):
    once = readable_text(word, language)
    assert readable_text(once, language) == once


@pytest.mark.parametrize("code", sorted(SCRIPTS))
def test_every_letter_of_the_tables_is_typed_in_a_to_z(code):
    from gemma_keras_ft.preprocessing.romanization.romanize_tables import (
        HALF_U,
        script_letters,
    )

    table = script_letters(code)
    raised = set(map(chr, range(0xA8E0, 0xA8F2)))
    for letter in [*table.consonants, *table.vowels, *table.others]:
        if letter in raised:
            continue
        typed = readable_text(letter)
        assert typed.isascii() and (not typed or typed.isalnum()), (letter, typed)
    consonant = next(iter(table.consonants))
    for sign in set(table.signs) - {HALF_U}:
        assert readable_text(consonant + sign).isalpha()


def test_every_language_types_a_to_z():
    for language in LANGUAGES:
        for row in ROWS:
            assert readable_text(row["native"], language).isascii()
