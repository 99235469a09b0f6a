import itertools
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemma_keras_ft.preprocessing.romanization.romanize_letters import (
    iso_letters,
    script_of,
    split_spans,
)
from gemma_keras_ft.preprocessing.romanization.romanize_plain import romanize_plain
from gemma_keras_ft.preprocessing.romanization.romanize_tables import (
    SCRIPTS,
    script_letters,
)
from gemma_keras_ft.preprocessing.romanization.schemes import (
    script_scheme,
    write_letters,
)
from gemma_keras_ft.resources.corpus import embedded_records


def akshara_by_akshara(text):
    """The long way, which every special case takes."""
    parts = []
    for span in split_spans(text):
        code = script_of(span[0])
        if code is not None:
            span = write_letters(iso_letters(span), script_scheme("iso15919", code))
        parts.append(span)
    return unicodedata.normalize("NFC", "".join(parts))


def assert_same(text):
    plain = romanize_plain(text)
    if plain is not None:
        assert unicodedata.normalize("NFC", plain) == akshara_by_akshara(text), text


@pytest.mark.parametrize("collection", ["gita", "gurbani_vaaran", "thirukkural"])
def test_lines_of_the_corpus_are_what_their_aksharas_give(collection):
    lines = {line for record in embedded_records([collection]) for line in record.lines}
    for line in lines:
        assert_same(line)
    plain = sum(romanize_plain(line) is not None for line in lines)
    assert plain / len(lines) > 0.9


LETTERS = {
    code: sorted(
        {*table.consonants, *table.vowels, *table.signs, *table.others, table.virama}
    )
    for code, table in ((code, script_letters(code)) for code in SCRIPTS)
}
ANY = sorted(itertools.chain.from_iterable(LETTERS.values()))
EXTRA = ["\u200c", "\u200d", "\u093c", "\u0a3c", "\u09bc", " ", "a", "lai", "॥", "\x01"]


def texts(letters):
    return st.lists(st.sampled_from(letters), max_size=8).map("".join)


@settings(max_examples=400)
@given(st.sampled_from(sorted(SCRIPTS)).flatmap(lambda c: texts(LETTERS[c] + EXTRA)))
def test_any_text_of_one_script_is_what_its_aksharas_give(text):
    assert_same(text)
    assert_same(unicodedata.normalize("NFC", text))


@settings(max_examples=300)
@given(texts(ANY + EXTRA))
def test_any_text_of_many_scripts_is_what_its_aksharas_give(text):
    assert_same(text)


@given(st.text())
def test_any_text_at_all_is_what_its_aksharas_give(text):
    assert_same(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("धर्मक्षेत्रे", "dharmakṣētrē"),
        ("उन्हें तुम्हारा", "unhēṁ tumhārā"),
        ("कइ अउ कई", "ka:i a:u kaī"),
        ("लड\u093cका पढ\u093cो", "laṛakā paṛhō"),
        ("अन्\u200dत क्\u200cष", "anta kṣa"),
        ("ਪੜਿ ਸ\u0a3cਬਦ", "paṛi śabada"),
        ("நீர் ஊற்று", "nīr ūṟṟu"),
        ("நீர்இன்று எஃகு", "nīr:iṉṟu eḵku"),
        ("la इ aइ laa", "la i ai laa"),  # a Latin a is no consonant's
    ],
)
def test_plain_lines_are_taken(text, expected):
    assert romanize_plain(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "क्ह",  # not kh
        "ਅੱਖ",  # addak doubles what follows
        "ਪੜ੍ਹ",  # one letter of three characters
        "दर्\u200dया",  # a joiner that is part of a letter
        "ా",  # on no consonant
        "অ্যা",
        "അത്",  # a half-u
        "ஃபோன்",  # one letter of two characters
        "क\u093eी",
        "laि",  # not the Latin letter's either
    ],
)
def test_special_cases_are_left_to_the_aksharas(text):
    assert romanize_plain(text) is None
