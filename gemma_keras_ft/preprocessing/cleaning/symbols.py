"""Special symbols and emoji, which nobody sings."""

import dataclasses
import re
from collections.abc import Callable, Sequence

import regex

from gemma_keras_ft.config import register
from gemma_keras_ft.preprocessing.base import CleaningPreprocessor
from gemma_keras_ft.preprocessing.cleaning.cues import is_cue
from gemma_keras_ft.preprocessing.cleaning.labels import read_label
from gemma_keras_ft.preprocessing.cleaning.patterns import cut, cutting
from gemma_keras_ft.preprocessing.cleaning.punctuation import (
    has_indic_letters,
    uses_danda,
)
from gemma_keras_ft.preprocessing.edits import Edit, edit_song
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.sources.plain_text import is_blank

EMOJI = ("remove", "keep")

_EMOJI_BASE = r"[\p{Extended_Pictographic}--[\p{L}\p{P}©®™]]"
_EMOJI_ONE = rf"(?:{_EMOJI_BASE}|\p{{Regional_Indicator}})[\uFE0E\uFE0F]?\p{{EMod}}?"
_EMOJI_RUN = rf"(?:{_EMOJI_ONE}(?:\u200D{_EMOJI_ONE})*[\U000E0020-\U000E007F]*)+"
_EMOJI = cutting(_EMOJI_RUN, regex.V1)
_KEYCAP = regex.compile(r"([0-9#*])\uFE0F?\u20E3")
# Symbols that belong to a script are its signs; these belong to none. Currency,
# mathematical signs such as `+` and `<3`, and the degree are read aloud.
# Boxes and U+FFFD stay: they say that letters were lost.
_LOST_OR_READ = r"°№♭♮\u0fd5-\u0fd8\u25a1\u25af\ufffc\ufffd"
_SYMBOL = (
    r"[[\p{So}&&[\p{Common}]]--[\p{Extended_Pictographic}\p{Regional_Indicator}"
    rf"{_LOST_OR_READ}]][\uFE0E\uFE0F]?"
    r"|[🎵🎶©®™†‡•◦‣¤¦§¶※\u2190-\u21FF]+|(?<![A-Ga-g])[♭♮♯]"
)
_SYMBOLS = cutting(_SYMBOL, regex.V1)
# What says who owns a song is a credit until credits are moved. The look behind keeps
# a long run of spaces from being walked again and again.
_SPACED = r"(?P<before>(?:(?<!\s)\s+)?)(?![©®™℗])(?:{})(?P<after>\s*)"
_EMOJI_SPACED = regex.compile(_SPACED.format(_EMOJI_RUN), regex.V1)
_SYMBOLS_SPACED = regex.compile(_SPACED.format(_SYMBOL), regex.V1)
# Marks that are something inside a word ("R&B", "f**k", "w/o") and nothing alone.
_ALONE = cutting(r"(?<!\S)(?:[@#*~^_\\`]+|[<>]{1,2})(?!\S)")
_ALONE_OR_BAR = cutting(r"(?<!\S)(?:[@#*~^_|\\`]+|[<>]{1,2})(?!\S)")
# The bars of a chord sheet stay, and what hangs on one of them stands alone.
_ALONE_SPACED = regex.compile(
    r"(?P<before>(?:(?<!\s)\s+)?)(?<![^\s|])(?:[@#*~^_\\`]+|[<>]{1,2})(?![^\s|])"
    r"(?P<after>\s*)"
)
_EMPHASIS = regex.compile(
    r"(?<![\w*/])(\*{1,3}|_{1,3}|~~|`)(?=[^\s*_])([^*_~`\n]+)(?<=[^\s*_])\1(?![\w*])"
)
# A rule between two stanzas.
_RULE_MARKS = frozenset("-=*_~#+•–—")
_RULE = _RULE_MARKS | frozenset("·. \t")
# A wider net than the patterns above: the standard library's classes are several
# times faster than properties, and most songs have none of these.
_SUSPECT = re.compile(
    "[*_~`^\\\\@#<>|\xa4-\xb6\u2020-\u2023\u203b-\u203c\u2049\u20dd-\u20ff\u2100-\u2bff"
    "\u2e50-\u3000\u3003-\u303f\u3190-\u33ff\u4dc0-\u4dff\ua828-\ua839\ufd40-\ufdff\ufe0e"
    "\ufe0f\uffe4-\uffff\U00010100-\U000101ff\U0001bc9c-\U0001ffff]"
)
_MAY_BE_RULE = ("--", "- -", "––", "– –", "——", "— —", "==", "= =", "++", "+ +")
# What a label or a cue is recognized through.
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"))


