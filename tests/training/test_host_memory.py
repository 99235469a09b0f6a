"""Memory that is kept between steps, and only where there is room for it."""

import platform
import resource
import subprocess
import sys

import pytest

from gemma_keras_ft.training import host_memory
from gemma_keras_ft.training.host_memory import available_memory, kept_memory

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
    monkeypatch.setattr(host_memory, "_library", lambda: found)
    return found


def set_limits(monkeypatch, folder, *, available, groups=((None, None),)):
    """Writes what the kernel and control groups would say, in bytes."""
    memory = folder / "meminfo"
    memory.write_text(
        f"MemTotal: 99 kB\nMemAvailable:  {available // 1024} kB\nMemFree: 1 kB\n"
    )
    paths = []
    for number, values in enumerate(groups):
        pair = []
        for name, value in zip(("limit", "used"), values, strict=True):
            pair.append(folder / f"{name}{number}")
            if value is not None:
                pair[-1].write_text(f"{value}\n")
        paths.append(tuple(pair))
    monkeypatch.setattr(host_memory, "_MEMORY", memory)
    monkeypatch.setattr(host_memory, "_CONTROL_GROUPS", paths)


def test_keeps_after_the_first_step_and_gives_back_at_the_end(
    library, monkeypatch, tmp_path
):
    set_limits(monkeypatch, tmp_path, available=1000 * GIB)
    with kept_memory() as callback:
        assert library.told == []
        callback.on_train_batch_end(0)
        kept = [*library.told]
        callback.on_train_batch_end(1)
        assert library.told == kept == [("trim", 0), (-4, 0), (-1, -1)]
    assert library.told[3:] == [(-4, 65_536), (-1, 131_072), ("trim", 0)]


def test_gives_back_when_training_fails(library, monkeypatch, tmp_path):
    set_limits(monkeypatch, tmp_path, available=1000 * GIB)
    with pytest.raises(KeyError), kept_memory() as callback:
        callback.on_train_batch_end(0)
        raise KeyError
    assert library.told[-1] == ("trim", 0)
    assert len(library.told) == 6


def test_keeps_nothing_where_the_process_could_not_double(
    library, monkeypatch, tmp_path
):
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    set_limits(monkeypatch, tmp_path, available=peak // 2)
    with kept_memory() as callback:
        callback.on_train_batch_end(0)
    assert library.told == []


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        (((None, None),), 8 * GIB),
        (((5 * GIB, 2 * GIB),), 3 * GIB),
        (((20 * GIB, 2 * GIB),), 8 * GIB),
        ((("max", 2 * GIB),), 8 * GIB),
        (((2 * GIB, 3 * GIB),), 0),
        (((None, None), (6 * GIB, 2 * GIB)), 4 * GIB),
    ],
)
def test_a_container_leaves_less_than_the_machine(
    monkeypatch, tmp_path, groups, expected
):
    set_limits(monkeypatch, tmp_path, available=8 * GIB, groups=groups)
    assert available_memory() == expected


def test_nobody_says_how_much_is_left(monkeypatch, tmp_path):
    monkeypatch.setattr(host_memory, "_MEMORY", tmp_path / "none")
    monkeypatch.setattr(host_memory, "_CONTROL_GROUPS", ())
    assert available_memory() is None
    assert not host_memory._may_double()


@pytest.mark.parametrize(
    "name", ["MALLOC_ARENA_MAX", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"]
)
def test_the_users_own_settings_stand(monkeypatch, name):
    monkeypatch.setenv(name, "1")
    assert host_memory._library() is None


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_a_kept_block_is_not_given_back_to_the_kernel():
    """What glibc does with what it is told, in a process of its own."""
    script = """
import ctypes, resource
from gemma_keras_ft.training import host_memory

host_memory.share_one_heap()
library = host_memory._library()
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

with host_memory.kept_memory() as callback:
    start = resident()
    usual = use_and_free() - start
    callback.on_train_batch_end(0)
    kept = use_and_free() - start
print(usual, kept, resident() - start)
"""
    environment = {"JAX_PLATFORMS": "cpu", "PATH": "/usr/bin:/bin"}
    found = subprocess.run(
        [sys.executable, *["-P"] * sys.flags.safe_path, "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    usual, kept, after = map(float, found.stdout.split())
    assert usual < 50
    assert kept > 150
    assert after < 50
