"""The trainer: `keras.Model.fit` underneath, so Keras callbacks work."""

import contextlib
import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gemma_keras_ft.backend import require_jax
from gemma_keras_ft.config import Configurable, check_seed, register
from gemma_keras_ft.data.loader import Loader
from gemma_keras_ft.data.rows import PlannedRows
from gemma_keras_ft.model.attention import attends_in_segments, replace_attention
from gemma_keras_ft.model.mesh import batch_axis_size
from gemma_keras_ft.training.checkpoint import Checkpointer
from gemma_keras_ft.training.interrupt import interruptible
from gemma_keras_ft.training.run_log import RunLog
from gemma_keras_ft.training.schedule import SCHEDULES, build_optimizer

_LARGEST = 1e6
_COUNTS = (
    "epochs",
    "max_steps",
    "global_batch_size",
    "micro_batches",
    "evaluations",
)


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
        learning_rate: Peak of the schedule.
        schedule: How the rate falls from its peak to a tenth of it: `"cosine"`,
            `"linear"`; or `"constant"`.
        warmup_fraction: Share of the steps spent warming up.
        weight_decay: AdamW's decoupled decay.
        clip_norm: Global gradient norm to clip to.
        label_smoothing: Share of the target spread evenly over the vocabulary.
        z_loss: Adds `z_loss * logsumexp(logits)**2` to what is minimized.
        micro_batches: Parts in which a batch is computed one after the other: less
            memory, the same gradients. They must share `global_batch_size` evenly.
        evaluations: How often, evenly spread, to validate, log and checkpoint.
        seed: Seed of the data order.

    Raises:
        ValueError: If a setting is out of its range.
    """

    epochs: int = 8
    max_steps: int | None = None
    global_batch_size: int = 8
    learning_rate: float = 2e-4
    schedule: str = "cosine"
    warmup_fraction: float = 0.1
    weight_decay: float = 0.0
    clip_norm: float = 1.0
    label_smoothing: float = 0.0
    z_loss: float = 0.0
    micro_batches: int = 1
    evaluations: int = 8
    seed: int = 0

    def __post_init__(self):
        for name in _COUNTS:
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
        for name in ("weight_decay", "z_loss"):
            _check(name, getattr(self, name), lambda value: value >= 0, "0 or more")
        _check(
            "label_smoothing", self.label_smoothing, lambda v: 0 <= v < 1, "in [0, 1)"
        )
        if self.global_batch_size % self.micro_batches:
            raise ValueError(
                f"`micro_batches` must divide global_batch_size="
                f"{self.global_batch_size}. Received: "
                f"micro_batches={self.micro_batches!r}."
            )
        if self.schedule not in SCHEDULES:
            raise ValueError(
                f"`schedule` must be one of {[*SCHEDULES]}. Received: "
                f"schedule={self.schedule!r}."
            )
        check_seed(self.seed)

    def fit(
        self,
        model,
        rows: PlannedRows,
        *,
        validation_rows: PlannedRows | None = None,
        directory: Path | str | None = None,
        run: Mapping[str, Any] | None = None,
        callbacks: Sequence = (),
    ) -> dict[str, Any]:
        """Trains `model` and returns what happened.

        Args:
            model: A `keras_hub.models.GemmaCausalLM`.
            rows: The rows of an epoch.
            validation_rows: Rows to measure on, never to train on.
            directory: Where to keep checkpoints. A run that stopped continues
                from the newest one there; None keeps none.
            run: JSON values that tie the checkpoints to base and dataset.
            callbacks: Keras callbacks.

        Returns:
            `history` (`step`, `loss` and, with validation rows,
            `validation_loss`: nats a token); `steps`; `seconds`, with compiling,
            validating and saving, over all the sessions of a run that was resumed;
            `tokens_per_second`, of tokens with weight; `skipped`, steps without a
            finite loss; and `first_step`, where this session began.

        Raises:
            RuntimeError: If the loss stops being finite.
        """
        require_jax()
        loader = self._loader(rows)
        total_steps = self.epochs * loader.steps_per_epoch
        total_steps = min(total_steps, self.max_steps or total_steps)
        interval = -(-total_steps // min(self.evaluations, total_steps))
        fitted = self._fitted(model, total_steps)
        settings = {"trainer": self.to_config(), **(run or {})}
        checkpointer = Checkpointer(Path(directory), settings) if directory else None
        log = RunLog(interval, total_steps, loader, checkpointer)
        with contextlib.ExitStack() as stack:
            if checkpointer:
                # A run that breaks off still finishes the save that it had begun.
                stack.callback(checkpointer.close)
            first_step = log.recall(fitted)
            if first_step < total_steps:
                with _short_last_epoch(), interruptible() as interrupt:
                    fitted.fit(
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
        tokens = rows.counts()["scored_tokens"] * total_steps / loader.steps_per_epoch
        return {
            "history": log.history,
            "first_step": first_step,
            "steps": total_steps,
            "skipped": log.skipped,
            "seconds": seconds,
            "tokens_per_second": float(tokens / seconds),
        }

    def _fitted(self, model, total_steps: int) -> Any:
        """Returns the model that Keras fits, compiled."""
        from gemma_keras_ft.training.row_model import RowModel

        # A model of KerasHub's own, or a copy, would mix the texts of a packed row.
        if not attends_in_segments(model):
            replace_attention(model)
        fitted = RowModel(
            model.backbone,
            label_smoothing=self.label_smoothing,
            z_loss=self.z_loss,
            micro_batches=self.micro_batches,
        )
        fitted.compile(
            optimizer=build_optimizer(
                learning_rate=self.learning_rate,
                schedule=self.schedule,
                total_steps=total_steps,
                warmup_fraction=self.warmup_fraction,
                weight_decay=self.weight_decay,
                clip_norm=self.clip_norm,
            )
        )
        return fitted

    def _validation(self, rows: PlannedRows | None):
        if rows is None:
            return None
        loader = self._loader(rows, shuffle=False)
        return loader.at(0, steps=loader.steps_per_epoch)

    def _loader(self, rows: PlannedRows, *, shuffle: bool = True) -> Loader:
        return Loader(
            buckets=rows.buckets,
            global_batch_size=self.global_batch_size,
            seed=self.seed,
            shuffle=shuffle,
            multiple_of=batch_axis_size() * self.micro_batches,
        )


@contextlib.contextmanager
def _short_last_epoch():
    """Lets the last interval between evaluations be shorter than the others."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Your input ran out of data")
        yield


def _check(name: str, value, holds, rule: str) -> None:
    if not isinstance(value, int | float) or not holds(value):
        raise ValueError(f"`{name}` must be {rule}. Received: {name}={value!r}.")
