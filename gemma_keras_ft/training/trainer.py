"""The trainer: `keras.Model.fit` underneath, so Keras callbacks work."""

import contextlib
import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gemma_keras_ft.backend import require_jax
from gemma_keras_ft.config import Configurable, register
from gemma_keras_ft.data.loader import Loader
from gemma_keras_ft.data.rows import PlannedRows
from gemma_keras_ft.model.attention import attends_in_segments, replace_attention
from gemma_keras_ft.model.hosts import is_first_host, share_of_rows
from gemma_keras_ft.model.mesh import row_shards
from gemma_keras_ft.training.best import Best
from gemma_keras_ft.training.checkpoint import Checkpointer
from gemma_keras_ft.training.compilation import watch_compilations
from gemma_keras_ft.training.flops import measure_peak_flops, training_flops
from gemma_keras_ft.training.interrupt import interruptible
from gemma_keras_ft.training.meter import Meter
from gemma_keras_ft.training.metrics_files import MetricsFiles
from gemma_keras_ft.training.preflight import check_training
from gemma_keras_ft.training.run_log import RunLog, Score
from gemma_keras_ft.training.schedule import build_optimizer
from gemma_keras_ft.training.settings import check_peak_flops, check_trainer
from gemma_keras_ft.training.step_memory import kept_memory


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
        remat: `"block"` computes each decoder block again in the backward pass, for
            the memory of one block instead of all (on a CPU only after
            `schedule_for_memory`); `"none"` keeps what they computed.
        neftune_alpha: Uniform noise on embeddings in training, of at most
            `neftune_alpha / sqrt(length * width)` with the length of the text: 5 to
            15 in https://arxiv.org/abs/2310.05914. 0 is none.
        evaluations: How often, evenly spread, to validate, log and checkpoint.
        patience: End the run after this many evaluations in a row without a better
            validation loss; None trains to the end. The schedule stays that of the
            whole run.
        min_delta: By how many nats a token a validation loss must be lower than the
            best to count as better.
        restore_best: Whether the model ends with the adapter of the best evaluation,
            where there are validation rows, and not with that of the last step.
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
    remat: str = "none"
    neftune_alpha: float = 0.0
    evaluations: int = 8
    patience: int | None = None
    min_delta: float = 0.0
    restore_best: bool = True
    seed: int = 0

    def __post_init__(self):
        check_trainer(self)

    def fit(
        self,
        model,
        rows: PlannedRows,
        *,
        validation_rows: PlannedRows | None = None,
        directory: Path | str | None = None,
        run: Mapping[str, Any] | None = None,
        callbacks: Sequence = (),
        metrics_directory: Path | str | None = None,
        peak_flops: float | str | None = None,
        score: Score | None = None,
    ) -> dict[str, Any]:
        """Trains `model` and returns what happened.

        Args:
            model: A `keras_hub.models.GemmaCausalLM`.
            rows: The rows of an epoch.
            validation_rows: Rows to measure on, never to train on.
            directory: Where to keep checkpoints. A run that stopped continues
                from the newest one there; None keeps none.
            run: JSON values that tie the checkpoints to base and dataset.
            callbacks: Keras callbacks. At each evaluation their logs also hold
                `step`, `total_steps`, `seconds_left` and what `speed` has.
            metrics_directory: Where to keep the curves in files; see `MetricsFiles`.
            peak_flops: Operations a second that all devices together are capable
                of, or `"measured"`, by large products before training; then `speed`
                holds their `utilization`. See `training_flops`.
            score: Called at each evaluation with its number, from 1, and its step;
                what it returns by name joins `history`.

        Returns:
            `history`: `step`, `loss` (nats a token), `accuracy` and, with validation
            rows, `validation_loss` and `validation_accuracy`, at each evaluation;
            `speed`, as long, which differs from run to run: `tokens_per_second` and
            `peak_memory_bytes`; `steps`; `seconds`, with compiling, validating and
            saving, over all the sessions of a run that was resumed;
            `tokens_per_second`, of tokens with weight, over those; `skipped`, steps
            without a finite loss; `first_step`, where this session began;
            `compilations`, how often it compiled a step, which is once for each
            length of rows; `best_step`, that of the best validation loss, or None;
            `adapter_step`, that of the adapter that the model ends with; and
            `stopped_early`, whether patience ended the run.

        Raises:
            ValueError: If `patience` is set and there are no validation rows, or model
                and rows are none to train with; see `check_training`.
            RuntimeError: If the loss stops being finite.
        """
        require_jax()
        self.check_validation(validation_rows)
        check_peak_flops(peak_flops)
        check_training(model, rows)
        loader = self._loader(rows)
        total_steps = self.epochs * loader.steps_per_epoch
        total_steps = min(total_steps, self.max_steps or total_steps)
        interval = -(-total_steps // min(self.evaluations, total_steps))
        fitted = self.build(model, total_steps)
        settings = {"trainer": self.to_config(), **(run or {})}
        checkpointer = Checkpointer(Path(directory), settings) if directory else None
        best = Best(self.patience, self.min_delta, keep_values=self.restore_best)
        files = None
        if metrics_directory and is_first_host():
            files = MetricsFiles(Path(metrics_directory))
        meter = self._meter(model, rows, total_steps, peak_flops)
        log = RunLog(
            interval=interval,
            total_steps=total_steps,
            loader=loader,
            checkpointer=checkpointer,
            best=best,
            meter=meter,
            files=files,
            score=score,
        )
        with contextlib.ExitStack() as stack:
            if files:
                stack.callback(files.close)
            if checkpointer:
                # A run that breaks off still finishes the save that it had begun.
                stack.callback(checkpointer.close)
            first_step = log.recall(fitted)
            compiled, warn = stack.enter_context(watch_compilations(fitted))
            keep = stack.enter_context(kept_memory())
            own = [warn, keep, log.keras_callback()]
            if first_step < total_steps and not best.exhausted:
                with _short_last_epoch(), interruptible() as interrupt:
                    fitted.fit(
                        loader.at(first_step, steps=total_steps - first_step),
                        epochs=-(-total_steps // interval),
                        initial_epoch=first_step // interval,
                        steps_per_epoch=interval,
                        validation_data=self._validation(validation_rows),
                        shuffle=False,
                        callbacks=[interrupt, *own, *callbacks],
                        verbose=0,
                    )
        restored = best.apply(fitted)
        seconds, steps = log.seconds(), int(log.history["step"][-1])
        tokens = rows.counts()["scored_tokens"] * steps / loader.steps_per_epoch
        return {
            "history": log.history,
            "speed": log.speed,
            "first_step": first_step,
            "compilations": compiled.counts(),
            "steps": steps,
            "best_step": best.step,
            "adapter_step": best.step if restored else steps,
            "stopped_early": steps < total_steps,
            "skipped": log.skipped,
            "seconds": seconds,
            "tokens_per_second": float(tokens / seconds),
        }

    def check_validation(self, rows: PlannedRows | None) -> None:
        """Checks that there is something to measure on where patience asks for it.

        Raises:
            ValueError: If there is not.
        """
        if self.patience is not None and rows is None:
            raise ValueError(
                "`patience` must be None without validation rows, on which it waits. "
                f"Received: patience={self.patience!r}. Give validation rows (a "
                "dataset whose validation split is not empty), or leave it out."
            )

    def build(self, model, total_steps: int) -> Any:
        """Builds the `RowModel` that Keras fits, compiled.

        Args:
            model: A `keras_hub.models.GemmaCausalLM`; made to attend in segments.
            total_steps: Steps of the whole run, over which the schedule goes.
        """
        from gemma_keras_ft.training.row_model import RowModel

        # A model of KerasHub's own, or a copy, would mix the texts of a packed row.
        if not attends_in_segments(model):
            replace_attention(model)
        fitted = RowModel(
            model.backbone,
            label_smoothing=self.label_smoothing,
            z_loss=self.z_loss,
            clip_norm=self.clip_norm,
            micro_batches=self.micro_batches,
            remat=self.remat == "block",
            neftune_alpha=self.neftune_alpha,
            seed=self.seed,
        )
        fitted.compile(
            optimizer=build_optimizer(
                learning_rate=self.learning_rate,
                schedule=self.schedule,
                total_steps=total_steps,
                warmup_fraction=self.warmup_fraction,
                weight_decay=self.weight_decay,
            )
        )
        return fitted

    def _meter(
        self, model, rows, total_steps: int, peak_flops: float | str | None
    ) -> Meter:
        flops = 0.0
        if isinstance(peak_flops, str):
            peak_flops = measure_peak_flops(model.backbone.compute_dtype)
        if peak_flops is not None:
            flops = training_flops(model, rows) / rows.counts()["scored_tokens"]
        return Meter(total_steps, flops_per_token=flops, peak_flops=peak_flops)

    def _validation(self, rows: PlannedRows | None):
        if rows is None:
            return None
        loader = self._loader(rows, shuffle=False)
        return loader.at(0, steps=loader.steps_per_epoch)

    def _loader(self, rows: PlannedRows, *, shuffle: bool = True) -> Loader:
        hosts, host = share_of_rows()
        return Loader(
            buckets=rows.buckets,
            global_batch_size=self.global_batch_size,
            seed=self.seed,
            shuffle=shuffle,
            multiple_of=row_shards() * self.micro_batches,
            hosts=hosts,
            host=host,
        )


@contextlib.contextmanager
def _short_last_epoch():
    """Lets the last interval between evaluations be shorter than the others."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Your input ran out of data")
        yield
