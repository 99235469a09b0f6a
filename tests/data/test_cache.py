import dataclasses
import os
import pathlib

import keras_hub
import numpy as np
import pytest

from gemma_keras_ft.data import cache
from gemma_keras_ft.data.cache import cached_rows, rows_key
from gemma_keras_ft.data.rows import RowPlan
from gemma_keras_ft.data.tasks import Example
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


def key(tokenizer, examples=EXAMPLES, **changes):
    facts = {"about": {"split": "train"}, "tokenizer": tokenizer, "plan": RowPlan()}
    return rows_key(iter(examples), **facts | changes)


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


@pytest.mark.parametrize(
    "changes",
    [
        {"about": {"split": "test"}},
        {"plan": RowPlan(sequence_length=64)},
        {"examples": EXAMPLES[1:]},
        {"examples": EXAMPLES[::-1]},
        {"examples": [*EXAMPLES[:-1], dataclasses.replace(EXAMPLES[-1], times=2.0)]},
        {"examples": [*EXAMPLES[:-1], dataclasses.replace(EXAMPLES[-1], bridge=" ")]},
    ],
)
def test_the_key_changes_with_everything_that_rows_depend_on(tokenizer, changes):
    assert key(tokenizer) == key(tokenizer)
    assert key(tokenizer, **changes) != key(tokenizer)


def test_the_key_changes_with_the_vocabulary(tokenizer):
    class Other:
        proto = tokenizer.proto + b"x"

    assert key(Other())["tokenizer"] != key(tokenizer)["tokenizer"]


def test_the_key_changes_with_the_code_that_makes_rows(tokenizer, monkeypatch):
    before = key(tokenizer)
    read = pathlib.Path.read_bytes

    def edited(path):
        return read(path) + b"# edited" * (path.name == "pack.py")

    monkeypatch.setattr(pathlib.Path, "read_bytes", edited)
    assert key(tokenizer)["code"] != before["code"]


@pytest.mark.parametrize(
    "text", ["[]", "null", '"x"', "[" * 99999, '{"key": {"a": 1}, "sha256": {}}']
)
def test_a_manifest_of_anything_else_is_built_anew(tmp_path, rows, text):
    cached_rows(lambda: rows, key={"a": 1}, folder=tmp_path)
    (entry,) = tmp_path.iterdir()
    (entry / "rows.json").write_text(text)
    equal(cached_rows(lambda: rows, key={"a": 1}, folder=tmp_path), rows)


def test_a_stray_file_beside_an_entrys_own_does_not_matter(tmp_path, rows):
    cached_rows(lambda: rows, key={"a": 1}, folder=tmp_path)
    (entry,) = tmp_path.iterdir()
    (entry / "0.stray.npy").write_bytes(b"")
    equal(cached_rows(refuse, key={"a": 1}, folder=tmp_path), rows)


def test_an_entry_that_cannot_be_touched_is_read(tmp_path, rows, monkeypatch):
    cached_rows(lambda: rows, key={"a": 1}, folder=tmp_path)

    def read_only(path, *times):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "utime", read_only)
    equal(cached_rows(refuse, key={"a": 1}, folder=tmp_path), rows)


def test_an_entry_that_was_just_read_is_no_old_one(tmp_path, rows):
    for number in range(16):
        cached_rows(lambda: rows, key={"a": number}, folder=tmp_path)
    for path in tmp_path.iterdir():
        os.utime(path, (1, 1))
    cached_rows(refuse, key={"a": 0}, folder=tmp_path)
    cached_rows(lambda: rows, key={"a": 16}, folder=tmp_path)
    cached_rows(refuse, key={"a": 0}, folder=tmp_path)


def test_the_folder_is_the_users_or_the_one_named(monkeypatch, tmp_path):
    monkeypatch.setenv(cache.FOLDER, str(tmp_path))
    assert cache.cache_folder() == tmp_path
    monkeypatch.delenv(cache.FOLDER)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert cache.cache_folder() == tmp_path / "x" / "gemma_keras_ft"
