import dataclasses
import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest

from gemma_keras_ft.config import from_config, register
from gemma_keras_ft.data.tasks import (
    Continuation,
    Example,
    Instruction,
    Mixture,
    Task,
    Translation,
)
from gemma_keras_ft.records import LyricRecord

WHOLE = {"record_id": "song", "prompt": ("a", "", "b"), "response": ("c", "d")}


@register("test_tasks.last_line")
@dataclasses.dataclass(frozen=True, kw_only=True)
class LastLine(Task):
    def examples(self, record: LyricRecord) -> Iterator[Example]:
        *given, last = record.lines or [""]
        if given:
            yield Example(record_id=record.id, prompt=given, response=[last])


@register("test_tasks.twice")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Twice(Task):
    inner: Task

    def examples(self, record: LyricRecord) -> Iterator[Example]:
        yield from self.inner.examples(record)
        yield from self.inner.examples(record)


def test_texts_are_drawn_as_documented():
    example = Example(**WHOLE, lead="song:\n", bridge="\n\n")
    assert example.prompt_text == "song:\na\n\nb\n\n"
    assert example.response_text == "c\nd"


def test_lists_of_lines_become_tuples():
    example = Example(record_id="x", prompt=["a"], response=["b"], native=["c"])
    assert example == Example(
        record_id="x", prompt=("a",), response=("b",), native=("c",)
    )
    assert hash(example)


@pytest.mark.parametrize("times", [2, Fraction(2), np.float32(2)])
def test_times_are_a_float_of_pythons_own(times):
    example = Example(**WHOLE, times=times)
    assert example.times == 2
    assert type(example.times) is float


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"record_id": 7}, "`record_id` must be a string. Received: record_id=7"),
        ({"task": None}, "`task` must be a string"),
        ({"lead": ["x"]}, "`lead` must be a string"),
        ({"prompt": "abc"}, "`prompt` must be a list of lines. Received: prompt='abc'"),
        ({"prompt": None}, "`prompt` must be a list of lines"),
        ({"response": None}, "`response` must be a list of lines"),
        ({"response": ("a\nb",)}, r"`response` must hold one string per line.*'a\\nb'"),
        ({"native": (1, 2)}, "`native` must hold one string per line. Received: 1"),
        ({"native": ("x",)}, "`native` must have a line for each of the response's 2"),
        ({"turns": 1}, "`turns` must be true or false. Received: turns=1"),
        ({"scored": "prompt"}, r"`scored` must be one of \['response', 'all'\]"),
        ({"context_lines": -1}, "`context_lines` must be a whole number from 0"),
        ({"context_lines": 1.5}, "context_lines=1.5"),
        ({"times": 0}, "`times` must be positive and finite. Received: times=0"),
        ({"times": -1.0}, "times=-1.0"),
        ({"times": math.inf}, "times=inf"),
        ({"times": math.nan}, "times=nan"),
        ({"times": True}, "times=True"),
        ({"times": "2"}, "times='2'"),
    ],
)
def test_wrong_fields_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        Example(**{**WHOLE, **changes})


def test_a_task_of_ones_own_is_a_few_lines():
    song = LyricRecord(id="song", lines=("a", "b", "c"))
    (example,) = LastLine().examples(song)
    assert (example.prompt, example.response) == (("a", "b"), ("c",))
    assert not list(LastLine().examples(LyricRecord(id="song", lines=())))
    assert from_config(LastLine().to_config()) == LastLine()


def test_wrappers_name_a_task_that_does_not_name_itself():
    song = LyricRecord(id="song", lines=("a", "b"))
    for task, name in [
        (LastLine(), ""),
        (Mixture(tasks=(LastLine(),)), "test_tasks.last_line"),
        (
            Instruction(task=LastLine(), text="End it."),
            "instruction/test_tasks.last_line",
        ),
    ]:
        (example,) = task.examples(song)
        assert example.task == name


AUTO_TASKS = Mixture(
    tasks=(
        Continuation(prompt_lines=3, script="auto"),
        Twice(inner=Instruction(task=Translation(script="auto"), text="Translate.")),
        Continuation(script="itrans"),
        LastLine(),
    ),
    weights=(1.0, 2.0, 3.0, 4.0),
)


def test_a_walk_meets_every_task_inside():
    names = [task.config_name for task in AUTO_TASKS.walk()]
    assert names == [
        "mixture",
        "continuation",
        "test_tasks.twice",
        "instruction",
        "translation",
        "continuation",
        "test_tasks.last_line",
    ]


def test_every_auto_script_inside_is_decided_and_no_other():
    scripts = (("ta", "iso15919"), ("pa", "native"))
    decided = AUTO_TASKS.replace_scripts(scripts)
    assert AUTO_TASKS.has_auto_script
    assert not decided.has_auto_script
    first, twice, fixed, last = decided.tasks
    assert first == Continuation(prompt_lines=3, scripts=scripts)
    assert twice.inner.task == Translation(scripts=scripts)
    assert fixed == Continuation(script="itrans")
    assert last == LastLine()
    assert decided.weights == AUTO_TASKS.weights


def test_decided_tasks_stay_as_they_are():
    task = Mixture(tasks=(Continuation(), LastLine()))
    assert not task.has_auto_script
    assert task.replace_scripts((("ta", "iso15919"),)) == task
    assert LastLine().replace_scripts(()) == LastLine()
