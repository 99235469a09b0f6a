"""How much of a text was lost, and how much of it is no text of a song."""

import regex

from gemma_keras_ft.preprocessing.filling.placeholders import kind_of_placeholder
from gemma_keras_ft.preprocessing.text.normalize import comparison_form
from gemma_keras_ft.records import LyricRecord

_SENTENCE_END = regex.compile(r"[\n.!?。！？।॥۔;|/]+")
_LABEL = regex.compile(r"[\[{【].{0,60}[\]}】]")
_LETTER = regex.compile(r"\p{L}")
_CHARACTER = regex.compile(r"[\p{L}\p{M}\p{N}]")

# What an encoder that knows no letter leaves: a mark inside a Latin word (`caf?s`),
# words of marks side by side (`???? ?? ???`), or one long word that begins a line.
# `Why?Because` and the French ` ?` are neither.
_LOST = regex.compile(
    r"(?<=\p{Ll})\?+(?=\p{Ll})|(?:^|(?<=\s))\?+(?: +\?+)+(?!\S)|^\?{4,}(?!\S)",
    regex.MULTILINE,
)
# What a font shows that lacks a letter, and what stands for a thing left out.
_BOXES = regex.compile(r"[\u25a1\u25af\ufffc]")

_ADDRESS = regex.compile(
    r"(?:https?://|www\.)\S+|\b[\w.+-]{1,64}@[\w-]{1,63}\.[\w.-]+", regex.IGNORECASE
)
_NO_LYRICS = regex.compile(
    # A label, tablature, chords, a program's code.
    r"[\[{【].{0,60}[\]}】]"
    r"|[A-Ga-g]?[#b]?\s{0,4}\|(?=.*--)[-\d\shpbrsx~/\\|.()]+"
    r"|(?:[A-G][#b]?(?:maj|min|dim|aug|sus|add|m)?\d{0,2}(?:/[A-G][#b]?)?(?:\s+|$))++"
    r"|(?:(?:var|const|function)\s+\w+\s*[=(]|window\.|document\.|\$\(|console\.).*"
    r"|[.#@]?[\w-]+\s*\{.*|[{}();]+",
)
# All of these hold one of its characters, and most lines in other scripts none.
_MAY_HOLD = regex.compile(r"[A-Za-z\[{【|@]")


def says_nothing(record: LyricRecord) -> str | None:
    """Returns the kind of placeholder that is all a record says, else None.

    A heading that repeats the title or the author, a label in brackets, and the
    same sentence again add nothing.
    """
    kind = kind_of_placeholder(record.text)
    if kind:
        return kind
    headings = {comparison_form(name) for name in (record.title, record.author) if name}
    headings |= {f"{name} lyrics" for name in headings}
    kinds = set()
    for line in record.lines:
        pieces = [line] if kind_of_placeholder(line) else _SENTENCE_END.split(line)
        for piece in pieces:
            kind = kind_of_placeholder(piece)
            if kind:
                kinds.add(kind)
            elif (
                _LETTER.search(piece)
                and not _LABEL.fullmatch(piece.strip())
                and comparison_form(piece) not in headings
            ):
                return None
    return (
        "placeholder" if "placeholder" in kinds else "instrumental" if kinds else None
    )


def lost_letters(text: str) -> int:
    """Counts letters that stand as question marks or boxes.

    A single place is taken for punctuation, as in a line that is only `????`.
    """
    found = [*filter(_is_lost, _LOST.finditer(text))] if "?" in text else []
    marks = sum(match[0].count("?") for match in found) if len(found) > 1 else 0
    return marks + len(_BOXES.findall(text))


def _is_lost(match: regex.Match) -> bool:
    """Says whether words of marks are too many, or too long, to be punctuation."""
    words = match[0].split()
    if len(words) == 1:
        return True
    begins = match.string[match.start() - 1 : match.start()] in ("", "\n")
    return "??" in match[0] and (begins or len(words) > 2)


def residue_share(record: LyricRecord) -> float:
    """Returns the share of letters and digits in lines that are no lyrics, 0 to 1."""
    sizes = {line: _residue(line) for line in record.lines if _MAY_HOLD.search(line)}
    if not any(sizes.values()):
        return 0.0
    residue = sum(sizes.get(line, 0) for line in record.lines)
    return residue / sum(_size(line) for line in record.lines)


def _residue(line: str) -> int:
    if _NO_LYRICS.fullmatch(line.strip()):
        return _size(line)
    return _size(line) - _size(_ADDRESS.sub(" ", line))


def _size(line: str) -> int:
    return len(_CHARACTER.findall(line))
