"""ISO 15919 letters written in IAST, ITRANS and Harvard-Kyoto."""

import functools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gemma_keras_ft.preprocessing.romanization.romanize_tables import (
    DIVIDED,
    DRAVIDIAN,
    script_letters,
)

# The ASCII schemes write a danda as a bar.
DANDAS = {"itrans": (("॥", "||"), ("।", "|")), "hk": (("॥", "||"), ("।", "|"))}
# Letter case tells letters apart: ITRANS t and T are dental and retroflex.
CASE_SIGNIFICANT = frozenset({"itrans", "hk"})

_ISO = "iso15919"
_GROUPS = ("vowels", "consonants", "extra_consonants", "yogavaahas", "symbols")
# ITRANS reads "k_h" and "a_i" as two letters, as ISO 15919 does "k:h" and "a:i".
# IAST marks only vowels that meet, and Harvard-Kyoto nothing.
_DIVIDERS = {_ISO: ":", "itrans": "_"}
_DIAERESIS = {"iast": {"i": "ï", "u": "ü"}}

# Where the library has nothing, leaks the letter, or leaves ASCII in a scheme that
# is made of it. What is missing here and there is written as in ISO 15919.
_CORRECTED: Mapping[str, Mapping[str, str]] = {
    # The library writes "~", which is Harvard-Kyoto's.
    "iast": {"m̐": "m̐"},
    "itrans": {
        **{"e": "^e", "o": "^o", "ê": "a.c", "ô": "A.c", "ŭ": ""},
        **{"ṃ": "M", "n̆": ".N", "ẖ": "H", "ḫ": "H", "ḵ": "H"},
        **{"ṉ": "n2", "r̆": "R", "t̤": "t", "s̤": "s", "h̤": "h", "ĉ": "ch", "ṯ": "t"},
    },
    "hk": {
        **{"e": "^e", "o": "^o", "ê": "e2", "ô": "o2", "ŭ": ""},
        **{"ṃ": "M", "n̆": "~", "ẖ": "H", "ḫ": "H", "ḵ": "H"},
        **{"r̆": "r2", "t̤": "t", "s̤": "s", "h̤": "h", "ĉ": "c", "ṯ": "t"},
    },
}
# Scripts with short and long e and o: the long ones are capitals in ASCII, and
# IAST, made for Sanskrit, is extended as libraries extend it (ALA-LC), which is ISO
# 15919 but for the vocalic letters.
_DRAVIDIAN_CORRECTED = {
    "itrans": {"e": "e", "o": "o", "ē": "E", "ō": "O"},
    "hk": {"e": "e", "o": "o", "ē": "E", "ō": "O"},
    "iast": {
        **{letter: letter for letter in ("e", "o", "ē", "ō", "ḷ", "ḻ", "ṟ", "ṉ", "ḵ")},
        **{"l̥": "l̥", "l̥̄": "l̥̄", "ōṁ": "ōṃ"},
    },
}


class Scheme(NamedTuple):
    """How a scheme writes one script.

    Args:
        letters: What each ISO 15919 letter becomes; those left out stay.
        units: What reads as one letter.
        divider: What stands between two letters that would read as one.
        diaeresis: Vowels that are marked after an "a" instead.
    """

    letters: Mapping[str, str]
    units: frozenset[str]
    divider: str
    diaeresis: Mapping[str, str]


@functools.cache
def script_scheme(name: str, code: str) -> Scheme:
    """Returns how the scheme of this name writes the script of this code."""
    letters = {} if name == _ISO else _scheme_letters(name, code)
    table = script_letters(code)
    romans = {*table.consonants.values(), *table.vowels.values()}
    units = {letters.get(roman, roman) for roman in romans}
    if name == "itrans":
        # Other ways to type a letter, such as "aa", would be read as that letter.
        units |= {typed for typed in _alternates() if len(typed) > 1}
    return Scheme(
        letters=letters,
        units=frozenset(units),
        divider=_DIVIDERS.get(name, ""),
        diaeresis=_DIAERESIS.get(name, {}),
    )


def write_letters(letters: Sequence[str], scheme: Scheme) -> str:
    """Returns ISO 15919 letters written in a scheme.

    Example:
        in:   ["k", "a", "ī", "a", "i"], ITRANS
        out:  "kaIa_i"
    """
    spelled = letters
    if scheme.letters:
        spelled = [r if r == DIVIDED else scheme.letters.get(r, r) for r in letters]
        spelled = [letter for letter in spelled if letter]
    written: list[str] = []
    divided, previous = False, ""
    for letter, following in zip(spelled, [*spelled[1:], ""], strict=False):
        if letter == DIVIDED:
            divided = True
            continue
        joined = previous + letter
        seen = (previous + letter[0], joined, joined + following)
        if previous and (divided or not scheme.units.isdisjoint(seen)):
            marked = scheme.diaeresis.get(letter) if previous == "a" else None
            written.append(marked or scheme.divider + letter)
        else:
            written.append(letter)
        divided, previous = False, letter
    return "".join(written)


def _scheme_letters(name: str, code: str) -> dict[str, str]:
    dravidian = code in DRAVIDIAN
    library = name + "_dravidian" if dravidian and name != "iast" else name
    letters = {**_library_letters(library), **_CORRECTED[name]}
    return letters | _DRAVIDIAN_CORRECTED[name] if dravidian else letters


def _library_letters(name: str) -> dict[str, str]:
    from indic_transliteration import sanscript

    iso, scheme = sanscript.SCHEMES[sanscript.ISO], sanscript.SCHEMES[name]
    return {
        roman: scheme[group][key]
        for group in _GROUPS
        for key, roman in iso[group].items()
        if key in scheme.get(group, {})
    }


def _alternates() -> list[str]:
    from indic_transliteration import sanscript

    scheme = sanscript.SCHEMES[sanscript.ITRANS]
    ksha = scheme["consonants"]["क्ष"]
    # "N^" would keep N from its short vowels, "^e" and "^o".
    return [
        typed
        for letter, others in scheme["alternates"].items()
        for typed in others
        if letter != ksha and not typed.endswith("^")
    ]
