"""Markup and control characters out of a record; mojibake back to letters."""

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

from gemma_keras_ft.config import register
from gemma_keras_ft.preprocessing.base import CleaningPreprocessor
from gemma_keras_ft.preprocessing.cleaning.markup import (
    markup_to_text,
    without_controls,
)
from gemma_keras_ft.preprocessing.edits import (
    PARALLEL,
    Edit,
    aligned_lists,
    edit_each,
    edit_song,
    has_untidy_borders,
    tidied,
)
from gemma_keras_ft.records import LyricRecord

# Every byte of UTF-8 misread in a one-byte encoding falls into these ranges, and
# text in most scripts has none of them: looking costs less than ftfy's own look.
_MISREAD = re.compile("[\x80-\u052f\u2018-\u2044\u2070-\u2fff\ufb00-\ufb06\ufffd]")
# Windows-1252 read as Latin-1: the marks and letters that songs have. Any other C1
# control is noise, which `Clean` takes out.
_FROM_C1 = {
    ord(byte): bytes([ord(byte)]).decode("cp1252")
    for byte in "\x82\x84\x85\x8a\x8b\x8c\x8e\x91\x92\x93\x94\x96\x97\x9a\x9b\x9c\x9e"
}


@register("clean")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Clean(CleaningPreprocessor):
    """Takes out markup and control characters.

    HTML goes where there is some; `<br>` and the ends of paragraphs become line
    breaks. Lines are stripped; stanzas are parted by one empty line, none at the
    ends. Applied twice it does no more.

    `romanized` and `translation` stay line for line with `lines` where they were:
    a blank line goes only if it is blank in all of them. If a tag splits a line
    that its romanization doesn't split too, the romanization is dropped, since
    `Romanize` makes it anew; a translation is kept, no longer line for line.

    Of a `no_alter` record every letter, sign and line stays as it is: only control
    characters and the whitespace around a line go.

    Example:
        in:   "<p>मन लागो<br>मेरो यार</p>", "", "", "R&amp;B"
        out:  "मन लागो", "मेरो यार", "", "R&B"
    """

    def map(self, record: LyricRecord) -> LyricRecord:
        """Returns the record without markup and control characters."""
        if record.no_alter:
            return _without_controls(record)
        lines = _plain_lines(record.lines)
        title, author = _plain_line(record.title), _plain_line(record.author)
        if _is_plain(record, lines) and (title, author) == (
            record.title,
            record.author,
        ):
            return record
        others, in_step = {}, []
        for name in PARALLEL:
            values = getattr(record, name)
            if values is None:
                continue
            others[name] = _plain_lines(values)
            same = len(values) == len(record.lines)
            if same and len(others[name]) == len(lines):
                in_step.append(name)
        same = len(lines) == len(record.lines)
        aligned = aligned_lists(record) if same else {}
        return record.replace(
            **tidied(record, lines, others, in_step, aligned),
            title=title,
            author=author,
        )


def _is_plain(record: LyricRecord, lines: list[str]) -> bool:
    """Says whether nothing is to be done, which holds for most songs."""
    if record.romanized is not None or record.translation is not None:
        return False
    return tuple(lines) == record.lines and not has_untidy_borders(lines)


def _without_controls(record: LyricRecord) -> LyricRecord:
    changes: dict[str, Any] = {}
    for name in ("lines", *PARALLEL):
        values = getattr(record, name)
        if values is not None:
            changes[name] = tuple(without_controls(line).strip() for line in values)
    for name in ("title", "author"):
        value = getattr(record, name)
        changes[name] = value and (without_controls(value).strip() or None)
    return record.replace(**changes)


def _plain_lines(lines: Sequence[str]) -> list[str]:
    """Returns the lines as text, stripped; more or fewer where a tag says so."""
    if not lines:
        return []
    return [line.strip() for line in markup_to_text("\n".join(lines)).split("\n")]


def _plain_line(text: str | None) -> str | None:
    return text and (" ".join(markup_to_text(text).split("\n")).strip() or None)


@register("repair_mojibake")
@dataclasses.dataclass(frozen=True, kw_only=True)
class RepairMojibake(CleaningPreprocessor):
    """Repairs text that was decoded in a wrong encoding, by `ftfy`.

    Only the encoding is repaired: quotes stay as they are (a Bengali `ব’লে` needs
    its own), and so do ligatures, widths, entities and composition. It stands
    before `Clean`, since half of a misread letter may be a control character.

    Example:
        in:   "à¤¦à¤¿à¤²", "itâ€™s"
        out:  "दिल", "it’s"
    """

    def map(self, record: LyricRecord) -> LyricRecord:
        """Returns the record with its letters as they were meant."""
        return edit_song(record, _repair_lines, _repair_lines)


def _repair_lines(lines: Sequence[str], language: str | None) -> Edit | None:
    text = "\n".join(lines)
    if not _MISREAD.search(text):
        return None
    from ftfy.badness import is_bad

    return edit_each(lines, _repaired) if is_bad(text) else None


def _repaired(line: str) -> str:
    from ftfy import TextFixerConfig, fix_encoding_and_explain

    # A C1 control in a line that Latin-1 can't hold is noise, no misread "€".
    config = TextFixerConfig(uncurl_quotes=False, fix_c1_controls=False)
    text, plan = fix_encoding_and_explain(line, config)
    if plan and any(step.parameter == "windows-1252" for step in plan):
        return line.translate(_FROM_C1)
    return text.replace("\n", " ")
