"""The model that is fitted: rows in, the loss of every place out."""

import contextlib
import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import keras

from gemma_keras_ft.model.blocks import arranged_blocks
from gemma_keras_ft.model.lora import adapter_random_state
from gemma_keras_ft.model.loss import token_losses
from gemma_keras_ft.model.placement import loss_shards
from gemma_keras_ft.training.compilation import EVALUATE, TRAIN
from gemma_keras_ft.training.noise import draw_noise, noisy_embedding
from gemma_keras_ft.training.run_log import ACCURACY, NATS, SKIPPED, TOKENS

_MEANS = ("loss", NATS, ACCURACY)


class RowModel(keras.Model):
    """A Gemma that is trained on rows by `keras.Model.fit`.

    Losses come straight from hidden states, so no logits are kept; they are means
    over weighted tokens, however those are spread over rows and micro-batches. A
    step whose loss or gradient is not finite changes nothing and is counted as
    skipped.

    Args:
        backbone: A `keras_hub.models.GemmaBackbone` with what is trainable in it.
        label_smoothing: Share of the target spread evenly over the vocabulary.
        z_loss: Adds `z_loss * logsumexp(logits)**2` to what is minimized.
        clip_norm: Global norm to which the mean gradient is clipped.
        micro_batches: Parts in which a batch is computed one after the other, for
            less memory: gradients are the same, and it is one step of the schedule.
        remat: Whether blocks are computed again in the backward pass; see
            `arranged_blocks`.
        neftune_alpha: Noise on the embeddings in training; see `draw_noise`.
        seed: Seed of that noise.
    """

    def __init__(
        self,
        backbone: Any,
        *,
        label_smoothing: float = 0.0,
        z_loss: float = 0.0,
        clip_norm: float = 1.0,
        micro_batches: int = 1,
        remat: bool = False,
        neftune_alpha: float = 0.0,
        seed: int = 0,
    ):
        super().__init__(name="row_model")
        self.backbone = backbone
        self.label_smoothing = label_smoothing
        self.z_loss = z_loss
        self.clip_norm = clip_norm
        self.micro_batches = micro_batches
        self.remat = remat
        self.neftune_alpha = neftune_alpha
        self.noise_seeds = None
        if neftune_alpha:
            self.noise_seeds = keras.random.SeedGenerator(seed, name="embedding_noise")
        self.means = [keras.metrics.Mean(name) for name in _MEANS]
        self.skipped = keras.metrics.Sum(SKIPPED)
        self.tokens = keras.metrics.Sum(TOKENS)
        # The shape of the batch that each step was last traced with.
        self.traced: dict[str, tuple[int, ...]] = {}
        self.built = True

    def call(self, rows: Mapping[str, Any], training: bool = False):
        """Returns the losses of every place, `TokenLosses` of `(rows, length)`.

        Args:
            rows: `token_ids`, `padding_mask` (the segment of each place, 0 for
                padding) and `labels` int32, `sample_weight` float32, each
                `(rows, length)`.
            training: Whether dropout and noise are on.
        """
        with contextlib.ExitStack() as stack:
            remat = self.remat and training
            stack.enter_context(arranged_blocks(self.backbone, remat=remat))
            if training and self.noise_seeds:
                stack.enter_context(self._noise(rows["padding_mask"]))
            hidden = self.backbone(
                {name: rows[name] for name in ("token_ids", "padding_mask")},
                training=training,
            )
        return token_losses(
            hidden,
            keras.ops.convert_to_tensor(self.backbone.token_embedding.embeddings),
            rows["labels"],
            soft_cap=self.backbone.final_logit_soft_cap,
            sample_weight=rows["sample_weight"],
            label_smoothing=self.label_smoothing,
            z_loss=self.z_loss,
            **loss_shards(self.backbone),
        )

    @property
    def random_state(self) -> dict[str, Any]:
        """The state of dropout and noise by path: what a resumed run needs."""
        states = [self.noise_seeds.state] if self.noise_seeds else []
        return adapter_random_state(self) | {state.path: state for state in states}

    def _noise(self, segment_ids):
        noise = draw_noise(
            segment_ids,
            width=self.backbone.hidden_dim,
            alpha=self.neftune_alpha,
            seeds=self.noise_seeds,
        )
        return noisy_embedding(self.backbone.token_embedding, noise)

    def train_step(self, state, data):
        """Takes one step, stateless as Keras' JAX trainer asks for."""
        trainable, non_trainable, optimizer, metrics = state
        rows = _rows(data)
        self.traced[TRAIN] = rows["labels"].shape
        gradients, sums, non_trainable = self._gradients(trainable, non_trainable, rows)
        finite, scale = self._check_and_clip(gradients, sums)

        def step():
            mean = [gradient * scale for gradient in gradients]
            return self.optimizer.stateless_apply(optimizer, mean, trainable)

        trainable, optimizer = jax.lax.cond(
            finite, step, lambda: (trainable, optimizer)
        )
        logs, metrics = self._measure(metrics, sums, finite)
        return logs, (trainable, non_trainable, optimizer, metrics)

    def test_step(self, state, data):
        """Measures one batch, stateless as Keras' JAX trainer asks for."""
        trainable, non_trainable, metrics = state
        rows = _rows(data)
        self.traced[EVALUATE] = rows["labels"].shape
        _, (sums, non_trainable) = self._sums(
            trainable, non_trainable, rows, training=False
        )
        logs, metrics = self._measure(metrics, sums, jnp.array(True))
        return logs, (trainable, non_trainable, metrics)

    def _sums(self, trainable, non_trainable, rows, *, training: bool):
        """Returns what is minimized, summed; and sums of all that is measured."""
        called: Any = self.stateless_call(
            trainable, non_trainable, rows, training=training
        )
        losses, non_trainable = called
        weight = rows["sample_weight"]
        values = (losses.objective, losses.nats, losses.correct)
        # What stands where the weight is 0 does not matter, NaN not either.
        sums = [jnp.where(weight != 0, v * weight, 0.0).sum() for v in values]
        sums.append(weight.sum())
        return sums[0], (jnp.stack(sums), non_trainable)

    def _gradients(self, trainable, non_trainable, rows):
        """Returns the gradient of what is minimized, summed; and all sums."""
        compute = jax.value_and_grad(
            functools.partial(self._sums, training=True), has_aux=True
        )
        if self.micro_batches == 1:
            (_, (sums, non_trainable)), gradients = compute(
                trainable, non_trainable, rows
            )
        else:

            def accumulate(carry, part):
                gradients, sums, non_trainable = carry
                (_, (more, non_trainable)), added = compute(
                    trainable, non_trainable, part
                )
                gradients = jax.tree.map(jnp.add, gradients, added)
                return (gradients, sums + more, non_trainable), None

            zeros = jax.tree.map(jnp.zeros_like, trainable)
            start = (zeros, jnp.zeros(4), non_trainable)
            parts = jax.tree.map(self._micro_batches, rows)
            (gradients, sums, non_trainable), _ = jax.lax.scan(accumulate, start, parts)
        return gradients, sums, non_trainable

    def _check_and_clip(self, gradients, sums):
        """Returns whether a step is finite, and what makes sums a clipped mean."""
        total = _total(sums)
        squares = [jnp.square(gradient).sum() for gradient in gradients]
        norm = jnp.sqrt(jnp.stack(squares).sum()) / total
        finite = jnp.isfinite(sums[0]) & jnp.isfinite(norm)
        scale = self.clip_norm / jnp.maximum(norm, self.clip_norm) / total
        # Behind a barrier: XLA would put the sum over all variables into the program
        # that updates each of them, and compile for twice as long.
        return jax.lax.optimization_barrier((finite, scale))

    def _micro_batches(self, values):
        """(rows, …) -> (micro-batches, rows of each, …); every device keeps its own."""
        values = values.reshape(-1, self.micro_batches, *values.shape[1:])
        return values.swapaxes(0, 1)

    def _measure(self, metrics, sums, finite):
        """Adds a step to the metrics; returns their values and variables."""
        mapping = zip(self.metrics_variables, metrics, strict=True)
        weight = jnp.where(finite, sums[-1], 0.0)
        total = _total(sums)
        with keras.StatelessScope(state_mapping=mapping) as scope:
            for mean, value in zip(self.means, sums, strict=False):
                mean.update_state(jnp.where(finite, value / total, 0.0), weight)
            self.skipped.update_state(~finite)
            self.tokens.update_state(weight)
            results: list[Any] = [mean.result() for mean in self.means]
            # Of nothing but skipped steps there is no mean.
            known = self.means[0].count > 0
            logs = {
                name: jnp.where(known, result, jnp.nan)
                for name, result in zip(_MEANS, results, strict=True)
            }
            counts: Any = [self.skipped.result(), self.tokens.result()]
            logs |= dict(zip((SKIPPED, TOKENS), counts, strict=True))
        updated = [scope.get_current_value(v) for v in self.metrics_variables]
        return logs, [
            old if new is None else new
            for new, old in zip(updated, metrics, strict=True)
        ]


def _total(sums):
    """Returns the weight of all tokens, by which sums may be divided."""
    return jnp.maximum(sums[-1], jnp.finfo(jnp.float32).tiny)


def _rows(data) -> dict[str, Any]:
    inputs, labels, weight = keras.utils.unpack_x_y_sample_weight(data)
    return {**inputs, "labels": labels, "sample_weight": weight}
