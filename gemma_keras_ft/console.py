"""What is said on a terminal, and what must never be."""

import contextlib
import re
import sys
from collections.abc import Iterator
from typing import TextIO

# C0 but for tab and line feed, delete, C1, and the twelve bidi controls. Joiners
# stay: without them Marathi, Malayalam or Persian is misspelled.
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
_SURROGATES = re.compile("[\ud800-\udfff]")


def printable(text: str) -> str:
    """Strips what could move a cursor or reorder the text around a lyric.

    Example:
        in:   an escape character, then "[31mकबीर"
        out:  "[31mकबीर"

    Args:
        text: Any text, such as a title from a file of unknown origin.

    Returns:
        The text without C0 and C1 controls (tab and line feed stay) and without
        bidirectional controls; a lone surrogate becomes U+FFFD.
    """
    return _SURROGATES.sub("\ufffd", _CONTROLS.sub("", text))


def tell(sentence: str, *, file: TextIO | None = None) -> None:
    """Prints one line, in which no name or path moves the cursor."""
    print(printable(" ".join(sentence.split("\n"))), file=file, flush=True)


def count_songs(count: int) -> str:
    """Returns a number of songs for people."""
    return f"{count} song" + ("" if count == 1 else "s")


def say(sentence: str) -> None:
    """Prints one line about what goes on, away from what a command prints."""
    tell(f"· {sentence}", file=sys.stderr)


@contextlib.contextmanager
def busy(sentence: str) -> Iterator[None]:
    """Shows that something is going on inside a `with` block."""
    from rich.console import Console

    with Console(stderr=True).status(sentence):
        yield
