"""Text -> aksharas -> ISO 15919 letters; a corpus has a few thousand aksharas."""

import functools
import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import regex

from gemma_keras_ft.preprocessing.romanization.romanize_tables import (
    DIVIDED,
    HALF_U,
    JOINERS,
    NUKTA,
    RESPELLED,
    SCRIPTS,
    Letters,
    script_letters,
    single_letter,
)

_ADDAK = "\u0a71"
_AYTAM = "\u0b83"
_CHANDRAKKALA = "\u0d4d"
# Gurmukhi's bearers of vowel signs.
_BEARERS = "\u0a72\u0a73"
_CARRIED = frozenset(JOINERS + HALF_U)
_IN_NO_LETTER = frozenset(JOINERS + NUKTA)


def split_spans(text: str) -> list[str]:
    """Cuts text into aksharas and runs of everything else.

    An akshara is a cluster of consonants with its signs, and the vowel letters
    that follow it: whether a colon divides two letters depends on both.
    """
    spans = _spans()
    if _CHANDRAKKALA in text:
        text = spans.half_u.sub(HALF_U, text)
    if _ADDAK in text:
        text = spans.addak.sub(_double, text)
    return spans.pattern.findall(text)


def script_of(char: str) -> str | None:
    """Returns the ISO 15924 code of the script of a character; None: not Indic."""
    return _spans().codes.get(char)


def script_runs(span: str) -> Iterable[tuple[str | None, str]]:
    """Returns (ISO 15924 code, run) for each script in a span; None: not Indic."""
    code_of = _spans().codes.get
    first = code_of(span[0])
    # A joiner belongs to the letter before it.
    if all(code_of(char) == first or char in _CARRIED for char in span):
        return ((first, span),)
    return _mixed_runs(span)


def _mixed_runs(span: str) -> Iterator[tuple[str | None, str]]:
    codes: list[str | None] = []
    for char in span:
        carried = codes[-1] if codes and char in _CARRIED else None
        codes.append(_spans().codes.get(char, carried))
    place = 0
    for code, run in itertools.groupby(codes):
        end = place + len(list(run))
        yield code, span[place:end]
        place = end


def iso_letters(span: str) -> list[str]:
    """Returns the ISO 15919 letters of an akshara.

    `DIVIDED` stands among them where the spelling itself calls for it: before a
    vowel letter that follows a vowelless consonant, and after a vowel letter that
    carries a virama, as Bengali writes a secondary ya.

    Example:
        in:   "क्षो"
        out:  ["k", "ṣ", "ō"]
    """
    spelling = _spelling()
    kinds = spelling.letters
    romans: list[str] = []
    before = None
    for part in spelling.parts(span):
        kind, roman = kinds[part] if part in kinds else (_OTHER, part)
        if before == _CONSONANT and kind not in (_SIGN, _VIRAMA):
            romans.append("a")
        if (before, kind) in _DIVIDES:
            romans.append(DIVIDED)
        if kind != _VIRAMA:
            romans.append(roman)
        before = _VIRAMA if kind == _CHILLU else kind
    return [*romans, "a"] if before == _CONSONANT else romans


_CONSONANT, _VOWEL, _SIGN, _VIRAMA, _CHILLU, _OTHER = range(6)
_DIVIDES = frozenset({(_VIRAMA, _VOWEL), (_VOWEL, _VIRAMA)})


class _Spelling(NamedTuple):
    """How aksharas are cut into letters, and what each is; no two scripts share any."""

    letters: Mapping[str, tuple[int, str]]
    plain: frozenset[str]
    reordered: re.Pattern
    respellings: Mapping[str, str]
    respelled: re.Pattern
    longest_first: re.Pattern

    def parts(self, span: str) -> Sequence[str]:
        written = unicodedata.normalize("NFC", span)
        if self.plain.issuperset(written):
            return written
        written = self.reordered.sub(lambda match: match[2] + match[1], written)
        written = self.respelled.sub(lambda m: self.respellings[m[0]], written)
        return self.longest_first.findall(written)


@functools.cache
def _spelling() -> _Spelling:
    letters: dict[str, tuple[int, str]] = {}
    respellings = dict.fromkeys(JOINERS, "")
    for code in SCRIPTS:
        letters |= _kinds(script_letters(code))
        respellings |= RESPELLED.get(code, {})
    several = [key for key in letters if len(key) > 1]
    begins = {
        key[0]
        for key in (*several, *respellings)
        if not _IN_NO_LETTER.intersection(key)
    }
    signs = _ranges(key for key, (kind, _) in letters.items() if kind == _SIGN)
    return _Spelling(
        letters=letters,
        # Letters that begin no longer one: most aksharas have no others.
        plain=frozenset(letters) - begins,
        # Typed after the vowel sign, though both belong to the letter before it.
        reordered=re.compile(f"([{signs}]+)([{NUKTA}ੑੵ])"),
        respellings=respellings,
        respelled=re.compile(_alternatives(respellings)),
        # A nukta that is no part of a letter means nothing.
        longest_first=re.compile(f"{_alternatives(several)}|[^{NUKTA}]"),
    )


