r"""Words and aksharas: the one segmentation that counting and comparing use.

`\p{L}\p{M}\p{N}` throughout: Python's `\w` and `str.isalpha` leave vowel signs out.
"""

import functools
import importlib.util
import re
from collections.abc import Iterator

import regex

_LETTERS = r"\p{L}\p{M}\p{N}"
_JOINERS = "\u200c\u200d"
# Soft hyphen, word joiner, byte order mark, bidirectional controls: inside a word
# they part nothing (UAX 29, WB4). A zero-width space does.
_FORMAT = "\u00ad\u2060\ufeff\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069"
_APOSTROPHES = "'\u2018\u2019\u201b\uff07"
# Catalan's l·l; Hebrew's geresh, which may end a word, and gershayim.
_MIDDLE = "\u00b7\u0387\u2027\u05f4"
_GERESH = "\u05f3"

# What may stand inside a word, each between what it needs on both sides. The sign
# comes first in a pattern and is looked back at after: that fails fastest.
_INSIDE = "|".join(
    (
        rf"[{_APOSTROPHES}{_MIDDLE}](?<=[\p{{L}}\p{{M}}{_JOINERS}].)(?=\p{{L}})",
        rf"{_GERESH}(?<=\p{{Hebrew}}.)",
        r'"(?<=\p{Hebrew}.)(?=\p{Hebrew})',
        r"[.,\u066b\u066c](?<=\p{Nd}.)(?=\p{Nd})",
        rf"[{_FORMAT}]+(?=[{_LETTERS}])",
    )
)
_HYPHENS = "\u2010\u2011-"
_HYPHEN_INSIDE = rf"|[{_HYPHENS}](?<=[\p{{L}}\p{{M}}].)(?=\p{{L}})"
# Most lines have none of these within a word, nor an invisible letter or mark, and
# are split by the letters alone, twice as fast.
_UNUSUAL = re.compile(
    rf"{_GERESH}|[{_APOSTROPHES}{_MIDDLE}\".,\u066b\u066c{_FORMAT}{_HYPHENS}]\S"
    "|[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0]"
    "|[\U000e0000-\U000e0fff]"
)
_BARE = regex.compile(rf"[{_LETTERS}][{_LETTERS}{_JOINERS}]*+")
# Their spelling writes a hyphen inside one word: Tagalog's pag-ibig, Malay's
# anak-anak. Elsewhere each side is a word of its own (UAX 29).
_HYPHENATING = frozenset(
    "tl fil ceb hil ilo war pam bik pag id ms jv su min ban mad".split()
)

# Words that lose their vowel before another and lean on it.
_ROMANCE = "l d j c n s m t v qu"
_ELIDED = {
    "fr": f"{_ROMANCE} jusqu lorsqu puisqu quoiqu",
    "oc": _ROMANCE,
    "ca": "l d s m t n",
    "it": f"{_ROMANCE} un dell dall all nell sull coll quest quell bell sant tutt "
    "nessun alcun ciascun anch com dov quand cos senz sott mezz gl",
}
# Postpositions that Punjabi writes after an apostrophe, short for ਵਿੱਚ and ਉੱਤੇ.
_LEANING = {"pa": "ਚ ਚੋਂ ਤੇ ਤੋਂ"}

# Written without spaces. ICU has dictionaries for the first set.
_DICTIONARY = (
    r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Han}\p{Bopomofo}"
    r"\p{scx=Hiragana}\p{scx=Katakana}"
)
_SOUTHEAST = r"\p{LB=SA}"
# From Thai on, the first of them: most lines need no closer look.
_PERHAPS_UNSPACED = re.compile("[\u0e00-\U0010ffff]")
_UNSPACED = regex.compile(rf"(?=\p{{L}})[{_DICTIONARY}{_SOUTHEAST}]")
_RUNS = regex.compile(
    "|".join(
        rf"(?P<{name}>(?=\p{{L}})[{scripts}]"
        rf"(?:(?=\p{{L}})[{scripts}]|[\p{{M}}{_JOINERS}])*+)"
        for name, scripts in (("known", _DICTIONARY), ("other", _SOUTHEAST))
    )
    + rf"|(?:(?!(?=\p{{L}})[{_DICTIONARY}{_SOUTHEAST}]).)+",
    regex.DOTALL,
)
# UAX 29 keeps a run of katakana whole, but parts some of Myanmar's vowel signs.
_CLUSTERS = regex.compile(
    rf"(?:[\p{{Katakana}}ー][\p{{M}}{_JOINERS}]*+)++|\X[\p{{M}}{_JOINERS}]*+"
)

