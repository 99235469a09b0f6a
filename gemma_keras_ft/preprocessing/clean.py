"""Cleaning: markup, control characters, scraped residue, stanza structure."""

import dataclasses
from html.parser import HTMLParser
from typing import Any

import regex

from gemma_keras_ft.config import register
from gemma_keras_ft.preprocessing.base import MapPreprocessor
from gemma_keras_ft.records import LyricRecord

# Only what is surely HTML: a known tag, a comment, or an entity with its
# semicolon. "<3" and "a < b" are lyrics.
_MARKUP = regex.compile(
    r"</?(?:a|abbr|b|big|blockquote|body|br|center|cite|code|dd|div|dl|dt|em|font|h[1-6]"
    r"|head|hr|html|i|img|li|link|meta|ol|p|pre|s|script|small|span|strong|style|sub"
    r"|sup|svg|table|tbody|td|th|title|tr|tt|u|ul)(?:\s[^<>]*)?/?>"
    r"|<!--|&(?:[a-z]{2,8}|#\d{1,7}|#x[0-9a-f]{1,6});",
    regex.IGNORECASE,
)
_BREAKING = frozenset({"br", "p", "div", "li", "tr", "h1", "h2", "h3", "h4", "hr"})
_SILENT = frozenset({"script", "style", "head", "title"})
_CONTROLS = regex.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_EMBED = regex.compile(r"(?<=\S)\d+(?:\.\d+)?[KM]?Embed$")
_CONTRIBUTORS = regex.compile(r"^\d+ Contributors?(?:Translations?)?.{0,200}? Lyrics")


@register("clean")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Clean(MapPreprocessor):
    """Takes out what is not lyrics, and keeps lines and stanzas.

    HTML becomes text, with line breaks where the page had them. Control
    characters go; tabs become spaces. A scraped head ("27 Contributors… Lyrics")
    and tail ("3Embed") move to `metadata["removed"]`. Empty lines become single
    stanza borders.

    Of a record marked `no_alter` only control characters and outer space go.
    """

    def map(self, record: LyricRecord) -> LyricRecord:
        """Returns the cleaned record; parallel lines stay parallel."""
        if record.no_alter:
            return _with_lines(record, [_plain(line) for line in record.lines], {})
        removed: list[str] = []
        lines = _clean_lines("\n".join(record.lines), removed)
        changes: dict[str, Any] = {
            name: _one_line(getattr(record, name)) for name in ("title", "author")
        }
        if removed:
            earlier = record.metadata.get("removed", ())
            changes["metadata"] = {**record.metadata, "removed": [*earlier, *removed]}
        return _with_lines(record, lines, changes)


def _with_lines(
    record: LyricRecord, lines: list[str], changes: dict[str, Any]
) -> LyricRecord:
    """Tidies the stanzas, and those of the lines that run beside them."""
    beside = {
        name: value
        for name in ("romanized", "translation")
        if (value := getattr(record, name)) is not None
    }
    parallel = {
        name: [_plain(line) for line in value]
        for name, value in beside.items()
        if len(value) == len(lines) == len(record.lines)
    }
    kept = _stanza_places(lines)
    changes |= {
        name: tuple(value[place] for place in kept) for name, value in parallel.items()
    }
    if "romanized" in beside and "romanized" not in parallel:
        # It no longer runs beside the lines; `Romanize` makes it anew.
        changes["romanized"] = None
    return record.replace(lines=tuple(lines[place] for place in kept), **changes)


def _stanza_places(lines: list[str]) -> list[int]:
    """Returns the places to keep: every line, and one border between stanzas."""
    kept: list[int] = []
    for place, line in enumerate(lines):
        if line or (kept and lines[kept[-1]]):
            kept.append(place)
    if kept and not lines[kept[-1]]:
        kept.pop()
    return kept


def _clean_lines(text: str, removed: list[str]) -> list[str]:
    lines = [_plain(line) for line in _html_to_text(text).split("\n")]
    sung = [place for place, line in enumerate(lines) if line]
    for place, pattern in zip(
        (sung[:1], sung[-1:]), (_CONTRIBUTORS, _EMBED), strict=True
    ):
        if place and (match := pattern.search(lines[place[0]])):
            removed.append(match[0])
            lines[place[0]] = _plain(pattern.sub("", lines[place[0]]))
    return lines


def _one_line(text: str | None) -> str | None:
    return text and (_plain(_html_to_text(text).replace("\n", " ")) or None)


def _plain(line: str) -> str:
    return _CONTROLS.sub("", line.replace("\t", " ")).strip()


def _html_to_text(text: str) -> str:
    """Takes markup out until none is left: escaped markup hides more of it."""
    while _MARKUP.search(text):
        parser = _TextParser()
        parser.feed(text)
        parser.close()
        found = "".join(parser.parts)
        if found == text:
            break
        text = found
    return text


class _TextParser(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.silent: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag in _SILENT:
            self.silent.append(tag)
        elif not _MARKUP.match(self.get_starttag_text() or ""):
            self.parts.append(self.get_starttag_text() or "")
        elif tag in _BREAKING:
            self.parts.append("\n")

    def handle_startendtag(self, tag, attrs):
        if tag not in _SILENT:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag):
        if tag in self.silent:
            self.silent.remove(tag)
        elif tag in _BREAKING and tag != "br":
            self.parts.append("\n")

    def handle_data(self, data):
        if not self.silent:
            self.parts.append(data)
