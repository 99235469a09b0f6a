"""Augmentations that need no list: lines left out, copies in Latin letters."""

import dataclasses
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from gemma_keras_ft.config import register
from gemma_keras_ft.preprocessing.augmentation.base import (
    Augmentation,
    Context,
    with_rows,
)
from gemma_keras_ft.preprocessing.augmentation.offers import check_count, check_share
from gemma_keras_ft.preprocessing.romanization.romanize import (
    SCHEMES,
    romanizable_scripts,
    romanize_text,
)
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.sources.plain_text import is_blank


@register("drop_lines")
@dataclasses.dataclass(frozen=True, kw_only=True)
class DropLines(Augmentation):
    """Leaves some lines out.

    Every stanza keeps a line, so that sections stay what they are. A line that
    holds a protected phrase stays, and so does one that is sung more than once: it
    is the refrain.

    Example:
        in:   "a", "b", "", "c", "d", "", "refrain", "", "refrain"
        out:  "a", "b", "", "d", "", "refrain", "", "refrain"

    Args:
        share: Share of the lines to leave out, above 0 and at most 0.5.
        minimum_lines: Lines that must be left.
        copies: Children of each song.

    Raises:
        ValueError: If one of them is out of range.
    """

    share: float = 0.15
    minimum_lines: int = 4
    copies: int = 1

    def __post_init__(self):
        check_share(self.share, 0.5)
        check_count("minimum_lines", self.minimum_lines)
        check_count("copies", self.copies)

    def children(self, record: LyricRecord, context: Context) -> Iterator[LyricRecord]:
        """Yields copies with other lines left out."""
        stanzas = _stanza_numbers(record.lines)
        sung = Counter(record.lines[place] for place in stanzas)
        free = [
            place
            for place in stanzas
            if sung[record.lines[place]] == 1
            and not context.protected_spans(record.lines[place])
        ]
        most = min(
            max(1, round(self.share * len(stanzas))),
            len(stanzas) - self.minimum_lines,
        )
        for _ in range(self.copies):
            gone = _draw_lines(free, stanzas, most, context.random)
            if gone:
                kept = [p for p in range(len(record.lines)) if p not in gone]
                yield with_rows(record, kept)


@register("romanized_copy")
@dataclasses.dataclass(frozen=True, kw_only=True)
class RomanizedCopy(Augmentation):
    """Copies a song into Latin letters, for a model that is to read both.

    The lines are the romanization, the script is `"Latn"` and the language tag says
    so (`"pa"` becomes `"pa-Latn"`); `metadata["native_script"]` keeps the script that
    the parent is in. Songs in scripts that can't be romanized get no copy.

    Args:
        scheme: One of `romanize.SCHEMES`.

    Raises:
        ValueError: If there is no such scheme.
    """

    scheme: str = "iso15919"

    def __post_init__(self):
        if self.scheme not in SCHEMES:
            raise ValueError(
                f"`scheme` must be one of {list(SCHEMES)}. "
                f"Received: scheme={self.scheme!r}."
            )

    def protected_form(self, phrase: str, record: LyricRecord) -> str:
        """Returns the phrase's own romanization."""
        return romanize_text(phrase, scheme=self.scheme, language=record.language)

    def children(self, record: LyricRecord, context: Context) -> Iterator[LyricRecord]:
        """Yields the copy."""
        if record.script not in romanizable_scripts():
            return
        yield record.replace(
            lines=tuple(self.protected_form(line, record) for line in record.lines),
            title=record.title and self.protected_form(record.title, record),
            romanized=None,
            script="Latn",
            language=_in_latin(record.language),
            metadata={**record.metadata, "native_script": record.script},
        )


def _stanza_numbers(lines: Sequence[str]) -> dict[int, int]:
    """Returns the number of the stanza of each line that is sung."""
    numbers: dict[int, int] = {}
    number = 0
    for place, line in enumerate(lines):
        if is_blank(line):
            number += 1
        else:
            numbers[place] = number
    return numbers


def _draw_lines(
    free: Sequence[int], stanzas: Mapping[int, int], most: int, chance: random.Random
) -> set[int]:
    left = Counter(stanzas.values())
    gone: set[int] = set()
    for place in chance.sample(free, len(free)):
        if len(gone) >= most:
            break
        if left[stanzas[place]] > 1:
            left[stanzas[place]] -= 1
            gone.add(place)
    return gone


def _in_latin(language: str | None) -> str | None:
    """Returns the tag with `Latn` for its script: `"fa-Guru-IN"` -> `"fa-Latn-IN"`."""
    if language is None:
        return None
    primary, *rest = language.split("-")
    if rest and len(rest[0]) == 4 and rest[0].isalpha():
        rest = rest[1:]
    return "-".join((primary, "Latn", *rest))
