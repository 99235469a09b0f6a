"""Many phrases in a text at once, as whole tokens."""

import bisect
import functools
import unicodedata
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

import regex

if TYPE_CHECKING:
    from ahocorasick_rs import AhoCorasick

# A character and what composes with it: no other canonical composition crosses the
# border of such a piece, so that a text may be put into NFC piece by piece.
_PIECES = regex.compile(r"[^\p{M}\u1160-\u11ff]?[\p{M}\u1160-\u11ff]*", regex.DOTALL)
_SURROGATES = regex.compile("[\ud800-\udfff]")
_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]")
_MARK = regex.compile(r"\p{M}")
_JOINERS = "\u200c\u200d"
# Written without spaces: there a letter beside a phrase says nothing.
_UNSPACED = regex.compile(
    r"[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}"
    r"\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]"
)


class Match(NamedTuple):
    """One occurrence: `text[start:end]` is the phrase numbered `phrase`."""

    phrase: int
    start: int
    end: int


class PhraseMatcher:
    """Finds whole-token occurrences of many phrases in one pass (Aho-Corasick).

    A phrase is found where no letter, mark, digit or joiner (ZWJ, ZWNJ) is attached
    to either end, so राम is found in "राम!" and not in "रामायण". In scripts that
    are written without spaces (Han, kana, Thai, Lao, Khmer, Myanmar) only a mark
    that is attached stands against it. Texts and phrases are compared in NFC.

    Example:
        ```python
        PhraseMatcher(["जय राम", "राम"]).find("जय राम रामायण")
        # [Match(phrase=0, start=0, end=6), Match(phrase=1, start=3, end=6)]
        ```

    Args:
        phrases: The phrases; spaces around and between words are made single.
        fold: Whether letter case is ignored (full Unicode case folding, which
            knows no language: Turkish ı is not I).

    Raises:
        ValueError: If a phrase is blank, or no string.
    """

    def __init__(self, phrases: Iterable[str], *, fold: bool = False):
        self.phrases = tuple(map(check_phrase, phrases))
        self.fold = fold
        self._forms = tuple(_form(phrase, fold)[0] for phrase in self.phrases)

    def __reduce__(self):
        # The automaton stays behind: each process compiles its own, once.
        return _unpickle, (self.phrases, self.fold)

    def __len__(self) -> int:
        return len(self.phrases)

    @functools.cached_property
    def _automaton(self) -> "AhoCorasick":
        return _compile(self._forms)

    def find(self, text: str) -> list[Match]:
        """Returns every occurrence, overlapping ones too.

        Returns:
            Matches with offsets in code points of `text` as it was given, by start;
            of those with one start the longest comes first.
        """
        if not self.phrases or not text:
            return []
        form, places = _form(text, self.fold)
        found = [
            Match(phrase, start, end)
            for phrase, start, end in self._automaton.find_matches_as_indexes(
                form, overlapping=True
            )
            if is_whole(form, start, end)
        ]
        if places is not None:
            found = [_in_text(match, places, len(text)) for match in found]
        return sorted(found, key=lambda match: (match.start, -match.end, match.phrase))


def is_whole(text: str, start: int, end: int) -> bool:
    """Says whether no letter, mark, digit or joiner is attached to `text[start:end]`.

    Args:
        text: Text in NFC.
        start: Offset of the first character.
        end: Offset behind the last character.
    """
    before = start > 0 and _is_joined(text[start - 1], text[start])
    return not before and not (end < len(text) and _is_joined(text[end - 1], text[end]))


@functools.lru_cache(maxsize=1 << 16)
def _is_joined(left: str, right: str) -> bool:
    """Says whether two neighbors belong to one token."""
    if left in _JOINERS or right in _JOINERS or _MARK.match(right):
        return True
    if _UNSPACED.match(left) or _UNSPACED.match(right):
        return False
    return bool(_WORD.match(left) and _WORD.match(right))


def merge_spans(matches: Iterable[Match]) -> list[tuple[int, int]]:
    """Returns the stretches of text that sorted matches cover; overlaps are one."""
    spans: list[tuple[int, int]] = []
    for _, start, end in matches:
        if spans and start < spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return spans


def replace_spans(
    text: str, spans: Iterable[tuple[int, int]], replacement: Callable[[str], str]
) -> str:
    """Returns `text` with what stands in each span replaced.

    Args:
        text: Any text.
        spans: Starts and ends, in order, none overlapping another.
        replacement: Takes the text of a span, returns what takes its place.
    """
    pieces, end = [], 0
    for start, stop in spans:
        pieces += [text[end:start], replacement(text[start:stop])]
        end = stop
    return "".join((*pieces, text[end:]))


def _unpickle(phrases: tuple[str, ...], fold: bool) -> PhraseMatcher:
    return PhraseMatcher(phrases, fold=fold)


@functools.lru_cache(maxsize=64)
def _compile(forms: tuple[str, ...]) -> "AhoCorasick":
    from ahocorasick_rs import AhoCorasick

    return AhoCorasick(forms)


def _form(text: str, fold: bool) -> tuple[str, list[int] | None]:
    """Returns the form that is searched, and where its characters come from.

    The second value holds, for each character of the form, the offset of the piece
    of `text` that it was made from; None where all offsets are the same.
    """
    # UTF-8 can't hold half a surrogate pair, and the automaton works on UTF-8.
    text = _SURROGATES.sub("\ufffd", text)
    if unicodedata.is_normalized("NFC", text):
        if not fold:
            return text, None
        folded = text.casefold()
        # Folding never shortens: equal lengths say that no letter became two.
        if len(folded) == len(text) and unicodedata.is_normalized("NFC", folded):
            return folded, None
    form: list[str] = []
    places: list[int] = []
    for piece in _PIECES.finditer(text):
        made = unicodedata.normalize("NFC", piece[0])
        if fold:
            made = unicodedata.normalize("NFC", made.casefold())
        form.append(made)
        places += [piece.start()] * len(made)
    return "".join(form), places


def _in_text(match: Match, places: list[int], length: int) -> Match:
    last = places[match.end - 1]
    following = bisect.bisect_right(places, last)
    end = places[following] if following < len(places) else length
    return match._replace(start=places[match.start], end=end)


def check_phrase(phrase: str) -> str:
    """Returns `phrase` in NFC with single spaces.

    Raises:
        ValueError: If it is no string, or holds nothing but spaces.
    """
    tidy = " ".join(phrase.split()) if isinstance(phrase, str) else ""
    if not tidy:
        raise ValueError(
            f"`phrase` must be a word or more. Received: phrase={phrase!r}. "
            "Leave it out of the list."
        )
    return unicodedata.normalize("NFC", tidy)
