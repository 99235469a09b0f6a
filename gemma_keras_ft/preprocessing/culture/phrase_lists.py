"""Lists of phrases: the packaged ones and the user's own."""

import csv
import dataclasses
import functools
import importlib.resources
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gemma_keras_ft.preprocessing.culture.phrases import check_phrase
from gemma_keras_ft.sources.plain_text import split_lines

_COLUMNS = ("phrase", "language", "kind", "why", "source")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Phrase:
    """An entry of a list of phrases.

    Args:
        phrase: The words themselves.
        language: BCP 47 tag, where the list gives one.
        kind: `"name"`, `"ritual"`, `"refrain"`, `"signature"`, `"idiom"` or the
            user's own word.
        why: Why it is on the list.
        source: Where it comes from.
    """

    phrase: str
    language: str | None = None
    kind: str = ""
    why: str = ""
    source: str = ""

    def __post_init__(self):
        object.__setattr__(self, "phrase", check_phrase(self.phrase))


def load_phrases(path: str | os.PathLike) -> tuple[Phrase, ...]:
    r"""Reads a list of phrases.

    A `.tsv` or `.csv` file has a header with the column `phrase` and, if you like,
    `language`, `kind`, `why` and `source`. Any other file is plain text: one phrase
    a line; lines that are blank or begin with `#` are passed over.

    Example:
        in:   "phrase\tlanguage\twhy\nहरि बोल\thi\tsung by all"
        out:  (Phrase(phrase="हरि बोल", language="hi", why="sung by all"),)

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a row is not as it should be; it names the file and line.
    """
    return tuple(
        Phrase(**{name: cell for name, cell in row.items() if name in _COLUMNS})
        for _, row in phrase_rows(path)
    )


def phrase_rows(path: str | os.PathLike) -> Iterator[tuple[str, dict[str, str]]]:
    """Yields where each row of a list stands, as `file:line`, and its full cells.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not UTF-8, or a row has no phrase.
    """
    path = Path(path)
    delimiter = {".tsv": "\t", ".csv": ","}.get(path.suffix.lower())
    lines = split_lines(read_list(path))
    rows = _plain_rows(lines) if delimiter is None else _cells(lines, delimiter, path)
    for number, row in rows:
        if not row.get("phrase", "").split():
            raise ValueError(
                f"{path}:{number} must have a phrase. Received: {row!r:.80}. "
                "Fill the cell, or take the row out."
            )
        yield f"{path}:{number}", row


def read_list(path: str | os.PathLike) -> str:
    """Returns the text of a list file; a byte order mark goes.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not UTF-8.
    """
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except (FileNotFoundError, IsADirectoryError) as error:
        raise FileNotFoundError(
            f"`path` must be a list of phrases. Received: path={str(path)!r}, "
            "which is no file."
        ) from error
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} must be UTF-8. Received: {error.reason} at byte {error.start}. "
            "Save it as UTF-8."
        ) from error


def _plain_rows(lines: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.startswith("#"):
            yield number, {"phrase": line}


def _cells(
    lines: list[str], delimiter: str, path: Path
) -> Iterator[tuple[int, dict[str, str]]]:
    # A tab stands in no phrase, so a quotation mark there is what it looks like.
    quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    reader = csv.reader(lines, delimiter=delimiter, quoting=quoting)
    header = [name.strip().casefold() for name in next(reader, [])]
    if "phrase" not in header:
        raise ValueError(
            f"{path} must have the column `phrase`. Received: {header}. Name it in "
            "the first row, or write plain text, one phrase a line, in a .txt file."
        )
    for cells in _readable(reader, path):
        if len(cells) > len(header):
            raise ValueError(
                f"{path}:{reader.line_num} must have the header's {len(header)} "
                f"cells. Received: {len(cells)}. Take the rest out."
            )
        row = {name: cell.strip() for name, cell in zip(header, cells, strict=False)}
        if any(row.values()):
            yield reader.line_num, {name: cell for name, cell in row.items() if cell}


def _readable(reader: Any, path: Path) -> Iterator[list[str]]:
    try:
        yield from reader
    except csv.Error as error:
        raise ValueError(
            f"{path}:{reader.line_num} must be a row of cells. Received: {error}. "
            "Correct the line."
        ) from error


def packaged_languages() -> tuple[str, ...]:
    """Returns the languages that have a packaged list of protected phrases."""
    return tuple(sorted(path.stem for path in _packaged_folder().glob("*.tsv")))


@functools.cache
def packaged_phrases(language: str) -> tuple[Phrase, ...]:
    """Returns the packaged list of one language, each phrase with why it is there.

    Raises:
        ValueError: If no list of that language is packaged.
    """
    available = packaged_languages()
    if language not in available:
        raise ValueError(
            "`language` must have a packaged list. Received: "
            f"language={language!r}. Available: {list(available)}; for another, "
            "bring a list of your own."
        )
    listed = load_phrases(_packaged_folder() / f"{language}.tsv")
    return tuple(dataclasses.replace(phrase, language=language) for phrase in listed)


def _packaged_folder() -> Path:
    package = importlib.resources.files("gemma_keras_ft.resources")
    return Path(str(package.joinpath("phrases")))
