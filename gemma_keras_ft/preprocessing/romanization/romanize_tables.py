"""Letters of nine Indic scripts in ISO 15919: the library's tables, corrected."""

import functools
import unicodedata
from collections.abc import Mapping
from typing import Any, NamedTuple

import regex

# ISO 15924 code -> the library's name and Unicode's. A danda is shared by all of
# them, so it never belongs to a word.
SCRIPTS = {
    "Deva": ("devanagari", "Devanagari"),
    "Beng": ("bengali", "Bengali"),
    "Guru": ("gurmukhi", "Gurmukhi"),
    "Gujr": ("gujarati", "Gujarati"),
    "Orya": ("oriya", "Oriya"),
    "Taml": ("tamil", "Tamil"),
    "Telu": ("telugu", "Telugu"),
    "Knda": ("kannada", "Kannada"),
    "Mlym": ("malayalam", "Malayalam"),
}
# Scripts that tell short e and o from long ones.
DRAVIDIAN = frozenset({"Taml", "Telu", "Knda", "Mlym"})
NUKTA = "\u093c\u09bc\u0a3c\u0abc\u0b3c\u0c3c\u0cbc"
JOINERS = "\u200c\u200d"
# Stands for the half-u of a final chandrakkala, which has no character of its own.
HALF_U = "\ufdd0"
# Two letters meet that would read as one or as a letter and its vowel.
DIVIDED = ":"

# Two spellings of one thing, or a sign that the library does not know. Applied to
# composed text, longest first; joiners that are left then only choose a glyph.
RESPELLED: Mapping[str, Mapping[str, str]] = {
    "Deva": {
        # The eyelash ra of Marathi and Nepali.
        "र्\u200d": "ऱ्",
        **{"अॅ": "ॲ", "आॅ": "ऑ"},
    },
    # Secondary ya after a whole ra, and khanda ta.
    "Beng": {"র\u200d্": f"র্{DIVIDED}", "ৎ": "ত্"},
    "Guru": {
        # Subscript ya, and subscript ha, for which scripture writes udaat.
        **{"ੵ": "੍ਯ", "ੑ": "੍ਹ"},
        # Opens many texts and is read "ik oankaar", not "om".
        "ੴ": "ਇਕ ਓਅੰਕਾਰ",
        # A vowel sign on its bearer is the letter.
        **{"ਅਾ": "ਆ", "ਅੈ": "ਐ", "ਅੌ": "ਔ", "ੲਿ": "ਇ", "ੲੀ": "ਈ", "ੲੇ": "ਏ", "ੲੈ": "ਐ"},
        **{"ੳੁ": "ਉ", "ੳੂ": "ਊ", "ੳੋ": "ਓ", "ੳਾ": "ਆ", "ੲ": "ਇ", "ੳ": "ਉ"},
    },
    "Telu": {"ౝ": "న్"},
    "Knda": {"ೝ": "ನ್", "\u0cdc": "ಶ್ರೀ"},
    "Mlym": {
        # Chillu letters as they were typed before Unicode had them.
        **{"ണ്\u200d": "ൺ", "ന്\u200d": "ൻ", "ര്\u200d": "ർ"},
        **{"ല്\u200d": "ൽ", "ള്\u200d": "ൾ", "ക്\u200d": "ൿ"},
        **{"ൗ": "ൌ", "ൎ": "ർ", "ൟ": "ഈ"},
    },
}

# ISO 15919 where the library differs or has nothing. Tamil writes one letter per
# series of stops, which stands for the unvoiced stop; Bengali ব is b.
_CONSONANTS = {
    "Deva": {"त\u093c": "t̤", "स\u093c": "s̤", "ह\u093c": "h̤", "व\u093c": "w"},
    "Beng": {"ব": "b", "ৱ": "v"},
    "Orya": {"ୱ": "w"},
    "Taml": {
        **{"க": "k", "ச": "c", "ட": "ṭ", "த": "t", "ப": "p", "ந": "n", "ன": "ṉ"},
        **{"ற": "ṟ", "ழ": "ḻ", "ஶ": "ś"},
    },
    "Telu": {"ౘ": "ĉ", "ౙ": "z"},
    "Mlym": {"ഩ": "ṉ", "ഺ": "ṯ"},
}
_VOWELS = {"Deva": {"ॲ": "ê"}, "Gujr": {"ઍ": "ê", "ઑ": "ô"}}
_SIGNS = {"Gujr": {"ૅ": "ê", "ૉ": "ô"}, "Mlym": {HALF_U: "ŭ"}}
_OTHERS = {
    "Deva": {"ऱ्": "r̆"},
    "Guru": {"ੰ": "ṃ"},
    "Taml": {"ஃ": "ḵ", "ஂ": "ṁ"},
    "Telu": {"ఁ": "n̆"},
    "Knda": {"ೲ": "ḫ"},
    "Mlym": {
        **{"ൺ": "ṇ", "ൻ": "n", "ർ": "r", "ൽ": "l", "ൾ": "ḷ", "ൿ": "k"},
        **{"ൔ": "m", "ൕ": "y", "ൖ": "ḻ"},
    },
}


class Letters(NamedTuple):
    """One script's letters in ISO 15919; every key is in NFC.

    Args:
        consonants: Consonant letters, with or without nukta.
        vowels: Independent vowel letters.
        signs: Dependent vowel signs.
        others: Nasal signs, visarga, avagraha, digits and letters without a vowel.
        virama: The sign that takes a consonant's own vowel away.
    """

    consonants: Mapping[str, str]
    vowels: Mapping[str, str]
    signs: Mapping[str, str]
    others: Mapping[str, str]
    virama: str


def single_letter(roman: str) -> str:
    """Returns the letter by which a consonant is doubled: kh is doubled as kkh.

    Args:
        roman: A consonant in ISO 15919.
    """
    return "k" if roman == "k͟h" else roman.removesuffix("h") or roman


@functools.cache
def script_letters(code: str) -> Letters:
    """Returns the letters of the script with this ISO 15924 code."""
    from indic_transliteration import sanscript

    scheme = sanscript.SCHEMES[SCRIPTS[code][0]]
    scheme_map = sanscript.SchemeMap(scheme, sanscript.SCHEMES[sanscript.ISO])
    own = regex.compile(rf"[\p{{Script={SCRIPTS[code][1]}}}{NUKTA}]+")

    def table(library: Mapping[str, str], corrections: Mapping[str, Any]):
        # The library spells another script's sounds with letter pairs and ASCII:
        # Tamil "ரு'" for vocalic r, Bengali "ওঁ" for om, though it begins words.
        whole = {key: value for key, value in library.items() if own.fullmatch(key)}
        whole.update(corrections.get(code, {}))
        return {unicodedata.normalize("NFC", key): v for key, v in whole.items()}

    virama = scheme["virama"]["्"]
    consonants = table(scheme_map.consonants, _CONSONANTS)
    vowels = table(scheme_map.vowels, _VOWELS)
    rest = scheme_map.non_marks_viraama.items()
    others = {key: value for key, value in rest if len(key) == 1}
    others = table(others, _OTHERS)
    respelled = RESPELLED.get(code, {})
    return Letters(
        # A conjunct is its letters, but for Gurmukhi's rha, which is one letter.
        consonants={
            key: roman
            for key, roman in consonants.items()
            if virama not in key or roman == "ṛh"
        },
        vowels=vowels,
        signs=table(scheme_map.vowel_marks, _SIGNS),
        others={
            key: roman
            for key, roman in others.items()
            if not any(key in known for known in (consonants, vowels, respelled))
        },
        virama=virama,
    )
