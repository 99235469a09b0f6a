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

# Parameters of glibc's mallopt(3), and the values it starts with.
_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8
_USUAL_TRIM_THRESHOLD, _USUAL_MMAP_MAX = 128 * 1024, 65_536
_NEVER, _NONE, _ONE = -1, 0, 1
# By which users tell the C library themselves what to do.
_SETTINGS = ("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD")
_MEMORY = Path("/proc/meminfo")
# A control group's limit and what of it is used, as version 2 and version 1 say it.
_CONTROL_GROUPS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ),
)


def share_one_heap() -> None:
    """Lets all threads allocate from one heap, the only one that grows at will.

    To be called before JAX starts its threads, without which `kept_memory` keeps
    only a part of what it could.
    """
    library = _library()
    if library:
        library.mallopt(_ARENA_MAX, _ONE)


@contextlib.contextmanager
def kept_memory() -> Iterator[Any]:
    """Keeps what a step gives back for the next one, inside a `with` block.

    It can take the temporaries of a step a second time, as those rarely fit the gap
    they left; so nothing is kept where the process could not grow to twice its size,
    and nothing where JAX does not run on a CPU, the C library is not glibc, or an
    environment variable tells it what to do.

    Yields:
        A Keras callback, which begins to keep after the first step: what compiling
        it took is not needed again.
    """
    import jax
    import keras

    library = _library() if jax.default_backend() == "cpu" else None

    class Keep(keras.callbacks.Callback):
        seen = keeping = False

        def on_train_batch_end(self, batch, logs=None):
            if library and not self.seen and _may_double():
                library.malloc_trim(0)
                library.mallopt(_MMAP_MAX, _NONE)
                library.mallopt(_TRIM_THRESHOLD, _NEVER)
                self.keeping = True
            self.seen = True

    callback = Keep()
    try:
        yield callback
    finally:
        if library and callback.keeping:
            library.mallopt(_MMAP_MAX, _USUAL_MMAP_MAX)
            library.mallopt(_TRIM_THRESHOLD, _USUAL_TRIM_THRESHOLD)
            library.malloc_trim(0)


def available_memory() -> int | None:
    """Returns the bytes that this process may still take; None if nobody says.

    The lesser of what the kernel has, and what its control group (as of a container)
    leaves.
    """
    found = [
        int(line.split()[1]) * 1024
        for line in _lines(_MEMORY)
        if line.startswith("MemAvailable:")
    ]
    for names in _CONTROL_GROUPS:
        limit, used = ("".join(_lines(path)).strip() for path in names)
        if limit.isdigit() and used.isdigit():
            found.append(max(0, int(limit) - int(used)))
    return min(found, default=None)


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
