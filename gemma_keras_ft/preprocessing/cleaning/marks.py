"""Marks that say how often a line is sung: `(x2)`, `[2x]`, `×3`, `(दो बार)`."""

import regex

from gemma_keras_ft.preprocessing.cleaning.patterns import folded

_NUMBERS = {
    2: "twice bis दो दोन दोनदा ਦੋ দুই இரண்டு రెండు ಎರಡು دو dos deux duas dua iki два",
    3: "thrice ter तीन ਤਿੰਨ তিন மூன்று మూడు ಮೂರು تین tres trois três tiga üç три",
    4: "चार ਚਾਰ চার நான்கு నాలుగు ನಾಲ್ಕು چار cuatro quatre quatro empat dört четыре",
}
_NUMBER_WORDS = {
    folded(word): number for number, words in _NUMBERS.items() for word in words.split()
}
_TIMES = (
    "times?|बार|वेळा|ਵਾਰ|ਵਾਰੀ|বার|முறை|தடவை|సార్లు|ಬಾರಿ|ಸಲ|തവണ|વાર|ଥର|بار|مرتبہ"
    "|veces|vezes|fois|mal|kali|kere|раза?|回|番|遍|次|번"
)
_WORDS = "|".join(sorted(_NUMBER_WORDS, key=len, reverse=True))
_COUNT = (
    r"(?:(?:repeat|sing|sung)\s+)?(?:[x×]\s?(?P<count>\p{Nd}{1,2})"
    rf"|(?P<count>\p{{Nd}}{{1,2}})\s?(?:[x×]|{_TIMES})"
    rf"|(?P<word>{_WORDS})\s(?:{_TIMES})|(?P<word>twice|thrice|bis))"
)
_IN_BRACKETS = regex.compile(
    rf"[(\[{{（［]\s*{_COUNT}\s*[)\]}}）］][.।॥|]*\s*$", regex.IGNORECASE
)
# Without brackets only these: "size 2x" and "my 4x4" are words of a line.
_BARE = regex.compile(
    r"(?:(?:(?<=[\s\p{P}])|^)x|×\s?)(?P<count>\p{Nd}{1,2})\s*$"
    r"|(?:(?<=\s)|^)(?P<count>\p{Nd}{1,2})×\s*$"
)
_DANDAS = regex.compile(r"[।॥|]\s*(?P<count>\p{Nd}{1,2})\s*[।॥|]+\s*$")
_ENDS = frozenset(")]}）］×")
# So far from the end a mark may begin.
_REACH = 40


def may_have_mark(line: str) -> bool:
    """Says whether a line may end in a mark; costs less than to read it."""
    if line.rstrip()[-1:].isdigit():
        return True
    return line.rstrip(" .:：।॥|")[-1:] in _ENDS


def read_mark(line: str, *, dandas: bool = False) -> tuple[str, int] | None:
    """Returns a line without the mark at its end, and how often it is sung.

    Example:
        in:   "मन लागो (x2)"          "size 2x"
        out:  ("मन लागो", 2)          None

    Args:
        line: A line of a song.
        dandas: Whether `॥२॥` at the end says that a line is sung twice.
    """
    start = max(0, len(line) - _REACH)
    found = _IN_BRACKETS.search(line, start) or _BARE.search(line, start)
    if found:
        word = found.groupdict().get("word")
        times = _NUMBER_WORDS[folded(word)] if word else int(found["count"])
        return line[: found.start()].rstrip(), times
    found = _DANDAS.search(line, start) if dandas else None
    if found:
        return line[: found.start("count")].rstrip(), int(found["count"])
    return None
