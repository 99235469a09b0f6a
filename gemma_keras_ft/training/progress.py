"""Progress bars for `fit`: steps, losses, time left."""

import contextlib
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def progress_bars(*, console=None) -> Iterator[Callable[[str], list]]:
    """Draws a rich progress bar for every `fit` inside a `with` block.

    However the block is left, the terminal is left in order.

    Example:
        ```python
        with progress_bars() as bars:
            gkf.train("dataset", "run", callbacks=bars("training"))
        ```

    Args:
        console: A `rich.console.Console`; by default one on standard error, so
            that standard output stays for results.

    Yields:
        A function from a label to a list of Keras callbacks.
    """
    from rich.console import Console

    console = console or Console(stderr=True)
    with contextlib.ExitStack() as stack:

        def callbacks(label: str) -> list:
            callback = _build_callback(label, console)
            stack.callback(callback.bar.stop)
            return [callback]

        yield callbacks


def _build_callback(label: str, console):
    import keras
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    class ProgressCallback(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[losses]}"),
                console=console,
            )

        def on_train_begin(self, logs=None):
            self.task = self.bar.add_task(label, total=None, losses="compiling")
            self.bar.start()

        def on_epoch_begin(self, epoch, logs=None):
            run = self.params or {}
            self.done = epoch * run["steps"]
            self.bar.update(self.task, total=run["epochs"] * run["steps"])

        def on_train_batch_end(self, batch, logs=None):
            self.bar.update(self.task, completed=self.done + batch + 1)

        def on_epoch_end(self, epoch, logs=None):
            found = logs or {}
            losses = f"loss {found['nats_per_token']:.3f}"
            if "val_nats_per_token" in found:
                losses += f"  validation {found['val_nats_per_token']:.3f}"
            self.bar.update(self.task, losses=losses)

        def on_train_end(self, logs=None):
            # The last evaluation may come after fewer steps than the others.
            completed = self.bar.tasks[self.task].completed
            self.bar.update(self.task, total=completed)
            self.bar.stop()

    return ProgressCallback()
