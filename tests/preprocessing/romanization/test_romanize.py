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

from gemma_keras_ft.config import register
from gemma_keras_ft.preprocessing.base import MapPreprocessor
from gemma_keras_ft.preprocessing.romanization.romanize import (
    SCHEMES,
    Romanize,
    check_recipe_case,
    clear_caches,
    romanizable_scripts,
    romanize_text,
)
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.resources.corpus import embedded_records
from gemma_keras_ft.testing import check_preprocessor


def golden_rows(name):
    """Reads a table; code points whose composition matters are escaped in it."""
    table = pathlib.Path(__file__).parents[2] / "golden" / f"romanize_{name}.tsv"
    with open(table, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    for row in rows:
        row["native"] = re.sub(
            r"\\u([0-9a-f]{4})", lambda code: chr(int(code[1], 16)), row["native"]
        )
    return rows


ROWS = golden_rows("iso15919")
OTHER_ROWS = golden_rows("schemes")
LETTERS = defaultdict(set)
for row in ROWS:
    LETTERS[row["orthography"].removeprefix("as-")] |= {
        char for char in row["native"] if char > "\u0900"
    }
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
    counts = Counter(row["orthography"] for row in ROWS)
    assert set(counts) == {*romanizable_scripts(), "as-Beng"}
    assert min(counts.values()) >= 20 and len(ROWS) >= 320
    assert all(row["source"] for row in ROWS)
    assert len({row["native"] for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize(
    "row", OTHER_ROWS, ids=lambda row: f"{row['scheme']} {row['native']}"
)
def test_golden_in_other_schemes(row):
    for form in ("NFC", "NFD"):
        native = unicodedata.normalize(form, row["native"])
        assert romanize_text(native, scheme=row["scheme"]) == row["expected"]
    assert row["source"]


def test_every_scheme_has_rows_of_its_own():
    counts = Counter(row["scheme"] for row in OTHER_ROWS)
    assert set(counts) == {"iast", "itrans", "hk"} and min(counts.values()) >= 12


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


@given(
    st.text(alphabet=st.characters(max_codepoint=0x24F, exclude_categories=["Cs"])),
    st.sampled_from(SCHEMES),
)
def test_latin_digits_and_punctuation_are_untouched(text, scheme):
    text = unicodedata.normalize("NFC", text)
    assert romanize_text(text, scheme=scheme) == text


@pytest.mark.parametrize("scheme", SCHEMES)
def test_code_mixed_english_survives_inside_a_line(scheme):
    line = "आजा Baby, let's go 2NITE – मेरे साथ!"
    romanized = romanize_text(line, scheme=scheme, language="hi")
    assert " Baby, let's go 2NITE – " in romanized
    assert romanized.endswith("!") and not INDIC.search(romanized)


@given(any_script(words), st.sampled_from(["itrans", "hk"]))
def test_ascii_schemes_are_ascii(word, scheme):
    # A joiner that has no letter before it is not a script's.
    word = word.replace("’", "").lstrip("\u200c\u200d")
    assert romanize_text(word, scheme=scheme).isascii()


@given(st.text(), st.sampled_from(SCHEMES))
def test_any_text_comes_out_composed(text, scheme):
    once = romanize_text(text, scheme=scheme)
    assert unicodedata.is_normalized("NFC", once)


@pytest.mark.parametrize("mark", ["\u0301", "\u0328", "\u05b0"])
def test_a_mark_after_an_indic_letter_composes(mark):
    expected = unicodedata.normalize("NFC", "ka" + mark + "i")
    assert romanize_text(f"क{mark}इ") == expected


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
    assert romanize_text("ਜਿਹੱ ਬੱਈਣ ਬੱਇ ੱ") == "jiha baīṇa ba:i "
    assert romanize_text("ਅੱਟ\u0a3c") == "aṭṭa"


def test_letters_are_divided_where_they_would_read_as_one():
    assert romanize_text("அஇ காஃபஇ ક્હ") == "a:i kāfa:i k:ha"
    assert romanize_text("ਦ੍ਹ ਪੜ੍ਹ") == "d:ha paṛha"


def test_malayalam_writes_a_half_u_at_the_end_of_a_word_only():
    assert romanize_text("അത് അത്ഭുതം ക്") == "atŭ atbhutaṁ k"
    # The sign that stands for it inside is no letter of the text's own.
    assert romanize_text("x\ufdd0") == "x\ufdd0"


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


def test_the_step_writes_in_the_scheme_and_language_asked_for():
    song = LyricRecord(id="a", lines=("काम करो",), script="Deva", language="hi")
    assert Romanize()(song).romanized == ("kāma karō",)
    assert Romanize()(song).metadata == {}
    typed = Romanize(scheme="readable")(song)
    assert typed.romanized == ("kaam karo",)
    assert typed.metadata == {"romanization": "readable"}
    assert Romanize(scheme="readable")(song.replace(language="sa")).romanized == (
        "kama karo",
    )


def test_an_unknown_scheme_is_refused():
    with pytest.raises(ValueError, match=r"`scheme` must be one of .*'wx'"):
        romanize_text("क", scheme="wx")
    with pytest.raises(ValueError, match="`scheme` must be one of"):
        Romanize(scheme="wx")


@register("lowercase_lines_in_a_test")
class Unrelated(MapPreprocessor):
    def map(self, record):
        return record


class Lowercase(Unrelated):
    config_name = "lowercase"


@pytest.mark.parametrize("scheme", ["itrans", "hk"])
def test_lowercasing_after_a_case_significant_scheme_is_refused(scheme):
    steps = [Unrelated(), Romanize(scheme=scheme), Unrelated(), Lowercase()]
    with pytest.raises(ValueError, match=f"{scheme}.*dental t and retroflex T"):
        check_recipe_case(steps)
    check_recipe_case([Lowercase(), Romanize(scheme=scheme)])


@pytest.mark.parametrize("scheme", ["iso15919", "iast", "readable"])
def test_lowercasing_after_other_schemes_is_allowed(scheme):
    check_recipe_case([Romanize(scheme=scheme), Lowercase()])


def test_nothing_changes_when_everything_is_forgotten():
    lines = [row["native"] for row in ROWS]
    warm = [romanize_text(line) for line in lines]
    clear_caches()
    assert [romanize_text(line) for line in lines] == warm


@pytest.mark.parametrize("scheme", SCHEMES)
def test_contract(scheme):
    check_preprocessor(Romanize(scheme=scheme))


@pytest.mark.parametrize(
    ("line", "script", "expected"),
    [
        ("ਜਿਹੱ ੱ ਬੱਈਣ", "Guru", "jiha baīṇa"),
        ("ਬੱਇ ੱ", "Guru", "ba:i"),
        ("ੱ ਜਿਹੱ", "Guru", "jiha"),
        ("क \u093c x", "Deva", "ka x"),
        ("ੱ", "Guru", ""),
        # A line that has odd gaps of its own keeps them, and its width.
        ("ਜਿਹ  ਬੱ", "Guru", "jiha  ba"),
        (" काम  करो ", "Deva", " kāma  karō "),
        ("काम\tकरो", "Deva", "kāma\tkarō"),
    ],
)
def test_no_gap_stays_where_a_silent_mark_stood(line, script, expected):
    song = LyricRecord(id="a", lines=(line, "x"), script=script)
    assert Romanize()(song).romanized == (expected, "x")
