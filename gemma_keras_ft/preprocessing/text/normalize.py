"""Unicode normalization, shared by curation, retrieval and evaluation."""

import dataclasses
import functools
import re
import unicodedata
from collections.abc import Callable

import regex

from gemma_keras_ft.config import register
from gemma_keras_ft.preprocessing.base import CleaningPreprocessor
from gemma_keras_ft.preprocessing.text.indic import join_dead_consonants, respell_indic
from gemma_keras_ft.preprocessing.text.indic_tables import (
    PERSIAN_DIGITS,
    PERSIAN_LETTERS,
)
from gemma_keras_ft.preprocessing.text.words import split_words
from gemma_keras_ft.records import LyricRecord

_ZWSP, _ZWNJ, _ZWJ = "\u200b", "\u200c", "\u200d"
# Invisible characters that carry no meaning in any language: byte order mark, word
# joiner, soft hyphen, and the bidirectional controls.
_NEVER_MEANT = "\ufeff\u2060\u00ad\u200e\u200f\u202a-\u202e\u2066-\u2069\u061c"
# Written without spaces; a zero-width space between two letters parts two words.
_ZWSP_KEPT = frozenset("th lo km my shn mnw ksw kjg nod tts".split())
# Languages whose spelling has no use for joiners. An unknown language keeps them: a
# joiner too many is cheaper than a wrong word.
_JOINERS_DROPPED = frozenset(
    "hi awa bra bho mai mag hne bgc raj mwr sa pa gu ta".split()
)
# Languages that write eyelash ra as ra, virama and ZWJ, and need no other joiner.
_EYELASH = frozenset("mr ne kok gom new".split())
# Scripts that have no use for joiners whatever the language.
_JOINERLESS = regex.compile(r"[\p{Gurmukhi}\p{Gujarati}\p{Tamil}]")
_PERSIAN_LETTERS_IN = frozenset("fa ur ps sd pnb skr bal ks prs".split())

_SPACES = regex.compile(r"[^\S\n]+")
_ODD_SPACES = re.compile(r"[^\S\n ]|  ")
_INVISIBLE_RUN = re.compile(f"[{_ZWSP}{_ZWNJ}{_ZWJ}]+")
_LETTER = regex.compile(r"[\p{L}\p{M}]")
_UNSPACED = regex.compile(r"\p{LB=SA}")
_INDIC = re.compile("[\u0900-\u0dff]")
_VIRAMA = regex.compile(r"\p{InSC=Virama}")
# Joins nothing after it, so a ZWNJ there changes nothing.
_JOINS_LEFT_ONLY = regex.compile(r"\p{Joining_Type=Right_Joining}")
_EMOJI_PART = regex.compile("[\\p{Extended_Pictographic}\\p{Emoji_Modifier}\ufe0f]")
_EMOJI = regex.compile(r"\p{Extended_Pictographic}")
# Joiners, variation selectors, bidirectional controls and their like.
_IGNORABLE = regex.compile(r"\p{Default_Ignorable_Code_Point}+")
_NOT_WORD = regex.compile(r"[^\p{L}\p{M}\p{N} ]+")


def normalize_text(
    text: str, language: str | None = None, *, canonical_only: bool = False
) -> str:
    r"""Returns `text` in NFC, in one spelling, without invisible noise.

    - Spaces, tabs and their like become one space; line breaks stay.
    - Byte order mark, soft hyphen, word joiner and bidirectional controls go, and
      so does the zero-width space, but for one between two letters of Thai, Lao,
      Khmer, Burmese and their like, where it parts words.
    - ZWJ and ZWNJ stay where they tell words apart: next to a virama in Bengali,
      Odia, Telugu, Kannada, Malayalam and Sinhala; in Marathi's and Nepali's
      eyelash ra (र्‍या); between two letters of Persian, Urdu and every other
      language that is not known to need none; in emoji. They go where nothing hangs
      on them: at the edges of words, beside other Indic letters, after Arabic
      letters that join nothing, in Hindi, Sanskrit, Punjabi, Gujarati, Tamil.
    - Indic words that NFC leaves in several spellings get one: `respell_indic`,
      and khanda ta and chillu letters in one character (`join_dead_consonants`).
    - Arabic's ي ى ك and digits become those of Persian and Urdu in these languages.

    Canonically equivalent texts give the same result, and applied twice it does no
    more.

    Example:
        in:   "\ufeffदु:ख\u00a0 का\u093c", "hi"
        out:  "दुःख क़ा"

    Args:
        text: Any text.
        language: BCP 47 tag; only its first part counts.
        canonical_only: Stops after the third point, for sacred text: no letter,
            vowel sign, digit or punctuation mark changes but to what Unicode holds
            to be the same.
    """
    primary = _primary(language)
    text = unicodedata.normalize("NFC", _noise(primary).sub("", text))
    if _INVISIBLE_RUN.search(text):
        if not canonical_only:
            text = join_dead_consonants(text)
        text = _INVISIBLE_RUN.sub(_kept_invisible(primary), text)
        # What went may have stood between a letter and its mark.
        text = unicodedata.normalize("NFC", text)
    if _ODD_SPACES.search(text):
        text = _SPACES.sub(" ", text)
    if not canonical_only:
        # Last, since bars that are a danda are told by what stands beside them.
        text = respell_indic(text)
        if primary in _PERSIAN_LETTERS_IN:
            text = text.translate(_PERSIAN)
    return text


