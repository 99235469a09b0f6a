import dataclasses
import itertools
import json

import pytest

from gemma_keras_ft.config import register
from gemma_keras_ft.data.tasks import (
    Continuation,
    Example,
    Infill,
    Instruction,
    Meaning,
    Mixture,
    PlainText,
    Task,
    TitleToLyrics,
    Translation,
    Transliteration,
)
from gemma_keras_ft.preprocessing.base import FilterPreprocessor, MapPreprocessor
from gemma_keras_ft.records import LyricRecord, SetAside
from gemma_keras_ft.testing import awkward_records, check_preprocessor, check_task

CALLS = itertools.count()


def step(name):
    """Registers a step of this module, frozen, with keyword-only fields."""

    def decorate(cls):
        return register(f"test_testing.{name}")(
            dataclasses.dataclass(frozen=True, kw_only=True)(cls)
        )

    return decorate


@step("keep")
class Keep(MapPreprocessor):
    names: tuple[str, ...] = ("a", "b")

    def map(self, record):
        return record


@step("drop")
class Drop(FilterPreprocessor):
    def reject(self, record):
        return "dropped", "Everything goes."


@step("append")
class Append(MapPreprocessor):
    def map(self, record):
        return record.replace(lines=(*record.lines, "more"))


@step("mutate")
class Mutate(MapPreprocessor):
    def map(self, record):
        record.metadata["seen"] = True
        return record


@step("raise")
class Raise(MapPreprocessor):
    def map(self, record):
        return record.replace(title=record.lines[0])


@step("rename")
class Rename(MapPreprocessor):
    def map(self, record):
        return record.replace(id="x")


@step("nothing")
class Nothing(MapPreprocessor):
    def map(self, record):
        return None


@step("count")
class Count(MapPreprocessor):
    def map(self, record):
        return record.replace(metadata={"count": next(CALLS)})


@step("tuple")
class Tuple(MapPreprocessor):
    def map(self, record):
        return record.replace(metadata={"pair": (1, 2)})


@step("bytes")
class Bytes(MapPreprocessor):
    def map(self, record):
        return record.replace(metadata={"raw": b"x"})


@step("no_reason")
class NoReason(FilterPreprocessor):
    def reject(self, record):
        return "", ""


@step("forget")
class Forget(MapPreprocessor):
    def map(self, record):
        return SetAside(id=record.id, reason="gone")


@step("set_field")
class SetField(Keep):
    kept: frozenset = frozenset({"a"})


@step("list_field")
class ListField(Keep):
    kept: list = dataclasses.field(default_factory=lambda: ["a"])


class Unregistered(Keep):
    def map(self, record):
        return record.replace(title="T")


