"""Markup, control characters, and the plainest residue of scraped lyrics."""

import dataclasses
import html
from collections.abc import Mapping, Sequence
from html.entities import html5
from html.parser import HTMLParser
from typing import Any

import regex

from gemma_keras_ft.config import register
from gemma_keras_ft.preprocessing.base import MapPreprocessor
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.sources.plain_text import is_blank, stanza_places, tidy_stanzas

_PARALLEL = ("romanized", "translation")

_LINE_BREAKS = regex.compile(r"\r+\n|[\r\v\f\u2028\u2029]")
_CONTROLS = regex.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")

# A tag is one that HTML knows and whose attributes have values: `<3`, `a < b`,
# `<00:01.50>` and `<chorus>` are none.
_ATTRIBUTE = r"""\s+[a-z_:@][\w:.@-]*\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'=<>`]+)"""
_BLOCKS = frozenset(
    "address article aside blockquote center dd div dl dt figcaption figure footer "
    "form h1 h2 h3 h4 h5 h6 header li main nav ol p pre section table tr ul".split()
)
_INLINE = frozenset(
    "a abbr acronym b bdi bdo big br caption cite code col dfn del em font hr i img "
    "input ins kbd label link mark meta q rp rt ruby s samp small span strike strong "
    "sub sup tbody td tfoot th thead time tt u var wbr".split()
)
_TAG = regex.compile(
    rf"</?(?:{'|'.join(sorted(_BLOCKS | _INLINE))})(?:{_ATTRIBUTE})*\s*/?>",
    regex.IGNORECASE,
)
_ENTITY = regex.compile(
    r"&(?:amp;)*(#\d{1,7}|#x[\da-f]{1,6}|[a-z][a-z\d]*);", regex.IGNORECASE
)
_MARKUP = regex.compile(f"{_TAG.pattern}|{_ENTITY.pattern}", regex.IGNORECASE)
# What is never shown goes before the parser sees it, whole or not at all:
# Python's releases disagree about comments and scripts that are not closed.
_HIDDEN = regex.compile(
    r"<(script|style|title|textarea|iframe|noscript)\b[^<>]*>.*?</\1\s*>"
    r"|<!--(?!-?>).*?-->|<!doctype\b[^<>]*>|<\?xml\b[^<>]*>",
    regex.IGNORECASE | regex.DOTALL,
)
# A break that a tag makes, and one only where the line has begun.
_BREAK, _BREAK_IF_BEGUN = "\v", "\f"

# Glued to the song by a scraper: "27 ContributorsTitle Lyrics", "3.5KEmbed".
_HEADER = regex.compile(r"^(?:\d+ Contributors?.{0,200}? Lyrics(?=\S|$))+")
_EMBED = regex.compile(r"(?<=[\p{L}\p{M}\p{P}])(?:\d+(?:\.\d+)?[KM]?Embed)+$")


@register("clean")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Clean(MapPreprocessor):
    """Takes out what is not the song.

    HTML goes where there is some (`<br>` and the ends of paragraphs become line
    breaks), and so do control characters, a scraper's header and its trailing
    `12Embed`, which `metadata["removed"]` keeps. Lines are stripped; stanzas are
    parted by one empty line, none at the ends. Applied twice it does no more.

    `romanized` and `translation` stay line for line with `lines` where they were:
    a blank line goes only if it is blank in all of them. If a tag splits a line
    that its romanization doesn't split too, the romanization is dropped, since
    `Romanize` makes it anew; a translation is kept, no longer line for line.

    Of a `no_alter` record every letter, sign and line stays as it is: only control
    characters and the whitespace around a line go.

    Example:
        in:   "<p>मन लागो<br>मेरो यार</p>", "", "", "फकीरी में3Embed"
        out:  "मन लागो", "मेरो यार", "", "फकीरी में"
    """

    def map(self, record: LyricRecord) -> LyricRecord:
        """Returns the record without markup, control characters and residue."""
        if record.no_alter:
            return _without_controls(record)
        lines = _plain_lines(record.lines)
        removed = _take_residue(lines)
        others = {
            name: _plain_lines(getattr(record, name))
            for name in _PARALLEL
            if getattr(record, name) is not None
        }
        return record.replace(
            **_tidied(record, lines, others),
            title=_plain_line(record.title),
            author=_plain_line(record.author),
            metadata=_with_removed(record.metadata, removed),
        )