def _kinds(table: Letters) -> dict[str, tuple[int, str]]:
    vowelless = set(table.consonants.values())
    return {
        **{key: (_VOWEL, roman) for key, roman in table.vowels.items()},
        **{key: (_SIGN, roman) for key, roman in table.signs.items()},
        **{key: (_CONSONANT, roman) for key, roman in table.consonants.items()},
        **{
            key: (_CHILLU if roman in vowelless else _OTHER, roman)
            for key, roman in table.others.items()
        },
        table.virama: (_VIRAMA, ""),
    }


def _alternatives(strings: Iterable[str]) -> str:
    return "|".join(sorted(strings, key=len, reverse=True))


class _Spans(NamedTuple):
    """The pattern of an akshara in any of the scripts, and whose a character is."""

    pattern: re.Pattern
    addak: re.Pattern
    half_u: re.Pattern
    codes: Mapping[str, str]


@functools.cache
def _spans() -> _Spans:
    codes = script_characters()
    tables = [script_letters(code) for code in SCRIPTS]
    consonants = _consonants(codes, tables)
    vowels = {key for table in tables for key in table.vowels} | set(_BEARERS)
    viramas = {table.virama for table in tables}
    marks = set(regex.findall(r"\p{M}", "".join(codes))) - {_ADDAK}
    known = f"{_ranges(codes)}{HALF_U}"
    signs = f"{_ranges(marks - viramas)}{HALF_U}{JOINERS}"
    # Possessive, since what follows a letter is never given back: 1.4 times as fast.
    conjunct = f"[{''.join(viramas)}][{JOINERS}]*+[{_ranges(consonants)}]?+[{signs}]*+"
    rest = f"[{signs}]*+(?:{conjunct})*+"
    akshara = f"[{_ranges(consonants | vowels)}]{rest}(?:[{_ranges(vowels)}]{rest})*+"
    # Tamil spells f and z by an aytam before a consonant.
    tamil = "[ா-ௌௗ]*+(?:்[க-ஹ]?+[ா-ௌௗ]*+)*+"
    aytam = f"{_AYTAM}[க-ஹ]{tamil}(?:[அ-ஔ]{tamil})*+"
    letter = f"[{_ranges(script_letters('Mlym').consonants)}]"
    inside = _ranges({c for c, code in codes.items() if code == "Mlym"}) + JOINERS
    return _Spans(
        # The second alternative is the space between words: the next most frequent.
        pattern=re.compile(f"{akshara}|[^{known}]+|{aytam}|[{known}][{signs}]*+"),
        addak=re.compile(f"{_ADDAK}([ਕ-ਹ\u0a59-\u0a5e]\u0a3c?)?"),
        # At the end of a word, but not where the word is one letter.
        half_u=re.compile(f"(?:ു|(?<=[{inside}]{letter})){_CHANDRAKKALA}(?![{inside}])"),
        codes=codes,
    )


def _consonants(codes: Iterable[str], tables: Iterable[Letters]) -> set[str]:
    """Every way to begin a letter that has or had a vowel of its own."""
    bases, vowelless = set(), set()
    for table in tables:
        bases |= {key[0] for key in table.consonants}
        romans = set(table.consonants.values())
        vowelless |= {key for key, roman in table.others.items() if roman in romans}
    bases.remove(_AYTAM)
    # With a nukta a letter is composed or not; its first part tells.
    return vowelless | {c for c in codes if unicodedata.normalize("NFD", c)[0] in bases}


def _double(addak: re.Match) -> str:
    """Writes out the letter that an addak doubles; without one it means nothing."""
    if not addak[1]:
        return ""
    letter = unicodedata.normalize("NFC", addak[1])
    return f"{_singles().get(letter, letter)}੍{letter}"


@functools.cache
def _singles() -> dict[str, str]:
    consonants = script_letters("Guru").consonants
    letters = {roman: letter for letter, roman in consonants.items()}
    return {
        letter: letters[single_letter(roman)] for letter, roman in consonants.items()
    }


@functools.cache
def script_characters() -> Mapping[str, str]:
    """Returns every character of the scripts, and the ISO 15924 code of its script."""
    # Python's own `re` is four times as fast on these patterns as `regex`, but knows
    # no scripts, and is slow where a class goes beyond the basic plane. There these
    # scripts have historical signs only.
    blocks = "".join(map(chr, [*range(0x900, 0xD80), *range(0xA8E0, 0xA900)]))
    return {
        char: code
        for code, (_, name) in SCRIPTS.items()
        for char in regex.findall(rf"\p{{Script={name}}}", blocks)
    }


def _ranges(chars: Iterable[str]) -> str:
    """Writes characters as the inside of a class, neighbors as a range."""
    points = sorted(map(ord, chars))
    firsts = [p for p, q in zip(points, [0, *points], strict=False) if p != q + 1]
    lasts = [p for p, q in zip(points, [*points[1:], 0], strict=True) if p != q - 1]
    return "".join(f"{chr(p)}-{chr(q)}" for p, q in zip(firsts, lasts, strict=True))


CACHES = (_spans, _spelling, _singles, script_characters, script_letters)
