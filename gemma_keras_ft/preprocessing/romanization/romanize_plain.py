"""Lines without a special case, in ISO 15919: a table and a few replacements.

Most lines have none, and a line takes this half the time that its aksharas take.
"""

import functools
import re
import unicodedata
from collections.abc import Mapping

from gemma_keras_ft.preprocessing.romanization.romanize_letters import script_characters
from gemma_keras_ft.preprocessing.romanization.romanize_tables import (
    HALF_U,
    JOINERS,
    NUKTA,
    RESPELLED,
    SCRIPTS,
    script_letters,
)

# A consonant has an "a", of which a vowel sign or a virama takes the place. A vowel
# letter and h are marked: they may not follow every letter. So is a Latin "a", which
# is no consonant's.
_TAKES, _MARKED, _LATIN, _SPECIAL = "\x01", "\x02", "\x03", "\x04"
_VOWEL_TAKEN, _VOWELLESS = f"a{_TAKES}", f"{_TAKES}{_MARKED}"
_A_WITH_SIGN = f"{_MARKED}a{_TAKES}"
_HIATUS_I, _HIATUS_U = f"a{_MARKED}i", f"a{_MARKED}u"
# Tamil spells f and z by an aytam before a consonant.
_AYTAM = "ḵ"
_AYTAM_LETTER = re.compile(f"{_AYTAM}[pjy]a")
_ASPIRATE = re.compile(f"[kgcjṭḍtdpbṛ]a{_VOWELLESS}h")
_DIVIDES = re.compile(f"{_TAKES}(?={_MARKED}[^h{_AYTAM}])")
# The blocks of the scripts are neighbors, in their order.
_BLOCKS = dict(enumerate(SCRIPTS, start=0x900 >> 7))
# Not composed by Unicode's NFC; the table would take them for two letters.
_NUKTA_LETTERS = (
    "\u0958-\u095f\u09dc\u09dd\u09df\u0a33\u0a36\u0a59-\u0a5b\u0a5e\u0b5c\u0b5d"
)
_VIRAMA_OF_MALAYALAM = "\u0d4d"


def romanize_plain(text: str) -> str | None:
    """Returns text in ISO 15919 if no letter of it is a special case, else None.

    Special are joiners that are part of a letter, addak, chillus and their like, a
    vowelless stop before h, and signs that stand on no consonant. What is returned
    is what the aksharas give, but for composition.
    """
    table = _table()
    marked = text.translate(table)
    if _SPECIAL in marked:
        marked = _simplified(text).translate(table)
        if _SPECIAL in marked:
            return None
    if _VOWELLESS in marked:
        if _ASPIRATE.search(marked):
            return None
        marked = _DIVIDES.sub(f"{_TAKES}:", marked)
    joined = marked.replace(_VOWEL_TAKEN, "")
    if _TAKES in joined:
        return None
    if _MARKED in joined:
        if _A_WITH_SIGN in marked or (
            _AYTAM in marked and _AYTAM_LETTER.search(marked)
        ):
            return None
        joined = joined.replace(_HIATUS_I, "a:i").replace(_HIATUS_U, "a:u")
        joined = joined.replace(_MARKED, "")
    return joined.replace(_LATIN, "") if _LATIN in joined else joined


def _simplified(text: str) -> str:
    """Composes letters with a nukta, and drops joiners that only choose a glyph."""
    for nukta, letters in _nukta_letters().items():
        if nukta in text:
            for apart, whole in letters:
                text = text.replace(apart, whole)
    if any(joiner in text for joiner in JOINERS):
        if not any(spelling in text for spelling in _spellings_with_joiners()):
            text = _glyph_joiners().sub("", text)
    return text


@functools.cache
def _spellings_with_joiners() -> tuple[str, ...]:
    spellings = (key for code in SCRIPTS for key in RESPELLED.get(code, {}))
    return tuple(key for key in spellings if not set(JOINERS).isdisjoint(key))


@functools.cache
def _glyph_joiners() -> re.Pattern:
    return re.compile(f"(?<=[{''.join(script_characters())}])[{JOINERS}]+")


@functools.cache
def _nukta_letters() -> Mapping[str, list[tuple[str, str]]]:
    """Letters with a nukta, by nukta: as two characters and as one."""
    letters: dict[str, list[tuple[str, str]]] = {}
    for whole in re.findall(f"[{_NUKTA_LETTERS}]", "".join(script_characters())):
        apart = unicodedata.normalize("NFD", whole)
        letters.setdefault(apart[1], []).append((apart, whole))
    return letters


class _Table(dict[int, str]):
    """Code point -> ISO 15919 and marks, script by script as they are met."""

    def __missing__(self, point: int) -> str:
        code = _BLOCKS.get(point >> 7)
        if code is not None:
            self.update(_script_table(code))
        # What is not Indic stays.
        return self.setdefault(point, chr(point))


@functools.cache
def _table() -> _Table:
    special = {_TAKES, _MARKED, _LATIN, _SPECIAL, HALF_U, *JOINERS}
    # Devanagari's second block, of signs for the Veda.
    special |= {char for char in script_characters() if char >= "\ua8e0"}
    table = _Table(dict.fromkeys(map(ord, special), _SPECIAL))
    table[ord("a")] = f"a{_LATIN}"
    return table


def _script_table(code: str) -> dict[int, str]:
    known = _marked_letters(code)
    own = (char for char, of in script_characters().items() if of == code)
    table = {ord(char): known.get(char, _SPECIAL) for char in own}
    for letters in _nukta_letters().values():
        for apart, whole in letters:
            if apart in known:
                table[ord(whole)] = known[apart]
    return table


def _marked_letters(code: str) -> dict[str, str]:
    letters = script_letters(code)
    vowelless = set(letters.consonants.values())
    marked = {k: roman for k, roman in letters.others.items() if roman not in vowelless}
    marked |= {key: _MARKED + roman for key, roman in letters.vowels.items()}
    marked |= {key: _TAKES + roman for key, roman in letters.signs.items()}
    marked |= {key: f"{roman}a" for key, roman in letters.consonants.items()}
    marked |= {k: f"{_MARKED}ha" for k, r in letters.consonants.items() if r == "h"}
    marked |= {k: _MARKED + r for k, r in letters.others.items() if r == _AYTAM}
    marked[letters.virama] = _TAKES
    # What begins a longer letter is special, unless the letter's sound tells.
    longer = {key[0] for key in marked if len(key) > 1 and key[1] not in NUKTA}
    special = {*longer - {"ੜ", "ஃ"}, *RESPELLED.get(code, {}), _VIRAMA_OF_MALAYALAM}
    return {key: roman for key, roman in marked.items() if key not in special}


CACHES = (_glyph_joiners, _nukta_letters, _spellings_with_joiners, _table)