@register("strip_ornaments")
@dataclasses.dataclass(frozen=True, kw_only=True)
class StripOrnaments(CleaningPreprocessor):
    """Takes out what decorates a line, so that the steps behind it read the line.

    A label, a credit, a repeat mark or a line of chords is told by its whole line or
    its end: `🎵 [Chorus] 🎵` is none until its notes are gone. Emoji and signs of no
    script go, and so do `@ # * ~ ^ _ < >` where they stand alone, the stars around
    *emphasis*, and a rule such as `-----`. What such marks set off as a label or a
    cue (`* Chorus *`, `♪ Music ♪`) stays for the steps that read those, `©` for the
    credits, bars for the chords, and gaps between words are as wide as they were.
    `StripSymbols` takes out the rest, when all of that is done.

    Example:
        in:   "🎵 [Chorus] 🎵", "★ la la (x2) ★", "♪ Music ♪"
        out:  "[Chorus]", "la la (x2)", "♪ Music ♪"

    Args:
        emoji: `"remove"` or `"keep"` emoji. A keycap leaves its digit.

    Raises:
        ValueError: If `emoji` is neither.
    """

    emoji: str = "remove"

    def __post_init__(self):
        _check_emoji(self.emoji)

    def map(self, record: LyricRecord) -> LyricRecord:
        """Returns the record with its lines undecorated."""
        return edit_song(record, self._edit)

    def _edit(self, lines: Sequence[str], language: str | None) -> Edit | None:
        return _edit_suspects(lines, self._stripped) if _may_have(lines) else None

    def _stripped(self, line: str) -> str:
        if not _SUSPECT.search(line) or _is_set_off(line):
            return line
        if self.emoji == "remove":
            line = _KEYCAP.sub(r"\1", line)
            line = _cut_spaced(_EMOJI_SPACED, line)
        line = _cut_spaced(_SYMBOLS_SPACED, line)
        if _is_set_off(line):
            return line
        return _cut_spaced(_ALONE_SPACED, _EMPHASIS.sub(r"\2", line))


def _is_set_off(line: str) -> bool:
    """Says whether marks of the line make it a label or a cue."""
    line = line.translate(_INVISIBLE)
    return is_cue(line) or read_label(line) is not None


def _cut_spaced(pattern: regex.Pattern, line: str) -> str:
    """Takes out what matches; of the spaces around it the wider ones stay."""

    def spaces(match: regex.Match) -> str:
        return max(match["before"], match["after"], key=len)

    return pattern.sub(spaces, line).strip() if pattern.search(line) else line


@register("strip_symbols")
@dataclasses.dataclass(frozen=True, kw_only=True)
class StripSymbols(CleaningPreprocessor):
    """Takes out symbols that are not read aloud, and emoji.

    Notes, stars, bullets and other signs of no script; `@ # * ~ ^ _ | < >` where
    they stand alone (not `|` in an Indic line: it is a danda); the stars around
    *emphasis*; a line such as `-----`, which becomes a stanza border. What is part of
    a word or a number stays (`R&B`, `f**k`, `<3`, `50 %`), and so do the signs of a
    script, such as ॐ, ੴ and ௐ.

    Example:
        in:   "♪ आँखों का तारा @ मेरा ♪ <3", "*****"
        out:  "आँखों का तारा मेरा <3"

    Args:
        emoji: `"remove"` or `"keep"` emoji. A keycap leaves its digit.

    Raises:
        ValueError: If `emoji` is neither.
    """

    emoji: str = "remove"

    def __post_init__(self):
        _check_emoji(self.emoji)

    def map(self, record: LyricRecord) -> LyricRecord:
        """Returns the record without special symbols."""
        return edit_song(record, self._edit)

    def _edit(self, lines: Sequence[str], language: str | None) -> Edit | None:
        if not _may_have(lines):
            return None
        indic = uses_danda(language)
        return _edit_suspects(lines, lambda line: self._stripped(line, indic))

    def _stripped(self, line: str, indic: bool) -> str:
        if not _SUSPECT.search(line):
            return line
        if self.emoji == "remove":
            line = _KEYCAP.sub(r"\1", line)
            line = cut(_EMOJI, line)
        line = cut(_SYMBOLS, line)
        line = _EMPHASIS.sub(r"\2", line)
        # A bar is a danda, which `TidyPunctuation` may come to write as one.
        indic = indic or has_indic_letters(line)
        return cut(_ALONE if indic else _ALONE_OR_BAR, line)


def _check_emoji(emoji: str) -> None:
    if emoji not in EMOJI:
        raise ValueError(f"`emoji` must be one of {EMOJI}. Received: emoji={emoji!r}.")


def _may_have(lines: Sequence[str]) -> bool:
    """Says whether there may be symbols or rules, which most songs have none of."""
    text = "\n".join(lines)
    return _SUSPECT.search(text) is not None or any(
        map(text.__contains__, _MAY_BE_RULE)
    )


def _edit_suspects(lines: Sequence[str], stripped: Callable[[str], str]) -> Edit | None:
    """Makes a rule a stanza border, and takes a line of symbols alone out."""
    pieces: list[tuple[str, ...]] = []
    for line in lines:
        bare = "" if _is_rule(line) else stripped(line)
        gone = bare != line and is_blank(bare) and not _is_rule(line)
        pieces.append(() if gone else (bare,))
    if all(piece == (line,) for piece, line in zip(pieces, lines, strict=True)):
        return None
    return Edit(pieces=pieces)


def _is_rule(line: str) -> bool:
    return _RULE.issuperset(line) and sum(map(_RULE_MARKS.__contains__, line)) > 2