def _primary(language: str | None) -> str:
    return (language or "und").split("-")[0].lower()


_PERSIAN = str.maketrans({**PERSIAN_LETTERS, **PERSIAN_DIGITS})


@functools.lru_cache(maxsize=256)
def _noise(language: str) -> re.Pattern:
    zwsp = "" if language in _ZWSP_KEPT else _ZWSP
    return re.compile(f"[{_NEVER_MEANT}{zwsp}]+")


@functools.lru_cache(maxsize=256)
def _kept_invisible(language: str) -> Callable[[re.Match], str]:
    """A function from a run of joiners to the one that means something, or to ""."""

    def kept(run: re.Match) -> str:
        text, start, end = run.string, run.start(), run.end()
        before, after = text[start - 1 : start], text[end : end + 1]
        if _EMOJI_PART.match(before) and _EMOJI.match(after):
            return _ZWJ if _ZWJ in run[0] else ""
        if not _LETTER.match(before):
            return ""
        joiner = run[0][0]
        if joiner == _ZWSP:
            return joiner if _UNSPACED.match(before) and _UNSPACED.match(after) else ""
        if joiner == _ZWNJ and not _LETTER.match(after):
            return ""
        if _INDIC.match(before):
            return joiner if _means(joiner, text, start, after, language) else ""
        if language in _JOINERS_DROPPED:
            return ""
        return "" if joiner == _ZWNJ and _JOINS_LEFT_ONLY.match(before) else joiner

    return kept


def _means(joiner: str, text: str, start: int, after: str, language: str) -> bool:
    """Whether a joiner after the Indic letter before `start` tells words apart."""
    before = text[start - 1]
    if not (_VIRAMA.match(before) or _VIRAMA.match(after)):
        return False
    if _JOINERLESS.match(before):
        return False
    if before > "\u097f":
        return True
    if language in _EYELASH:
        return joiner == _ZWJ and text[start - 2 : start] == "र्"
    return language not in _JOINERS_DROPPED


def comparison_form(text: str, language: str | None = None) -> str:
    r"""Returns the form in which two texts are compared: bare words, single spaces.

    Dead consonants joined, NFKC, casefolded, without joiners and other invisible
    characters, Indic words in one spelling (`respell_indic`), split into words
    (`split_words`) that keep letters, marks and digits only. Vowel signs stay:
    `\p{M}` keeps them where Python's `\w` would lose a third of an Indic text. The
    same on every machine: scripts without spaces are split into grapheme clusters,
    whether or not a segmenter is installed. Romanize first to compare across
    scripts.

    Example:
        in:   "Hazaron  khwahishen, don't!"
        out:  "hazaron khwahishen dont"

    Args:
        text: Any text, normalized or not.
        language: BCP 47 tag, for `split_words` and the letters of Persian and Urdu.
    """
    if not text.isascii():
        text = _folded(text)
        if _primary(language) in _PERSIAN_LETTERS_IN:
            text = text.translate(_PERSIAN)
    words = " ".join(split_words(text.casefold(), language, segment=False))
    bare = _NOT_WORD.sub("", words)
    if bare != words:
        # Letters that an apostrophe held apart have met.
        bare = unicodedata.normalize("NFC", bare)
    return respell_indic(bare)


def _folded(text: str) -> str:
    text = unicodedata.normalize("NFC", _noise("und").sub("", text))
    if _ZWJ in text:
        text = join_dead_consonants(text)
    # Taken apart before it is folded, so that nothing is left to fold, and put
    # together after, since folding takes letters apart.
    text = respell_indic(unicodedata.normalize("NFC", _IGNORABLE.sub("", text)))
    folded = unicodedata.normalize("NFKD", text).casefold()
    folded = unicodedata.normalize("NFKC", folded)
    return text if folded == text else respell_indic(folded)


@register("normalize")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Normalize(CleaningPreprocessor):
    """Normalizes title, author, lines, romanization and translation.

    Each by its own language; see `normalize_text`. In a `no_alter` record only what
    is invisible or canonically equivalent changes (`canonical_only`), in every
    field: NFC, spaces and tabs, byte order marks, soft hyphens, bidirectional
    controls, joiners on which nothing hangs. Its letters, signs, digits and
    punctuation marks stay as they came, however unusual their spelling.
    """

    def map(self, record: LyricRecord) -> LyricRecord:
        """Returns the record with every text field normalized."""
        normalized = functools.partial(normalize_text, canonical_only=record.no_alter)

        def lines(values, language):
            if values is None:
                return None
            return tuple(normalized(line, language).strip() for line in values)

        def line(value):
            return value and (normalized(value, record.language).strip() or None)

        return record.replace(
            lines=lines(record.lines, record.language),
            romanized=lines(record.romanized, "und"),
            translation=lines(record.translation, record.translation_language),
            title=line(record.title),
            author=line(record.author),
        )
