"""Compiled programs: counted, so that none is made twice, and kept on disk."""

import contextlib
import dataclasses
import os
import warnings
from collections.abc import Iterator
from typing import Any

from gemma_keras_ft.data.cache import cache_folder

_FOLDER = "JAX_COMPILATION_CACHE_DIR"
_FLAGS = "XLA_FLAGS"
_SCHEDULER = "xla_cpu_enable_concurrency_optimized_scheduler"
_EVENT = "/jax/core/compile/backend_compile_duration"
TRAIN, EVALUATE = "train_step", "test_step"


@dataclasses.dataclass
class Compilations:
    """The steps that a `fit` compiled.

    Args:
        shapes: Of each kind of step, `(rows, length)` of every time it was compiled.
        repeated: Sentences about those that were compiled already, not yet told.
    """

    shapes: dict[str, list[tuple[int, ...]]] = dataclasses.field(
        default_factory=lambda: {TRAIN: [], EVALUATE: []}
    )
    repeated: list[str] = dataclasses.field(default_factory=list)

    def add(self, kind: str, shape: tuple[int, ...]) -> None:
        """Notes that a step was compiled for a batch of some shape."""
        if shape in self.shapes[kind]:
            self.repeated.append(
                f"`{kind}` was compiled again for a batch of (rows, length) = {shape}, "
                f"after {self.shapes[kind]}: the run is slower than it could be. "
                "Something other than the batch changed: a variable's shape, dtype or "
                "place on the devices."
            )
        self.shapes[kind].append(shape)

    def counts(self) -> dict[str, int]:
        """Returns how often each kind of step was compiled."""
        return {kind: len(shapes) for kind, shapes in self.shapes.items()}

    def warn(self) -> None:
        """Tells once what was compiled again."""
        told, self.repeated = self.repeated, []
        for sentence in told:
            warnings.warn(sentence, RuntimeWarning, stacklevel=2)


@contextlib.contextmanager
def watch_compilations(model: Any) -> Iterator[tuple[Compilations, Any]]:
    """Counts the steps that are compiled inside a `with` block.

    A program that comes from the disk counts: it was asked for once more.

    Args:
        model: A `RowModel`, which knows the shape of the batch it was last traced with.

    Yields:
        The count, and a Keras callback that warns of a step compiled again.
    """
    import jax
    import keras

    found = Compilations()

    def note(event: str, duration_secs: float, **about) -> None:
        for kind in found.shapes if event == _EVENT else ():
            if kind in str(about.get("fun_name")):
                found.add(kind, model.traced[kind])

    class WarningCallback(keras.callbacks.Callback):
        # Not from within JAX, where the warning may have been made an error.
        def on_train_batch_end(self, batch, logs=None):
            found.warn()

        def on_test_batch_end(self, batch, logs=None):
            found.warn()

    jax.monitoring.register_event_duration_secs_listener(note)
    try:
        yield found, WarningCallback()
    finally:
        jax.monitoring.unregister_event_duration_listener(note)


def keep_compiled_programs() -> None:
    """Lets JAX keep what it compiles under `cache_folder()`, for the next process.

    To be called before JAX is imported. `JAX_COMPILATION_CACHE_DIR` names another
    folder, and `JAX_ENABLE_COMPILATION_CACHE=false` keeps nothing.
    """
    folder = cache_folder() / "compiled"
    with contextlib.suppress(OSError):  # a folder that cannot be written
        folder.mkdir(parents=True, exist_ok=True)
        os.environ.setdefault(_FOLDER, str(folder))


def schedule_for_memory() -> None:
    """Lets XLA order a CPU's work for the least memory.

    Otherwise it undoes remat, and unpacks many quantized kernels at once. To be called
    before JAX is imported.
    """
    flags = os.environ.get(_FLAGS, "")
    if _SCHEDULER not in flags:
        os.environ[_FLAGS] = f"{flags} --{_SCHEDULER}=false".strip()