def _without_controls(record: LyricRecord) -> LyricRecord:
    changes: dict[str, Any] = {}
    for name in ("lines", *_PARALLEL):
        values = getattr(record, name)
        if values is not None:
            changes[name] = tuple(_uncontrolled(line).strip() for line in values)
    for name in ("title", "author"):
        value = getattr(record, name)
        changes[name] = value and (_uncontrolled(value).strip() or None)
    return record.replace(**changes)


def _uncontrolled(text: str) -> str:
    # A control character that was a space still parts two words.
    return _CONTROLS.sub(lambda match: " " if match[0].isspace() else "", text)


def _plain_lines(lines: Sequence[str]) -> list[str]:
    """Returns the lines as text, stripped; more or fewer where a tag says so."""
    if not lines:
        return []
    return [line.strip() for line in _plain("\n".join(lines)).split("\n")]


def _plain_line(text: str | None) -> str | None:
    return text and (" ".join(_plain(text).split("\n")).strip() or None)


def _plain(text: str) -> str:
    """Removes markup until there is none: one layer may hide the next."""
    while True:
        plain = _uncontrolled(_LINE_BREAKS.sub("\n", text))
        plain = _HIDDEN.sub("", plain)
        if _MARKUP.search(plain):
            plain = _parsed(plain)
        if plain == text:
            return text
        text = plain


def _parsed(text: str) -> str:
    parser = _PlainText(break_paragraphs="<br" in text.lower())
    end = 0
    for markup in _MARKUP.finditer(text):
        name = markup[1]
        if name is None or name[0] == "#" or f"{name};" in html5:
            parser.feed(html.escape(text[end : markup.start()], quote=False))
            parser.feed(markup[0] if name is None else f"&{name};")
            end = markup.end()
    parser.feed(html.escape(text[end:], quote=False))
    parser.close()
    text = "".join(parser.pieces)
    text = regex.sub(
        rf"(^|[\n{_BREAK}])[ {_BREAK_IF_BEGUN}]*{_BREAK_IF_BEGUN}", r"\1", text
    )
    text = text.replace(_BREAK_IF_BEGUN, _BREAK)
    # Where a tag has broken the line, the source's own line break adds none.
    return regex.sub(f" *{_BREAK} *\n?", "\n", text)


class _PlainText(HTMLParser):
    """Collects the text; is only given whole, known tags and known entities."""

    def __init__(self, *, break_paragraphs: bool):
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        # Where `<br>` parts the lines, `</p>` parts the stanzas.
        self._paragraph_end = _BREAK * 2 if break_paragraphs else _BREAK

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        if tag in ("br", "hr"):
            self.pieces.append(_BREAK)
        elif tag in _BLOCKS:
            self.pieces.append(_BREAK_IF_BEGUN)

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag == "p":
            self.pieces.append(self._paragraph_end)
        elif tag == "br" or tag in _BLOCKS:
            self.pieces.append(_BREAK)
        elif tag in ("td", "th"):
            self.pieces.append(" ")


def _take_residue(lines: list[str]) -> list[str]:
    """Takes a scraper's header and tail out of `lines`; returns them."""
    written = [place for place, line in enumerate(lines) if not is_blank(line)]
    removed = []
    for pattern, place in zip(
        (_HEADER, _EMBED), (written[:1], written[-1:]), strict=True
    ):
        for index in place:
            found = pattern.search(lines[index])
            if found:
                removed.append(found[0])
                lines[index] = pattern.sub("", lines[index]).strip()
    return removed


def _tidied(
    record: LyricRecord, lines: list[str], others: dict[str, list[str]]
) -> dict[str, tuple[str, ...] | None]:
    """Tidies stanzas in step, wherever the fields run line for line."""
    columns = {"lines": lines}
    changes: dict[str, tuple[str, ...] | None] = {}
    for name, other in others.items():
        was_parallel = len(getattr(record, name)) == len(record.lines)
        if was_parallel and len(other) == len(lines):
            columns[name] = other
        elif was_parallel and name == "romanized":
            changes[name] = None
        else:
            changes[name] = tuple(tidy_stanzas(other))
    shown = ["".join(row) for row in zip(*columns.values(), strict=True)]
    places = stanza_places(shown)
    for name, column in columns.items():
        changes[name] = tuple(
            "" if is_blank(column[place]) else column[place] for place in places
        )
    return changes


def _with_removed(metadata: Mapping[str, Any], removed: list[str]) -> dict[str, Any]:
    if not removed:
        return dict(metadata)
    before = metadata.get("removed", [])
    before = before if isinstance(before, list | tuple) else [before]
    return {**metadata, "removed": [*before, *removed]}
