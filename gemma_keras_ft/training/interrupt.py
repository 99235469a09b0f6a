"""Ctrl-C during `fit`."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def interruptible() -> Iterator[Any]:
    """Lets Ctrl-C end a `fit` after the step it is in.

    Keras 3.15 passes over every exception while it reads a step's logs, and with it
    a KeyboardInterrupt that falls there. So the signal only leaves a note, and the
    callback raises where nothing passes over it. A second signal in the same step
    raises at once. In another thread than the main one, which gets no signals, the
    callback does nothing.

    Yields:
        A Keras callback for `fit`.
    """
    import keras

    noted = threading.Event()

    class InterruptCallback(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if noted.is_set():
                raise KeyboardInterrupt

        def on_test_batch_end(self, batch, logs=None):
            self.on_train_batch_end(batch)

    def note(signum, frame):
        if noted.is_set():
            raise KeyboardInterrupt
        noted.set()

    main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, note) if main else None
    try:
        yield InterruptCallback()
    finally:
        if main:
            signal.signal(signal.SIGINT, before or signal.default_int_handler)
    if noted.is_set():
        raise KeyboardInterrupt
