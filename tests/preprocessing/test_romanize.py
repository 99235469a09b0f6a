import csv
import itertools
import pathlib
import re
import unicodedata
from collections import Counter, defaultdict

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from gemma_keras_ft.preprocessing.romanize import (
    Romanize,
    romanizable_scripts,
    romanize_text,
)
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.resources.corpus import embedded_records
from gemma_keras_ft.testing import check_preprocessor


def golden_rows():
    """Reads the table; code points whose composition matters are escaped in it."""
    table = pathlib.Path(__file__).parents[1] / "golden" / "romanize_iso15919.tsv"
    with open(table, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    for row in rows:
        row["native"] = re.sub(
            r"\\u([0-9a-f]{4})", lambda code: chr(int(code[1], 16)), row["native"]
        )
    return rows


ROWS = golden_rows()
LETTERS = defaultdict(set)
for row in ROWS:
    LETTERS[row["script"]] |= {char for char in row["native"] if char > "\u0900"}
LETTERS = {script: sorted(letters - {"’"}) for script, letters in LETTERS.items()}

INDIC = regex.compile(
    r"[\p{Devanagari}\p{Bengali}\p{Gurmukhi}\p{Gujarati}\p{Oriya}\p{Tamil}"
    r"\p{Telugu}\p{Kannada}\p{Malayalam}]"
)
DANDA = "।॥"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["native"])
def test_golden_however_it_is_composed(row):
    native = row["native"]
    assert romanize_text(native) == row["expected"]
    for form in ("NFC", "NFD"):
        assert romanize_text(unicodedata.normalize(form, native)) == row["expected"]


def test_the_table_is_broad_and_says_where_a_row_comes_from():
    counts = Counter(row["script"] for row in ROWS)
    assert set(counts) == set(romanizable_scripts())
    assert min(counts.values()) >= 15 and len(ROWS) >= 240
    assert all(row["source"] for row in ROWS)
    assert len({row["native"] for row in ROWS}) == len(ROWS)


def words(script):
    """Words, possible or not, of what the table has of a script."""
    return st.text(st.sampled_from([*LETTERS[script], "\u200c", "\u200d"]), max_size=8)


def any_script(strategy):
    return st.sampled_from(romanizable_scripts()).flatmap(strategy)


@given(any_script(words))
def test_no_letter_of_the_script_is_left(word):
    romanized = romanize_text(word)
    assert set(INDIC.findall(romanized)) <= set(DANDA)
    # Lowercasing merges nothing in ISO 15919.
    assert romanized == romanized.lower()


@given(any_script(words))
def test_romanizing_twice_is_romanizing_once(word):
    once = romanize_text(word)
    assert romanize_text(once) == once
    assert unicodedata.is_normalized("NFC", once)


@given(st.text(alphabet=st.characters(max_codepoint=0x24F, exclude_categories=["Cs"])))
def test_latin_digits_and_punctuation_are_untouched(text):
    text = unicodedata.normalize("NFC", text)
    assert romanize_text(text) == text


ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1)


@settings(max_examples=40)
@given(st.lists(st.tuples(ASCII, any_script(words)), max_size=4))
def test_mixed_text_is_romanized_span_by_span(pairs):
    mixed = "".join(latin + native for latin, native in pairs)
    apart = "".join(latin + romanize_text(native) for latin, native in pairs)
    assert romanize_text(mixed) == unicodedata.normalize("NFC", apart)


@settings(max_examples=40)
@given(any_script(lambda script: st.tuples(st.just(script), st.lists(words(script)))))
def test_records_get_a_line_for_each_line(case):
    script, lines = case
    romanized = Romanize()(LyricRecord(id="a", lines=lines, script=script)).romanized
    assert romanized == tuple(romanize_text(line) for line in lines)


def test_letters_outside_the_standard_stay():
    assert romanize_text("ॻाड़ो") == "ॻāṛō"


def test_a_nukta_without_a_reading_is_passed_over():
    assert romanize_text("झ\u093cि क\u093c x\u093c ట\u0c3cి") == "jhi qa x ṭi"


def test_an_addak_with_nothing_to_double_is_passed_over():
    assert romanize_text("ਜਿਹੱ ਬੱਈਣ") == "jiha baīṇa"


def test_a_vowel_bearer_with_its_sign_is_a_vowel():
    assert romanize_text("ਢੋੲੈ ਅਾਪ ੳੁਹ") == romanize_text("ਢੋਐ ਆਪ ਉਹ") == "ḍhōai āpa uha"


@pytest.mark.parametrize("collection", ["thirukkural", "gita", "gurbani_vaaran"])
def test_the_embedded_corpus_leaves_nothing_unread(collection):
    for record in itertools.islice(embedded_records([collection]), 0, None, 5):
        for line in record.lines:
            left = set(INDIC.findall(romanize_text(line))) - set(DANDA)
            assert not left, (line, left)


def test_gita_agrees_with_its_parallel_romanization():
    """Word for word, written in the conventions of ISO 15919.

    What differs is the parallel edition's own: "OM", a word or a letter that one
    edition has and the other hasn't.
    """
    to_iso = str.maketrans({"e": "ē", "o": "ō", "ṛ": "r̥", "ṝ": "r̥̄", "ṃ": "ṁ"})
    word = regex.compile(r"[\p{L}\p{M}':]+")
    same = total = 0
    for record in embedded_records(["gita"]):
        for native, parallel in zip(record.lines, record.romanized, strict=True):
            # Its avagraha is a dot and the vowel that was elided.
            parallel = regex.sub(r"\.[aā]", "'", unicodedata.normalize("NFC", parallel))
            parallel = parallel.lower().translate(to_iso)
            ours = word.findall(romanize_text(native))
            theirs = word.findall(unicodedata.normalize("NFC", parallel))
            same += (Counter(ours) & Counter(theirs)).total()
            total += max(len(ours), len(theirs))
    assert total > 6_500
    assert same / total > 0.987


def test_a_romanization_of_the_records_own_stays():
    song = LyricRecord(id="a", lines=("காதல்",), script="Taml", romanized=("kadhal",))
    assert Romanize()(song) == song
    latin = LyricRecord(id="a", lines=("love",), script="Latn")
    assert Romanize()(latin) == latin


def test_contract():
    check_preprocessor(Romanize())
