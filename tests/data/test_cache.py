import dataclasses
import os
import subprocess
import sys

import keras_hub
import numpy as np
import pytest

from gemma_keras_ft.config import register
from gemma_keras_ft.data import cache
from gemma_keras_ft.data.cache import cached_rows, rows_key
from gemma_keras_ft.data.rows import RowPlan
from gemma_keras_ft.data.tasks import Continuation, Example, Mixture, Task
from gemma_keras_ft.data.tokenize import tokenize_examples
from gemma_keras_ft.model.preset import tiny_preset_path

EXAMPLES = [
    Example(record_id=f"r{n}", prompt=("one",), response=("two",) * (n + 1))
    for n in range(5)
]


@pytest.fixture(scope="module")
def tokenizer():
    vocabulary = tiny_preset_path() / "assets" / "tokenizer" / "vocabulary.spm"
    return keras_hub.models.GemmaTokenizer(proto=vocabulary.read_bytes())


@pytest.fixture(scope="module")
def rows(tokenizer):
    plan = RowPlan(sequence_length=32, layout="bucketed")
    long = Example(record_id="long", prompt=("a",), response=("word " * 99,))
    return plan.build(tokenize_examples([*EXAMPLES, long], tokenizer))


def key(tokenizer, **changes):
    facts = {
        "dataset_version": "1",
        "select": {"split": "train", "language": "ta"},
        "task": Continuation(),
        "tokenizer": tokenizer,
        "plan": RowPlan(),
        "examples": lambda: iter(EXAMPLES),
    }
    return rows_key(**facts | changes)


def refuse():
    raise AssertionError("built again")


def equal(left, right):
    assert left.plan == right.plan
    assert left.counts() == right.counts()
    assert left.left_out == right.left_out
    assert left.left_out_examples == right.left_out_examples
    for ours, theirs in zip(left.buckets, right.buckets, strict=True):
        assert ours.record_ids == theirs.record_ids
        np.testing.assert_array_equal(ours.segments, theirs.segments)
        assert set(ours.arrays) == set(theirs.arrays)
        for name, values in ours.arrays.items():
            np.testing.assert_array_equal(values, theirs.arrays[name])
            assert values.dtype == theirs.arrays[name].dtype


def test_rows_come_back_as_they_were_without_being_built(tmp_path, rows):
    equal(cached_rows(lambda: rows, key={"a": 1}, folder=tmp_path), rows)
    equal(cached_rows(refuse, key={"a": 1}, folder=tmp_path), rows)


def test_what_comes_back_is_mapped_and_not_loaded(tmp_path, rows):
    cached_rows(lambda: rows, key={"a": 1}, folder=tmp_path)
    again = cached_rows(refuse, key={"a": 1}, folder=tmp_path)
    assert isinstance(again.buckets[0].arrays["token_ids"], np.memmap)


def test_another_key_is_another_entry(tmp_path, rows):
    cached_rows(lambda: rows, key={"a": 1}, folder=tmp_path)
    with pytest.raises(AssertionError, match="built again"):
        cached_rows(refuse, key={"a": 2}, folder=tmp_path)


@pytest.mark.parametrize("damage", ["flip", "cut", "delete", "manifest"])
def test_a_damaged_entry_is_built_anew(tmp_path, rows, damage):
    cached_rows(lambda: rows, key={"a": 1}, folder=tmp_path)
    (entry,) = tmp_path.iterdir()
    path = entry / "0.labels.npy"
    data = bytearray(path.read_bytes())
    if damage == "flip":
        data[-3] ^= 1
        path.write_bytes(data)
    elif damage == "cut":
        path.write_bytes(data[:-4])
    elif damage == "delete":
        path.unlink()
    else:
        (entry / "rows.json").write_text("[")
    built = []
    found = cached_rows(lambda: built.append(1) or rows, key={"a": 1}, folder=tmp_path)
    assert built
    equal(found, rows)
    equal(cached_rows(refuse, key={"a": 1}, folder=tmp_path), rows)


