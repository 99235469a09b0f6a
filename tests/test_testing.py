import dataclasses
import itertools
import json

import pytest

from gemma_keras_ft.config import register
from gemma_keras_ft.preprocessing.base import FilterPreprocessor, MapPreprocessor
from gemma_keras_ft.records import LyricRecord, SetAside
from gemma_keras_ft.testing import awkward_records, check_preprocessor

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
