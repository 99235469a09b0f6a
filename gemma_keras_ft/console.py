"""What the command line says, and where."""

import contextlib
import sys
from collections.abc import Iterator
from typing import TextIO


def tell(sentence: str, *, file: TextIO | None = None) -> None:
    """Prints one line, in which no name or path moves the cursor."""
    from gemma_keras_ft.evaluation.terminal import printable

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
