"""Indic scripts to ISO 15919, over `indic-transliteration` with corrections."""

import dataclasses
import functools
import unicodedata
from collections.abc import Mapping
from typing import Any, NamedTuple

import regex

from gemma_keras_ft.config import register
from gemma_keras_ft.preprocessing.base import MapPreprocessor
from gemma_keras_ft.records import LyricRecord

# ISO 15924 code -> the library's name and Unicode's. A danda is shared by all of
# them, so it never belongs to a span.
_SCRIPTS = {
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
_NUKTA = "\u093c\u09bc\u0a3c\u0abc\u0b3c\u0c3c\u0cbc"
# Stands for the half-u of a final chandrakkala, which has no character.
_HALF_U = "\ue000"

# Joiners choose a glyph; the library would write each as a literal "{}".
_JOINERS = {"\u200c": "", "\u200d": ""}
# NFC takes these apart, but the library knows them whole (Unicode's composition
# exclusions; in Devanagari it is the other way round).
_RECOMPOSED = {
    "Beng": {"ড\u09bc": "\u09dc", "ঢ\u09bc": "\u09dd", "য\u09bc": "\u09df"},
    "Guru": {
        "ਲ\u0a3c": "\u0a33",
        "ਸ\u0a3c": "\u0a36",
        "ਖ\u0a3c": "\u0a59",
        "ਗ\u0a3c": "\u0a5a",
        "ਜ\u0a3c": "\u0a5b",
        "ਫ\u0a3c": "\u0a5e",
    },
    "Orya": {"ଡ\u0b3c": "\u0b5c", "ଢ\u0b3c": "\u0b5d"},
}
# Two spellings of one thing, or a sign that the library does not know.
_RESPELLED = {
    # The eyelash ra of Marathi and Nepali.
    "Deva": {"र्\u200d": "ऱ्"},
    "Guru": {
        # Subscript ya, and subscript ha, for which scripture writes udaat.
        **{"ੵ": "੍ਯ", "ੑ": "੍ਹ"},
        # Opens many texts and is read "ik oankaar", not "om".
        "ੴ": "ਇਕ ਓਅੰਕਾਰ",
        # A vowel sign on its bearer is the letter.
        **{"ਅਾ": "ਆ", "ਅੈ": "ਐ", "ਅੌ": "ਔ", "ੲਿ": "ਇ", "ੲੀ": "ਈ", "ੲੇ": "ਏ", "ੲੈ": "ਐ"},
        **{"ੳੁ": "ਉ", "ੳੂ": "ਊ", "ੳੋ": "ਓ", "ੳਾ": "ਆ", "ੲ": "ਇ", "ੳ": "ਉ"},
    },
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
    "Mlym": {"ഩ": "ṉ", "ഺ": "ṯ"},
}
_VOWEL_SIGNS = {"Gujr": {"ૅ": "ê", "ૉ": "ô"}, "Mlym": {_HALF_U: "ŭ"}}
_OTHERS = {
    "Deva": {"ऱ्": "r̆", "ॲ": "ê"},
    "Guru": {"ੰ": "ṃ"},
    "Gujr": {"ઍ": "ê", "ઑ": "ô"},
    "Taml": {"ஃ": "ḵ", "ஂ": "ṁ"},
    "Telu": {"ఁ": "n̆"},
    "Knda": {"ೲ": "ḫ"},
    "Mlym": {
        **{"ൺ": "ṇ", "ൻ": "n", "ർ": "r", "ൽ": "l", "ൾ": "ḷ", "ൿ": "k"},
        **{"ൔ": "m", "ൕ": "y", "ൖ": "ḻ"},
    },
}


def romanizable_scripts() -> tuple[str, ...]:
    """Returns the ISO 15924 codes that `romanize_text` changes."""
    return tuple(sorted(_SCRIPTS))


def romanize_text(text: str) -> str:
    """Returns `text` with every Indic span in ISO 15919; all else untouched.

    Works on mixed text: each run of one script is romanized by that script's own
    rules, so Latin words, ASCII digits and punctuation (danda too) survive. An
    anusvara is ṁ everywhere, which is the standard's simplified nasalization. A
    nukta on a letter for which the standard has no reading is passed over; rare
    letters that it doesn't cover, such as those of Sindhi, stay as they are.

    Example:
        in:   "காதல் song வாழ்த்து"
        out:  "kātal song vāḻttu"

    Args:
        text: Text in any scripts. Normalize it first (`normalize_text`).

    References:
        ISO 15919:2001, Transliteration of Devanagari and related Indic scripts.
    """
    text = unicodedata.normalize("NFC", text)
    text = _SPANS.sub(lambda span: _word(span.lastgroup, span[0]), text)
    return unicodedata.normalize("NFC", text)


_SPANS = regex.compile(
    "|".join(
        rf"(?P<{code}>\p{{Script={name}}}[\p{{Script={name}}}\u200c\u200d]*)"
        for code, (_, name) in _SCRIPTS.items()
    )
)


class _Rules(NamedTuple):
    """How one script's words are spelled for the library, and how it reads them."""

    reordered: regex.Pattern
    respelled: Mapping[str, str]
    spellings: regex.Pattern
    silent: regex.Pattern
    divided: regex.Pattern
    half_u: regex.Pattern | None
    aksharas: regex.Pattern
    scheme_map: Any


@functools.lru_cache(maxsize=1 << 17)
def _word(code: str, word: str) -> str:
    rules = _rules(code)
    word = rules.reordered.sub(lambda match: match[2] + match[1], word)
    word = rules.spellings.sub(lambda match: rules.respelled[match[0]], word)
    word = rules.divided.sub(":", rules.silent.sub("", word))
    if rules.half_u is not None:
        word = rules.half_u.sub(_HALF_U, word)
    return "".join([_akshara(code, part) for part in rules.aksharas.findall(word)])


@functools.lru_cache(maxsize=1 << 14)
def _akshara(code: str, akshara: str) -> str:
    """Romanizes one syllable; a corpus has a few thousand, and the library is slow."""
    from indic_transliteration import sanscript

    return sanscript.transliterate(akshara, scheme_map=_rules(code).scheme_map)


@functools.cache
def _rules(code: str) -> _Rules:
    from indic_transliteration import sanscript

    scheme = sanscript.SCHEMES[_SCRIPTS[code][0]]
    scheme_map = _scheme_map(code)
    known = scheme_map.consonants
    letters = "".join(key for key in known if len(key) == 1)
    signs = "".join(key for key in scheme_map.vowel_marks if len(key) == 1)
    virama = scheme["virama"]["्"]
    respelled = {**_JOINERS, **_RESPELLED.get(code, {}), **_RECOMPOSED.get(code, {})}
    longest_first = sorted(respelled, key=len, reverse=True)
    with_nukta = {key[0] for key in known if len(key) == 2 and key[1] in _NUKTA}
    no_reading = f"(?<![{''.join(sorted(with_nukta))}])" if with_nukta else ""
    cluster = f"[{letters}][{_NUKTA}]?"
    return _Rules(
        # Typed after the vowel sign, though both belong to the letter before it.
        reordered=regex.compile(f"([{signs}]+)([{_NUKTA}ੑੵ])"),
        respelled=respelled,
        spellings=regex.compile("|".join(longest_first)),
        # A nukta that means nothing on its letter; an addak with nothing to double.
        silent=regex.compile(f"{no_reading}[{_NUKTA}]|ੱ(?![{letters}])"),
        divided=_divided(scheme, known, letters, virama),
        half_u=(
            regex.compile(f"ു{virama}$|(?<=[{letters}])(?<!^.){virama}$")
            if code == "Mlym"
            else None
        ),
        aksharas=regex.compile(
            rf"[ੱஃ]?(?:{cluster}{virama})*{cluster}[^\P{{M}}ੱ]*{_HALF_U}?|."
        ),
        scheme_map=scheme_map,
    )


def _divided(
    scheme: Mapping[str, Any], known: Mapping[str, str], letters: str, virama: str
) -> regex.Pattern:
    """Where ISO 15919 writes a colon: a|i is not ai, and k|h is not kh."""
    vowels, ha = scheme["vowels"], scheme["consonants"]["ह"]
    inherent = f"(?<=[{letters}{vowels['अ']}][{_NUKTA}]?)"
    hiatus = f"{inherent}(?=[{vowels['इ']}{vowels['उ']}])"
    # The library reads Gurmukhi's rha, a ligature, as one letter too.
    whole = {roman for key, roman in known.items() if virama not in key}
    stops = [key for key, roman in known.items() if roman + "h" in whole]
    breathed = f"(?<=(?:{'|'.join(stops)}){virama})(?={ha})"
    return regex.compile(f"{hiatus}|{breathed}" if stops else hiatus)


def _scheme_map(code: str) -> Any:
    from indic_transliteration import sanscript

    scheme = sanscript.SCHEMES[_SCRIPTS[code][0]]
    scheme_map = sanscript.SchemeMap(scheme, sanscript.SCHEMES[sanscript.ISO])
    for key in list(scheme_map.non_marks_viraama):
        # Letter pairs by which the library spells another script's sounds: Tamil
        # "ம்" for anusvara, Bengali "ওঁ" for om, though it begins other words.
        pair = code == "Taml" and "\u0bcd" in key and key != "க்ஷ"
        if pair or (key.endswith(("ঁ", "ଁ")) and len(key) > 1):
            scheme_map.non_marks_viraama.pop(key)
            scheme_map.consonants.pop(key, None)
    scheme_map.consonants.update(_CONSONANTS.get(code, {}))
    scheme_map.non_marks_viraama.update(_CONSONANTS.get(code, {}))
    scheme_map.non_marks_viraama.update(_OTHERS.get(code, {}))
    scheme_map.vowel_marks.update(_VOWEL_SIGNS.get(code, {}))
    return scheme_map


@register("romanize")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Romanize(MapPreprocessor):
    """Stores the ISO 15919 form of the lines beside the native one.

    A record that brings its own romanization keeps it; one in a script that is
    not Indic gets none.
    """

    def map(self, record: LyricRecord) -> LyricRecord:
        """Returns the record with `romanized`, one line for each line."""
        if record.romanized is not None or record.script not in _SCRIPTS:
            return record
        return record.replace(romanized=tuple(map(romanize_text, record.lines)))
