"""One spelling for every Indic word: the rules over `indic_tables`."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping

import regex

from gemma_keras_ft.preprocessing.text import indic_tables as tables

# Devanagari to Sinhala: nine blocks in ISCII's common order, and one of its own.
_BLOCKS = tuple(map(chr, range(0x0900, 0x0E00)))


def _chars(pattern: str) -> str:
    matches = regex.compile(pattern).fullmatch
    return "".join(char for char in _BLOCKS if matches(char))


_LETTERS = _chars(r"[\p{L}\p{M}]")
_CONSONANTS = frozenset(_chars(r"\p{InSC=Consonant}"))
_DIGITS = _chars(r"\p{Nd}")
_VIRAMAS = _chars(r"\p{InSC=Virama}")
_VOWEL_SIGNS = _chars(r"\p{InSC=Vowel_Dependent}")
_VISARGAS = _chars(r"\p{InSC=Visarga}")
_NUKTAS = _chars(r"\p{InSC=Nukta}")
# Gurmukhi's yakash and udaat, written below a consonant.
_SUBJOINED = "\u0a75\u0a51"
_NASALS = _chars(r"(?=\p{M})[\p{InSC=Bindu}\p{InSC=Gemination_Mark}]")


def join_dead_consonants(text: str) -> str:
    r"""Returns `text` with khanda ta and chillus in one character each.

    The old spellings hold a ZWJ, so this comes before joiners are looked at.

    Example:
        in:   "അവന്\u200d"
        out:  "അവൻ"
    """
    return _ATOMIC(_DOUBLE_VIRAMA.sub(r"\1", text))


def respell_indic(text: str) -> str:
    """Returns `text` in NFC with every Indic word in one spelling.

    - *Order*: in a syllable first nukta, then vowel sign, then candrabindu,
      anusvara, visarga, tippi, bindi or addak, however they were typed.
    - *Doubles*: two equal vowel signs, viramas, nuktas or nasal signs are one.
    - *Look-alikes*: vowel letters built of a letter and a sign, vowel signs in two
      parts, digits for letters, letters for digits, Latin `o` and `l` for digits.
    - *Signs*: a colon is a visarga in the words of a short list (`दु:ख`, `अत:`).
      `||` beside an Indic letter or digit is a double danda; `|` after an Indic
      letter is a danda if it ends its line and is the only one there, or is the
      only one in a line with `||`. Bengali's `৷` is a danda but beside digits.

    Applied twice it does no more. Most lines need nothing, which one search tells.

    Example:
        in:   "दु:ख कंा मेाह ||"
        out:  "दुःख कां मोह ॥"

    Args:
        text: Text in NFC, without joiners that mean nothing.

    References:
        The Unicode Standard, chapters 12 and 13; DoNotEmit.txt, NamesList.txt and
        IndicSyllabicCategory.txt of the Unicode Character Database.
    """
    while not text.isascii() and _SUSPECT.search(text):
        respelled = text
        for rule in _RULES:
            respelled = rule(respelled)
        respelled = unicodedata.normalize("NFC", respelled)
        if respelled == text:
            break
        text = respelled
    return text


def _own_signs() -> dict[tuple[str, str], str]:
    """A vowel letter and its own sign: the sign is a double."""
    names = {unicodedata.name(char, ""): char for char in _BLOCKS}
    pairs = [(name.replace(" VOWEL SIGN ", " LETTER "), name) for name in names]
    return {
        (names[letter], names[sign]): names[letter]
        for letter, sign in pairs
        if letter != sign and letter in names
    }


_JOINED = {**_own_signs(), **tables.VOWEL_LETTERS, **tables.TWO_PART_SIGNS}
_BASES = "".join(sorted({first for first, _ in _JOINED} - set(_VOWEL_SIGNS)))
_ONCE = frozenset(_VOWEL_SIGNS + _NUKTAS + _SUBJOINED + _NASALS) - {tables.DOUBLE_KEPT}
_PLACES = {
    mark: place
    for place, marks in enumerate(
        (_NUKTAS, _SUBJOINED, _VOWEL_SIGNS, _NASALS + _VISARGAS)
    )
    for mark in marks
}
_AFTER_CONSONANT = regex.compile(
    f"(?<=[{''.join(_CONSONANTS)}])()([{''.join(_PLACES)}]+)"
)
# Only a consonant draws a nukta to itself.
_ELSEWHERE = regex.compile(f"([{_BASES}]?)([{_VOWEL_SIGNS}{_NASALS}{_VISARGAS}]+)")


def _syllable(match: regex.Match) -> str:
    """Orders the marks of one letter and joins what belongs together."""
    letter, marks = match.groups()
    joined = list(letter)
    for mark in sorted(marks, key=_PLACES.__getitem__):
        while joined and (joined[-1], mark) in _JOINED:
            mark = _JOINED[joined.pop(), mark]
        if not (joined and joined[-1] == mark and mark in _ONCE):
            joined.append(mark)
    return "".join(joined)


def _mapped(pattern: str, table: Mapping[str, str]) -> Callable[[str], str]:
    """A rule: what `pattern` finds is spelled as `table` says."""
    sub = regex.compile(pattern).sub
    return lambda text: sub(lambda match: table[match[0]], text)


def _any(strings: Iterable[str]) -> str:
    return f"(?:{'|'.join(map(regex.escape, strings))})"


def _latin_digits(match: regex.Match) -> str:
    before = match.string[match.start() - 1]
    zero = ord(before) - unicodedata.digit(before)
    return "".join(chr(zero + (char in "lI")) for char in match[0])


def _dandas(match: regex.Match) -> str:
    """Spells the pipes of one line as dandas where they surely are."""
    line = _DOUBLE_PIPE.sub("॥", match[0])
    if line.count("|") == 1 and ("॥" in line or line.rstrip().endswith("|")):
        return _PIPE.sub("।", line)
    return line


def _visarga(match: regex.Match) -> str:
    return match[0][:-1] + chr((ord(match[0][0]) & ~0x7F) + 0x03)


def _in_all_blocks(stems: Iterable[str]) -> list[str]:
    # Bengali has one letter for b and v.
    moved = [
        "".join(chr(ord(char) - 0x0900 + block) for char in stem)
        for stem in stems
        for block in tables.VISARGA_BLOCKS
    ]
    return [stem.replace("\u09b5", "ব") for stem in moved]


_DOUBLE_VIRAMA = regex.compile(f"([{_VIRAMAS}])\\1+")
_DOUBLE_NUKTA = regex.compile(f"([{_NUKTAS}{_SUBJOINED}])\\1+")
# NFC puts a nukta into these three, so that a double one is left after them.
_WITH_NUKTA = "\u0929\u0931\u0934"
_MORE_NUKTA = regex.compile(f"(?<=[{_WITH_NUKTA}])\u093c")
_ATOMIC = _mapped(_any(tables.ATOMIC_CONSONANTS), tables.ATOMIC_CONSONANTS)
_SYLLABLE_END = f"[{''.join(_CONSONANTS)}{_BASES}{_VOWEL_SIGNS}]"
_ANY_LETTER = f"[{_LETTERS}]"
_ANY_DIGIT = f"[{_DIGITS}]"
_NOT_IN_WORD = r"(?<![\p{L}\p{M}\p{N}\u200c\u200d:])"
_LETTER_DIGITS = {letter: digit for digit, letter in tables.DIGIT_LETTERS.items()}
_ANUSVARA_ZERO = {sign: zero for zero, sign in tables.ZERO_ANUSVARA.items()}
_NUMERALS = {**tables.DIGIT_LETTERS, **tables.NUMERAL_LETTERS}

_DOUBLE_PIPE = regex.compile(
    rf"(?<!\|)(?:(?<=[{_LETTERS}{_DIGITS}] ?)\|\||\|\|(?= ?[{_LETTERS}{_DIGITS}])"
    r"|(?<=॥ ?\p{Nd}{1,4} ?)\|\|)(?!\|)"
)
_PIPE = regex.compile(rf"(?<={_ANY_LETTER} ?)\|")
_LATIN_DIGITS = regex.compile(
    rf"(?<={_ANY_DIGIT})(?:[oO]+(?![\p{{L}}\p{{M}}\u200c\u200d])|[lI](?={_ANY_DIGIT}))"
)
_PIPED_LINE = regex.compile(r"[^|\n]*+\|.*")
_COLON = regex.compile(
    f"{_NOT_IN_WORD}(?:"
    rf"{_any(_in_all_blocks(tables.VISARGA_ENDS))}:(?![:/\p{{N}}\p{{DI}}])"
    f"|{_any(_in_all_blocks(tables.VISARGA_INSIDE))}:(?={_ANY_LETTER}))"
)
_BENGALI_COUNT = "[\u09e6-\u09ef\u09f4-\u09f9]"
_BENGALI_DANDA = regex.compile(f"৷{{2,}}|(?<!{_BENGALI_COUNT})৷(?!{_BENGALI_COUNT})")

_RULES: tuple[Callable[[str], str], ...] = (
    lambda text: _DOUBLE_VIRAMA.sub(r"\1", text),
    _mapped(_any(tables.SEQUENCES), tables.SEQUENCES),
    lambda text: _MORE_NUKTA.sub("", _DOUBLE_NUKTA.sub(r"\1", text)),
    lambda text: _AFTER_CONSONANT.sub(_syllable, text),
    lambda text: _ELSEWHERE.sub(_syllable, text),
    _mapped(
        f"(?<!{_ANY_DIGIT}){_any(_NUMERALS)}(?=[{_VOWEL_SIGNS}{_VIRAMAS}])", _NUMERALS
    ),
    _mapped(f"(?<={_ANY_DIGIT}){_any(_LETTER_DIGITS)}(?={_ANY_DIGIT})", _LETTER_DIGITS),
    _mapped(
        f"(?<={_SYLLABLE_END}){_any(tables.ZERO_ANUSVARA)}(?!{_ANY_DIGIT})",
        tables.ZERO_ANUSVARA,
    ),
    _mapped(f"(?<={_ANY_DIGIT}){_any(_ANUSVARA_ZERO)}", _ANUSVARA_ZERO),
    _mapped(
        f"(?<={_SYLLABLE_END}){_any(tables.DIGIT_CHILLUS)}(?!{_ANY_DIGIT})",
        tables.DIGIT_CHILLUS,
    ),
    _mapped(
        rf"(?<={_SYLLABLE_END})൦(?![\p{{L}}\p{{M}}\p{{N}}])",
        tables.MALAYALAM_ZERO_ANUSVARA,
    ),
    lambda text: _LATIN_DIGITS.sub(_latin_digits, text),
    _mapped(_any(tables.RESERVED_DANDAS), tables.RESERVED_DANDAS),
    lambda text: _BENGALI_DANDA.sub(lambda match: "।" * len(match[0]), text),
    lambda text: _PIPED_LINE.sub(_dandas, text),
    lambda text: _COLON.sub(_visarga, text),
)

# Whatever a rule changes holds one of these. Each is found by a character that is
# rare in a line without fault, and looked back from: that is the fastest.
_SUSPECT = re.compile(
    f"[{_VOWEL_SIGNS}{_NUKTAS}{_SUBJOINED}]"
    f"(?<=[{_VOWEL_SIGNS}{_NASALS}{_VISARGAS}{_BASES}].)"
    f"|[{_NASALS}{_VISARGAS}{_NUKTAS}{_SUBJOINED}{_VIRAMAS}]"
    f"(?:(?<=[{_NASALS}{_VISARGAS}][{_NASALS}{_VISARGAS}])"
    f"|(?<=[{_NUKTAS}{_SUBJOINED}{_WITH_NUKTA}][{_NUKTAS}{_SUBJOINED}])"
    f"|(?<=[{_VIRAMAS}][{_VIRAMAS}]))"
    f"|[{_DIGITS}:](?<={_ANY_LETTER}.)|{_ANY_DIGIT}[{_LETTERS}oOlI]"
    f"|[৷{''.join(tables.RESERVED_DANDAS)}|]|{'|'.join(tables.SEQUENCES)}"
)
