"""Augmentations by lists or functions of yours: synonyms, word order, paraphrase."""

import dataclasses
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from gemma_keras_ft.config import register
from gemma_keras_ft.preprocessing.augmentation.base import (
    Augmentation,
    Context,
    with_lines,
)
from gemma_keras_ft.preprocessing.augmentation.offers import (
    Rows,
    check_count,
    check_rows,
    check_share,
    check_source,
    is_language,
    named_config,
    offers_of,
)
from gemma_keras_ft.preprocessing.culture.phrases import replace_spans
from gemma_keras_ft.preprocessing.text.words import split_words
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.sources.plain_text import is_blank


@register("replace_words")
@dataclasses.dataclass(frozen=True, kw_only=True)
class ReplaceWords(Augmentation):
    """Replaces whole words by synonyms from a list of yours.

    A word is replaced by the same synonym wherever it stands in a child, so that a
    refrain stays one. Nothing is inflected: list a form with forms that agree like
    it in gender, number and case. A word inside a protected phrase stays.

    Example:
        ```python
        ReplaceWords(synonyms=(("दोस्त", "यार", "साथी"),), language="hi")
        ```

    Args:
        synonyms: Rows of a word and what may stand in its place.
        language: BCP 47 tag of the songs to vary; None for all of them.
        share: Share of a song's listed words to replace, above 0 and at most 1.
        copies: Children of each song.

    Raises:
        ValueError: If a row is no word with synonyms, or a number out of range.
    """

    synonyms: Rows
    language: str | None = None
    share: float = 0.5
    copies: int = 1

    def __post_init__(self):
        object.__setattr__(self, "synonyms", check_rows("synonyms", self.synonyms))
        for word, *_ in self.synonyms:
            if split_words(word) != [word]:
                raise ValueError(
                    "`synonyms` must list single words. Received: "
                    f"{word!r}. For several words, use Paraphrase."
                )
        check_share(self.share, 1.0)
        check_count("copies", self.copies)

    def children(self, record: LyricRecord, context: Context) -> Iterator[LyricRecord]:
        """Yields copies with other words replaced."""
        if not is_language(record, self.language):
            return
        synonyms = {word: others for word, *others in self.synonyms}
        found = [_free_words(line, record, context) for line in record.lines]
        listed = sorted({word for words in found for _, _, word in words} & {*synonyms})
        if not listed:
            return
        count = max(1, round(self.share * len(listed)))
        for _ in range(self.copies):
            chosen = {
                word: context.random.choice(synonyms[word])
                for word in context.random.sample(listed, count)
            }
            yield with_lines(
                record,
                [
                    _replaced(line, words, chosen)
                    for line, words in zip(record.lines, found, strict=True)
                ],
            )


@register("reorder_words")
@dataclasses.dataclass(frozen=True, kw_only=True)
class ReorderWords(Augmentation):
    """Puts lines into another word order that a person or a function vouches for.

    Which orders a language permits, and what they stress, can't be decided from the
    letters: a vocative and an object look alike, and case may be marked or not. So
    nothing is moved by rule. A table or a function offers lines, and an offer is
    taken only if it has the same words as the line.

    Example:
        ```python
        ReorderWords(variants=(("चाँद निकला छत पर", "छत पर चाँद निकला"),))
        ```

    Args:
        variants: Rows of a line and the orders it may take, or a function that takes
            a line and a language tag (or None) and returns such lines, the same ones
            each time.
        name: Names the function in the configuration; by default its own name.
        language: BCP 47 tag of the songs to vary; None for all of them.
        copies: Children of each song.

    Raises:
        ValueError: If a row changes the words of its line, a function has no name to
            be known by, or `copies` is below 1.
    """

    variants: Rows | Callable[[str, str | None], Iterable[str]]
    name: str | None = None
    language: str | None = None
    copies: int = 1

    def __post_init__(self):
        check_source(self, "variants")
        check_count("copies", self.copies)
        for line, *others in () if callable(self.variants) else self.variants:
            for other in others:
                if not _same_words(line, other):
                    raise ValueError(
                        "`variants` must have the words of their line, in another "
                        f"order. Received: {other!r} for {line!r}. For other words, "
                        "use Paraphrase."
                    )

    def to_config(self) -> dict[str, Any]:
        """Returns JSON values, in which a function is its name."""
        return named_config(self, super().to_config(), "variants")

    def children(self, record: LyricRecord, context: Context) -> Iterator[LyricRecord]:
        """Yields copies with other orders."""
        if not is_language(record, self.language):
            return
        offers = {}
        for line in dict.fromkeys(record.lines):
            offered = [] if is_blank(line) else self._offers(line, record.language)
            taken = [other for other in offered if _same_words(line, other)]
            if len(taken) < len(offered):
                context.dropped["other_words"] += len(offered) - len(taken)
            if taken:
                offers[line] = taken
        yield from _children_by_line(record, offers, self.copies, context)

    def _offers(self, line: str, language: str | None) -> list[str]:
        if callable(self.variants):
            return list(self.variants(line, language))
        return offers_of(self.variants, line)


