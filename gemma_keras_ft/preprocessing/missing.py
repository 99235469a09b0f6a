"""Missing data: fills what the letters tell, sets aside what holds too little."""

import dataclasses
from collections import Counter

import regex

from gemma_keras_ft.config import register
from gemma_keras_ft.preprocessing.base import FilterPreprocessor, MapPreprocessor
from gemma_keras_ft.preprocessing.normalize import comparison_form
from gemma_keras_ft.records import LyricRecord

# Unicode script name -> ISO 15924 code.
_SCRIPTS = {
    "Latin": "Latn",
    "Devanagari": "Deva",
    "Bengali": "Beng",
    "Gurmukhi": "Guru",
    "Gujarati": "Gujr",
    "Oriya": "Orya",
    "Tamil": "Taml",
    "Telugu": "Telu",
    "Kannada": "Knda",
    "Malayalam": "Mlym",
    "Sinhala": "Sinh",
    "Arabic": "Arab",
    "Hebrew": "Hebr",
    "Cyrillic": "Cyrl",
    "Greek": "Grek",
    "Thai": "Thai",
    "Lao": "Laoo",
    "Khmer": "Khmr",
    "Myanmar": "Mymr",
    "Georgian": "Geor",
    "Armenian": "Armn",
    "Ethiopic": "Ethi",
    "Hangul": "Hang",
    "Han": "Hani",
    "Hiragana": "Jpan",
    "Katakana": "Jpan",
}
# Scripts in which nearly everything is written in one language. Devanagari, Latin,
# Arabic, Bengali, Cyrillic and others serve many, so nothing is guessed there.
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
    "Geor": "ka",
    "Armn": "hy",
    "Hang": "ko",
    "Jpan": "ja",
}
_LETTERS = regex.compile(
    "|".join(rf"(?P<{name}>\p{{Script={name}}}+)" for name in _SCRIPTS)
)
_PLACEHOLDERS = frozenset(
    {
        "lyrics not available",
        "lyrics not found",
        "lyrics unavailable",
        "lyrics coming soon",
        "no lyrics",
        "no lyrics available",
        "instrumental",
        "this song is instrumental",
        "this is an instrumental",
        "tba",
        "n a",
        "unknown",
    }
)


def detect_script(text: str) -> str | None:
    """Returns the ISO 15924 code of the script that most letters belong to.

    Japanese is told from Chinese by any kana. None where there is no letter of a
    known script.
    """
    counts: Counter[str] = Counter()
    for match in _LETTERS.finditer(text):
        counts[_SCRIPTS[str(match.lastgroup)]] += len(match[0])
    if counts["Jpan"]:
        counts["Jpan"] += counts.pop("Hani", 0)
    return max(counts, key=lambda code: (counts[code], code)) if counts else None


@register("detect_script")
@dataclasses.dataclass(frozen=True, kw_only=True)
class DetectScript(MapPreprocessor):
    """Fills script and language where the letters leave no doubt.

    A declared value always wins. What is filled is named in
    `metadata["filled"]`.
    """

    def map(self, record: LyricRecord) -> LyricRecord:
        """Returns the record with `script` and perhaps `language` filled."""
        script = record.script or detect_script(record.text)
        found = {"script": script, "language": _LANGUAGES.get(script or "")}
        filled = {
            name: value
            for name, value in found.items()
            if value and getattr(record, name) is None
        }
        if not filled:
            return record
        named = [*record.metadata.get("filled", ()), *sorted(filled)]
        return record.replace(metadata={**record.metadata, "filled": named}, **filled)


@register("require_text")
@dataclasses.dataclass(frozen=True, kw_only=True)
class RequireText(FilterPreprocessor):
    """Sets aside records that hold too little to learn from.

    Args:
        minimum_lines: Fewest lines with text.
        maximum_damage: Largest share of replacement characters (U+FFFD).

    Raises:
        ValueError: If a bound is out of range.
    """

    minimum_lines: int = 2
    maximum_damage: float = 0.01

    def __post_init__(self):
        if self.minimum_lines < 1:
            raise ValueError(
                "`minimum_lines` must be positive. Received: "
                f"minimum_lines={self.minimum_lines!r}."
            )
        if not 0 <= self.maximum_damage <= 1:
            raise ValueError(
                "`maximum_damage` must be in [0, 1]. Received: "
                f"maximum_damage={self.maximum_damage!r}."
            )

    def reject(self, record: LyricRecord) -> tuple[str, str] | None:
        """Returns a reason key and a sentence, or None for a sound record."""
        words = comparison_form(record.text)
        if not regex.search(r"\p{L}", words):
            return "no_letters", "The text holds no letter of any script."
        if words in _PLACEHOLDERS:
            return "placeholder", f"The text says {record.text!r:.60} and no more."
        damage = record.text.count("\ufffd") / len(record.text)
        if damage > self.maximum_damage:
            return (
                "replacement_characters",
                f"{damage:.1%} of the characters were lost in an earlier conversion.",
            )
        count = sum(1 for line in record.lines if line.strip())
        if count < self.minimum_lines:
            return (
                "too_few_lines",
                f"{count} lines with text; at least {self.minimum_lines} are needed.",
            )
        return None
