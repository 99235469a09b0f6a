"""Romanized text back in its script: the inverse of `romanize_text`."""

import functools
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gemma_keras_ft.preprocessing.romanization.romanize_tables import (
    HALF_U,
    SCRIPTS,
    script_letters,
    single_letter,
)
from gemma_keras_ft.preprocessing.romanization.schemes import (
    DANDAS,
    Scheme,
    script_scheme,
    write_letters,
)

REVERSIBLE = ("iso15919", "iast", "itrans", "hk")

_ZWJ = "\u200d"
_OM = "ōṁ"
# Of the Samaveda.
_ACCENTS = frozenset(map(chr, range(0xA8E0, 0xA8F2)))
# Bengali writes a vowelless t as khanda ta, but joins it to these.
_JOINS_T = "তথনমযরবল"
# A letter that has no vowel at the end of a Malayalam word.
_CHILLU = {"ണ": "ൺ", "ന": "ൻ", "ര": "ർ", "ല": "ൽ", "ള": "ൾ", "ക": "ൿ"}
# Rare ones: where a half-u is written, a letter that has none has no vowel at all.
_RARE_CHILLU = {"മ": "ൔ", "യ": "ൕ", "ഴ": "ൖ"}


def deromanize_text(text: str, script: str, *, scheme: str = "iso15919") -> str:
    """Returns text that `romanize_text` wrote in its own script again.

    Exact but for what the scheme merges (see `merges`): of two spellings with one
    romanization the commoner comes back. All of `text` is taken for romanized, so
    a word of English in it is respelled too; whatever the scheme does not use
    stays, and so do digits.

    Example:
        in:   "kātal pāṭal", "Taml"
        out:  "காதல் பாடல்"

    Args:
        text: Text in one of the reversible schemes, in that scheme's letter case.
        script: ISO 15924 code, one of `romanizable_scripts()`.
        scheme: "iso15919", "iast", "itrans" or "hk".

    Raises:
        ValueError: If `script` or `scheme` is not one of these.
    """
    if script not in SCRIPTS:
        raise ValueError(
            f"`script` must be one of {sorted(SCRIPTS)}. Received: script={script!r}."
        )
    if scheme not in REVERSIBLE:
        raise ValueError(
            f"`scheme` must be one of {REVERSIBLE}. Received: scheme={scheme!r}."
        )
    reading = _reading(script, scheme)
    text = unicodedata.normalize("NFC", text)
    for danda, bar in DANDAS.get(scheme, ()):
        text = text.replace(bar, danda)
    units = reading.units.findall(text)
    native = _write(
        [reading.letters.get(unit, (_OTHER, unit, unit)) for unit in units],
        reading.virama,
    )
    for pattern, sign in _finishing(script, "ŭ" in reading.letters):
        native = pattern.sub(sign, native)
    return unicodedata.normalize("NFC", native)


_CONSONANT, _VOWEL, _DIVIDER, _OTHER = range(4)
# What the letter is, how it is written by itself, and how after a consonant.
_Unit = tuple[int, str, str]


def _write(units: Sequence[_Unit], virama: str) -> str:
    written: list[str] = []
    before, last, divider = _OTHER, "", ""
    for kind, letter, sign in units:
        if kind == _DIVIDER and before != _OTHER and not divider:
            divider = letter
            continue
        if divider and kind not in (_CONSONANT, _VOWEL):
            # It divides nothing: a colon of the text's own.
            written += [virama, divider] if before == _CONSONANT else [divider]
            before, divider = _OTHER, ""
        if before == _CONSONANT and (kind != _VOWEL or divider):
            whole_ra = divider and (last, letter) == ("র", "য")
            written.append(_ZWJ + virama if whole_ra else virama)
        elif before == _VOWEL and kind == _CONSONANT and divider:
            written.append(virama)
        joined = before == _CONSONANT and not divider
        written.append(sign if joined else letter)
        before, last, divider = kind, letter, ""
    return "".join([*written, virama if before == _CONSONANT else "", divider])


class _Reading(NamedTuple):
    """What one scheme's letters are in one script."""

    letters: Mapping[str, _Unit]
    units: re.Pattern
    virama: str


@functools.cache
def _reading(code: str, name: str) -> _Reading:
    table, scheme = script_letters(code), script_scheme(name, code)
    signs = {roman: sign for sign, roman in reversed([*table.signs.items()])} | {
        "a": ""
    }
    letters: dict[str, _Unit] = {}

    def add(roman: str, kind: int, letter: str, sign: str | None = None) -> None:
        # The first of two spellings is the commoner one.
        written = _written([roman], scheme)
        # Digits and superscripts may be the text's own.
        if written and not written.isdecimal() and letter not in _ACCENTS:
            unit = (kind, letter, letter if sign is None else sign)
            letters.setdefault(written, unit)

    for letter, roman in table.consonants.items():
        add(roman, _CONSONANT, letter)
    for letter, roman in table.vowels.items():
        add(roman, _VOWEL, letter, signs[roman])
    if HALF_U in table.signs:
        add("ŭ", _VOWEL, "", HALF_U)
    for letter, roman in table.others.items():
        # Om, unless the scheme writes it as any o and m.
        if roman != _OM or _written([_OM], scheme) != _written(["ō", "ṁ"], scheme):
            add(roman, _OTHER, letter)
    for vowel, marked in scheme.diaeresis.items():
        letters[marked] = (_VOWEL, letters[vowel][1], letters[vowel][1])
    if scheme.divider:
        letters[scheme.divider] = (_DIVIDER, scheme.divider, scheme.divider)
    longest_first = sorted(letters, key=len, reverse=True)
    return _Reading(
        letters=letters,
        units=re.compile("|".join([*map(re.escape, longest_first), "(?s:.)"])),
        virama=table.virama,
    )


def _written(letters: Sequence[str], scheme: Scheme) -> str:
    return unicodedata.normalize("NFC", write_letters(letters, scheme))


@functools.cache
def _finishing(code: str, half_u: bool) -> tuple[tuple[re.Pattern, str], ...]:
    """What a script writes in one sign where letters alone would take two."""
    consonants = script_letters(code).consonants
    if code == "Beng":
        return ((re.compile(f"ত্(?![{_JOINS_T}])"), "ৎ"),)
    if code == "Guru":
        inside = "[\u0a01-\u0a03ਅ-ਹੜ\u0a3cਾ-ੌੰ]"
        return ((re.compile(f"(?<={inside})(?:{_doubled_pairs()})"), "ੱ"),)
    if code == "Mlym":
        letters = "".join(consonants)
        chillus = _CHILLU | (_RARE_CHILLU if half_u else {})
        finals = [
            (re.compile(f"(?<=[അ-ൣ]){letter}്(?![ക-ൿ{HALF_U}])"), chillu)
            for letter, chillu in chillus.items()
        ]
        before = re.compile(f"ര്(?=[{letters}])(?![യരവ])")
        return (*finals, (before, "ർ"), (re.compile(HALF_U), "്"))
    return ()


def _doubled_pairs() -> str:
    """Vowelless consonants before the ones that they double, as a pattern."""
    consonants = script_letters("Guru").consonants
    letters = {roman: letter for letter, roman in consonants.items()}
    return "|".join(
        f"{letters[single_letter(roman)]}੍(?={letter}(?!\u0a3c))"
        for letter, roman in consonants.items()
    )
