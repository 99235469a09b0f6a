"""What a run reports on its way: curves, checkpoints, steps that were skipped."""

import dataclasses
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from gemma_keras_ft.data.loader import Loader
from gemma_keras_ft.training.best import Best
from gemma_keras_ft.training.checkpoint import Checkpointer
from gemma_keras_ft.training.meter import Meter
from gemma_keras_ft.training.metrics_files import MetricsFiles

# What a step reports, and `RowModel` computes.
NATS, ACCURACY, SKIPPED, TOKENS = (
    "nats_per_token",
    "token_accuracy",
    "skipped",
    "tokens",
)
# What of it an evaluation leaves in the history, and under which names.
_KEPT = {
    NATS: "loss",
    f"val_{NATS}": "validation_loss",
    ACCURACY: "accuracy",
    f"val_{ACCURACY}": "validation_accuracy",
}
# From the number of an evaluation, from 1, and its step to further curves.
Score = Callable[[int, int], Mapping[str, float]]
# So many steps in a row without a finite loss are no accident of one batch.
_MOST_SKIPPED = 5


@dataclasses.dataclass
class RunLog:
    """Collects the curves and saves a checkpoint at each evaluation."""

    interval: int
    total_steps: int
    loader: Loader
    checkpointer: Checkpointer | None
    best: Best
    meter: Meter
    files: MetricsFiles | None = None
    score: Score | None = None
    history: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    speed: dict[str, list[float]] = dataclasses.field(default_factory=dict)
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
            self.speed = saved["speed"]
            self.skipped = saved["skipped"]
            self.skipped_in_a_row = saved["skipped_in_a_row"]
            self.best.recall(saved["best"], self.checkpointer.read_best(step, model))
        if self.files:
            self.files.start({**self.history, **self.speed})
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

    def record(self, epoch: int, model, logs: Mapping[str, float]) -> dict[str, Any]:
        """Appends what an evaluation found, saves, and returns how far and fast."""
        step = min((epoch + 1) * self.interval, self.total_steps)
        values = {_KEPT[name]: logs[name] for name in _KEPT if name in logs}
        values = {"step": step, **values}
        if not all(map(math.isfinite, values.values())):
            raise RuntimeError(
                f"The loss must stay finite. Received: {values} after step {step}. "
                "Nothing of it is kept; train with a lower learning rate or alpha."
            )
        speed = self.meter.measure(logs[TOKENS])
        scores = self.score(epoch + 1, step) if self.score else {}
        earlier = len(self.history.get("step", ()))
        _append(self.history, {**values, **scores}, earlier)
        _append(self.speed, speed, earlier)
        if "validation_loss" in values:
            self.best.update(step, float(values["validation_loss"]), model)
        self._save(step, model)
        if self.files:
            self.files.add({**self.history, **self.speed})
        left = self.meter.seconds_left(step)
        place = {"step": step, "total_steps": self.total_steps, **speed, **scores}
        return place if left is None else {**place, "seconds_left": left}

    def _save(self, step: int, model) -> None:
        if not self.checkpointer:
            return
        log = {
            "history": self.history,
            "speed": self.speed,
            "seconds": self.seconds(),
            "skipped": self.skipped,
            "skipped_in_a_row": self.skipped_in_a_row,
            "best": self.best.to_json(),
        }
        self.checkpointer.save(step, model, log=log, best=self.best.values)

    def keras_callback(self):
        """Returns the Keras callback that keeps this log.

        To the logs of an epoch it adds what `record` returns, for later callbacks.
        """
        import keras

        log = self

        class LogCallback(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                self.first, self.skipped = epoch * log.interval, 0.0
                log.meter.begin()

            def on_train_batch_end(self, batch, logs=None):
                skipped = (logs or {})[SKIPPED]
                log.watch(self.first + batch, skipped > self.skipped)
                self.skipped = skipped
                log.meter.stepped(self.first + batch + 1)

            def on_test_begin(self, logs=None):
                log.meter.trained()

            def on_epoch_end(self, epoch, logs=None):
                model: Any = self.model
                logs = {} if logs is None else logs
                logs.update(log.record(epoch, model, logs))
                if log.best.exhausted:
                    model.stop_training = True

        return LogCallback()


def _append(columns: dict[str, list], values: Mapping[str, float], earlier: int):
    """Appends a row; None stands where an earlier session, or this, lacks a value."""
    for name in {**columns, **values}:
        column = columns.setdefault(name, [None] * earlier)
        column.append(float(values[name]) if name in values else None)
