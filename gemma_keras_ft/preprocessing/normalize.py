"""Unicode normalization, shared by curation, retrieval and evaluation."""

import dataclasses
import functools
import unicodedata

import regex

from gemma_keras_ft.config import register
from gemma_keras_ft.preprocessing.base import MapPreprocessor
from gemma_keras_ft.records import LyricRecord

# Invisible characters that carry no meaning in any language: byte order mark,
# zero-width space, word joiner, soft hyphen, and the bidirectional controls.
_NEVER_MEANT = "\ufeff\u200b\u2060\u00ad\u200e\u200f\u202a-\u202e\u2066-\u2069\u061c"
# Languages whose spelling tells words apart by ZWJ or ZWNJ. An unknown language
# keeps them: a joiner too many is cheaper than a wrong word.
_JOINERS_DROPPED = frozenset({"hi", "awa", "bra", "bho", "sa", "pa", "gu", "ta"})
_ZWNJ_DROPPED = frozenset({"mr", "ne"})

_SPACES = regex.compile(r"[^\S\n]+")
_NOT_WORD = regex.compile(r"[^\p{L}\p{M}\p{N}\s]+")
# Joiners, variation selectors, bidirectional controls and their like.
_IGNORABLE = regex.compile(r"\p{Default_Ignorable_Code_Point}+")


def normalize_text(text: str, language: str | None = None) -> str:
    r"""Returns `text` in NFC, without invisible noise and with single spaces.

    Line breaks stay. ZWJ and ZWNJ stay where `language` needs them (Persian,
    Urdu, Malayalam, Sinhala, Bengali, Marathi, Nepali, and any not listed).

    Example:
        in:   "\ufeffनमस्ते\u00a0 दुनिया", "hi"
        out:  "नमस्ते दुनिया"

    Args:
        text: Any text.
        language: BCP 47 tag; only its first part counts.
    """
    primary = (language or "und").split("-")[0].lower()
    # Composed after the removal, since what goes may stand between a letter and
    # its mark.
    text = unicodedata.normalize("NFC", _invisible(primary).sub("", text))
    return _SPACES.sub(" ", text)


@functools.lru_cache(maxsize=256)
def _invisible(language: str) -> regex.Pattern:
    dropped = _NEVER_MEANT
    if language in _JOINERS_DROPPED:
        dropped += "\u200c\u200d"
    elif language in _ZWNJ_DROPPED:
        dropped += "\u200c"
    return regex.compile(f"[{dropped}]+")


def comparison_form(text: str) -> str:
    r"""Returns the form in which two texts are compared: letters and digits only.

    NFKC, casefolded, without punctuation, joiners and other invisible characters,
    single spaces. Vowel signs stay: `\p{M}` keeps them where Python's `\w` would
    lose a third of an Indic text. Romanize first to compare across scripts.

    Example:
        in:   "Hazaron  khwahishen, aisi!"
        out:  "hazaron khwahishen aisi"
    """
    # Taken apart before it is folded, so that nothing is left to fold, and put
    # together after, since folding takes letters apart.
    text = unicodedata.normalize("NFKD", _IGNORABLE.sub("", text))
    text = unicodedata.normalize("NFKC", text.casefold())
    return " ".join(_NOT_WORD.sub(" ", text).split())


@register("normalize")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Normalize(MapPreprocessor):
    """Normalizes title, author, lines and translation; see `normalize_text`."""

    def map(self, record: LyricRecord) -> LyricRecord:
        """Returns the record with every text field normalized."""
        translated = record.translation_language

        def lines(values, language):
            if values is None:
                return None
            return tuple(normalize_text(line, language).strip() for line in values)

        def line(value):
            return value and (normalize_text(value, record.language).strip() or None)

        return record.replace(
            lines=lines(record.lines, record.language),
            romanized=lines(record.romanized, "und"),
            translation=lines(record.translation, translated),
            title=line(record.title),
            author=line(record.author),
        )
