"""What a run reports on its way: curves, checkpoints, steps that were skipped."""

import dataclasses
import math
import time
from collections.abc import Mapping

from gemma_keras_ft.data.loader import Loader
from gemma_keras_ft.training.checkpoint import Checkpointer

# What a step reports, and `RowModel` computes.
NATS, SKIPPED = "nats_per_token", "skipped"
# So many steps in a row without a finite loss are no accident of one batch.
_MOST_SKIPPED = 5


@dataclasses.dataclass
class RunLog:
    """Collects the curves and saves a checkpoint at each evaluation."""

    interval: int
    total_steps: int
    loader: Loader
    checkpointer: Checkpointer | None
    history: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    skipped: int = 0
    skipped_in_a_row: int = 0
    earlier_seconds: float = 0.0
    started: float = dataclasses.field(default_factory=time.monotonic)

    def seconds(self) -> float:
        """Returns the seconds so far, those of earlier sessions too."""
        return self.earlier_seconds + time.monotonic() - self.started

    def recall(self, model) -> int:
        """Restores the newest checkpoint, curves too; returns its step, or 0."""
        step = self.checkpointer.restore(model) if self.checkpointer else 0
        if self.checkpointer and step:
            saved = self.checkpointer.read_log(step)
            self.history, self.earlier_seconds = saved["history"], saved["seconds"]
            self.skipped = saved["skipped"]
            self.skipped_in_a_row = saved["skipped_in_a_row"]
        return step

    def watch(self, step: int, skipped: bool) -> None:
        """Counts a step that changed nothing; ends a run of nothing but those."""
        self.skipped += skipped
        self.skipped_in_a_row = self.skipped_in_a_row + 1 if skipped else 0
        if self.skipped_in_a_row >= _MOST_SKIPPED:
            records = self.loader.records(step)
            raise RuntimeError(
                f"The loss must be finite. Received: {_MOST_SKIPPED} steps in a row "
                f"without, up to step {step}; its batch holds {records}. Look there, "
                "or train with a lower learning rate or alpha."
            )

    def record(self, epoch: int, model, logs: Mapping[str, float]) -> None:
        """Appends what an evaluation found, and saves."""
        step = min((epoch + 1) * self.interval, self.total_steps)
        values = {"step": step, "loss": logs[NATS]}
        if f"val_{NATS}" in logs:
            values["validation_loss"] = logs[f"val_{NATS}"]
        if not all(map(math.isfinite, values.values())):
            raise RuntimeError(
                f"The loss must stay finite. Received: {values} after step {step}. "
                "Nothing of it is kept; train with a lower learning rate or alpha."
            )
        for name, value in values.items():
            self.history.setdefault(name, []).append(float(value))
        if self.checkpointer:
            log = {
                "history": self.history,
                "seconds": self.seconds(),
                "skipped": self.skipped,
                "skipped_in_a_row": self.skipped_in_a_row,
            }
            self.checkpointer.save(step, model, log=log)

    def keras_callback(self):
        """Returns the Keras callback that keeps this log."""
        import keras

        log = self

        class LogCallback(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                self.first, self.skipped = epoch * log.interval, 0.0

            def on_train_batch_end(self, batch, logs=None):
                skipped = (logs or {})[SKIPPED]
                log.watch(self.first + batch, skipped > self.skipped)
                self.skipped = skipped

            def on_epoch_end(self, epoch, logs=None):
                log.record(epoch, self.model, logs or {})

        return LogCallback()
