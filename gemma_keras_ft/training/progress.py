"""Progress of `fit`: a live bar, and a line for every evaluation."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gemma_keras_ft.training.overfitting import find_loss_gap


@contextlib.contextmanager
def progress_bars(*, console=None) -> Iterator[Callable[[str], list]]:
    """Draws a rich progress bar for every `fit` inside a `with` block.

    Every evaluation leaves a line above it; where the output is no terminal, there
    are the lines alone, and the bar as it ended. However the block is left, the
    terminal is left in order.

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


def format_evaluation(logs: Mapping[str, float]) -> str:
    """Returns in a line what an evaluation found, of what is known.

    Example:
        step 12/96  loss 2.500  validation 3.250  accuracy 41.0%  1,234 tokens/s
        utilization 38.5%  2 min left  peak 1.2 GiB

    Args:
        logs: What a Keras callback is given at the end of an epoch of ours.
    """
    shown = [
        pattern.format(logs[name])
        for name, pattern in _PATTERNS.items()
        if name in logs
    ]
    if "step" in logs:
        shown.insert(0, f"step {logs['step']}/{logs['total_steps']}")
    if "seconds_left" in logs:
        shown.append(f"{_format_seconds(logs['seconds_left'])} left")
    if "peak_memory_bytes" in logs:
        shown.append(f"peak {logs['peak_memory_bytes'] / 2**30:.1f} GiB")
    return "  ".join(shown)


_PATTERNS = {
    "nats_per_token": "loss {:.3f}",
    "val_nats_per_token": "validation {:.3f}",
    "token_accuracy": "accuracy {:.1%}",
    "val_token_accuracy": "validation accuracy {:.1%}",
    "sample_chrf": "chrF++ {:.1f}",
    "sample_bleu": "BLEU {:.1f}",
    "tokens_per_second": "{:,.0f} tokens/s",
    "utilization": "utilization {:.1%}",
}


def _format_seconds(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def describe_result(result: Mapping[str, Any]) -> list[str]:
    """Says how a run ended: early or not, overfitted or not, with which adapter.

    Args:
        result: What `Trainer.fit` returned.
    """
    steps, found = result["steps"], []
    if result.get("stopped_early"):
        found.append(
            f"Stopped early after step {steps}: validation loss was best at step "
            f"{result['best_step']}."
        )
    gap = find_loss_gap(result.get("history") or {})
    if gap:
        found.append(gap.describe())
    kept = result.get("adapter_step", steps)
    if kept != steps:
        found.append(f"The adapter of step {kept} is the one kept.")
    return found


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
            line = f"{label}: {format_evaluation(found)}"
            self.bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
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
