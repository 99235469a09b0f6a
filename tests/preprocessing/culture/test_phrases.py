import pickle
import unicodedata

import hypothesis
import hypothesis.strategies as st
import pytest
import regex

from gemma_keras_ft.preprocessing.culture.phrases import (
    Match,
    PhraseMatcher,
    merge_spans,
    replace_spans,
)

# Letters, marks, digits, joiners, spaces and signs that meet in songs, decomposed
# and composed, and half a surrogate pair.
CHARACTERS = "रामा्हु ़é e\u0301ß\u0130क1\u200c\u200d'-।愛ラ\u1100\u1161\ud83d"


def found_texts(matcher, text):
    return [text[start:end] for _, start, end in matcher.find(text)]


@pytest.mark.parametrize(
    ("phrase", "text", "count"),
    [
        ("राम", "राम, राम! (राम) राम।", 4),
        ("राम", "रामायण आराम रामा राम्य", 0),
        ("राम", "राम-राम", 2),
        ("जय राम", "जय राम जय\nराम", 1),
        ("மணி", "மணியே மணி", 1),
        ("ਸਤਿ", "ਸਤਿਗੁਰੁ ਸਤਿ", 1),
        ("خواهم", "می\u200cخواهم", 0),
        ("দৰ", "দৰ\u200d দৰ", 1),
        ("don", "don't", 1),
        ("7", "17 7 7a", 1),
        ("愛", "我愛你", 1),
        ("รัก", "ฉันรักเธอ", 1),
        ("รัก", "รัก\u0e48", 0),
        ("ॐ", "ॐ, ॐकार", 1),
        ("॥ राम ॥", "॥ राम ॥सीता", 1),
        ("la la", "la la la", 2),
    ],
)
def test_only_whole_tokens_are_found(phrase, text, count):
    assert found_texts(PhraseMatcher([phrase]), text) == [phrase] * count


def test_overlapping_phrases_are_all_found_longest_first():
    assert PhraseMatcher(["जय राम", "राम", "राम जय"]).find("जय राम जय") == [
        Match(0, 0, 6),
        Match(2, 3, 9),
        Match(1, 3, 6),
    ]


def test_offsets_are_those_of_the_text_as_it_was_given():
    text = "x Cafe\u0301, cafe\u0301 zoe\u0308"
    assert found_texts(PhraseMatcher(["caf\u00e9"]), text) == ["cafe\u0301"]
    folded = found_texts(PhraseMatcher(["caf\u00e9", "ZOË"], fold=True), text)
    assert folded == ["Cafe\u0301", "cafe\u0301", "zoe\u0308"]


def test_nukta_letters_are_found_however_they_are_typed():
    for typed in ("\u095c", "ड\u093c"):
        text = f"प{typed} प{typed}ा"
        assert found_texts(PhraseMatcher(["प\u095c"]), text) == [f"प{typed}"]


def test_folding_finds_what_becomes_longer():
    matcher = PhraseMatcher(["straße", "İstanbul"], fold=True)
    text = "STRASSE Straße; straßen i\u0307stanbul"
    assert found_texts(matcher, text) == ["STRASSE", "Straße", "i\u0307stanbul"]
    assert PhraseMatcher(["Amen"]).find("amen") == []


def test_half_a_surrogate_pair_does_not_stop_the_search():
    assert PhraseMatcher(["b"]).find("a\ud83d b\udc00") == [Match(0, 3, 4)]


def test_a_copy_from_pickle_finds_the_same():
    matcher = PhraseMatcher(["राम", "ß"], fold=True)
    assert matcher.find("राम SS")
    copied = pickle.loads(pickle.dumps(matcher))
    assert copied.find("राम SS") == matcher.find("राम SS")
    assert b"ahocorasick" not in pickle.dumps(matcher)


def test_no_phrases_find_nothing():
    assert PhraseMatcher([]).find("राम") == []
    assert len(PhraseMatcher([])) == 0


@pytest.mark.parametrize("phrase", ["", " \n\t", None, 7])
def test_a_blank_phrase_is_refused(phrase):
    with pytest.raises(ValueError, match="`phrase` must be a word or more"):
        PhraseMatcher([phrase])


def test_a_phrase_is_tidied():
    assert PhraseMatcher([" जय   राम\n"]).phrases == ("जय राम",)


WORD = regex.compile(r"[\p{L}\p{M}\p{N}\u200c\u200d]")
BOUND = regex.compile(r"[\p{M}\u200c\u200d]")
UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}]")


def is_border(left, right):
    if not left or not right:
        return True
    if BOUND.match(right) or left in "\u200c\u200d":
        return False
    both = WORD.match(left) and WORD.match(right)
    return not both or bool(UNSPACED.match(left) or UNSPACED.match(right))


def slow_matches(phrases, text):
    """Every place of every phrase, looked up letter by letter."""
    return sorted(
        (number, start, start + len(phrase))
        for number, phrase in enumerate(phrases)
        for start in range(len(text))
        if text.startswith(phrase, start)
        and is_border(text[start - 1 : start], phrase[0])
        and is_border(phrase[-1], text[start + len(phrase) :][:1])
    )


phrases = st.text(CHARACTERS.replace("\ud83d", ""), min_size=1, max_size=4).filter(
    lambda text: text.split()
)


@hypothesis.given(st.lists(phrases, max_size=6), st.text(CHARACTERS, max_size=30))
def test_the_matcher_finds_what_a_slow_search_finds(phrases, text):
    matcher = PhraseMatcher(phrases)
    text = unicodedata.normalize("NFC", text)
    assert sorted(matcher.find(text)) == slow_matches(matcher.phrases, text)


@hypothesis.given(
    st.lists(phrases, max_size=6), st.text(CHARACTERS, max_size=30), st.booleans()
)
def test_what_is_found_is_the_phrase_in_nfc(phrases, text, fold):
    matcher = PhraseMatcher(phrases, fold=fold)
    matches = matcher.find(text)
    assert matches == sorted(matches, key=lambda m: (m.start, -m.end, m.phrase))
    for number, start, end in matches:
        found = unicodedata.normalize("NFC", text[start:end])
        if not fold:
            assert found == matcher.phrases[number]
        else:
            assert found.casefold().casefold() and start < end
    normalized = unicodedata.normalize("NFC", text)
    assert len(matcher.find(normalized)) == len(matches)


def test_merged_spans_cover_what_the_matches_cover():
    matches = [Match(0, 0, 4), Match(1, 2, 6), Match(2, 6, 8), Match(3, 9, 10)]
    assert merge_spans(matches) == [(0, 6), (6, 8), (9, 10)]


def test_replaced_spans_leave_all_else():
    assert replace_spans("abcdef", [(1, 3), (3, 4)], str.upper) == "aBCDef"
    assert replace_spans("abc", [], str.upper) == "abc"