@register("paraphrase")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Paraphrase(Augmentation):
    """Says the same in other words, by a table of lines or a function of yours.

    Example:
        ```python
        Paraphrase(versions=my_model_rewrites, name="my-model-2")
        ```

    Args:
        versions: Rows of a line and what may stand in its place, or a function that
            takes a record and returns new texts for it, each a string or a list of
            lines, the same ones each time.
        name: Names the function in the configuration; by default its own name.
        language: BCP 47 tag of the songs to vary; None for all of them.
        copies: Children of each song, at most.

    Raises:
        ValueError: If a row is no line with others, a function has no name to be
            known by, or `copies` is below 1.
    """

    versions: Rows | Callable[[LyricRecord], Iterable[str | Sequence[str]]]
    name: str | None = None
    language: str | None = None
    copies: int = 1

    def __post_init__(self):
        check_source(self, "versions")
        check_count("copies", self.copies)

    def to_config(self) -> dict[str, Any]:
        """Returns JSON values, in which a function is its name."""
        return named_config(self, super().to_config(), "versions")

    def children(self, record: LyricRecord, context: Context) -> Iterator[LyricRecord]:
        """Yields copies in other words."""
        if not is_language(record, self.language):
            return
        if not callable(self.versions):
            offers = {line: offers_of(self.versions, line) for line in record.lines}
            offers = {line: others for line, others in offers.items() if others}
            yield from _children_by_line(record, offers, self.copies, context)
            return
        for _, text in zip(range(self.copies), self.versions(record), strict=False):
            joined = text if isinstance(text, str) else "\n".join(text)
            lines = [line.strip() for line in joined.split("\n")]
            child = with_lines(record, lines)
            if len(lines) != len(record.lines):
                child = child.replace(translation=None, translation_language=None)
            yield child


def _free_words(
    line: str, record: LyricRecord, context: Context
) -> list[tuple[int, int, str]]:
    """Returns start, end and NFC form of the words outside protected phrases."""
    spans = context.protected_spans(line)
    found = []
    end = 0
    for word in split_words(line, record.language):
        start = line.find(word, end)
        if start < 0:
            continue
        end = start + len(word)
        if not any(start < last and first < end for first, last in spans):
            found.append((start, end, unicodedata.normalize("NFC", word)))
    return found


def _replaced(
    line: str, words: Sequence[tuple[int, int, str]], chosen: Mapping[str, str]
) -> str:
    spans = [(start, end) for start, end, word in words if word in chosen]
    return replace_spans(
        line, spans, lambda word: chosen[unicodedata.normalize("NFC", word)]
    )


def _same_words(line: str, other: str) -> bool:
    words, others = (
        Counter(unicodedata.normalize("NFC", word) for word in split_words(text))
        for text in (line, other)
    )
    return bool(words) and words == others


def _children_by_line(
    record: LyricRecord,
    offers: Mapping[str, Sequence[str]],
    copies: int,
    context: Context,
) -> Iterator[LyricRecord]:
    """Yields copies in which each line is what is drawn from its offers."""
    if not offers:
        return
    for _ in range(copies):
        drawn = {line: context.random.choice(others) for line, others in offers.items()}
        yield with_lines(record, [drawn.get(line, line) for line in record.lines])