def test_an_entry_under_a_wrong_name_is_not_believed(tmp_path, rows):
    cached_rows(lambda: rows, key={"a": 1}, folder=tmp_path)
    (entry,) = tmp_path.iterdir()
    cached_rows(lambda: rows, key={"a": 2}, folder=tmp_path)
    (other,) = set(tmp_path.iterdir()) - {entry}
    (other / "rows.json").write_text((entry / "rows.json").read_text())
    with pytest.raises(AssertionError, match="built again"):
        cached_rows(refuse, key={"a": 2}, folder=tmp_path)


def test_a_folder_that_cannot_be_written_costs_only_the_cache(tmp_path, rows):
    (tmp_path / "file").write_text("")
    equal(cached_rows(lambda: rows, key={}, folder=tmp_path / "file" / "x"), rows)


def test_the_oldest_entries_are_forgotten_and_nothing_else_is(tmp_path, rows):
    (tmp_path / "mine").mkdir()
    known = set(tmp_path.iterdir())
    for number in range(18):
        cached_rows(lambda: rows, key={"a": number}, folder=tmp_path)
        for path in set(tmp_path.iterdir()) - known:
            os.utime(path, (number, number))
            known.add(path)
    assert (tmp_path / "mine").is_dir()
    assert len(list(tmp_path.iterdir())) == 1 + 16
    with pytest.raises(AssertionError, match="built again"):
        cached_rows(refuse, key={"a": 0}, folder=tmp_path)


@register("test_cache_mood")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Mood(Task):
    word: str = "joy"

    def examples(self, record):
        yield Example(record_id=record.id, prompt=(self.word,), response=record.lines)


@pytest.mark.parametrize(
    "changes",
    [
        {"dataset_version": "2"},
        {"select": {"split": "train", "language": "pa"}},
        {"task": Continuation(prompt_lines=3)},
        {"task": Mood()},
        {"task": Mixture(tasks=(Continuation(), Mood()))},
        {"plan": RowPlan(sequence_length=64)},
        {"examples": lambda: iter(EXAMPLES[1:])},
        {"examples": lambda: iter([dataclasses.replace(EXAMPLES[0], times=2.0)])},
    ],
)
def test_the_key_changes_with_everything_that_rows_depend_on(tokenizer, changes):
    assert key(tokenizer) == key(tokenizer)
    assert key(tokenizer, **changes) != key(tokenizer)


def test_the_key_changes_with_the_vocabulary(tokenizer):
    class Other:
        proto = tokenizer.proto + b"x"

    assert key(Other())["tokenizer"] != key(tokenizer)["tokenizer"]


def test_the_key_changes_with_the_code_of_a_task(tokenizer, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    source = (
        "import dataclasses\nimport gemma_keras_ft as gkf\n"
        "@gkf.register('test_cache_edited')\n"
        "@dataclasses.dataclass(frozen=True, kw_only=True)\n"
        "class Edited(gkf.Task):\n"
        "    def examples(self, record):\n        return iter(())\n"
    )
    script = (
        "import edited, keras_hub, json\n"
        "from gemma_keras_ft.data.cache import _code_hash\n"
        "print(_code_hash(edited.Edited()))"
    )

    def digest(text):
        (tmp_path / "edited.py").write_text(text)
        done = subprocess.run(
            [sys.executable, "-c", script],
            env={
                **os.environ,
                "PYTHONPATH": str(tmp_path),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.split()[-1]

    first = digest(source)
    assert digest(source) == first
    assert digest(source + "# edited\n") != first


def test_the_folder_is_the_users_or_the_one_named(monkeypatch, tmp_path):
    monkeypatch.setenv(cache.FOLDER, str(tmp_path))
    assert cache.cache_folder() == tmp_path
    monkeypatch.delenv(cache.FOLDER)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert cache.cache_folder() == tmp_path / "x" / "gemma_keras_ft"
