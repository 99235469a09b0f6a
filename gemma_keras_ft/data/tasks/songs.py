"""A whole song is asked for, or what a whole song means."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from gemma_keras_ft.config import register
from gemma_keras_ft.data.tasks.base import Example, Task, check_scored
from gemma_keras_ft.data.tasks.languages import language_name, one_line
from gemma_keras_ft.data.tasks.scripts import (
    NATIVE,
    check_script,
    lines_in_script,
    native_beside,
    script_for,
    text_in_script,
)
from gemma_keras_ft.records import LyricRecord

# Of a song longer than a row, lines that lead into the next row.
_CONTEXT_LINES = 2


@register("title_to_lyrics")
@dataclasses.dataclass(frozen=True, kw_only=True)
class TitleToLyrics(Task):
    r"""The title is given, with what else is known, and the song is asked for.

    Example:
        in:   title "River", language "ta", style "lyrical", lines "a", "b"
        out:  prompt "title: River\nlanguage: Tamil\nstyle: lyrical\n\n"
              response "a", "b"

    The labels are the words and the form that a text's head has on the web, which
    the base has read often. Title and author are written in the script of the song.
    Every row of a long song begins with the labels.

    Args:
        script: `"native"`, a romanization scheme, or `"auto"`: `train` decides for
            each language by what the base makes of it.
        scripts: Pairs of language and script, which go before `script`.
        scored: Where the loss falls: `"response"`, or `"all"`, the labels too.
    """

    script: str = NATIVE
    scripts: tuple[tuple[str, str], ...] = ()
    scored: str = "response"

    def __post_init__(self):
        check_script(self.script, self.scripts)
        check_scored(self.scored)

    def examples(self, record: LyricRecord) -> Iterator[Example]:
        """Yields one example for a song that has a title."""
        lines = lines_in_script(record, self.script, self.scripts)
        title = one_line(record.title)
        if lines is None or not any(lines) or not title:
            return
        script = script_for(record, self.script, self.scripts)
        facts = {
            "title": text_in_script(record, title, script),
            "author": text_in_script(record, one_line(record.author), script),
            "language": language_name(record.language),
            "style": one_line(record.style),
        }
        labels = [f"{label}: {fact}\n" for label, fact in facts.items() if fact]
        yield Example(
            record_id=record.id,
            prompt=(),
            response=lines,
            lead="".join(labels),
            context_lines=_CONTEXT_LINES,
            scored=self.scored,
            native=native_beside(record, lines),
            task=self.config_name,
        )


@register("meaning")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Meaning(Task):
    r"""The song is given, its meaning is asked for.

    The meaning is `record.metadata["meaning"]`, a text or a list of lines.

    Example:
        in:   lines "a", "b"; metadata {"meaning": "Rain is a guest."}
        out:  prompt "a\nb\n\nmeaning: "; response "Rain is a guest."

    Args:
        script: `"native"`, a romanization scheme, or `"auto"`: `train` decides for
            each language by what the base makes of it. It is the song's script; the
            meaning stays as it is.
        scripts: Pairs of language and script, which go before `script`.
        scored: Where the loss falls: `"response"`, or `"all"`, the song too.
    """

    script: str = NATIVE
    scripts: tuple[tuple[str, str], ...] = ()
    scored: str = "response"

    def __post_init__(self):
        check_script(self.script, self.scripts)
        check_scored(self.scored)

    def examples(self, record: LyricRecord) -> Iterator[Example]:
        """Yields one example for a song of which the meaning is told."""
        lines = lines_in_script(record, self.script, self.scripts)
        meaning = _meaning_lines(record.metadata.get("meaning"))
        if lines is None or not any(lines) or not meaning:
            return
        yield Example(
            record_id=record.id,
            prompt=lines,
            response=meaning,
            bridge="\n\nmeaning: ",
            scored=self.scored,
            task=self.config_name,
        )


@register("plain_text")
@dataclasses.dataclass(frozen=True, kw_only=True)
class PlainText(Task):
    """Nothing is given, the whole song is asked for: plain language modeling.

    Args:
        script: `"native"`, a romanization scheme, or `"auto"`: `train` decides for
            each language by what the base makes of it.
        scripts: Pairs of language and script, which go before `script`.
    """

    script: str = NATIVE
    scripts: tuple[tuple[str, str], ...] = ()

    def __post_init__(self):
        check_script(self.script, self.scripts)

    def examples(self, record: LyricRecord) -> Iterator[Example]:
        """Yields one example for a song that has text."""
        lines = lines_in_script(record, self.script, self.scripts)
        if lines is None or not any(lines):
            return
        yield Example(
            record_id=record.id,
            prompt=(),
            response=lines,
            bridge="",
            context_lines=_CONTEXT_LINES,
            native=native_beside(record, lines),
            task=self.config_name,
        )


def _meaning_lines(value: Any) -> tuple[str, ...]:
    """Returns a text's lines; none for what is no text, or blank."""
    texts = value if isinstance(value, list | tuple) else [value]
    if not all(isinstance(text, str) for text in texts):
        return ()
    text = "\n".join(texts).strip()
    return tuple(text.split("\n")) if text else ()
