import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from gemma_keras_ft.preprocessing.cleaning.punctuation import (
    TidyPunctuation,
    uses_danda,
)
from gemma_keras_ft.records import LyricRecord


def tidied(line, language=None, **options):
    record = LyricRecord(id="a", lines=(line,), language=language)
    return TidyPunctuation(**options)(record)


def test_numbers_of_verses_move_to_the_metadata():
    found = tidied("एक ।।०१।। दो ॥ २ ॥ तीन |3|")
    assert found.lines == ("एक ।। दो ॥ तीन ।",)
    assert found.metadata == {"removed": ["।।०१।।", "॥ २ ॥", "।3।"]}
    assert tidied("॥१॥").lines == ()


@pytest.mark.parametrize(
    "digits", ["1", "१", "১", "੧", "૧", "୧", "௧", "౧", "೧", "൧", "12"]
)
def test_digits_of_every_script_number_a_verse(digits):
    assert tidied(f"a ॥{digits}॥").lines == ("a ॥",)
    assert tidied(f"a {digits} b").lines == (f"a {digits} b",)


def test_a_bar_is_a_danda_where_there_are_indic_letters():
    lines = ("नदी|", "নদী ||", "மழை|", "ਪਾਣੀ |", "rāma |")
    found = TidyPunctuation()(LyricRecord(id="a", lines=lines))
    assert found.lines == ("नदी।", "নদী ।।", "மழை।", "ਪਾਣੀ ।", "rāma |")


@given(st.text(st.characters(categories=["L", "M", "N", "P", "Zs"]), max_size=40))
def test_removing_loses_no_letter_and_joins_no_words(text):
    kept = regex.compile(r"[\p{L}\p{M}\p{N}]")
    line = " ".join(text.split())
    found = "".join(tidied(line, punctuation="remove", verse_numbers="keep").lines)
    assert kept.findall(found) == kept.findall(line)
    before = regex.split(r"[\s\p{P}]+", line)
    after = regex.split(r"[\s\p{P}]+", found)
    assert [word for word in before if kept.search(word)] == [
        word for word in after if kept.search(word)
    ]


@pytest.mark.parametrize("mark", "।॥?!؟۔¿¡'’ʼ()[]་།።־״՞ऽ&%")
def test_what_carries_meaning_stays(mark):
    assert tidied(f"a {mark} b{mark}c", punctuation="remove").lines == (
        f"a {mark} b{mark}c",
    )


@pytest.mark.parametrize("mark", ',;:"“”„«»…—–،؛、，•')
def test_what_carries_none_goes_and_parts_words(mark):
    assert tidied(f"a{mark} b {mark}c", punctuation="remove").lines == ("a b c",)


def test_bars_are_dandas_in_indic_languages():
    assert uses_danda("hi-Latn") and uses_danda("und-Latn") and uses_danda("sa")
    assert not uses_danda("en") and not uses_danda(None)
