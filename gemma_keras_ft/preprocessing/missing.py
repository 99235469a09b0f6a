"""Fills what a record doesn't say of its script; sets aside what is no song."""

import dataclasses
import functools
from collections import Counter
from collections.abc import Mapping
from typing import Any

import regex

from gemma_keras_ft.config import register
from gemma_keras_ft.preprocessing.base import FilterPreprocessor, MapPreprocessor
from gemma_keras_ft.preprocessing.normalize import comparison_form
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.sources.plain_text import is_blank

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

_LETTER = regex.compile(r"\p{L}")
# Whole texts, in the form in which texts are compared.
_PLACEHOLDERS = frozenset(
    {
        "coming soon",
        "instrumental",
        "instrumental music",
        "lyrics are not available",
        "lyrics coming soon",
        "lyrics for this song have yet to be released please check back once the "
        "song has been released",
        "lyrics not available",
        "lyrics not found",
        "lyrics unavailable",
        "lyrics will be added soon",
        "n a",
        "no lyrics",
        "no lyrics available",
        "no lyrics found",
        "none",
        "not available",
        "null",
        "this is an instrumental",
        "this song is an instrumental",
        "we do not have the lyrics for this song yet",
    }
)


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
    counts: Counter[str] = Counter()
    for char, count in Counter(text).items():
        code = _script_of(char)
        if code:
            counts[code] += count
    if counts["Hira"] or counts["Kana"]:
        counts["Jpan"] = sum(counts.pop(code, 0) for code in ("Hira", "Kana", "Hani"))
    found = [code for code in sorted(counts) if counts[code]]
    return max(found, key=counts.__getitem__, default=None)


@functools.lru_cache(maxsize=1 << 14)
def _script_of(char: str) -> str | None:
    if not _LETTER.match(char):
        return None
    return next(
        (code for code, script in _PATTERNS.items() if script.match(char)), None
    )


@register("detect_script")
@dataclasses.dataclass(frozen=True, kw_only=True)
class DetectScript(MapPreprocessor):
    """Fills a missing `script` from the letters, and `language` where one is plain.

    A declared value always wins. The language follows from scripts that one
    language writes before all others (Tamil, Gurmukhi, Thai …) and stays unknown
    for Latin, Devanagari, Arabic and their like. `metadata["filled"]` names the
    fields that were filled.

    Example:
        in:   lines=("அகர முதல",)
        out:  script="Taml", language="ta", metadata={"filled": ["script", "language"]}
    """

    def map(self, record: LyricRecord) -> LyricRecord:
        """Returns the record with what could be filled."""
        found: dict[str, str] = {}
        script = record.script or detect_script(record.text)
        if script and not record.script:
            found["script"] = script
        language = _LANGUAGES.get(script or "")
        if language and not record.language:
            found["language"] = language
        if not found:
            return record
        return record.replace(
            **found, metadata=_with_filled(record.metadata, list(found))
        )


def _with_filled(metadata: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    before = metadata.get("filled", [])
    before = before if isinstance(before, list | tuple) else [before]
    return {**metadata, "filled": [*before, *names]}


@register("require_text")
@dataclasses.dataclass(frozen=True, kw_only=True)
class RequireText(FilterPreprocessor):
    """Sets aside records that hold no song.

    Reasons: `"placeholder"` (the whole text says that there are no lyrics),
    `"no_letters"`, `"replacement_characters"` (too many U+FFFD: the text was
    decoded wrongly), `"too_few_lines"`.

    Args:
        minimum_lines: Lines with something on them that a song must have.
        maximum_replacement: Share of characters, 0 to 1, that may be U+FFFD.

    Raises:
        ValueError: If `minimum_lines` is below 1 or the share not in [0, 1].
    """

    minimum_lines: int = 2
    maximum_replacement: float = 0.01

    def __post_init__(self):
        if self.minimum_lines < 1:
            raise ValueError(
                "`minimum_lines` must be at least 1. "
                f"Received: minimum_lines={self.minimum_lines!r}."
            )
        if not 0 <= self.maximum_replacement <= 1:
            raise ValueError(
                "`maximum_replacement` must be a share in [0, 1]. "
                f"Received: maximum_replacement={self.maximum_replacement!r}."
            )

    def reject(self, record: LyricRecord) -> tuple[str, str] | None:
        """Returns why the record is no song, else None."""
        text = record.text
        if comparison_form(text) in _PLACEHOLDERS:
            return "placeholder", f"The whole text is {' '.join(text.split())!r}."
        if not _LETTER.search(text):
            return "no_letters", "Holds no letter of any script."
        broken = text.count("\ufffd")
        if broken > self.maximum_replacement * len(text):
            return (
                "replacement_characters",
                f"{broken} of {len(text)} characters are U+FFFD, which stands for "
                "what could not be decoded. Read the source in its own encoding.",
            )
        count = sum(not is_blank(line) for line in record.lines)
        if count < self.minimum_lines:
            return (
                "too_few_lines",
                f"Has {count} of at least {self.minimum_lines} lines.",
            )
        return None