@pytest.mark.parametrize("kept", [Keep(), Keep(names=()), Drop()])
def test_what_keeps_the_contract_passes(kept):
    check_preprocessor(kept)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (Append(), "must change nothing when it is applied again"),
        (Mutate(), "must not change its argument"),
        (Raise(), r"must not raise .* IndexError"),
        (Rename(), "must keep the record's id. Received: id='x'"),
        (Nothing(), "must return a LyricRecord or a SetAside. Received: None"),
        (Count(), "must give the same answer each time"),
        (Tuple(), "must return what JSON can hold"),
        (Bytes(), "must return what JSON can hold"),
        (NoReason(), "with a reason and the record"),
        (Forget(), "with a reason and the record"),
        (SetField(), "must survive JSON"),
        (ListField(), "must survive JSON"),
        (Unregistered(), "must survive JSON"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_what_breaks_the_contract_is_said(broken, message):
    with pytest.raises(AssertionError, match=message):
        check_preprocessor(broken)


def test_the_message_names_the_step_and_the_record():
    with pytest.raises(AssertionError, match=r"^Append\(\) on record 'awkward-"):
        check_preprocessor(Append())


def test_a_class_that_pickle_cannot_find_is_said():
    @step("local")
    class Local(Keep):
        pass

    with pytest.raises(AssertionError, match="must survive pickle"):
        check_preprocessor(Local())


def test_a_class_without_a_name_is_said():
    class Nameless(MapPreprocessor):
        def map(self, record):
            return record

    with pytest.raises(AssertionError, match="Register its class"):
        check_preprocessor(Nameless())


def test_a_step_may_be_meant_to_do_more_each_time():
    check_preprocessor(Append(), idempotent=False)


def test_records_of_ones_own_are_used():
    harmless = LyricRecord(id="a", lines=("one",), title="one")
    check_preprocessor(Raise(), [harmless])
    with pytest.raises(AssertionError, match="on record 'b'"):
        check_preprocessor(Raise(), iter([harmless, LyricRecord(id="b", lines=())]))


def test_awkward_records_are_what_they_promise():
    records = awkward_records()
    assert len({record.id for record in records}) == len(records) >= 20
    lines = [line for record in records for line in record.lines]
    assert max(map(len, lines)) == 20_000
    assert any(record.no_alter for record in records)
    assert any(not record.lines for record in records)
    text = "\n".join(lines)
    assert all(char in text for char in "\u200c\u200d\u202b\x00\x85\ufffd\ud83d❤<&")
    parallel = [
        len(record.translation) == len(record.lines)
        for record in records
        if record.translation
    ]
    assert set(parallel) == {True, False}
    for record in records:
        read = json.loads(json.dumps(record.to_dict()))
        assert LyricRecord.from_dict(read) == record


def test_awkward_records_are_made_anew():
    for record in awkward_records():
        if record.metadata:
            record.metadata["nested"]["list"].append("changed")
    assert "changed" not in str(awkward_records())


@step("whole")
class Whole(Task):
    """Asks for the whole song; a class below may ask otherwise."""

    def examples(self, record):
        if any(record.lines):
            yield Example(
                record_id=record.id, **{**self.asked(record), **self.changed()}
            )

    def asked(self, record):
        return {"prompt": (), "response": record.lines}

    def changed(self):
        return {}


@step("nothing_asked")
class NothingAsked(Whole):
    def changed(self):
        return {"response": ("", "")}


@step("another_record")
class AnotherRecord(Task):
    def examples(self, record):
        yield Example(record_id="another", prompt=(), response=("la",))


@step("loose_turn")
class LooseTurn(Whole):
    def changed(self):
        return {"turns": True, "lead": "Sing!", "bridge": "\n"}


@step("blank_turn")
class BlankTurn(Whole):
    def changed(self):
        return {"turns": True, "bridge": ""}


@step("in_turns")
class InTurns(Whole):
    def changed(self):
        return {"turns": True, "lead": "Sing!", "bridge": ""}


@step("first_line")
class FirstLine(Task):
    def examples(self, record):
        yield Example(record_id=record.id, prompt=(), response=record.lines[:1])
        record.lines[1]


@step("count_calls")
class CountCalls(Whole):
    def asked(self, record):
        return {"prompt": (str(next(CALLS)),), "response": record.lines}


@step("note")
class Note(Whole):
    def asked(self, record):
        record.metadata["seen"] = True
        return super().asked(record)


@step("texts")
class Texts(Task):
    def examples(self, record):
        return list(record.lines)


@step("forgot_to_yield")
class ForgotToYield(Task):
    def examples(self, record):
        return None


@step("listed")
class Listed(Task):
    def examples(self, record):
        return [] if not any(record.lines) else [*Whole().examples(record)]


@step("by_name")
class ByName(Task):
    """Holds tasks where nobody looks for them."""

    tasks: dict = dataclasses.field(default_factory=dict)

    def examples(self, record):
        for task in self.tasks.values():
            yield from task.examples(record)

    @property
    def has_auto_script(self):
        return any(task.has_auto_script for task in self.tasks.values())


@step("listed_setting")
class ListedSetting(Whole):
    kept: list = dataclasses.field(default_factory=lambda: ["a"])


class UnregisteredTask(Whole):
    def changed(self):
        return {"lead": "Sing!"}


SHIPPED = [
    Continuation(prompt_lines=1),
    Continuation(script="auto", scored="all"),
    Infill(),
    Meaning(script="iast"),
    PlainText(script="readable"),
    TitleToLyrics(script="itrans"),
    Translation(reverse=True),
    Transliteration(),
]


@pytest.mark.parametrize(
    "task", [Whole(), InTurns(), Listed(), *SHIPPED], ids=lambda task: task.config_name
)
def test_tasks_that_keep_the_contract_pass(task):
    told = [
        record.replace(metadata={**record.metadata, "meaning": "It rains."})
        for record in awkward_records()
    ]
    check_task(task, told)


def test_tasks_of_tasks_pass_on_every_record():
    inner = tuple(task for task in SHIPPED if not isinstance(task, Meaning))
    check_task(Mixture(tasks=inner, weights=(0.5,) * len(inner)))
    for task in inner:
        check_task(Instruction(task=task, text="Sing {title} in {language}."))


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (NothingAsked(), "must ask for something"),
        (AnotherRecord(), "must name its record. Received: record_id='another'"),
        (LooseTurn(), r"without white space around it. Received: 'Sing!\\n'"),
        (BlankTurn(), "must have a prompt for the user's turn"),
        (FirstLine(), "must not raise .* IndexError"),
        (CountCalls(), "must give the same examples each time"),
        (Note(), "must not change its argument"),
        (Texts(), "must yield Examples"),
        (ForgotToYield(), "must yield examples, or nothing. Received: None"),
        (ByName(tasks={"a": Continuation(script="auto")}), "every script decided"),
        (ListedSetting(), "must survive JSON"),
        (UnregisteredTask(), "must survive JSON"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_tasks_that_break_the_contract_are_said(broken, message):
    with pytest.raises(AssertionError, match=message):
        check_task(broken)


def test_a_task_that_nothing_was_asked_of_is_said():
    with pytest.raises(AssertionError, match="or nothing is tested"):
        check_task(Meaning())
    with pytest.raises(AssertionError, match="or nothing is tested"):
        check_task(Whole(), [])
    told = LyricRecord(id="a", lines=("one",), metadata={"meaning": "One."})
    check_task(Meaning(), iter([told]))


def test_the_message_names_the_task_and_the_record():
    with pytest.raises(AssertionError, match=r"^Note\(\) on record 'awkward-"):
        check_task(Note())
