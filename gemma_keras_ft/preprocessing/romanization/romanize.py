"""Indic scripts in Latin letters, over `indic-transliteration` with corrections."""

import dataclasses
import functools
import unicodedata
from collections.abc import Iterable

from gemma_keras_ft.config import Configurable, register
from gemma_keras_ft.preprocessing.base import MapPreprocessor
from gemma_keras_ft.preprocessing.romanization.readable import CACHES as READABLE_CACHES
from gemma_keras_ft.preprocessing.romanization.readable import readable_text
from gemma_keras_ft.preprocessing.romanization.romanize_letters import (
    CACHES as LETTER_CACHES,
)
from gemma_keras_ft.preprocessing.romanization.romanize_letters import (
    iso_letters,
    script_of,
    split_spans,
)
from gemma_keras_ft.preprocessing.romanization.romanize_plain import (
    CACHES as PLAIN_CACHES,
)
from gemma_keras_ft.preprocessing.romanization.romanize_plain import romanize_plain
from gemma_keras_ft.preprocessing.romanization.romanize_tables import SCRIPTS
from gemma_keras_ft.preprocessing.romanization.schemes import (
    CASE_SIGNIFICANT,
    DANDAS,
    script_scheme,
    write_letters,
)
from gemma_keras_ft.records import LyricRecord

SCHEMES = ("iso15919", "iast", "itrans", "hk", "readable")
_DEFAULT = "iso15919"

# A corpus has a few thousand distinct aksharas; what others type may have more.
_REMEMBERED = 1 << 16
_SHORT = 2
_OTHER_CACHES = (*LETTER_CACHES, *PLAIN_CACHES, *READABLE_CACHES)


def romanizable_scripts() -> tuple[str, ...]:
    """Returns the ISO 15924 codes that `romanize_text` changes."""
    return tuple(sorted(SCRIPTS))


def romanize_text(
    text: str, *, scheme: str = _DEFAULT, language: str | None = None
) -> str:
    """Returns `text` with every Indic span in Latin letters; all else untouched.

    Works on mixed text: each span is romanized by its own script's rules, so Latin
    words, ASCII digits and punctuation survive in every scheme. (The ASCII schemes
    ITRANS and Harvard-Kyoto write a danda as a bar.) In ISO 15919 an anusvara is ṁ
    and a letter is the same wherever it stands, which is the standard's simplified
    nasalization. A nukta on a letter for which the standard has no reading is
    passed over; rare letters that it doesn't cover, such as those of Sindhi, stay.

    Schemes:
        iso15919: ISO 15919:2001. Lossless but for what `merges` lists.
        iast: For Sanskrit; extended to other languages as libraries do.
        itrans: ASCII; letter case tells letters apart, so never lowercase it.
        hk: Harvard-Kyoto, likewise ASCII and case-significant.
        readable: a-z as people type it; see `readable_text`. Not reversible.

    Example:
        in:   "काम करो, baby", "iso15919"
        out:  "kāma karō, baby"

        in:   "काम करो, baby", "readable", language "hi"
        out:  "kaam karo, baby"

    Args:
        text: Text in any scripts. Normalize it first (`normalize_text`).
        scheme: One of `SCHEMES`.
        language: BCP 47 tag; only "readable" asks for it.

    Raises:
        ValueError: If `scheme` is not one of `SCHEMES`.

    References:
        ISO 15919:2001, Transliteration of Devanagari and related Indic scripts.
    """
    if scheme == "readable":
        return readable_text(unicodedata.normalize("NFC", text), language)
    spelled = _spelled(scheme)
    if text.isascii():
        return text
    plain = romanize_plain(text) if scheme == _DEFAULT else None
    if plain is None:
        plain = "".join(map(spelled.__getitem__, split_spans(text)))
    for danda, bar in DANDAS.get(scheme, ()):
        plain = plain.replace(danda, bar)
    return unicodedata.normalize("NFC", plain)


class _Spelled(dict[str, str]):
    """Romanized spans, each worked out when it is first met."""

    def __init__(self, scheme: str):
        super().__init__()
        self.scheme = scheme

    def __missing__(self, span: str) -> str:
        code = script_of(span[0])
        if code is None:
            # Nearly never met twice, but for a space.
            if len(span) <= _SHORT and len(self) < _REMEMBERED:
                self[span] = span
            return span
        romanized = write_letters(iso_letters(span), script_scheme(self.scheme, code))
        if len(self) < _REMEMBERED:
            self[span] = romanized
        return romanized


@functools.cache
def _spelled(scheme: str) -> _Spelled:
    _check_scheme(scheme)
    return _Spelled(scheme)


def clear_caches() -> None:
    """Forgets every table, pattern and span, as before the first call.

    Nothing needs it but a benchmark that times a cold start.
    """
    for cached in (_spelled, script_scheme, *_OTHER_CACHES):
        cached.cache_clear()


def _check_scheme(scheme: str) -> None:
    if scheme not in SCHEMES:
        raise ValueError(
            f"`scheme` must be one of {SCHEMES}. Received: scheme={scheme!r}."
        )


@register("romanize")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Romanize(MapPreprocessor):
    """Stores the romanized form of the lines beside the native one.

    A record that brings its own romanization keeps it; one in a script that is
    not Indic gets none. `metadata["romanization"]` names a scheme other than
    ISO 15919.

    Args:
        scheme: One of `SCHEMES`. ISO 15919 is the one that everything else here
            expects; ITRANS and Harvard-Kyoto must not be lowercased.

    Raises:
        ValueError: If `scheme` is not one of `SCHEMES`.
    """

    scheme: str = _DEFAULT

    def __post_init__(self):
        _check_scheme(self.scheme)

    def map(self, record: LyricRecord) -> LyricRecord:
        """Returns the record with `romanized`, one line for each line."""
        if record.romanized is not None or record.script not in SCRIPTS:
            return record
        romanized = tuple(self._line(line, record.language) for line in record.lines)
        if self.scheme == _DEFAULT:
            return record.replace(romanized=romanized)
        metadata = {**record.metadata, "romanization": self.scheme}
        return record.replace(romanized=romanized, metadata=metadata)

    def _line(self, line: str, language: str | None) -> str:
        romanized = romanize_text(line, scheme=self.scheme, language=language)
        # A mark that stands alone has no sound: no gap stays where it stood.
        spaced, tidy = " ".join(romanized.split()), " ".join(line.split())
        return spaced if line == tidy else romanized


def check_recipe_case(steps: Iterable[Configurable]) -> None:
    """Refuses a recipe that lowercases text whose letter case carries meaning.

    Raises:
        ValueError: If a "lowercase" step follows one that romanizes to ITRANS or
            Harvard-Kyoto, in which "t" and "T" are two letters.
    """
    significant = None
    for step in steps:
        if isinstance(step, Romanize) and step.scheme in CASE_SIGNIFICANT:
            significant = step.scheme
        if significant and step.config_name == "lowercase":
            raise ValueError(
                "`recipe` must not lowercase after a scheme in which case carries "
                f"meaning. Received: scheme={significant!r}, then 'lowercase', which "
                "would merge letters such as dental t and retroflex T. Put "
                "'lowercase' before 'romanize', or romanize to 'iso15919', which "
                "lowercasing leaves as it is."
            )
