import os
import shutil
import types

import pytest

from gemma_keras_ft.training.compilation import keep_compiled_programs
from gemma_keras_ft.workflow.doctor.folders import (
    check_cache,
    check_programs,
    compiled_folder,
)

GIB = 2**30


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """A cache that nothing was put into yet."""
    folder = tmp_path / "home" / "cache"
    monkeypatch.setenv("GEMMA_KERAS_FT_CACHE", str(folder))
    # Set, so that monkeypatch takes away what is set here.
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "")
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    return folder


@pytest.fixture
def leave_free(monkeypatch):
    """A function: leaves so many bytes free on every disk."""

    def leave(free):
        usage = types.SimpleNamespace(free=free)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)

    return leave


def only(findings):
    (finding,) = findings
    return finding


def test_a_cache_that_is_not_there_yet_is_not_made(cache, tmp_path, leave_free):
    leave_free(9 * GIB)
    found = only(check_cache())
    assert (found.status, found.found) == ("ok", f"{cache}, 9.0 GiB free")
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_is_there_is_left_as_it_is(cache):
    cache.mkdir(parents=True)
    (cache / "rows.json").touch()
    assert only(check_cache()).found.startswith(f"{cache}, ")
    assert [path.name for path in cache.iterdir()] == ["rows.json"]


def test_a_folder_that_cannot_be_written_is_told(cache):
    cache.parent.write_text("a file")
    found = only(check_cache())
    assert found.status == "warning"
    assert f"{cache} cannot be written (Not a directory)" in found.found
    assert "GEMMA_KERAS_FT_CACHE" in found.remedy


def test_a_full_disk_is_told(leave_free):
    leave_free(GIB)
    found = only(check_cache())
    assert found.status == "warning" and "1.0 GiB free" in found.found


def test_programs_are_looked_for_where_they_are_kept(cache, monkeypatch):
    expected = compiled_folder()
    keep_compiled_programs()
    assert os.environ["JAX_COMPILATION_CACHE_DIR"] == str(expected)
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "elsewhere")
    assert str(compiled_folder()) == "elsewhere"


def test_programs_are_added_up(cache, leave_free):
    assert only(check_programs()).found == f"0.0 MiB in {cache}/compiled"
    for name, size in {"a": 2**20, "b/c": 2 * 2**20}.items():
        path = cache / "compiled" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))
    leave_free(GIB)
    found = only(check_programs())
    assert (found.status, found.found) == ("ok", f"3.0 MiB in {cache}/compiled")
    leave_free(2**20)
    found = only(check_programs())
    assert found.status == "warning" and "the 1.0 MiB that are left" in found.found
    assert f"Delete {cache}/compiled" in found.remedy
