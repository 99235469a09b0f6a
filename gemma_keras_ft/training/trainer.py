"""The trainer: `keras.Model.fit` underneath, so Keras callbacks work."""

import contextlib
import dataclasses
import math
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gemma_keras_ft.backend import require_jax
from gemma_keras_ft.config import Configurable, check_seed, register
from gemma_keras_ft.data.loader import Loader
from gemma_keras_ft.training.checkpoint import Checkpointer
from gemma_keras_ft.training.interrupt import interruptible
from gemma_keras_ft.training.schedule import build_optimizer

_LARGEST = 1e6


@register("trainer")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Trainer(Configurable):
    """Trains what is trainable in a model: the adapter, once LoRA is enabled.

    Example:
        ```python
        history = Trainer(epochs=4, learning_rate=1e-4).fit(model, rows)
        ```

    Args:
        epochs: Times each row is seen.
        max_steps: Stop after this many steps, in mid-epoch if need be.
        global_batch_size: Rows a step, over all devices.
        learning_rate: Peak of the warm-up and cosine schedule.
        warmup_fraction: Share of the steps spent warming up.
        weight_decay: AdamW's decoupled decay.
        clip_norm: Global gradient norm to clip to.
        evaluations: How often, evenly spread, to validate, log and checkpoint.
        seed: Seed of the data order.

    Raises:
        ValueError: If a setting is out of its range.
    """

    epochs: int = 8
    max_steps: int | None = None
    global_batch_size: int = 8
    learning_rate: float = 2e-4
    warmup_fraction: float = 0.1
    weight_decay: float = 0.0
    clip_norm: float = 1.0
    evaluations: int = 8
    seed: int = 0

    def __post_init__(self):
        for name in ("epochs", "max_steps", "global_batch_size", "evaluations"):
            value = getattr(self, name)
            if name != "max_steps" or value is not None:
                _check(name, value, lambda value: value >= 1, "at least 1")
        for name in ("learning_rate", "clip_norm"):
            _check(
                name,
                getattr(self, name),
                lambda value: 0 < value <= _LARGEST,
                f"positive, at most {_LARGEST:g}",
            )
        _check(
            "warmup_fraction", self.warmup_fraction, lambda v: 0 <= v < 1, "in [0, 1)"
        )
        _check("weight_decay", self.weight_decay, lambda value: value >= 0, "0 or more")
        check_seed(self.seed)

    def fit(
        self,
        model,
        rows: Mapping[str, np.ndarray],
        *,
        validation_rows: Mapping[str, np.ndarray] | None = None,
        directory: Path | str | None = None,
        run: Mapping[str, Any] | None = None,
        callbacks: Sequence = (),
    ) -> dict[str, Any]:
        """Trains `model` and returns what happened.

        Args:
            model: A `keras_hub.models.GemmaCausalLM`.
            rows: Arrays as `Loader` takes them.
            validation_rows: Rows to measure on, never to train on.
            directory: Where to keep checkpoints. A run that stopped continues
                from the newest one there; None keeps none.
            run: JSON values that tie the checkpoints to base and dataset.
            callbacks: Keras callbacks.

        Returns:
            `history` (`step`, `loss` and, with validation rows,
            `validation_loss`: nats a token); `steps`; `seconds`, with compiling,
            validating and saving, over all the sessions of a run that was resumed;
            `tokens_per_second`, of tokens with weight; and `first_step`, where this
            session began.
        """
        require_jax()
        loader = Loader(
            rows=rows, global_batch_size=self.global_batch_size, seed=self.seed
        )
        total_steps = self.epochs * loader.steps_per_epoch
        total_steps = min(total_steps, self.max_steps or total_steps)
        interval = -(-total_steps // min(self.evaluations, total_steps))
        self._compile(model, total_steps)
        settings = {"trainer": self.to_config(), **(run or {})}
        checkpointer = Checkpointer(Path(directory), settings) if directory else None
        log = _Log(interval, total_steps, checkpointer)
        with contextlib.ExitStack() as stack:
            if checkpointer:
                # A run that breaks off still finishes the save that it had begun.
                stack.callback(checkpointer.close)
            first_step = log.recall(model)
            if first_step < total_steps:
                with (
                    _without_preprocessor(model),
                    _short_last_epoch(),
                    interruptible() as interrupt,
                ):
                    model.fit(
                        loader.at(first_step, steps=total_steps - first_step),
                        epochs=-(-total_steps // interval),
                        initial_epoch=first_step // interval,
                        steps_per_epoch=interval,
                        validation_data=self._validation(validation_rows),
                        shuffle=False,
                        callbacks=[interrupt, log.keras_callback(), *callbacks],
                        verbose=0,
                    )
        seconds = log.seconds()
        tokens_per_row = (rows["sample_weight"] > 0).sum(axis=1).mean()
        tokens = tokens_per_row * loader.rows_before(total_steps)
        return {
            "history": log.history,
            "first_step": first_step,
            "steps": total_steps,
            "seconds": seconds,
            "tokens_per_second": float(tokens / seconds),
        }

    def _compile(self, model, total_steps: int) -> None:
        import keras

        model.compile(
            optimizer=build_optimizer(
                learning_rate=self.learning_rate,
                total_steps=total_steps,
                warmup_fraction=self.warmup_fraction,
                weight_decay=self.weight_decay,
                clip_norm=self.clip_norm,
            ),
            # The default reduction divides by masked places too.
            loss=keras.losses.SparseCategoricalCrossentropy(
                from_logits=True, reduction="mean_with_sample_weight"
            ),
            weighted_metrics=[
                keras.metrics.SparseCategoricalCrossentropy(
                    from_logits=True, name="nats_per_token"
                ),
                keras.metrics.SparseCategoricalAccuracy(name="token_accuracy"),
            ],
        )

    def _validation(self, rows: Mapping[str, np.ndarray] | None):
        if rows is None:
            return None
        loader = Loader(
            rows=rows, global_batch_size=self.global_batch_size, shuffle=False
        )
        return loader.at(0, steps=loader.steps_per_epoch)


@contextlib.contextmanager
def _without_preprocessor(model):
    """Lets `fit` take rows that are tokenized already."""
    preprocessor, model.preprocessor = model.preprocessor, None
    try:
        yield
    finally:
        model.preprocessor = preprocessor


@contextlib.contextmanager
def _short_last_epoch():
    """Lets the last interval between evaluations be shorter than the others."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Your input ran out of data")
        yield


@dataclasses.dataclass
class _Log:
    """Collects the curves and saves a checkpoint at each evaluation."""

    interval: int
    total_steps: int
    checkpointer: Checkpointer | None
    history: dict[str, list[float]] = dataclasses.field(default_factory=dict)
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
        return step

    def record(self, epoch: int, model, logs: Mapping[str, float]) -> None:
        """Appends what an evaluation found, and saves."""
        step = min((epoch + 1) * self.interval, self.total_steps)
        values = {"step": step, "loss": logs["nats_per_token"]}
        if "val_nats_per_token" in logs:
            values["validation_loss"] = logs["val_nats_per_token"]
        if not all(map(math.isfinite, values.values())):
            raise RuntimeError(
                f"The loss must stay finite. Received: {values} after step {step}. "
                "Nothing of it is kept; train with a lower learning rate or alpha."
            )
        for name, value in values.items():
            self.history.setdefault(name, []).append(float(value))
        if self.checkpointer:
            log = {"history": self.history, "seconds": self.seconds()}
            self.checkpointer.save(step, model, log=log)

    def keras_callback(self):
        import keras

        log = self

        class LogCallback(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                log.record(epoch, self.model, logs or {})

        return LogCallback()


def _check(name: str, value, holds, rule: str) -> None:
    if not isinstance(value, int | float) or not holds(value):
        raise ValueError(f"`{name}` must be {rule}. Received: {name}={value!r}.")
