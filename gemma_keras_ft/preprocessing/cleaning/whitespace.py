"""Spaces between words, and empty lines between stanzas, in one form."""

import dataclasses
from collections.abc import Sequence

import regex

from gemma_keras_ft.config import register
from gemma_keras_ft.preprocessing.base import CleaningPreprocessor
from gemma_keras_ft.preprocessing.edits import (
    Edit,
    edit_each,
    edit_song,
    has_untidy_borders,
)
from gemma_keras_ft.records import LyricRecord

# No space on either side: where a stanza's end lost its line breaks.
_GLUED_DANDA = regex.compile(r"(?<=[\p{L}\p{M}](?:[।॥|]{2}|॥))(?=\p{L})")


@register("tidy_whitespace")
@dataclasses.dataclass(frozen=True, kw_only=True)
class TidyWhitespace(CleaningPreprocessor):
    r"""Puts one space between words and one empty line between stanzas.

    Tabs, no-break, ideographic and other spaces become plain ones; lines are
    stripped; no empty line stands at the ends. Lines and stanzas stay.

    Example:
        in:   "", "मन \u00a0 लागो ", "", "\u3000", "रे"
        out:  "मन लागो", "", "रे"

    Args:
        split_glued_danda: Whether a double danda with a letter glued to it
            (`সন্তান।।এরা`) ends a stanza whose line breaks were lost. Verse
            numbers must be out of the way: `TidyPunctuation` stands before.
    """

    split_glued_danda: bool = False

    def map(self, record: LyricRecord) -> LyricRecord:
        """Returns the record with its whitespace in one form."""
        return edit_song(record, self._edit, _edit_name)

    def _edit(self, lines: Sequence[str], language: str | None) -> Edit | None:
        glued = self.split_glued_danda and any(map(_GLUED_DANDA.search, lines))
        spaced = [_single_spaced(line) for line in lines]
        if not glued and spaced == list(lines) and not has_untidy_borders(lines):
            return None
        pieces: list[tuple[str, ...]] = []
        for line in spaced:
            parts = _GLUED_DANDA.split(line) if glued else [line]
            pieces.append((parts[0], *(s for part in parts[1:] for s in ("", part))))
        return Edit(pieces=pieces)


def _edit_name(lines: Sequence[str], language: str | None) -> Edit | None:
    return edit_each(lines, _single_spaced)


def _single_spaced(line: str) -> str:
    return " ".join(line.split())
