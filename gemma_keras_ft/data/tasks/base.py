"""What a record teaches: the example, and the task that makes it."""

import abc
import dataclasses
import math
import numbers
from collections.abc import Iterator, Sequence
from typing import Any, cast

from gemma_keras_ft.config import Configurable
from gemma_keras_ft.data.tasks.scripts import AUTO, NATIVE
from gemma_keras_ft.records import LyricRecord

SCORED = ("response", "all")

_TEXTS = ("record_id", "lead", "bridge", "task")
_LINES = ("prompt", "response", "native")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Example:
    r"""One thing to learn: a prompt that is given and a response that is asked for.

    Example:
        plain:  <bos> prompt response <eos>
        turns:  <bos> <start_of_turn>user\n prompt <end_of_turn>\n
                <start_of_turn>model\n response <end_of_turn>

    The control tokens are ids that tokenizing puts in: a lyric that spells one
    stays text.

    Args:
        record_id: The record it comes from.
        prompt: Lines that are given.
        response: Lines that are asked for; an empty line is a stanza border.
        lead: Text before the prompt, such as an instruction.
        bridge: Text between prompt and response.
        context_lines: Where a long response must be split, how many of its lines
            lead into the next part.
        turns: Whether prompt and response stand in Gemma's turns.
        scored: Where the loss falls: on the `"response"`, or on `"all"`, the
            prompt too.
        times: How often an epoch takes it; of examples with 0.5, half are taken.
        native: The response in its own script, line for line. Scores are told by
            its words and characters, so that a romanized run can be compared with
            a native one; None means by those of the response.
        task: Config name of the task that made it.

    Raises:
        ValueError: If a field is not of its type or out of range, a line holds a
            line break, or `native` has another number of lines than `response`.
    """

    record_id: str
    prompt: tuple[str, ...]
    response: tuple[str, ...]
    lead: str = ""
    bridge: str = "\n"
    context_lines: int = 0
    turns: bool = False
    scored: str = "response"
    times: float = 1.0
    native: tuple[str, ...] | None = None
    task: str = ""

    def __post_init__(self):
        for name in _TEXTS:
            value = getattr(self, name)
            if not isinstance(value, str):
                raise ValueError(
                    f"`{name}` must be a string. Received: {name}={value!r:.80}."
                )
        for name in _LINES:
            self._check_lines(name)
        if self.native is not None and len(self.native) != len(self.response):
            raise ValueError(
                "`native` must have a line for each of the response's "
                f"{len(self.response)}. Received: {len(self.native)} lines for record "
                f"{self.record_id!r}. Leave it out where lines do not run one for one."
            )
        if not isinstance(self.turns, bool):
            raise ValueError(
                f"`turns` must be true or false. Received: turns={self.turns!r}."
            )
        check_count("context_lines", self.context_lines, least=0)
        check_scored(self.scored)
        check_weight("times", self.times)
        object.__setattr__(self, "times", float(self.times))

    def _check_lines(self, name: str) -> None:
        value = getattr(self, name)
        if value is None and name == "native":
            return
        if not isinstance(value, list | tuple):
            raise ValueError(
                f"`{name}` must be a list of lines. Received: {name}={value!r:.80}."
            )
        for line in value:
            if not isinstance(line, str) or "\n" in line:
                raise ValueError(
                    f"`{name}` must hold one string per line. Received: {line!r:.80}."
                )
        object.__setattr__(self, name, tuple(value))

    @property
    def prompt_text(self) -> str:
        """Everything up to the response."""
        return self.lead + "\n".join(self.prompt) + self.bridge

    @property
    def response_text(self) -> str:
        """The response as one text."""
        return "\n".join(self.response)


class Task(Configurable, abc.ABC):
    """The extension point: override `examples` in a registered, frozen dataclass.

    What a task yields depends on the record and on the task's own fields, on nothing
    else: every process and every run must come to the same examples.
    """

    @abc.abstractmethod
    def examples(self, record: LyricRecord) -> Iterator[Example]:
        """Yields what `record` teaches; nothing where it lacks what is needed."""

    def walk(self) -> Iterator["Task"]:
        """Yields the task, and every task that its fields hold, at any depth."""
        yield self
        for value in self._fields().values():
            for inner in value if isinstance(value, tuple) else (value,):
                if isinstance(inner, Task):
                    yield from inner.walk()

    @property
    def has_auto_script(self) -> bool:
        """Whether a script, here or in a task inside, is still to be decided."""
        return any(getattr(task, "script", None) == AUTO for task in self.walk())

    def replace_scripts(self, scripts: Sequence[tuple[str, str]]) -> "Task":
        """Returns the task with every `"auto"` script decided, at any depth.

        Args:
            scripts: Pairs of language and script; a language that is not named
                stays in its native script.
        """
        changes: dict[str, Any] = {}
        for name, value in self._fields().items():
            if isinstance(value, Task):
                changes[name] = value.replace_scripts(scripts)
            elif isinstance(value, tuple) and any(isinstance(v, Task) for v in value):
                changes[name] = tuple(
                    inner.replace_scripts(scripts) if isinstance(inner, Task) else inner
                    for inner in value
                )
        if getattr(self, "script", None) == AUTO:
            changes |= {"script": NATIVE, "scripts": tuple(scripts)}
        return dataclasses.replace(cast(Any, self), **changes) if changes else self

    def _fields(self) -> dict[str, Any]:
        fields = dataclasses.fields(cast(Any, self))
        return {field.name: getattr(self, field.name) for field in fields}


def check_scored(scored: str) -> None:
    """Checks where the loss falls.

    Raises:
        ValueError: If it is not one of `SCORED`.
    """
    if scored not in SCORED:
        raise ValueError(
            f"`scored` must be one of {[*SCORED]}. Received: scored={scored!r}."
        )


def check_count(name: str, value: int, *, least: int) -> None:
    """Checks a whole number.

    Raises:
        ValueError: If it is not one, or less than `least`.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(
            f"`{name}` must be a whole number from {least}. Received: {name}={value!r}."
        )


def check_weight(name: str, value: float) -> None:
    """Checks how often something is taken.

    Raises:
        ValueError: If it is not a positive, finite number.
    """
    # Written so that NaN fails too.
    if (
        isinstance(value, bool)
        or not isinstance(value, numbers.Real)
        or not 0 < value < math.inf
    ):
        raise ValueError(
            f"`{name}` must be positive and finite. Received: {name}={value!r}."
        )
