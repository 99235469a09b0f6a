"""Taking a pattern out of a line, and looking a word up, by one rule everywhere."""

import unicodedata

import regex

_SPACES = regex.compile(r"[\s\u200b-\u200f\u2060\ufeff]+")


def cut(pattern: regex.Pattern, line: str, removed: list[str] | None = None) -> str:
    """Takes out what matches; what stood apart is parted by one space still."""
    parted = -1

    def space(match: regex.Match) -> str:
        nonlocal parted
        if removed is not None:
            removed.append(match[0].strip())
        before, after = match.start() - 1, match.end()
        apart = match[0] != match[0].strip() or (
            (before >= 0 and line[before].isspace())
            or (after < len(line) and line[after].isspace())
        )
        again = parted == match.start()
        parted = match.end() if apart else -1
        return " " if apart and not again else ""

    return pattern.sub(space, line).strip() if pattern.search(line) else line


def cutting(expression: str, flags: int = 0) -> regex.Pattern:
    """Compiles a pattern for `cut`, which also takes the spaces around a match."""
    # The look behind keeps a long run of spaces from being walked again and again.
    return regex.compile(rf"(?:(?<!\s)\s+)?(?:{expression})\s*", flags)


def folded(text: str) -> str:
    """Returns the form in which lists of words are looked up: NFC, casefolded."""
    text = unicodedata.normalize("NFC", text).casefold()
    # A word has none; to look costs more than to know.
    return text if text.isalpha() else _SPACES.sub(" ", text).strip()
