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


def set_limits(monkeypatch, folder, *, available, membership="", files=None):
    """Writes what the kernel and control groups would say, in bytes."""
    memory = folder / "meminfo"
    memory.write_text(
        f"MemTotal: 99 kB\nMemAvailable:  {available // 1024} kB\nMemFree: 1 kB\n"
    )
    (folder / "cgroup").write_text(membership)
    for name, value in (files or {}).items():
        path = folder / "mount" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")
    monkeypatch.setattr(host_memory, "_MEMORY", memory)
    monkeypatch.setattr(host_memory, "_GROUPS", folder / "cgroup")
    monkeypatch.setattr(host_memory, "_MOUNT", folder / "mount")


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
    assert dict(library.told[3:6]) == {-4: 65_536, -3: 32 * 2**20, -1: 64 * 2**20}
    assert library.told[6:] == [("trim", 0)]


def test_only_the_outermost_block_gives_back(library, monkeypatch, tmp_path):
    set_limits(monkeypatch, tmp_path, available=1000 * GIB)
    with kept_memory() as outer:
        outer.on_train_batch_end(0)
        with kept_memory() as inner:
            inner.on_train_batch_end(0)
        assert len(library.told) == 6
    assert len(library.told) == 10


def test_gives_back_when_training_fails(library, monkeypatch, tmp_path):
    set_limits(monkeypatch, tmp_path, available=1000 * GIB)
    with pytest.raises(KeyError), kept_memory() as callback:
        callback.on_train_batch_end(0)
        raise KeyError
    assert library.told[-1] == ("trim", 0)
    assert len(library.told) == 7


def test_keeps_nothing_where_the_process_could_not_double(
    library, monkeypatch, tmp_path
):
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    set_limits(monkeypatch, tmp_path, available=peak // 2)
    with kept_memory() as callback:
        callback.on_train_batch_end(0)
    assert library.told == []


@pytest.mark.parametrize(
    ("membership", "files", "expected"),
    [
        ("", {}, 8),
        ("0::/", {"memory.max": 5 * GIB, "memory.current": 2 * GIB}, 3),
        ("0::/", {"memory.max": 20 * GIB, "memory.current": 2 * GIB}, 8),
        ("0::/", {"memory.max": "max", "memory.current": 2 * GIB}, 8),
        ("0::/", {"memory.max": 2 * GIB, "memory.current": 3 * GIB}, 0),
        # File caches give way.
        (
            "0::/",
            {
                "memory.max": 5 * GIB,
                "memory.current": 4 * GIB,
                "memory.stat": f"anon 1\ninactive_file {2 * GIB}\nfile 3",
            },
            3,
        ),
        # A job within a slice, of which the outer one is the tighter.
        (
            "0::/slice/job",
            {
                "slice/job/memory.max": 7 * GIB,
                "slice/job/memory.current": GIB,
                "slice/memory.max": 5 * GIB,
                "slice/memory.current": GIB,
            },
            4,
        ),
        (
            "5:cpu:/x\n4:memory:/job\n0::/",
            {
                "memory/job/memory.limit_in_bytes": 6 * GIB,
                "memory/job/memory.usage_in_bytes": 5 * GIB,
                "memory/job/memory.stat": f"total_inactive_file {GIB}",
            },
            2,
        ),
    ],
)
def test_a_container_leaves_less_than_the_machine(
    monkeypatch, tmp_path, membership, files, expected
):
    limits = {"membership": membership, "files": files}
    set_limits(monkeypatch, tmp_path, available=8 * GIB, **limits)
    assert available_memory() == expected * GIB


def test_nobody_says_how_much_is_left(monkeypatch, tmp_path):
    monkeypatch.setattr(host_memory, "_MEMORY", tmp_path / "none")
    monkeypatch.setattr(host_memory, "_GROUPS", tmp_path / "none")
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
with host_memory.kept_memory() as callback:
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
