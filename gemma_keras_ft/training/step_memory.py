"""A step's memory, kept from one step to the next.

On a CPU, XLA asks the C library for a step's temporaries and gives them back after
it. By default that returns them to the kernel, which clears every page before it
hands it out again: in a benchmark, a quarter of a step.
"""

import contextlib
import ctypes
import os
from collections.abc import Iterator
from typing import Any

from gemma_keras_ft.training.host_memory import available_memory

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
