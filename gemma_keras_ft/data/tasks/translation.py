"""A line is given, its translation is asked for, or the other way round."""

import dataclasses
from collections.abc import Iterator

from gemma_keras_ft.config import register
from gemma_keras_ft.data.tasks.base import Example, Task, check_scored
from gemma_keras_ft.data.tasks.scripts import (
    NATIVE,
    check_script,
    lines_in_script,
    native_beside,
)
from gemma_keras_ft.records import LyricRecord

# What stands before a line and its translation where no language tag is known.
_UNNAMED, _TRANSLATED = "lyrics", "translation"

_Lines = tuple[str, ...]


@register("translation")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Translation(Task):
    r"""A line is given, its translation is asked for.

    A record whose translation runs line for line gives one example a line; any
    other gives one for the whole song. The language tags name the two sides, so
    `translation_language` is worth filling in.

    Example:
        in:   lines "a", language "ta"; translation "b", translation_language "en"
        out:  prompt "ta: a\nen: "; response "b"

    Args:
        script: `"native"`, a romanization scheme, or `"auto"`: `train` decides for
            each language by what the base makes of it.
        scripts: Pairs of language and script, which go before `script`.
        reverse: Whether the translation is given and the lyrics are asked for.
        scored: Where the loss falls: `"response"`, or `"all"`, the prompt too.
    """

    script: str = NATIVE
    scripts: tuple[tuple[str, str], ...] = ()
    reverse: bool = False
    scored: str = "response"

    def __post_init__(self):
        check_script(self.script, self.scripts)
        check_scored(self.scored)
        if not isinstance(self.reverse, bool):
            raise ValueError(
                f"`reverse` must be true or false. Received: reverse={self.reverse!r}."
            )

    def examples(self, record: LyricRecord) -> Iterator[Example]:
        """Yields examples for a record that has a translation."""
        lyrics_name = record.language or _UNNAMED
        translation_name = record.translation_language or _TRANSLATED
        for lyrics, translation, native in self._pairs(record):
            sides = (lyrics_name, lyrics), (translation_name, translation)
            given, asked = reversed(sides) if self.reverse else sides
            yield Example(
                record_id=record.id,
                prompt=given[1],
                response=asked[1],
                lead=f"{given[0]}: ",
                bridge=f"\n{asked[0]}: ",
                scored=self.scored,
                native=native if self.reverse else None,
                task=self.config_name,
            )

    def _pairs(
        self, record: LyricRecord
    ) -> Iterator[tuple[_Lines, _Lines, _Lines | None]]:
        """Yields lyrics, their translation, and the lyrics in native script."""
        lines = lines_in_script(record, self.script, self.scripts)
        translation = record.translation
        if lines is None or translation is None:
            return
        native = native_beside(record, lines)
        if len(lines) != len(translation):
            if any(lines) and any(translation):
                yield lines, translation, native
            return
        for place, pair in enumerate(zip(lines, translation, strict=True)):
            if all(pair):
                beside = native and native[place : place + 1]
                yield pair[:1], pair[1:], beside
