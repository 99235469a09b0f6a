"""Which inherent vowels are written but not spoken, by rule."""

from collections.abc import Sequence

VOWELS = frozenset("a ā i ī u ū r̥ r̥̄ l̥ l̥̄ e ē ai o ō au ê ô ŭ".split())
NASALS = frozenset("ṁ ṃ m̐ n̆".split())
_SIGNS = NASALS | frozenset("ḥ ḵ ẖ ḫ '".split())
_LONG = frozenset("ā ī ū ē ai ō au".split())
_OBSTRUENTS = frozenset(
    "k kh g gh c ch j jh ṭ ṭh ḍ ḍh t th d dh p ph b bh ś ṣ s q k͟h ġ z f".split()
)
_RISING = frozenset("r l v m".split())
_PLAIN_VOWELS = frozenset("a ā i ī u ū ē ō".split())
_BENGALI_ENDINGS = frozenset(
    "tē,tēn,tām,chē,chēn,chi,chis,chil,chilām,bē,bēn,bō,lēn,lām".split(",")
)


def is_consonant(letter: str) -> bool:
    """Tells whether an ISO 15919 letter is a consonant."""
    return letter[0].isalpha() and letter not in VOWELS and letter not in _SIGNS


def delete_schwas(letters: Sequence[str], language: str) -> list[str]:
    """Returns the letters without the inherent vowels that are not spoken.

    The last one goes, unless the cluster before it could not be said without it;
    then, from the right, each that stands between a vowel and one consonant on its
    left and one consonant and a vowel on its right (Ohala, 1983). What a word is
    made of is not known, so a compound can come out wrong: see the exceptions.

    Example:
        in:   ["s", "a", "m", "a", "jh", "a", "n", "ā"], "hi"
        out:  ["s", "a", "m", "a", "jh", "n", "ā"]

    Args:
        letters: A word's letters in ISO 15919.
        language: "hi", "pa", "gu", "mr" or "bn".

    References:
        Ohala, Aspects of Hindi Phonology, 1983.
    """
    kept = list(letters)
    bengali = language == "bn"
    keeps = _bengali_keeps if bengali else _keeps
    if _is_schwa(kept, len(kept) - 1) and not keeps(kept):
        del kept[-1]
    deletes = _bengali_deletes if bengali else _deletes
    for place in range(len(kept) - 2, 1, -1):
        if _is_schwa(kept, place) and _is_open(kept, place) and deletes(kept, place):
            del kept[place]
    return kept


def _is_schwa(letters: Sequence[str], place: int) -> bool:
    return place > 0 and letters[place] == "a" and is_consonant(letters[place - 1])


def _is_open(letters: Sequence[str], place: int) -> bool:
    """One consonant on each side, and a vowel beyond each."""
    beyond = [letter for letter in letters[: place - 1] if letter not in NASALS]
    return (
        bool(beyond)
        and beyond[-1] in VOWELS
        and len(letters) > place + 2
        and is_consonant(letters[place + 1])
        and letters[place + 2] in VOWELS
    )


def _deletes(letters: Sequence[str], place: int) -> bool:
    # After a short vowel an anusvara is a consonant of its own: zindagi. After a
    # long one it is nasalization only: chandni.
    nasal = letters[place - 2] in ("ṁ", "ṃ")
    return not nasal or letters[place - 3] in _LONG


def _keeps(letters: Sequence[str]) -> bool:
    """Whether the last inherent vowel is spoken: mitra and satya, but dost."""
    if not any(letter in VOWELS for letter in letters[:-1]):
        return True
    last, before = letters[-2], letters[-3]
    if last in ("y", "ẏ"):
        return before in ("i", "ī") or is_consonant(before)
    if last in ("n", "ṇ"):
        return before in _OBSTRUENTS and before not in ("s", "ś")
    return last in _RISING and before in _OBSTRUENTS


def _bengali_keeps(letters: Sequence[str]) -> bool:
    """Bengali speaks it after a cluster, after h and rh, and after r̥, ai or au."""
    if not any(letter in VOWELS for letter in letters[:-1]):
        return True
    last = letters[-2]
    before = next(letter for letter in reversed(letters[:-2]) if letter != "m̐")
    if last == "ẏ":
        return before in ("i", "ī")
    return last in ("h", "ṛh") or before not in _PLAIN_VOWELS


def _bengali_deletes(letters: Sequence[str], place: int) -> bool:
    """Before a verb's ending, and between r or l and an obstruent: thakbe, sorkar."""
    if "".join(letters[place + 1 :]) in _BENGALI_ENDINGS:
        return True
    return letters[place - 1] in ("r", "l") and letters[place + 1] in _OBSTRUENTS