# Keycaps, and what chooses how an emoji is shown: marks and digits by category.
_EMOJI = regex.compile("[0-9#*]\ufe0f?\u20e3|[\ufe0e\ufe0f\u20e3]")


def split_words(
    text: str, language: str | None = None, *, segment: bool = True
) -> list[str]:
    r"""Returns the words of `text` in order, without punctuation and symbols.

    Unicode's word segmentation, tailored to songs:

    - A letter, mark or digit is never lost, and a mark or joiner (ZWJ, ZWNJ) never
      parted from its letter. Symbols and emoji, keycaps too, are no words.
    - Danda, Perso-Arabic punctuation, the Tibetan tsheg and all other punctuation
      part words; full stop, colon and underscore too, which UAX 29 lets stand
      inside a word, since songs lack the space after them (`oh.So`, `Chorus:la`).
    - An apostrophe between two letters belongs to the word (`don't`, `ব’লে`); at
      the edge of a word it cannot be told from a quotation mark and goes. French,
      Italian, Catalan and Occitan part the elided word (`l'amour`: `l'`, `amour`),
      Punjabi its postposition (`ਦਿਲ'ਚ`: `ਦਿਲ`, `ਚ`).
    - A hyphen parts words, but for Tagalog, Malay and their like (`pag-ibig`).
    - Point and comma between digits belong to the number (`3.5`, `१,००,०००`).
    - Thai, Lao, Khmer, Myanmar, Chinese and Japanese, written without spaces, are
      segmented by ICU's dictionaries where the extra `[segment]` is installed. In
      its absence, and for other such scripts, every grapheme cluster is a word,
      and a run of katakana one (UAX 29). `word_segmenter` says which of the two.

    Sandhi and agglutination are not undone: a word is what the script writes as
    one. Normalize the text first (`normalize_text`).

    Example:
        in:   "दुःख-सुख, don't! २ बार॥", "hi"
        out:  ["दुःख", "सुख", "don't", "२", "बार"]

    Args:
        text: Any text, of any number of lines.
        language: BCP 47 tag; only its first part counts.
        segment: False for grapheme clusters whatever is installed: the same words
            on every machine.

    References:
        Unicode Standard Annex 29, Unicode Text Segmentation.
    """
    primary = (language or "und").split("-")[0].lower()
    text = _without_emoji(text)
    usual = _UNUSUAL.search(text) is None
    words = (_BARE if usual else _words_of(primary)).findall(text)
    if _PERHAPS_UNSPACED.search(text) and _UNSPACED.search(text):
        words = [part for word in words for part in _parts(word, segment)]
    leaning = _leaning(primary)
    if leaning is not None:
        words = [part for word in words for part in _unleant(word, leaning)]
    return words


def word_segmenter() -> str:
    """Returns what `split_words` segments unspaced scripts by, with its version.

    Example:
        out:  "icu-78.3", or "clusters" without the extra `[segment]`

    A number that counts words of such a script says this beside it.
    """
    if not _has_icu():
        return "clusters"
    import icu4py  # pyright: ignore[reportMissingImports]

    return f"icu-{icu4py.icu_version}"


