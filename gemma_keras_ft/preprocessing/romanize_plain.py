"""Lines without a special case, in ISO 15919: a table and a few replacements.

Most lines have none, and a line takes this half the time that its aksharas take.
"""

import functools
import re
import unicodedata
from collections.abc import Mapping

from gemma_keras_ft.preprocessing.romanize_letters import script_characters
from gemma_keras_ft.preprocessing.romanize_tables import (
    HALF_U,
    JOINERS,
    NUKTA,
    RESPELLED,
    SCRIPTS,
    script_letters,
)

# A consonant waits for its vowel; a sign or a virama takes the place of it.
_WAITS, _TAKES = "\x01", "\x02"
# Before vowel letters, which a vowelless consonant may not meet: before the two
# that make a diphthong with an a, and before the rest.
_CLOSES, _OPENS = "\x03", "\x04"
# Before h, which makes an aspirate of a vowelless stop.
_BREATHES = "\x05"
_SPECIAL = "\x06"
_MARKS = _WAITS + _TAKES + _CLOSES + _OPENS + _BREATHES + _SPECIAL
_ASPIRATE = re.compile(f"[kgcjṭḍtdpbṛ]{_BREATHES}")
# Not composed by Unicode's NFC, which the table would take for two letters.
_NUKTA_LETTERS = (
    "\u0958-\u095f\u09dc\u09dd\u09df\u0a33\u0a36\u0a59-\u0a5b\u0a5e\u0b5c\u0b5d"
)
_VIRAMA_OF_MALAYALAM = "\u0d4d"


def romanize_plain(text: str) -> str | None:
    """Returns text in ISO 15919 if no letter of it is a special case, else None.

    Special are joiners, addak, chillus and their like, a vowelless stop before h,
    a vowelless consonant before a vowel letter, and signs that stand on no
    consonant. What is returned is what the aksharas give, but for composition.
    """
    for nukta, letters in _nukta_letters().items():
        if nukta in text:
            for apart, whole in letters:
                text = text.replace(apart, whole)
    marked = text.translate(_table())
    if _SPECIAL in marked or _TAKES + _CLOSES in marked or _TAKES + _OPENS in marked:
        return None
    marked = marked.replace(_WAITS + _TAKES, "")
    if _TAKES in marked:
        return None
    if _BREATHES in marked:
        if _ASPIRATE.search(marked):
            return None
        marked = marked.replace(_BREATHES, "")
    if _CLOSES in marked:
        for before in (_WAITS, f"{_OPENS}a"):
            marked = marked.replace(before + _CLOSES, f"{before}:")
        marked = marked.replace(_CLOSES, "")
    return marked.replace(_WAITS, "a").replace(_OPENS, "")


@functools.cache
def _nukta_letters() -> Mapping[str, list[tuple[str, str]]]:
    """Letters with a nukta, by nukta: as two characters and as one."""
    letters: dict[str, list[tuple[str, str]]] = {}
    for whole in re.findall(f"[{_NUKTA_LETTERS}]", "".join(script_characters())):
        apart = unicodedata.normalize("NFD", whole)
        letters.setdefault(apart[1], []).append((apart, whole))
    return letters


class _Table(dict[int, str]):
    """Code point -> ISO 15919 and marks; whatever is not Indic stays."""

    def __missing__(self, point: int) -> str:
        self[point] = chr(point)
        return self[point]


@functools.cache
def _table() -> _Table:
    known: dict[str, str] = {}
    for code in SCRIPTS:
        known |= _marked_letters(code)
    special = {*_MARKS, *JOINERS, HALF_U, *script_characters()}
    table = _Table(dict.fromkeys(map(ord, special), _SPECIAL))
    table.update({ord(key): roman for key, roman in known.items() if len(key) == 1})
    for letters in _nukta_letters().values():
        for apart, whole in letters:
            table[ord(whole)] = known.get(apart, _SPECIAL)
    return table


def _marked_letters(code: str) -> dict[str, str]:
    letters = script_letters(code)
    vowelless = set(letters.consonants.values())
    marked = {k: roman for k, roman in letters.others.items() if roman not in vowelless}
    for key, roman in letters.vowels.items():
        marked[key] = (_CLOSES if roman in ("i", "u") else _OPENS) + roman
    for key, roman in letters.signs.items():
        marked[key] = _TAKES + roman
    for key, roman in letters.consonants.items():
        marked[key] = (_BREATHES if roman == "h" else "") + roman + _WAITS
    marked[letters.virama] = _TAKES
    # What begins a longer letter is special; Gurmukhi's rha has an h, which tells.
    longer = {key[0] for key in marked if len(key) > 1 and key[1] not in NUKTA}
    special = {*longer - {"ੜ"}, *RESPELLED.get(code, {}), _VIRAMA_OF_MALAYALAM}
    return {key: roman for key, roman in marked.items() if key not in special}


CACHES = (_nukta_letters, _table)
