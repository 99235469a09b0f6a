"""The spellings that a romanization merges, each as a rule that folds them.

They are written on the native side, apart from what romanizes and deromanizes, so
that each checks the other.
"""

import functools
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping

import regex

from gemma_keras_ft.preprocessing.romanization.romanize_tables import (
    DIVIDED,
    JOINERS,
    NUKTA,
    RESPELLED,
    Letters,
    script_letters,
    single_letter,
)
from gemma_keras_ft.preprocessing.romanization.schemes import (
    Scheme,
    script_scheme,
    write_letters,
)

# Where Gurmukhi can double a letter: not at the head of a word or in a cluster.
_AFTER_VOWEL = "(?<=[\u0a01-\u0a03ਅ-ਹੜ\u0a3cਾ-ੌੰ])"

# The name of a merge, and what makes one spelling of two.
Fold = tuple[str, Callable[[str], str]]


@functools.cache
def merge_folds(code: str, name: str) -> tuple[Fold, ...]:
    """Returns the folds of one script under one reversible scheme, in order."""
    letters, scheme = script_letters(code), script_scheme(name, code)
    folds = [*_typing_folds(code, letters, scheme)]
    folds += [_table_fold("letter", _same_letters(letters, scheme))]
    folds += [*_om_folds(letters, scheme)]
    if not scheme.divider:
        folds += [*_division_folds(letters, scheme)]
    if code in _SCRIPT_FOLDS:
        folds += [*_SCRIPT_FOLDS[code](letters, scheme)]
    return tuple(folds)


def _typing_folds(code: str, letters: Letters, scheme: Scheme) -> Iterator[Fold]:
    """Ways to type one thing, in every script."""
    signs, consonant = "".join(letters.signs), _any_of(letters.consonants)
    respelled = RESPELLED.get(code, {})
    joiner = f"[{JOINERS}]"
    if code == "Beng" and scheme.divider:
        # Between ra and its virama it tells a whole ra from the sign above.
        joiner = f"(?<!র){joiner}|{joiner}(?!্)"
    if code == "Mlym":
        yield _fold("half-u", "ു്(?![അ-ൿ])", "്")
    yield _fold("order", rf"([{signs}]+)([{NUKTA}ੑੵ])", r"\2\1")
    yield _table_fold(
        "spelling", {k: v for k, v in respelled.items() if DIVIDED not in v}
    )
    yield _fold("joiner", joiner, "")
    yield _fold("nukta", f"({consonant})|[{NUKTA}]", lambda match: match[1] or "")
    vowel, virama = _any_of(letters.vowels), letters.virama
    yield _fold("virama: on a vowel", f"(?<={vowel}){virama}(?!{consonant})", "")
    yield _fold("virama: on a vowel", f"(?<=[{signs}]){virama}", "")
    vowel_of = {sign: letter for letter, sign in _sign_of(letters).items() if sign}
    yield _fold(
        "vowel sign: not on a consonant",
        f"(?<!{consonant})[{signs}]",
        lambda match: vowel_of[match[0]],
    )
    yield _fold("digit", r"\p{Nd}", lambda match: str(unicodedata.digit(match[0])))
    # Of the Samaveda, as superscripts.
    raised = {key: r for key, r in letters.others.items() if key[0] >= "\ua8e0"}
    yield _table_fold("accent", raised)


def _same_letters(letters: Letters, scheme: Scheme) -> dict[str, str]:
    """Letters that are written like an earlier one of their kind."""
    same = {}
    for table in (letters.consonants, letters.vowels, letters.others):
        first: dict[str, str] = {}
        for letter, roman in table.items():
            written = write_letters([roman], scheme)
            if first.setdefault(written, letter) != letter:
                same[letter] = first[written]
    return same


def _om_folds(letters: Letters, scheme: Scheme) -> Iterator[Fold]:
    om = [letter for letter, roman in letters.others.items() if roman == "ōṁ"]
    if om and write_letters(["ōṁ"], scheme) == write_letters(["ō", "ṁ"], scheme):
        both = {**letters.vowels, **letters.others}
        native = {roman: letter for letter, roman in both.items()}
        yield _fold("om", om[0], native["ō"] + native["ṁ"])


def _bengali_folds(letters: Letters, scheme: Scheme) -> Iterator[Fold]:
    joins = "[তথনমযরবল]"
    yield _fold("khanda ta", f"ত্(?!{joins})", "ৎ")
    yield _fold("khanda ta", f"ৎ(?={joins})", "ত্")


def _gurmukhi_folds(letters: Letters, scheme: Scheme) -> Iterator[Fold]:
    native = {roman: letter for letter, roman in letters.consonants.items()}
    doubled = "|".join(
        f"{native[single_letter(roman)]}੍(?={letter}(?!\u0a3c))"
        for letter, roman in letters.consonants.items()
    )
    consonant = _any_of(letters.consonants)
    yield _fold("addak: with nothing to double", f"ੱ(?!{consonant})", "")
    yield _fold("addak: a doubled letter", f"{_AFTER_VOWEL}(?:{doubled})", "ੱ")


