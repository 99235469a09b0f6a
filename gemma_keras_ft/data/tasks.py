"""Tasks: what a record teaches, as prompt and response."""

import abc
import dataclasses
from collections.abc import Iterator, Sequence

from gemma_keras_ft.config import Configurable, register
from gemma_keras_ft.preprocessing.romanization.romanize import SCHEMES, romanize_text
from gemma_keras_ft.records import LyricRecord

NATIVE, AUTO = "native", "auto"
# The scheme in which curation stores the romanized lines.
_STORED = "iso15919"
SCRIPTS = (NATIVE, *SCHEMES)

# What stands before a line and its translation where no language tag is known.
_UNNAMED, _TRANSLATED = "lyrics", "translation"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Example:
    """One thing to learn: loss falls on the response, never on the prompt.

    Args:
        record_id: The record it comes from.
        prompt: Lines that are given.
        response: Lines that are asked for; an empty line is a stanza border.
        lead: Text before the prompt, such as an instruction.
        bridge: Text between prompt and response.
        context_lines: Where a long response must be split, how many of its lines
            lead into the next part.
    """

    record_id: str
    prompt: tuple[str, ...]
    response: tuple[str, ...]
    lead: str = ""
    bridge: str = "\n"
    context_lines: int = 0

    @property
    def prompt_text(self) -> str:
        """Everything up to the response."""
        return self.lead + "\n".join(self.prompt) + self.bridge

    @property
    def response_text(self) -> str:
        """The response as one text."""
        return "\n".join(self.response)


class Task(Configurable, abc.ABC):
    """The extension point: override `examples` in a frozen dataclass."""

    @abc.abstractmethod
    def examples(self, record: LyricRecord) -> Iterator[Example]:
        """Yields what `record` teaches; nothing where it lacks what is needed."""


def lines_in_script(
    record: LyricRecord, script: str, scripts: Sequence[tuple[str, str]] = ()
) -> tuple[str, ...] | None:
    """Returns the record's lines in native script or romanized.

    Args:
        record: The record.
        script: `"native"` or a romanization scheme. `"iso15919"` gives the
            romanization that curation stored, or None where there is none; any other
            scheme is made from the native lines.
        scripts: Pairs of language and script, which go before `script`.

    Raises:
        ValueError: If the script is still `"auto"`, which `train` decides.
    """
    script = dict(scripts).get(record.language or "", script)
    if script == NATIVE:
        return record.lines
    if script == _STORED:
        return record.romanized
    if script == AUTO:
        raise ValueError(
            "`script` must be decided before examples are made. Received: "
            "script='auto'. Train with it, or call `choose_scripts`."
        )
    language = record.language
    return tuple(
        romanize_text(line, scheme=script, language=language) for line in record.lines
    )


def check_script(script: str, scripts: Sequence[tuple[str, str]] = ()) -> None:
    """Checks a task's `script` and `scripts`.

    Raises:
        ValueError: If one is unknown.
    """
    if script not in (*SCRIPTS, AUTO):
        raise ValueError(
            f"`script` must be one of {[*SCRIPTS, AUTO]}. Received: script={script!r}."
        )
    for pair in scripts:
        if len(pair) != 2 or pair[1] not in SCRIPTS:
            raise ValueError(
                "`scripts` must pair languages with scripts. Received: "
                f"{pair!r}. Available: {[*SCRIPTS]}."
            )


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

    Raises:
        ValueError: If an argument is out of range.
    """

    prompt_lines: int = 2
    script: str = NATIVE
    scripts: tuple[tuple[str, str], ...] = ()

    def __post_init__(self):
        check_script(self.script, self.scripts)
        if self.prompt_lines < 1:
            raise ValueError(
                "`prompt_lines` must be positive. Received: "
                f"prompt_lines={self.prompt_lines!r}."
            )

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
        yield Example(
            record_id=record.id,
            prompt=lines[:border],
            response=lines[border:],
            context_lines=self.prompt_lines,
        )


@register("translation")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Translation(Task):
    """A line is given, its translation is asked for.

    A record whose translation runs line for line gives one example a line; any
    other gives one for the whole song. The language tags name the two sides, so
    `translation_language` is worth filling in.

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
        """Yields examples for a record that has a translation."""
        lines = lines_in_script(record, self.script, self.scripts)
        if lines is None or record.translation is None:
            return
        pairs = [(lines, record.translation)]
        if len(lines) == len(record.translation):
            pairs = [
                ((source,), (target,))
                for source, target in zip(lines, record.translation, strict=True)
                if source and target
            ]
        for source, target in pairs:
            yield Example(
                record_id=record.id,
                prompt=source,
                response=target,
                lead=f"{record.language or _UNNAMED}: ",
                bridge=f"\n{record.translation_language or _TRANSLATED}: ",
            )
