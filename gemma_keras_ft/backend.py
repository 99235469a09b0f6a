"""Which backend runs: Keras on JAX, with TensorFlow kept off accelerators."""

import functools
import importlib
import os
import sys
import tempfile

REMEDY = (
    "Set the environment variable KERAS_BACKEND=jax before keras is first imported, "
    "or import gemma_keras_ft before keras."
)


def prefer_jax() -> None:
    """Chooses JAX where the user chose nothing; called on package import."""
    if "keras" not in sys.modules:
        os.environ.setdefault("KERAS_BACKEND", "jax")


@functools.cache
def require_jax() -> None:
    """Checks the backend before the first model is built.

    Raises:
        RuntimeError: If Keras runs, or was told to run, on another backend.
    """
    chosen = os.environ.get("KERAS_BACKEND", "jax")
    if chosen != "jax":
        raise RuntimeError(
            f"`KERAS_BACKEND` must be 'jax'. Received: KERAS_BACKEND={chosen!r}. "
            + REMEDY
        )
    import keras

    if keras.backend.backend() != "jax":
        raise RuntimeError(
            "Keras must run on the JAX backend. Received: "
            f"keras.backend.backend()={keras.backend.backend()!r}. " + REMEDY
        )
    hide_accelerators_from_tensorflow()


def hide_accelerators_from_tensorflow() -> None:
    """Leaves every accelerator's memory to JAX; TensorFlow only feeds data."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    for kind in ("GPU", "TPU"):
        try:
            tf.config.set_visible_devices([], kind)
        except RuntimeError as error:
            raise RuntimeError(
                f"TensorFlow already holds the {kind} devices, so JAX may find their "
                "memory taken. Import gemma_keras_ft before running TensorFlow code."
            ) from error


def import_tensorflow_quietly() -> None:
    """Keeps what TensorFlow's C++ logs at import, of GPUs it need not find, off.

    It logs before any setting is read, so the file descriptor itself is turned away.
    """
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            importlib.import_module("tensorflow_text")
        except BaseException:
            said.seek(0)
            os.write(terminal, said.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
