import csv
import importlib.util
import pathlib
import re
import subprocess
import sys
import time

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from gemma_keras_ft.preprocessing.text import words as module
from gemma_keras_ft.preprocessing.text.words import (
    split_aksharas,
    split_words,
    word_segmenter,
)

HAS_ICU = importlib.util.find_spec("icu4py") is not None
needs_icu = pytest.mark.skipif(not HAS_ICU, reason="needs the extra `[segment]`")


def golden_rows():
    """Reads the table; words stand between spaces, invisible characters escaped."""
    table = pathlib.Path(__file__).parents[2] / "golden" / "words.tsv"
    with open(table, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    for row in rows:
        for name in ("text", "expected"):
            row[name] = re.sub(
                r"\\u([0-9a-f]{4})", lambda code: chr(int(code[1], 16)), row[name]
            )
    return rows


ROWS = golden_rows()


def rows_of(kind):
    rows = [row for row in ROWS if row["kind"] == kind]
    return pytest.mark.parametrize("row", rows, ids=lambda row: ascii(row["text"]))


@rows_of("words")
def test_golden_words(row):
    for segment in (True, False):
        if segment and HAS_ICU and row["language"] == "ja":
            continue
        found = split_words(row["text"], row["language"] or None, segment=segment)
        assert found == row["expected"].split()


@rows_of("clusters")
def test_golden_clusters(row, monkeypatch):
    expected = row["expected"].split()
    assert split_words(row["text"], row["language"], segment=False) == expected
    monkeypatch.setattr(module, "_has_icu", lambda: False)
    assert split_words(row["text"], row["language"]) == expected
    assert word_segmenter() == "clusters"


@needs_icu
@rows_of("segmented")
def test_golden_segments(row):
    assert split_words(row["text"], row["language"]) == row["expected"].split()


@rows_of("aksharas")
def test_golden_aksharas(row):
    assert split_aksharas(row["text"]) == row["expected"].split()


def test_the_table_is_broad_and_says_where_a_row_comes_from():
    counts = {kind: 0 for kind in ("words", "clusters", "segmented", "aksharas")}
    for row in ROWS:
        counts[row["kind"]] += 1
        assert row["source"]
    assert counts["words"] >= 45 and counts["aksharas"] >= 30
    assert len({row["language"] for row in ROWS}) >= 30


@needs_icu
def test_the_segmenter_is_named_with_its_version():
    assert re.fullmatch(r"icu-\d+\.\d+(\.\d+)*", word_segmenter())


def test_importing_the_module_imports_no_segmenter():
    code = (
        "import sys, gemma_keras_ft.preprocessing.text.words as w;"
        "w.split_words('la la'); sys.exit('icu4py' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# All letters but those of emoji, and what no eye sees.
KEPT = regex.compile(r"(?!\p{Default_Ignorable_Code_Point})[\p{L}\p{M}\p{N}]")
EMOJI = regex.compile("[0-9#*]\ufe0f?\u20e3|\u20e3")
LANGUAGES = st.sampled_from([None, "hi", "fr", "it", "pa", "tl", "th", "fa"])
MIXED = st.text(
    st.sampled_from(
        "क्षा१ंঅ্যழ்ക്ﻻൎਦ'ਚ’l'aé-.,1٫3กัวเข関がーラプ한각ᄒ\u1161မ်ာ္ខ្មែརשג׳\"·"
        "\u200b\u200c\u200d\u00ad\ufeff\u0301\u3099\u20e3\ufe0f\u034f\u3164 👩🏽।॥،؟\n"
    ),
    max_size=24,
)


@settings(max_examples=500)
@given(st.one_of(MIXED, st.text()), LANGUAGES, st.booleans())
def test_no_letter_mark_or_digit_is_lost(text, language, segment):
    expected = KEPT.findall(EMOJI.sub(" ", text))
    for found in (split_words(text, language, segment=segment), split_aksharas(text)):
        assert KEPT.findall("".join(found)) == expected
        assert all(KEPT.search(word) for word in found)


@settings(max_examples=300)
@given(st.one_of(MIXED, st.text()), LANGUAGES)
def test_no_mark_or_joiner_is_parted_from_its_letter(text, language):
    text = EMOJI.sub(" ", text)
    for found in (split_words(text, language), split_aksharas(text)):
        end = 0
        for word in found:
            start = text.index(word, end)
            if regex.match(r"[\p{M}\u200c\u200d]", word):
                assert not regex.search(
                    r"(?!\p{Default_Ignorable_Code_Point})[\p{L}\p{M}\p{N}]\Z",
                    text[:start],
                )
            end = start + len(word)


@given(MIXED, LANGUAGES)
def test_words_do_not_hold_spaces_and_split_no_further(text, language):
    for word in split_words(text, language, segment=False):
        assert not regex.search(r"\s", word)
        assert split_words(word, language, segment=False) == [word] or (
            # Elided: its apostrophe was held by what followed.
            word.endswith(tuple("'’")) and language in ("fr", "it")
        )


@given(MIXED)
def test_aksharas_are_those_of_the_words(text):
    text = regex.sub(r"[\u200b-\u200d\u00ad\ufeff\u034f\u3164\ufe0f]", "", text)
    found = [unit for word in split_words(text) for unit in split_aksharas(word)]
    assert "".join(found) == "".join(split_aksharas(text))


ALL_KINDS = (
    *("लाला ", "क्", "क्ष", "\u200d", "\u0301", "ൎ", "க்ஷ", "ක්\u200d", "ᄒ", "က\u1039"),
    *("a'", "l'a", "1,", "a\u00ad", 'א"', "1\u20e3", "ก", "關", "ラ"),
)


@pytest.mark.parametrize(
    ("unit", "language"),
    [("a-", "tl"), ("ਦ'ਚ", "pa"), *((unit, "fr") for unit in ALL_KINDS)],
)
def test_a_line_of_100000_characters_takes_no_more_than_its_share(unit, language):
    text = unit * (100_000 // len(unit))
    start = time.process_time()
    split_words(text, language)
    split_words(text, language, segment=False)
    split_aksharas(text)
    assert time.process_time() - start < 5
