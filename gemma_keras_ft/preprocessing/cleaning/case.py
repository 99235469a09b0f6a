"""Lowercasing where a script has case and where case carries no meaning."""

import dataclasses
from collections.abc import Iterator, Sequence

import regex

from gemma_keras_ft.config import register
from gemma_keras_ft.preprocessing.base import CleaningPreprocessor
from gemma_keras_ft.preprocessing.cleaning.punctuation import uses_danda
from gemma_keras_ft.preprocessing.edits import PARALLEL
from gemma_keras_ft.preprocessing.romanization.schemes import CASE_SIGNIFICANT
from gemma_keras_ft.records import LyricRecord

# Romanizations in which "t" and "T" are two letters, as records may name them.
_SIGNIFICANT = CASE_SIGNIFICANT | {"harvardkyoto", "kyotoharvard", "slp1", "wx", "kh"}
_SCHEME_KEYS = (
    "romanization",
    "romanization_scheme",
    "scheme",
    "transliteration",
    "transliteration_scheme",
)
_DOTTED = frozenset({"tr", "az", "crh", "gag"})
_LETTERS = regex.compile(r"[^\p{L}\p{N}]+")
_WORD = regex.compile(r"[\p{Latin}\p{M}]+")
_INNER_CAPITAL = regex.compile(r"\p{Ll}\p{Lu}")
# Accents above an i keep its dot in Lithuanian.
_LITHUANIAN = str.maketrans(
    {"Ì": "i\u0307\u0300", "Í": "i\u0307\u0301", "Ĩ": "i\u0307\u0303"}
)
# A prefix is told from the word by the word's capital alone: "nathair" is a snake.
_IRISH_PREFIX = regex.compile(r"(?<![\p{L}\p{M}])([nt])(?=[AEIOUÁÉÍÓÚ])")
_LITHUANIAN_ACCENTED = regex.compile(r"([IJĮ])(?=[\u0300\u0301\u0303])")


@register("lowercase")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Lowercase(CleaningPreprocessor):
    """Lowercases lines, romanization and translation, each by its language.

    In Turkish and Azerbaijani `I` becomes `ı` and `İ` `i`; in Lithuanian an i keeps
    its dot below an accent; in Irish the prefix of a capital vowel gets its hyphen
    (`nAthair` becomes `n-athair`). Title and author keep their capitals.

    Text in a romanization whose capitals are letters (ITRANS, Harvard-Kyoto, SLP1) is
    left alone, and `metadata["kept_case"]` says why: where the language tag or the
    script names the scheme (`sa-Latn-x-itrans`), where `metadata["romanization"]`
    does, or where an Indic text in Latin letters has capitals inside its words. ISO
    15919 and IAST lose nothing. It stands last of what changes letters, and before a
    step that romanizes to such a scheme.

    Example:
        in:   "O BABY मेरा दिल", "Ṭhākur"
        out:  "o baby मेरा दिल", "ṭhākur"
    """

    def map(self, record: LyricRecord) -> LyricRecord:
        """Returns the record in lowercase, or as it is with the reason."""
        if record.no_alter:
            return record
        changes, reasons = {}, []
        for name in ("lines", *PARALLEL):
            lines = getattr(record, name)
            if lines is None or not any(map(_has_case, lines)):
                continue
            language = _language(record, name)
            reason = _reason(record, name, language)
            if reason:
                reasons.append(f"{name}: {reason}")
            else:
                changes[name] = tuple(_lowered(line, language) for line in lines)
        if reasons:
            changes["metadata"] = {**record.metadata, "kept_case": reasons}
        return record.replace(**changes) if changes else record


def _language(record: LyricRecord, name: str) -> str:
    if name == "romanized":
        return "und"
    language = record.language if name == "lines" else record.translation_language
    return (language or "").lower()


def _reason(record: LyricRecord, name: str, language: str) -> str | None:
    """Returns why a field's capitals are letters, or None."""
    if name == "translation":
        return None
    # What the record declares is its Latin text: the romanization if it has one
    # beside lines in another script.
    if name == "romanized" or record.romanized is None or record.script == "Latn":
        for scheme in _declared(record):
            if scheme in _SIGNIFICANT:
                return f"in {scheme}, upper and lower case are different letters."
    if uses_danda(language) and _has_inner_capitals(getattr(record, name)):
        return "capitals inside words are letters of a romanization such as ITRANS."
    return None


def _declared(record: LyricRecord) -> Iterator[str]:
    for key in _SCHEME_KEYS:
        value = record.metadata.get(key)
        if isinstance(value, str):
            yield _LETTERS.sub("", value.lower())
    for tag in (record.language, record.script):
        yield from (tag or "").lower().split("-")


def _has_inner_capitals(lines: Sequence[str]) -> bool:
    words = [word for line in lines for word in _WORD.findall(line)]
    inner = sum(_INNER_CAPITAL.search(word) is not None for word in words)
    return inner >= 3 and 10 * inner >= len(words)


def _has_case(line: str) -> bool:
    return line.lower() != line


def _lowered(line: str, language: str) -> str:
    primary = language.split("-")[0]
    if primary in _DOTTED:
        line = line.replace("I\u0307", "i").replace("İ", "i").replace("I", "ı")
    elif primary == "lt":
        line = _LITHUANIAN_ACCENTED.sub(lambda i: i[1].lower() + "\u0307", line)
        line = line.translate(_LITHUANIAN)
    elif primary == "ga":
        line = _IRISH_PREFIX.sub(r"\1-", line)
    return line.lower()
