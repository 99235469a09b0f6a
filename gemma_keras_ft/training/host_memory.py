"""The host's memory: how much is left, and a step's kept from one step to the next.

On a CPU, XLA asks the C library for a step's temporaries and gives them back after
it. By default that returns them to the kernel, which clears every page before it
hands it out again: in a benchmark, a quarter of a step.
"""

import contextlib
import ctypes
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Parameters of glibc's mallopt(3).
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -3, -4, -8
_NEVER, _NONE, _ONE = -1, 0, 1
# Where glibc's own thresholds end up in a process that has freed large blocks. To
# set any of them stops it from moving them, so what is left behind must be these.
_AFTERWARDS = {
    _MMAP_MAX: 65_536,
    _MMAP_THRESHOLD: 32 * 2**20,
    _TRIM_THRESHOLD: 64 * 2**20,
}
# By which users tell the C library themselves what to do.
_SETTINGS = ("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD")
_MEMORY = Path("/proc/meminfo")
_GROUPS, _MOUNT = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
# What a control group allows and what it has taken, in version 2 and version 1.
_V2 = ("memory.max", "memory.current", "inactive_file ")
_V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file ")
# The library once for each block of `kept_memory` that keeps: the last gives back.
_keeping: list[Any] = []


def share_one_heap() -> None:
    """Lets all threads allocate from one heap, the only one that grows at will.

    To be called before JAX starts its threads, without which `kept_memory` keeps
    only a part of what it could.
    """
    library = _library()
    if library:
        library.mallopt(_ARENA_MAX, _ONE)


def can_keep_memory() -> bool:
    """Returns whether `kept_memory` would keep anything now.

    It can take the temporaries of a step a second time, as those rarely fit the gap
    they left. So nothing is kept where the process could not grow to twice its size;
    and nothing where JAX does not run on a CPU, the C library is not glibc, or an
    environment variable tells it what to do.
    """
    import jax

    return jax.default_backend() == "cpu" and bool(_library()) and _may_double()


@contextlib.contextmanager
def kept_memory() -> Iterator[Any]:
    """Keeps what a step gives back for the next one, inside a `with` block.

    Yields:
        A Keras callback, which begins to keep after the first step, if it can: what
        compiling it took is not needed again.
    """
    import keras

    class Keep(keras.callbacks.Callback):
        seen = keeping = False

        def on_train_batch_end(self, batch, logs=None):
            if not self.seen and can_keep_memory():
                _keep()
                self.keeping = True
            self.seen = True

    callback = Keep()
    try:
        yield callback
    finally:
        if callback.keeping:
            _give_back()


def available_memory() -> int | None:
    """Returns the bytes that this process may still take; None if nobody says.

    The least of what the kernel has, and of what each control group around the
    process (a container's, a batch job's) leaves; file caches count as free.
    """
    found = [
        int(line.split()[1]) * 1024
        for line in _lines(_MEMORY)
        if line.startswith("MemAvailable:")
    ]
    for folder, (limit, used, cache) in _control_groups():
        allowed, taken = (
            "".join(_lines(folder / name)).strip() for name in (limit, used)
        )
        if allowed.isdigit() and taken.isdigit():
            stat = _lines(folder / "memory.stat")
            freed = sum(int(s.split()[1]) for s in stat if s.startswith(cache))
            found.append(max(0, int(allowed) - max(0, int(taken) - freed)))
    return min(found, default=None)


def _control_groups() -> Iterator[tuple[Path, tuple[str, str, str]]]:
    """Yields the folder of each group around this process, and its files' names."""
    for line in _lines(_GROUPS):
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        root = _MOUNT / "memory" if controllers else _MOUNT
        own = root / path.lstrip("/")
        for folder in (own, *own.parents):
            if folder == root or root in folder.parents:
                yield folder, _V1 if controllers else _V2


def _keep() -> None:
    library = _library()
    library.malloc_trim(0)
    library.mallopt(_MMAP_MAX, _NONE)
    library.mallopt(_TRIM_THRESHOLD, _NEVER)
    _keeping.append(library)


def _give_back() -> None:
    library = _keeping.pop()
    if not _keeping:
        for parameter, value in _AFTERWARDS.items():
            library.mallopt(parameter, value)
        library.malloc_trim(0)


def _may_double() -> bool:
    import resource

    available = available_memory()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return available is not None and available > peak


def _library() -> Any:
    """Returns glibc, where it is there and nobody has told it anything."""
    if any(name.startswith(_SETTINGS) for name in os.environ):
        return None
    try:
        library = ctypes.CDLL(None)
        return library if library.mallopt and library.malloc_trim else None
    except (OSError, AttributeError, TypeError):  # Windows, macOS, musl
        return None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError:  # other systems, or a container without it
        return []