def split_aksharas(text: str) -> list[str]:
    r"""Returns the written syllables of `text`; spaces and punctuation go.

    - Consonants joined by virama stay together with what hangs on them: `क्ष्म`,
      `ক্যা`, `ਪ੍ਰੇ` are one each. ZWJ keeps a cluster together (`र्‍या`), ZWNJ parts it.
    - Tamil's puḷḷi joins nothing: `க்` is a letter of its own, as Tamil counts them;
      `க்ஷ` and `ஶ்ரீ` are the two that it writes as one. Sinhala joins by ZWJ only.
    - A dead consonant that joins nothing is one of its own: the `त्` of `जगत्`, a
      Malayalam chillu (old spelling or new), khanda ta, the `န်` of `မြန်မာ`.
    - Candrabindu, anusvara, visarga, tippi, bindi, addak belong to what they follow.
    - Subscripts of Khmer, Myanmar, Tai Tham and Tibetan belong to their base.
    - All other scripts, Latin and romanized text too: grapheme clusters (UAX 29).
      Every digit is one.

    As in `split_words` no letter, mark or digit is lost but those of emoji.

    Example:
        in:   "लक्ष्मी जगत्"
        out:  ["ल", "क्ष्मी", "ज", "ग", "त्"]
    """
    return _AKSHARA.findall(_without_emoji(text))


# Virama where it joins in plain sight of the letters; stackers join always.
_VIRAMA = r"[^\P{InSC=Virama}\u0bcd\u0d4d\u0dca]"
_LINK = (
    rf"(?:\u200d?{_VIRAMA}\u200d?|\u200d?\u0d4d|\u0dca\u200d|\u200d\u0dca)"
    r"(?=\p{InSC=Consonant})"
)
_TAIL = rf"(?:\p{{InSC=Invisible_Stacker}}\p{{L}}|[\p{{M}}{_JOINERS}])*+"
_HANGUL = (
    r"(?=[\p{HST=L}\p{HST=V}\p{HST=T}\p{HST=LV}\p{HST=LVT}])"
    r"\p{HST=L}*+[\p{HST=LV}\p{HST=LVT}]?+\p{HST=V}*+\p{HST=T}*+"
)
_AKSHARA = regex.compile(
    r"(?!\p{DI})(?:"
    rf"(?:க்ஷ|[ஸஶ]்ரீ){_TAIL}"
    rf"|{_HANGUL}{_TAIL}"
    rf"|ൎ?(?!ൎ)\p{{L}}\p{{InSC=Nukta}}*+(?:{_LINK}.\p{{InSC=Nukta}}*+)*+{_TAIL}"
    rf"|[{_LETTERS}]{_TAIL})"
)


def _without_emoji(text: str) -> str:
    if "\ufe0f" in text or "\ufe0e" in text or "\u20e3" in text:
        return _EMOJI.sub(" ", text)
    return text


@functools.lru_cache(maxsize=256)
def _words_of(language: str) -> regex.Pattern:
    inside = _INSIDE + (_HYPHEN_INSIDE if language in _HYPHENATING else "")
    more = f"[{_LETTERS}{_JOINERS}]*+"
    return regex.compile(rf"(?!\p{{DI}})[{_LETTERS}]{more}(?:(?:{inside}){more})*+")


def _parts(word: str, segment: bool) -> Iterator[str]:
    for run in _RUNS.finditer(word):
        if run.lastgroup is None:
            yield from _words_of("und").findall(run[0])
        elif run.lastgroup == "known" and segment and _has_icu():
            yield from _segments(run[0])
        else:
            yield from _CLUSTERS.findall(run[0])


@functools.cache
def _has_icu() -> bool:
    return importlib.util.find_spec("icu4py") is not None


def _segments(run: str) -> Iterator[str]:
    from icu4py.breakers import WordBreaker  # pyright: ignore[reportMissingImports]

    # ICU chooses the dictionary by script; the locale changes nothing.
    return iter(WordBreaker(run, "en"))


@functools.lru_cache(maxsize=256)
def _leaning(language: str) -> regex.Pattern | None:
    """Where a word is to be parted: behind an elided word, before a clitic."""
    if language in _ELIDED:
        heads = "|".join(_ELIDED[language].split())
        return regex.compile(
            rf"(?:^|(?<=[{_APOSTROPHES}]))(?:{heads})[{_APOSTROPHES}]\K",
            regex.IGNORECASE,
        )
    if language in _LEANING:
        tails = "|".join(_LEANING[language].split())
        return regex.compile(rf"[{_APOSTROPHES}](?=(?:{tails})$)")
    return None


def _unleant(word: str, leaning: regex.Pattern) -> list[str]:
    return [part for part in leaning.split(word) if part]
