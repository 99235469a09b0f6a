"""The first lines of a song are given, the rest is asked for."""

import dataclasses
from collections.abc import Iterator

from gemma_keras_ft.config import register
from gemma_keras_ft.data.tasks.base import Example, Task, check_count, check_scored
from gemma_keras_ft.data.tasks.scripts import (
    NATIVE,
    check_script,
    lines_in_script,
    native_beside,
)
from gemma_keras_ft.records import LyricRecord


@register("continuation")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Continuation(Task):
    """The first lines are given, the rest of the song is asked for.

    Example:
        in:   lines "a", "b", "", "c", "d" with prompt_lines=2
        out:  prompt "a", "b", ""; response "c", "d"

    Args:
        prompt_lines: Lines given; stanza borders do not count.
        script: `"native"`, a romanization scheme, or `"auto"`: `train` decides for
            each language by what the base makes of it.
        scripts: Pairs of language and script, which go before `script`.
        scored: Where the loss falls: `"response"`, or `"all"` of the song.

    Raises:
        ValueError: If an argument is out of range.
    """

    prompt_lines: int = 2
    script: str = NATIVE
    scripts: tuple[tuple[str, str], ...] = ()
    scored: str = "response"

    def __post_init__(self):
        check_script(self.script, self.scripts)
        check_count("prompt_lines", self.prompt_lines, least=1)
        check_scored(self.scored)

    def examples(self, record: LyricRecord) -> Iterator[Example]:
        """Yields one example, or none for a song of `prompt_lines` or fewer."""
        lines = lines_in_script(record, self.script, self.scripts)
        if lines is None:
            return
        sung = [index for index, line in enumerate(lines) if line]
        if len(sung) <= self.prompt_lines:
            return
        # A stanza border after the prompt is given with it.
        border = sung[self.prompt_lines]
        native = native_beside(record, lines)
        yield Example(
            record_id=record.id,
            prompt=lines[:border],
            response=lines[border:],
            context_lines=self.prompt_lines,
            scored=self.scored,
            native=native and native[border:],
            task=self.config_name,
        )
