"""Protected phrases: what no step may lose or change."""

import dataclasses
import functools
import hashlib
import json
import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import regex

from gemma_keras_ft.config import Configurable, register
from gemma_keras_ft.preprocessing.base import Preprocessor
from gemma_keras_ft.preprocessing.culture.masking import PhraseMask
from gemma_keras_ft.preprocessing.culture.phrase_lists import (
    load_phrases,
    packaged_languages,
    packaged_phrases,
)
from gemma_keras_ft.preprocessing.culture.phrases import (
    PhraseMatcher,
    check_phrase,
    is_whole,
    merge_spans,
    replace_spans,
)
from gemma_keras_ft.preprocessing.romanization.romanize import SCHEMES, romanize_text
from gemma_keras_ft.records import LyricRecord, SetAside

# Where cleaning puts what is no line of the song.
_REMOVED, _MOVED = "removed", ("credits", "performers")
_LETTER = regex.compile(r"[\p{L}\p{N}]")
_OTHER = regex.compile(r"[^\P{L}\p{Script=Latin}\p{Script=Common}\p{Script=Inherited}]")


@register("protected_phrases")
@dataclasses.dataclass(frozen=True, kw_only=True)
class ProtectedPhrases(Configurable):
    """Idioms, names, refrains and ritual words that no step may change.

    They are protected in every song, whatever its language: songs quote each other,
    and a phrase that isn't there costs nothing.

    Example:
        ```python
        ProtectedPhrases(languages=("pa",), phrases=("ਸੋਹਣਾ ਪਿੰਡ",))
        ```

    Args:
        languages: Whose packaged lists to take; None takes all of them, `()` none.
        phrases: Phrases of one's own.

    Raises:
        ValueError: If no list of a language is packaged, or a phrase is blank.
    """

    languages: tuple[str, ...] | None = None
    phrases: tuple[str, ...] = ()

    def __post_init__(self):
        for name in ("languages", "phrases"):
            if isinstance(getattr(self, name), str):
                raise ValueError(
                    f"`{name}` must be a list. Received: {name}="
                    f"{getattr(self, name)!r}. Put it into a tuple."
                )
        for language in self.languages or ():
            packaged_phrases(language)
        object.__setattr__(self, "phrases", tuple(map(check_phrase, self.phrases)))

    @classmethod
    def from_files(
        cls, *paths: str | os.PathLike, languages: tuple[str, ...] | None = None
    ) -> "ProtectedPhrases":
        """Returns the phrases of the user's files beside the packaged ones.

        Args:
            *paths: Files as `load_phrases` reads them.
            languages: Whose packaged lists to take; None takes all of them.

        Raises:
            FileNotFoundError: If a file does not exist.
            ValueError: If a row of a file is not as it should be.
        """
        own = [phrase.phrase for path in paths for phrase in load_phrases(path)]
        return cls(languages=languages, phrases=tuple(own))

    @functools.cached_property
    def texts(self) -> tuple[str, ...]:
        """Every phrase once, in NFC, in alphabetical order."""
        chosen = packaged_languages() if self.languages is None else self.languages
        packaged = [
            phrase.phrase for name in chosen for phrase in packaged_phrases(name)
        ]
        return tuple(sorted({*packaged, *self.phrases}))

    @functools.cached_property
    def sha256(self) -> str:
        """Hash of `texts`: equal lists, equal hash, whatever the package's version."""
        text = json.dumps(self.texts, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()


class Guard:
    """Runs a step so that no protected phrase is lost or altered.

    A phrase is kept when, after the step, title and lines hold it at least as often
    as before, in NFC and as whole tokens. A credit or a scraper's residue that is
    moved to the metadata, or a name that is moved to the author, takes a phrase with
    it; what is moved must hold more than the phrase, so a sacred sign that is taken
    out as a symbol counts as lost. Where the step wrote `romanized`, each line must
    hold the phrase's own romanization as often as the native line holds the phrase.

    If that fails, the step is run again on the record with every occurrence replaced
    by a placeholder, a word of letters that the record doesn't hold. If that fails
    too, the step is undone for this record.

    Costs one pass of the matcher over a record that a step has changed, and one more
    if it holds a phrase.

    Example:
        ```python
        result, undone = Guard(ProtectedPhrases()).run(Clean(), record)
        ```

    Args:
        phrases: `ProtectedPhrases`, or phrases.
    """

    def __init__(self, phrases: ProtectedPhrases | Iterable[str]):
        texts = phrases.texts if isinstance(phrases, ProtectedPhrases) else phrases
        self.matcher = PhraseMatcher(texts)
        self._last: tuple[LyricRecord | None, Counter[int]] = (None, Counter())

    def __reduce__(self):
        return type(self), (self.matcher.phrases,)

    def run(
        self, step: Preprocessor, record: LyricRecord
    ) -> tuple[LyricRecord | SetAside, bool]:
        """Runs `step` on `record`.

        Returns:
            The result, and whether the step was undone; then the result is `record`.
        """
        result = step(record)
        if isinstance(result, SetAside) or _texts(result) == _texts(record):
            return result, False
        if not self._count(record) or self._keeps(record, result, step):
            return result, False
        masked = PhraseMask.of(record, self.matcher)
        if masked is not None:
            result = step(masked.record)
            if isinstance(result, LyricRecord):
                result = masked.restore(result, _romanizer(step, record))
                if self._keeps(record, result, step):
                    return result, False
        return record, True

    def lost(self, before: Sequence[str], after: Sequence[str]) -> tuple[str, ...]:
        """Returns the phrases that lines hold less often after an edit than before."""
        counts, remaining = (self._occurrences(lines) for lines in (before, after))
        return tuple(self.matcher.phrases[place] for place in counts - remaining)

    def _occurrences(self, lines: Iterable[str]) -> Counter[int]:
        # No phrase holds a line break, so none is found across two lines.
        text = unicodedata.normalize("NFC", "\n".join(lines))
        return Counter(match.phrase for match in self.matcher.find(text))

    def _count(self, record: LyricRecord) -> Counter[int]:
        # What one step gives, the next one takes: remember one record's counts.
        known, counts = self._last
        if known is not record:
            counts = self._occurrences((record.title or "", *record.lines))
            self._last = record, counts
        return counts

    def _keeps(
        self, record: LyricRecord, result: LyricRecord, step: Preprocessor
    ) -> bool:
        if result.lines != record.lines or result.title != record.title:
            lost = self._count(record) - self._count(result)
            if lost and lost - (self._moved(result) - self._moved(record)):
                return False
        return self._keeps_romanized(record, result, step)

    def _moved(self, record: LyricRecord) -> Counter[int]:
        """Counts phrases in the author, the credits and the residue."""
        texts = [record.author or ""]
        for name in _MOVED:
            texts += _strings(record.metadata.get(name))
        for text in _strings(record.metadata.get(_REMOVED)):
            text = unicodedata.normalize("NFC", text)
            spans = merge_spans(self.matcher.find(text))
            if _LETTER.search(replace_spans(text, spans, lambda _: "")):
                texts.append(text)
        return self._occurrences(texts)

    def _keeps_romanized(
        self, record: LyricRecord, result: LyricRecord, step: Preprocessor
    ) -> bool:
        if result.romanized is None or result.romanized == record.romanized:
            return True
        romanize = _romanizer(step, result)
        needed = self._needed(result, romanize)
        if record.romanized is not None:
            # Brought by the record, in a spelling of its own: what it held, it keeps.
            held = _count_romanized(needed.total(), record.romanized, romanize)
            return _holds(held & needed.total(), result.romanized, romanize)
        if len(result.romanized) != len(result.lines):
            return _holds(needed.total(), result.romanized, romanize)
        return all(
            _holds(counts, (result.romanized[place],), romanize)
            for place, counts in needed.lines.items()
        )

    def _needed(self, record: LyricRecord, romanize: Callable[[str], str]) -> "_Needed":
        lines = {}
        for place, line in enumerate(record.lines):
            found = self._occurrences((line,)).items()
            counts = {self.matcher.phrases[phrase]: count for phrase, count in found}
            # Of a script that can't be romanized here nothing can be asked.
            lines[place] = Counter(
                {p: n for p, n in counts.items() if not _OTHER.search(romanize(p))}
            )
        return _Needed({place: counts for place, counts in lines.items() if counts})


@dataclasses.dataclass(frozen=True)
class _Needed:
    """How often each phrase stands in each line that holds one."""

    lines: Mapping[int, Counter[str]]

    def total(self) -> Counter[str]:
        return sum(self.lines.values(), Counter())


def _texts(record: LyricRecord) -> tuple:
    return record.title, record.lines, record.romanized


def _romanizer(step: Preprocessor, record: LyricRecord) -> Callable[[str], str]:
    """Returns how the step romanizes: by its own `scheme`, where it has one."""
    scheme = getattr(step, "scheme", None)
    if scheme not in SCHEMES:
        return romanize_text
    return functools.partial(romanize_text, scheme=scheme, language=record.language)


def _holds(
    needed: Counter[str], lines: Iterable[str], romanize: Callable[[str], str]
) -> bool:
    return not needed - _count_romanized(needed, lines, romanize)


def _count_romanized(
    phrases: Iterable[str], lines: Iterable[str], romanize: Callable[[str], str]
) -> Counter[str]:
    text = unicodedata.normalize("NFC", "\n".join(lines))
    return Counter(
        {
            phrase: _count_whole(text, unicodedata.normalize("NFC", romanize(phrase)))
            for phrase in phrases
        }
    )


def _count_whole(text: str, phrase: str) -> int:
    count, start = 0, text.find(phrase)
    while start >= 0:
        count += is_whole(text, start, start + len(phrase))
        start = text.find(phrase, start + 1)
    return count


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [text for item in value for text in _strings(item)]
    return []
