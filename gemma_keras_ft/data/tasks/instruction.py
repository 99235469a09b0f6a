"""Another task, asked for in words and answered in Gemma's turns."""

import dataclasses
import string
from collections.abc import Iterator

from gemma_keras_ft.config import register
from gemma_keras_ft.data.tasks.base import Example, Task
from gemma_keras_ft.data.tasks.languages import language_name, one_line
from gemma_keras_ft.records import LyricRecord

# What stands for a fact that the record does not tell.
_FALLBACKS = {
    "language": "its own language",
    "style": "fitting",
    "title": "untitled",
    "translation_language": "another language",
}


@register("instruction")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Instruction(Task):
    r"""Puts an instruction before another task's prompt, and both into turns.

    Blank lines and spaces that would end the user's turn are left out, as Gemma's
    own chat template does.

    Example:
        ```python
        Instruction(task=Continuation(), text="Continue this song in {language}.")
        ```
        in:   lines "a", "b", "", "c", language "ta"
        out:  prompt "Continue this song in Tamil.\n\na\nb"; response "c"; in turns

    Args:
        task: Gives the examples; not one that speaks in turns itself.
        text: The instruction. `{language}`, `{translation_language}`, `{style}` and
            `{title}` are filled in from the record, the languages by their English
            names; `{{` and `}}` write braces.
        fallbacks: Pairs of a placeholder's name and what stands for it where the
            record does not tell; by default "its own language", "another language",
            "fitting" and "untitled".

    Raises:
        ValueError: If `text` is blank or holds another placeholder, `task` is no task
            or gives turns itself, or `fallbacks` names another placeholder.
    """

    task: Task
    text: str
    fallbacks: tuple[tuple[str, str], ...] = ()

    def __post_init__(self):
        if not isinstance(self.task, Task):
            raise ValueError(
                f"`task` must be a task. Received: task={self.task!r:.80}. Import the "
                "module that registers it."
            )
        if any(isinstance(task, Instruction) for task in self.task.walk()):
            raise ValueError(
                "`task` must not hold an instruction: turns do not stand in turns. "
                f"Received: task={self.task!r:.200}."
            )
        if not isinstance(self.text, str) or not self.text.strip():
            raise ValueError(
                f"`text` must be an instruction. Received: text={self.text!r:.80}."
            )
        _pieces(self.text)
        for pair in self.fallbacks:
            if (
                len(pair) != 2
                or pair[0] not in _FALLBACKS
                or not isinstance(pair[1], str)
            ):
                raise ValueError(
                    "`fallbacks` must pair placeholders with texts. Received: "
                    f"{pair!r:.80}. Available: {sorted(_FALLBACKS)}."
                )

    def examples(self, record: LyricRecord) -> Iterator[Example]:
        """Yields the task's examples with the instruction before them, in turns."""
        text = self.filled(record)
        for example in self.task.examples(record):
            if example.turns:
                raise ValueError(
                    "`task` must give examples outside turns. Received: one in turns, "
                    f"by {self.task.config_name!r}. Use that task by itself."
                )
            made_by = example.task or self.task.config_name
            yield dataclasses.replace(
                _instructed(example, text),
                turns=True,
                task=f"{self.config_name}/{made_by}",
            )

    def filled(self, record: LyricRecord) -> str:
        """Returns the instruction with what the record tells.

        What a record tells is never read as a placeholder: a title may hold braces.
        """
        facts = {
            "language": language_name(record.language),
            "style": one_line(record.style),
            "title": one_line(record.title),
            "translation_language": language_name(record.translation_language),
        }
        fallbacks = {**_FALLBACKS, **dict(self.fallbacks)}
        filled = [
            literal + (facts[name] or fallbacks[name] if name else "")
            for literal, name in _pieces(self.text)
        ]
        return "".join(filled).strip()


def _instructed(example: Example, text: str) -> Example:
    prompt, bridge = list(example.prompt), example.bridge.rstrip()
    lead = f"{text}\n\n{example.lead}"
    if not bridge:
        while prompt and not prompt[-1].strip():
            prompt.pop()
        prompt[-1:] = [line.rstrip() for line in prompt[-1:]]
    if not prompt and not bridge:
        # What ends the turn must not end in line breaks. A lead that does can stand
        # before every part of a long response, so the instruction stays one.
        labels = example.lead.rstrip()
        prompt = labels.split("\n") if labels else []
        lead = f"{text}\n\n" if labels else text
    return dataclasses.replace(example, prompt=prompt, lead=lead, bridge=bridge)


def _pieces(text: str) -> list[tuple[str, str | None]]:
    """Returns runs of text, each with the placeholder after it.

    Raises:
        ValueError: If a placeholder is unknown, or a brace is neither part of one nor
            doubled.
    """
    try:
        parsed = list(string.Formatter().parse(text))
    except ValueError as error:
        raise _wrong_placeholder(text) from error
    for _, name, specification, conversion in parsed:
        if name is not None and (name not in _FALLBACKS or specification or conversion):
            raise _wrong_placeholder(text)
    return [(literal, name) for literal, name, _, _ in parsed]


def _wrong_placeholder(text: str) -> ValueError:
    return ValueError(
        f"`text` must hold no placeholder but {sorted(_FALLBACKS)}. Received: "
        f"text={text!r:.200}. Double a brace that is meant as one: '{{{{'."
    )
