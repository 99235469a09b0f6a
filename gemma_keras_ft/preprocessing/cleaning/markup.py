"""Markup to text: HTML, by a real parser."""

import html
import re
from html.entities import html5
from html.parser import HTMLParser

import regex

# The look behind keeps a long run of CR from being walked again from each of them.
_LINE_BREAKS = regex.compile(r"(?<!\r)\r+\n|[\r\v\f\u2028\u2029]")
_CONTROLS = regex.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
# The standard library's classes are several times faster than `regex`'s.
_SUSPECT = re.compile("[<&\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")
# Markup inside markup: deeper than this it is a trap, and stays.
_LAYERS = 20

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
    r"<(script|style|title|textarea|iframe|noscript)\b[^<>]*>"
    r"|(<!--)(?!-?>)|<!doctype\b[^<>]*>|<\?xml\b[^<>]*>",
    regex.IGNORECASE,
)
# A break that a tag makes, and one only where the line has begun.
_BREAK, _BREAK_IF_BEGUN = "\v", "\f"
_BEGUN = regex.compile(rf"(^|[\n{_BREAK}])[ {_BREAK_IF_BEGUN}]*{_BREAK_IF_BEGUN}")
_BROKEN = regex.compile(rf"(?<! ) *{_BREAK} *\n?")


def without_controls(text: str) -> str:
    """Takes out control characters; one that was a space still parts two words."""
    return _CONTROLS.sub(lambda match: " " if match[0].isspace() else "", text)


def markup_to_text(text: str) -> str:
    r"""Returns the text that a page shows, without control characters.

    `<br>` and the ends of paragraphs become line breaks. One layer of markup may
    hide the next, so it is taken off until there is none.

    Example:
        in:   "<p>मन लागो<br>R&amp;amp;B <3</p>"
        out:  "मन लागो\nR&B <3"
    """
    if not _SUSPECT.search(text):
        return text
    plain = without_controls(_LINE_BREAKS.sub("\n", text))
    layers = plain
    for _ in range(_LAYERS):
        before, layers = layers, _without_layer(layers)
        if layers == before:
            return layers
    return plain


def _without_layer(text: str) -> str:
    if "<" in text:
        text = _without_hidden(text)
    if _MARKUP.search(text):
        text = _parsed(text)
    return without_controls(_LINE_BREAKS.sub("\n", text))


def _without_hidden(text: str) -> str:
    kept: list[str] = []
    place = end = 0
    unclosed: set[str] = set()
    while opening := _HIDDEN.search(text, place):
        place = opening.end()
        name = (opening[1] or opening[2] or "").lower()
        if name in unclosed:
            continue
        if name:
            closing = regex.compile("-->" if opening[2] else rf"</{name}\s*>", regex.I)
            closed = closing.search(text, place)
            if closed is None:
                # Nor is any later one, so that many of them cost no more than one.
                unclosed.add(name)
                continue
            place = closed.end()
        kept.append(text[end : opening.start()])
        end = place
    return "".join([*kept, text[end:]]) if end else text


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
    text = _BEGUN.sub(r"\1", "".join(parser.pieces))
    text = text.replace(_BREAK_IF_BEGUN, _BREAK)
    # Where a tag has broken the line, the source's own line break adds none.
    return _BROKEN.sub("\n", text)


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
