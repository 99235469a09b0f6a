"""Which script a text is in, and which scripts a language is written in."""

import functools
from collections import Counter

import regex

from gemma_keras_ft.preprocessing.text.language_profiles import LANGUAGES_OF_SCRIPT

# ISO 15924 code -> Unicode's name of the script.
_SCRIPTS = {
    "Latn": "Latin",
    "Deva": "Devanagari",
    "Beng": "Bengali",
    "Guru": "Gurmukhi",
    "Gujr": "Gujarati",
    "Orya": "Oriya",
    "Taml": "Tamil",
    "Telu": "Telugu",
    "Knda": "Kannada",
    "Mlym": "Malayalam",
    "Sinh": "Sinhala",
    "Arab": "Arabic",
    "Hebr": "Hebrew",
    "Cyrl": "Cyrillic",
    "Grek": "Greek",
    "Thai": "Thai",
    "Laoo": "Lao",
    "Khmr": "Khmer",
    "Mymr": "Myanmar",
    "Tibt": "Tibetan",
    "Thaa": "Thaana",
    "Olck": "Ol_Chiki",
    "Mtei": "Meetei_Mayek",
    "Geor": "Georgian",
    "Armn": "Armenian",
    "Ethi": "Ethiopic",
    "Hang": "Hangul",
    "Hira": "Hiragana",
    "Kana": "Katakana",
    "Hani": "Han",
}
_PATTERNS = {
    code: regex.compile(rf"\p{{Script={name}}}") for code, name in _SCRIPTS.items()
}
# Scripts that one language writes before all others. Not Devanagari, Bengali,
# Latin, Arabic, Cyrillic, Hebrew, Ethiopic or Han, which several share.
_LANGUAGES = {
    "Guru": "pa",
    "Gujr": "gu",
    "Orya": "or",
    "Taml": "ta",
    "Telu": "te",
    "Knda": "kn",
    "Mlym": "ml",
    "Sinh": "si",
    "Grek": "el",
    "Thai": "th",
    "Laoo": "lo",
    "Khmr": "km",
    "Mymr": "my",
    "Thaa": "dv",
    "Olck": "sat",
    "Mtei": "mni",
    "Geor": "ka",
    "Armn": "hy",
    "Hang": "ko",
    "Jpan": "ja",
}
# Codes that say more than the letters can.
_SAME_LETTERS = {"Hans": "Hani", "Hant": "Hani", "Hrkt": "Jpan", "Kore": "Hang"}
_SAME_LETTERS |= {"Aran": "Arab", "Latf": "Latn", "Latg": "Latn", "Cyrs": "Cyrl"}

# Scripts of languages beside those above.
_OTHER_SCRIPTS = {
    **dict.fromkeys(("awa", "bho", "bra", "mag", "raj", "gbm", "kfy"), "Deva"),
    "mai": "Deva Beng",
    "kok": "Deva Knda Latn Mlym Arab",
    "doi": "Deva Arab",
    "sd": "Arab Deva",
    "ks": "Arab Deva",
    "pa": "Arab",
    "sat": "Deva Beng Orya Latn",
    "mni": "Beng",
    "ja": "Hani",
    "ko": "Hani",
    **dict.fromkeys(("lzh", "yue", "cmn"), "Hani"),
    "sr": "Latn",
    **dict.fromkeys(("ti", "gez"), "Ethi"),
    **dict.fromkeys(("bo", "dz"), "Tibt"),
    "yi": "Hebr",
    **dict.fromkeys(("id", "ms", "ca", "da", "nb", "nn", "no", "sk", "hr"), "Latn"),
}

_LETTER = regex.compile(r"\p{L}")


def detect_script(text: str) -> str | None:
    """Returns the ISO 15924 code of the script that most letters are in.

    Kana, alone or with Han, is `"Jpan"`; Han alone is `"Hani"`, since it says
    neither which characters nor which language. Of two equals the code that
    comes first in the alphabet is taken.

    Example:
        in:   "வாழ்த்து song"       (5 Tamil letters, 4 Latin ones)
        out:  "Taml"

    Returns:
        The code, or None where no letter is in a known script.
    """
    counts = _letters_by_script(text)
    return max(sorted(counts), key=counts.__getitem__, default=None)


def script_shares(text: str) -> dict[str, float]:
    """Returns the share of the letters that are in each script, by code.

    Example:
        in:   "song ਗੀਤ"       (4 Latin letters, 2 Gurmukhi ones)
        out:  {"Guru": 0.33, "Latn": 0.67}
    """
    counts = _letters_by_script(text)
    total = sum(counts.values())
    return {code: counts[code] / total for code in sorted(counts)}


def _letters_by_script(text: str) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for char, count in Counter(text).items():
        code = _script_of(char)
        if code:
            counts[code] += count
    if counts["Hira"] or counts["Kana"]:
        counts["Jpan"] = sum(counts.pop(code, 0) for code in ("Hira", "Kana", "Hani"))
    return {code: count for code, count in counts.items() if count}


@functools.lru_cache(maxsize=1 << 14)
def _script_of(char: str) -> str | None:
    if not _LETTER.match(char):
        return None
    return next(
        (code for code, script in _PATTERNS.items() if script.match(char)), None
    )


def letter_pattern(code: str) -> str:
    """Returns a `regex` pattern for one letter of a script that is known here."""
    return rf"\p{{Script={_SCRIPTS[code]}}}"


def script_of_letters(code: str) -> str:
    """Returns what `detect_script` calls the letters of a declared script.

    Example:
        in:   "Hans"
        out:  "Hani"
    """
    return _SAME_LETTERS.get(code, code)


def language_of_script(code: str | None) -> str | None:
    """Returns the language that is written in a script before all others.

    Returns:
        The tag, or None for Latin, Devanagari, Arabic and their like.
    """
    return _LANGUAGES.get(code or "")


def scripts_of_language(tag: str) -> frozenset[str] | None:
    """Returns the scripts that a language is written in.

    A tag that names its script (`"hi-Latn"`) is taken at its word. Japanese and
    Korean count Han among theirs.

    Returns:
        Codes as `detect_script` gives them, or None where any script may be right:
        for Sanskrit, and for languages that are not listed here.
    """
    primary, *rest = tag.split("-")
    for part in rest:
        if len(part) == 4 and part.isalpha():
            return frozenset({script_of_letters(part.title())})
    return _scripts_by_language().get(primary.lower())


@functools.cache
def _scripts_by_language() -> dict[str, frozenset[str]]:
    scripts = {language: {code} for code, language in _LANGUAGES.items()}
    for code, languages in LANGUAGES_OF_SCRIPT.items():
        for language in languages:
            scripts.setdefault(language, set()).add(code)
    for language, codes in _OTHER_SCRIPTS.items():
        scripts.setdefault(language, set()).update(codes.split())
    del scripts["sa"]
    return {language: frozenset(codes) for language, codes in scripts.items()}