def _malayalam_folds(letters: Letters, scheme: Scheme) -> Iterator[Fold]:
    consonant = _any_of(letters.consonants)
    chillu = {"ണ": "ൺ", "ന": "ൻ", "ര": "ർ", "ല": "ൽ", "ള": "ൾ", "ക": "ൿ"}
    rare = {"ൔ": "മ്", "ൕ": "യ്", "ൖ": "ഴ്"}
    ends = "" if write_letters(["ŭ"], scheme) else "|"
    yield _fold("chillu", f"[ൔൕൖ](?={consonant}{ends})", lambda match: rare[match[0]])
    vowelless = {sign: f"{letter}്" for letter, sign in chillu.items()}
    end = "(?![അ-ൿ])"
    yield _fold(
        "chillu", f"(?<![അ-ൿ])[{''.join(vowelless)}]{end}", lambda m: vowelless[m[0]]
    )
    # Chillu na and virama are how "nṟa" is typed by some.
    yield _fold("chillu", f"ൻ്(?={consonant})", "ന്")
    yield _fold(
        "chillu",
        f"[{''.join(vowelless)}](?={consonant})",
        lambda match: vowelless[match[0]],
    )
    yield _fold("chillu", f"ര്(?={consonant})(?![യരവ])", "ർ")
    letter = "".join(chillu)
    vowelless_end = f"(?<=[അ-ൣ])([{letter}])്(?=[അ-ഔ])"
    yield _fold("chillu", vowelless_end, lambda match: chillu[match[1]])
    if not write_letters(["ŭ"], scheme):
        final = f"(?<=[അ-ൣ])([{letter}])്{end}"
        yield _fold("half-u", final, lambda match: chillu[match[1]])


_SCRIPT_FOLDS = {
    "Beng": _bengali_folds,
    "Guru": _gurmukhi_folds,
    "Mlym": _malayalam_folds,
}


def _division_folds(letters: Letters, scheme: Scheme) -> Iterator[Fold]:
    """What a scheme without a divider reads as one letter."""
    consonant, vowel = _any_of(letters.consonants), _any_of(letters.vowels)
    virama, signs = letters.virama, _sign_of(letters)
    yield _fold("secondary ya", f"(?<={vowel}){virama}(?={consonant})", "")
    yield _fold(
        "vowelless",
        f"(?<={consonant}){virama}({vowel})",
        lambda match: signs[match[1]],
    )
    yield _table_fold("cluster", _consonant_clusters(letters, scheme))
    yield from _vocalic_folds(letters, scheme)
    if not scheme.diaeresis:
        native = {roman: letter for letter, roman in letters.vowels.items()}
        whole = {native["i"]: native["ai"], native["u"]: native["au"]}
        second = _any_of(whole)
        yield _fold("hiatus", f"{native['a']}({second})", lambda m: whole[m[1]])
        yield _fold("hiatus", f"(?<={consonant}){second}", lambda m: signs[whole[m[0]]])


def _consonant_clusters(letters: Letters, scheme: Scheme) -> dict[str, str]:
    whole = {write_letters([r], scheme): key for key, r in letters.consonants.items()}
    pairs = {
        f"{first}{letters.virama}{second}": write_letters([roman, other], scheme)
        for first, roman in letters.consonants.items()
        for second, other in letters.consonants.items()
    }
    return {pair: whole[written] for pair, written in pairs.items() if written in whole}


def _vocalic_folds(letters: Letters, scheme: Scheme) -> Iterator[Fold]:
    """Harvard-Kyoto writes l and vocalic r as it writes vocalic l."""
    whole = {write_letters([r], scheme): key for key, r in letters.vowels.items()}
    pairs = {
        letter + sign: whole[written]
        for letter, roman in letters.consonants.items()
        for sign, vowel in letters.signs.items()
        if (written := write_letters([roman, vowel], scheme)) in whole
    }
    if pairs:
        signs, consonant = _sign_of(letters), _any_of(letters.consonants)
        joined = {letters.virama + pair: signs[v] for pair, v in pairs.items()}
        yield _fold(
            "cluster", f"(?<={consonant}){_any_of(joined)}", lambda m: joined[m[0]]
        )
        yield _table_fold("cluster", pairs)


def _sign_of(letters: Letters) -> dict[str, str]:
    """The sign of each vowel letter; the vowel that needs none has an empty one."""
    signs = {roman: sign for sign, roman in letters.signs.items()}
    return {letter: signs.get(roman, "") for letter, roman in letters.vowels.items()}


def _fold(name: str, pattern: str, replacement: str | Callable[..., str]) -> Fold:
    compiled = regex.compile(pattern)
    return name, lambda word: compiled.sub(replacement, word)


def _table_fold(name: str, table: Mapping[str, str]) -> Fold:
    if not table:
        return name, lambda word: word
    return _fold(name, _any_of(table), lambda match: table[match[0]])


def _any_of(strings: Iterable[str]) -> str:
    return "(?:" + "|".join(sorted(strings, key=len, reverse=True)) + ")"
