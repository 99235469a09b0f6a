"""Memory that is kept between steps, and only where there is room for it."""

import platform
import resource
import subprocess
import sys

import pytest

from gemma_keras_ft.training import step_memory
from gemma_keras_ft.training.step_memory import kept_memory

GIB = 2**30


class Library:
    """Takes down what the C library is told."""

    def __init__(self):
        self.told = []

    def mallopt(self, parameter, value):
        self.told.append((parameter, value))

    def malloc_trim(self, padding):
        self.told.append(("trim", padding))


@pytest.fixture
def library(monkeypatch):
    found = Library()
    monkeypatch.setattr(step_memory, "_library", lambda: found)
    return found


def leave(monkeypatch, available):
    """Says that so many bytes are left; None if nobody knows."""
    monkeypatch.setattr(step_memory, "available_memory", lambda: available)


def test_keeps_after_the_first_step_and_gives_back_at_the_end(library, monkeypatch):
    leave(monkeypatch, 1000 * GIB)
    with kept_memory() as callback:
        assert library.told == []
        callback.on_train_batch_end(0)
        kept = [*library.told]
        callback.on_train_batch_end(1)
        assert library.told == kept == [("trim", 0), (-4, 0), (-1, -1)]
    assert dict(library.told[3:6]) == {-4: 65_536, -3: 32 * 2**20, -1: 64 * 2**20}
    assert library.told[6:] == [("trim", 0)]


def test_only_the_outermost_block_gives_back(library, monkeypatch):
    leave(monkeypatch, 1000 * GIB)
    with kept_memory() as outer:
        outer.on_train_batch_end(0)
        with kept_memory() as inner:
            inner.on_train_batch_end(0)
        assert len(library.told) == 6
    assert len(library.told) == 10


def test_gives_back_when_training_fails(library, monkeypatch):
    leave(monkeypatch, 1000 * GIB)
    with pytest.raises(KeyError), kept_memory() as callback:
        callback.on_train_batch_end(0)
        raise KeyError
    assert library.told[-1] == ("trim", 0)
    assert len(library.told) == 7


def test_keeps_nothing_where_nobody_says_how_much_is_left(library, monkeypatch):
    leave(monkeypatch, None)
    with kept_memory() as callback:
        callback.on_train_batch_end(0)
    assert library.told == []


def test_keeps_nothing_where_the_process_could_not_double(library, monkeypatch):
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    leave(monkeypatch, peak // 2)
    with kept_memory() as callback:
        callback.on_train_batch_end(0)
    assert library.told == []


@pytest.mark.parametrize(
    "name", ["MALLOC_ARENA_MAX", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"]
)
def test_the_users_own_settings_stand(monkeypatch, name):
    monkeypatch.setenv(name, "1")
    assert step_memory._library() is None


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_a_kept_block_is_not_given_back_to_the_kernel():
    """What glibc does with what it is told, in a process of its own."""
    script = """
import ctypes, resource
from gemma_keras_ft.training import step_memory

step_memory.share_one_heap()
library = step_memory._library()
library.malloc.restype = ctypes.c_void_p
library.malloc.argtypes = [ctypes.c_size_t]
library.free.argtypes = [ctypes.c_void_p]

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20

def use_and_free():
    block = library.malloc(200 * 2**20)
    ctypes.memset(block, 1, 200 * 2**20)
    library.free(block)
    return resident()

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        block = library.malloc(8 * 2**20)
        ctypes.memset(block, 1, 8 * 2**20)
        library.free(block)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

# What a process has freed, it need not ask for again: as before, so after.
library.free(library.malloc(30 * 2**20))
warm = faults()
with step_memory.kept_memory() as callback:
    start = resident()
    usual = use_and_free() - start
    callback.on_train_batch_end(0)
    kept = use_and_free() - start
after = resident() - start
print(usual, kept, after, warm, faults())
"""
    environment = {"JAX_PLATFORMS": "cpu", "PATH": "/usr/bin:/bin"}
    found = subprocess.run(
        [sys.executable, *["-P"] * sys.flags.safe_path, "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    usual, kept, after, warm, cold = map(float, found.stdout.split())
    assert usual < 50
    assert kept > 150
    assert after < 50
    # 20 blocks of 2,048 pages, were each given back.
    assert max(warm, cold) < 10_000
