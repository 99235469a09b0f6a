"""Indic scripts to ISO 15919, over `indic-transliteration` with corrections."""

import dataclasses
import functools
import unicodedata

import regex

from gemma_keras_ft.config import register
from gemma_keras_ft.preprocessing.base import MapPreprocessor
from gemma_keras_ft.records import LyricRecord

# ISO 15924 code -> the library's name, and the letters of the script. A danda is
# shared by all of them, so it never belongs to a span.
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
# Spelled out before the library sees them: subscript ya (yakash), the sign that
# opens many Gurmukhi texts, read "ik oankaar" and not "om", and chillu letters.
_SPELLED_OUT = {
    "Guru": {"ੵ": "੍ਯ", "ੴ": "ਇਕ ਓਅੰਕਾਰ"},
    "Mlym": {"ൺ": "ണ്", "ൻ": "ന്", "ർ": "ര്", "ൽ": "ല്", "ൾ": "ള്", "ൿ": "ക്"},
}

# ISO 15919 where the library differs. Tamil writes one letter per series of
# stops, which stands for the unvoiced stop; Bengali ব is b; tippi is not bindi.
_CORRECTED = {
    "Taml": {
        **{"க": "k", "ச": "c", "ட": "ṭ", "த": "t", "ப": "p", "ந": "n", "ன": "ṉ"},
        **{"ற": "ṟ", "ழ": "ḻ", "ஃ": "ḵ", "ஶ": "ś"},
    },
    "Beng": {"ব": "b", "ৱ": "v"},
    "Guru": {"ੰ": "ṃ"},
}


def romanizable_scripts() -> tuple[str, ...]:
    """Returns the ISO 15924 codes that `romanize_text` changes."""
    return tuple(sorted(_SCRIPTS))


def romanize_text(text: str) -> str:
    """Returns `text` with every Indic span in ISO 15919; all else untouched.

    Works on mixed text: each run of one script is romanized by that script's own
    rules, so Latin words, digits and punctuation inside a line survive.

    Example:
        in:   "காதல் song வாழ்த்து"
        out:  "kātal song vāḻttu"

    Args:
        text: Text in any scripts. Normalize it first (`normalize_text`).

    References:
        ISO 15919:2001, Transliteration of Devanagari and related Indic scripts.
    """
    text = unicodedata.normalize("NFC", text)
    for code, (_, block) in _SCRIPTS.items():
        pattern = _span_pattern(block)
        if pattern.search(text):
            text = pattern.sub(lambda match, code=code: _word(code, match[0]), text)
    return unicodedata.normalize("NFC", text)


@functools.cache
def _span_pattern(block: str) -> regex.Pattern:
    return regex.compile(rf"\p{{Script={block}}}[\p{{Script={block}}}\u200c\u200d]*")


@functools.lru_cache(maxsize=1 << 16)
def _word(code: str, word: str) -> str:
    from indic_transliteration import sanscript

    # Joiners choose a glyph; the library would write each as a literal "{}".
    word = word.replace("\u200c", "").replace("\u200d", "")
    for table in (_SPELLED_OUT, _RECOMPOSED):
        for old, new in table.get(code, {}).items():
            word = word.replace(old, new)
    hiatus, breathed = _ambiguous(code)
    word = breathed.sub(r"\1:\2", hiatus.sub(r"\1:\2", word))
    return sanscript.transliterate(word, scheme_map=_scheme_map(code))


@functools.cache
def _scheme_map(code: str):
    from indic_transliteration import sanscript

    scheme = sanscript.SCHEMES[_SCRIPTS[code][0]]
    scheme_map = sanscript.SchemeMap(scheme, sanscript.SCHEMES[sanscript.ISO])
    if code == "Taml":
        # The scheme spells Sanskrit sounds by letter pairs, such as "ம்" for
        # anusvara, which Tamil itself does not mean.
        pairs = [key for key in scheme_map.non_marks_viraama if "\u0bcd" in key]
        for key in pairs:
            if key != "க்ஷ":
                scheme_map.non_marks_viraama.pop(key)
                scheme_map.consonants.pop(key, None)
    for letter, roman in _CORRECTED.get(code, {}).items():
        scheme_map.non_marks_viraama[letter] = roman
        if unicodedata.category(letter) == "Lo" and letter != "ஃ":
            scheme_map.consonants[letter] = roman
    return scheme_map


@functools.cache
def _ambiguous(code: str) -> tuple[regex.Pattern, regex.Pattern]:
    """Where ISO 15919 writes a colon: a|i is not ai, and k|h is not kh."""
    from indic_transliteration import sanscript

    scheme = sanscript.SCHEMES[_SCRIPTS[code][0]]
    vowels, consonants = scheme["vowels"], scheme["consonants"]
    nukta = {"Deva": "\u093c", "Beng": "\u09bc", "Guru": "\u0a3c"}.get(code, "")
    letters = "".join({c for c in consonants.values() if len(c) == 1})
    letters += "".join(c for c in _RECOMPOSED.get(code, {}).values())
    inherent = f"[{letters}{vowels['अ']}]" + (f"{nukta}?" if nukta else "")
    hiatus = regex.compile(f"({inherent})([{vowels['इ']}{vowels['उ']}])")
    stops = "".join({consonants[c] for c in "कगचजटडतदपब" if len(consonants[c]) == 1})
    virama = scheme["virama"]["्"]
    breathed = regex.compile(f"([{stops}]{virama})({consonants['ह']})")
    return hiatus, breathed


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
