import sys
import unicodedata

import pytest
import regex

from gemma_keras_ft.preprocessing.cleaning.symbols import StripSymbols
from gemma_keras_ft.records import LyricRecord

KEPT = "°№\u0fd5\u0fd6\u0fd7\u0fd8\u25a1\u25af\ufffc\ufffd"


def stripped(*lines, emoji="remove"):
    return StripSymbols(emoji=emoji)(LyricRecord(id="a", lines=lines)).lines


def test_every_symbol_of_no_script_goes_and_nothing_else():
    common = regex.compile(r"\p{Common}")
    chars = [
        char
        for char in map(chr, range(0xA0, sys.maxunicode + 1))
        if unicodedata.category(char) in ("So", "Mn", "Mc") or char.isalnum()
    ]
    found = stripped(*(f"a {char} b" for char in chars))
    for char, line in zip(chars, found, strict=True):
        goes = unicodedata.category(char) == "So" and common.match(char)
        kept = not goes or char in KEPT
        assert line == (f"a {char} b" if kept else "a b"), hex(ord(char))


@pytest.mark.parametrize(
    "emoji",
    [
        "🙂",
        "❤️",
        "❤",
        "👩🏽‍🎤",
        "🏳️‍🌈",
        "🇮🇳",
        "👍🏿",
        "🏴󠁧󠁢󠁳󠁣󠁴󠁿",
        "☺️",
        "🕉️",
        "👨‍👩‍👧‍👦",
        "🔥🔥🔥",
    ],
)
def test_emoji_go_whole_or_stay_whole(emoji):
    assert stripped(f"नदी{emoji}", emoji, f"{emoji} नाव {emoji}") == ("नदी", "नाव")
    assert stripped(f"नदी {emoji}", emoji="keep") == (f"नदी {emoji}",)


def test_a_rule_parts_stanzas_and_a_symbol_does_not():
    assert stripped("a", "=====", "b", "♪", "c") == ("a", "", "b", "c")
    assert stripped("a", "—", "...", "b") == ("a", "—", "...", "b")
