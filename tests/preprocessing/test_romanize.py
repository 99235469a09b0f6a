import csv
import pathlib
import unicodedata

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from gemma_keras_ft.preprocessing.romanize import (
    Romanize,
    romanizable_scripts,
    romanize_text,
)
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.resources.corpus import embedded_records

TABLE = pathlib.Path(__file__).parents[1] / "golden" / "romanize_iso15919.tsv"
with open(TABLE, encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))

INDIC = regex.compile(
    r"[\p{Devanagari}\p{Bengali}\p{Gurmukhi}\p{Gujarati}\p{Oriya}\p{Tamil}"
    r"\p{Telugu}\p{Kannada}\p{Malayalam}]"
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["native"])
def test_golden(row):
    assert romanize_text(row["native"]) == row["expected"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["native"])
def test_composed_and_decomposed_spellings_agree(row):
    for form in ("NFC", "NFD"):
        spelled = unicodedata.normalize(form, row["native"])
        assert romanize_text(spelled) == row["expected"]


def test_every_script_has_golden_rows():
    assert {row["script"] for row in ROWS} == set(romanizable_scripts())


def test_k_h_is_told_from_kh():
    assert romanize_text("तद्हित") == "tad:hita"
    assert romanize_text("वधू") == "vadhū"


def test_joiners_leave_no_trace():
    assert romanize_text("क\u200dष") == romanize_text("क\u200cष") == romanize_text("कष")


@given(st.text(alphabet=st.characters(max_codepoint=0x24F, exclude_categories=["Cs"])))
def test_latin_digits_and_punctuation_are_untouched(text):
    text = unicodedata.normalize("NFC", text)
    assert romanize_text(text) == text


@given(st.text(alphabet="कखगािीुं्अइउ க்தமிழ்ழா ਕਖੱੰਿ abc.12"))
def test_romanizing_twice_is_romanizing_once(text):
    once = romanize_text(text)
    assert romanize_text(once) == once


@pytest.mark.parametrize("collection", ["thirukkural", "gita", "gurbani_vaaran"])
def test_no_letter_of_the_script_is_left(collection):
    for record in embedded_records([collection]):
        for line in record.lines:
            left = INDIC.findall(romanize_text(line))
            assert not left, (line, left)


def test_gita_agrees_with_its_parallel_romanization():
    """Word for word, after IAST's e, o, ṛ and ṃ are written as in ISO 15919."""
    to_iso = str.maketrans({"e": "ē", "o": "ō", "ṛ": "r̥", "ṃ": "ṁ"})
    same = total = 0
    for record in embedded_records(["gita"]):
        for native, parallel in zip(record.lines, record.romanized, strict=True):
            ours = regex.findall(r"[\p{L}\p{M}:]+", romanize_text(native))
            theirs = regex.findall(
                r"[\p{L}\p{M}]+",
                unicodedata.normalize("NFC", parallel).translate(to_iso),
            )
            same += len(set(ours) & set(theirs))
            total += len(set(theirs))
    # The rest: avagraha and "OM" are written in another way, and typing errors.
    assert same / total > 0.9


def test_records_get_a_line_for_each_line():
    song = LyricRecord(id="a", lines=("காதல்", "", "பாடல்"), script="Taml")
    assert Romanize()(song).romanized == ("kātal", "", "pāṭal")


def test_a_romanization_of_the_records_own_stays():
    song = LyricRecord(id="a", lines=("காதல்",), script="Taml", romanized=("kadhal",))
    assert Romanize()(song) == song
    latin = LyricRecord(id="a", lines=("love",), script="Latn")
    assert Romanize()(latin) == latin
