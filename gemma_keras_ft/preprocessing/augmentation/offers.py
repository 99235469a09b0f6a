"""What may stand in a text's place: rows of a list, or a function with a name."""

import inspect
import unicodedata
from collections.abc import Callable
from typing import Any

from gemma_keras_ft.records import LyricRecord

# A text, then what may stand in its place.
Rows = tuple[tuple[str, ...], ...]


def check_rows(field: str, rows: Any) -> Rows:
    """Returns rows in NFC.

    Raises:
        ValueError: If one is not a text with at least one other.
    """
    for row in rows if isinstance(rows, list | tuple) and rows else [rows]:
        texts = row if isinstance(row, list | tuple) else ()
        if len(texts) < 2 or not all(
            isinstance(text, str) and text.strip() and "\n" not in text
            for text in texts
        ):
            raise ValueError(
                f"`{field}` must be rows of a text and what may stand in its place. "
                f"Received: {row!r:.80}. Write for example (('rain', 'shower'),)."
            )
    return tuple(
        tuple(unicodedata.normalize("NFC", text).strip() for text in row)
        for row in rows
    )


def check_source(augmentation: Any, field: str) -> None:
    """Checks that a field holds rows, or a function with a name.

    Raises:
        ValueError: If it holds neither.
    """
    source = getattr(augmentation, field)
    if not callable(source):
        if isinstance(source, str):
            raise ValueError(
                f"`{field}` must be rows or a function. Received: {source!r:.80}. A "
                "function is not stored with a configuration: pass the one of that "
                "name."
            )
        if augmentation.name is not None:
            raise ValueError(
                "`name` must name a function. Received: "
                f"name={augmentation.name!r} beside rows. Leave it out."
            )
        object.__setattr__(augmentation, field, check_rows(field, source))
        return
    name = augmentation.name or _own_name(source)
    if not name:
        raise ValueError(
            f"`name` must say what `{field}` is, since {source!r:.80} has no name of "
            "its own. Pass name=, and change it when the function changes."
        )


def _own_name(function: Callable) -> str | None:
    if not inspect.isfunction(function) or "<" in function.__qualname__:
        return None
    return f"{function.__module__}.{function.__qualname__}"


def named_config(
    augmentation: Any, config: dict[str, Any], field: str
) -> dict[str, Any]:
    """Returns the configuration with a function's name in its place."""
    source = getattr(augmentation, field)
    if not callable(source):
        return config
    return {**config, field: augmentation.name or _own_name(source)}


def offers_of(rows: Rows, line: str) -> list[str]:
    """Returns what may stand in the place of a line."""
    form = unicodedata.normalize("NFC", line)
    return [other for first, *others in rows if first == form for other in others]


def is_language(record: LyricRecord, language: str | None) -> bool:
    """Says whether a song is in a language, whatever its script and region."""
    if language is None:
        return True
    return (record.language or "").split("-")[0] == language.split("-")[0]


def check_share(share: float, largest: float) -> None:
    """Checks a share of a song.

    Raises:
        ValueError: If it is not above 0 and at most `largest`.
    """
    if not 0 < share <= largest:
        raise ValueError(
            f"`share` must be above 0 and at most {largest}. Received: share={share!r}."
        )


def check_count(field: str, count: int) -> None:
    """Checks a number of lines or copies.

    Raises:
        ValueError: If it is no integer above 0.
    """
    if not isinstance(count, int) or count < 1:
        raise ValueError(f"`{field}` must be at least 1. Received: {field}={count!r}.")
