"""The base of augmentations, and copies of a song that keep its fields in step."""

import abc
import dataclasses
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from gemma_keras_ft.config import Configurable
from gemma_keras_ft.preprocessing.culture.phrases import PhraseMatcher, merge_spans
from gemma_keras_ft.preprocessing.edits import aligned_lists
from gemma_keras_ft.preprocessing.romanization.romanize import (
    SCHEMES,
    romanizable_scripts,
    romanize_text,
)
from gemma_keras_ft.records import LyricRecord


@dataclasses.dataclass(frozen=True, kw_only=True)
class Context:
    """What an augmentation is given beside the record.

    Args:
        random: The only source of chance, so that the same seed gives the same
            children.
        protected: Finds what must not be changed.
        dropped: Counts by reason what did not become a child.
    """

    random: random.Random
    protected: PhraseMatcher
    dropped: Counter[str] = dataclasses.field(default_factory=Counter)

    def protected_spans(self, line: str) -> list[tuple[int, int]]:
        """Returns the starts and ends of what must not be changed in a line."""
        return merge_spans(self.protected.find(line))


class Augmentation(Configurable, abc.ABC):
    """Makes variations of a song: a registered, frozen, keyword-only dataclass.

    `children` yields changed copies of the record, such as `record.replace(...)`
    gives. `make_children` does the rest: it names them, keeps the parent's rights,
    and drops those that lost a protected phrase or are copies.
    """

    @abc.abstractmethod
    def children(self, record: LyricRecord, context: Context) -> Iterator[LyricRecord]:
        """Yields variations of `record`; none where it has nothing to offer."""

    def protected_form(self, phrase: str, record: LyricRecord) -> str:
        """Returns how a child of `record` writes a protected phrase."""
        return phrase


def with_lines(record: LyricRecord, lines: Sequence[str]) -> LyricRecord:
    """Returns the song with as many lines, some of them changed.

    The translation still says what they say. Changed lines are romanized as the
    others were; a romanization that is none of ours, such as one that the source
    brought, is dropped.
    """
    return record.replace(lines=tuple(lines), romanized=_romanized(record, lines))


def with_rows(record: LyricRecord, places: Sequence[int]) -> LyricRecord:
    """Returns the song with only some of its lines, and what belongs to them.

    Romanization, translation and the metadata's lists of one value a line go along.
    A romanization or translation that doesn't run line for line is dropped, since it
    would say more than the song.
    """

    def chosen(values: Sequence[Any] | None) -> tuple[Any, ...] | None:
        if values is None or len(values) != len(record.lines):
            return None
        return tuple(values[place] for place in places)

    translation = chosen(record.translation)
    aligned = {
        name: [values[place] for place in places]
        for name, values in aligned_lists(record).items()
    }
    return record.replace(
        lines=chosen(record.lines),
        romanized=chosen(record.romanized),
        translation=translation,
        translation_language=record.translation_language if translation else None,
        metadata={**record.metadata, **aligned},
    )


def _romanized(record: LyricRecord, lines: Sequence[str]) -> tuple[str, ...] | None:
    known = record.romanized
    if known is None or record.script not in romanizable_scripts():
        return None

    def romanize(values: Sequence[str], scheme: str) -> tuple[str, ...]:
        return tuple(
            romanize_text(line, scheme=scheme, language=record.language)
            for line in values
        )

    ours = (scheme for scheme in SCHEMES if romanize(record.lines, scheme) == known)
    scheme = next(ours, None)
    return romanize(lines, scheme) if scheme else None
