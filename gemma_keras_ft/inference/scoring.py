"""Scores given texts: how well a model predicts them."""

import dataclasses
import weakref
from collections.abc import Mapping

import numpy as np

from gemma_keras_ft.model.attention import attends_in_segments, replace_attention
from gemma_keras_ft.model.mesh import row_shards

# Rows are cut to no less, and to few lengths, as each is compiled.
_SHORTEST = 64
_MOST_ROWS, _MOST_TOKENS = 32, 2**14
_ARRAYS = ("token_ids", "segment_ids", "labels", "sample_weight")

_compiled: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


@dataclasses.dataclass(frozen=True, kw_only=True)
class RowScores:
    """Sums over the weighted places of each row.

    Args:
        nats: Negative log-likelihood, float64 `(rows,)`.
        correct: Places where the likeliest token was the right one, int64 `(rows,)`.
        tokens: Places scored, int64 `(rows,)`.
    """

    nats: np.ndarray
    correct: np.ndarray
    tokens: np.ndarray


def score_rows(
    model, arrays: Mapping[str, np.ndarray], *, rows_per_batch: int | None = None
) -> RowScores:
    """Scores the weighted labels of every row.

    Rows of similar length are scored together, cut to the length they need; in the
    scope of a mesh, on all its devices.

    Args:
        model: A `keras_hub.models.GemmaCausalLM`, with or without an adapter.
        arrays: `token_ids`, `segment_ids`, `labels` int32 and `sample_weight`
            float32, each `(rows, sequence_length)`.
        rows_per_batch: Rows at a time on each device; as many as fit, by default.
    """
    from gemma_keras_ft.model.placement import put_rows

    if not attends_in_segments(model):
        replace_attention(model)
    count, length = arrays["token_ids"].shape
    most = max(1, _MOST_TOKENS // length)
    size = min(rows_per_batch or most, _MOST_ROWS, -(-count // row_shards()))
    size *= row_shards()
    score = _compiled.get(model) or _compiled.setdefault(model, _compile_score(model))
    variables = [variable.value for variable in model.backbone.variables]
    nats, correct = np.zeros(count, "float64"), np.zeros(count, "int64")
    lengths = (arrays["segment_ids"] > 0).sum(axis=1)
    by_length = np.argsort(-lengths, kind="stable")
    for start in range(0, count, size):
        places = by_length[start : start + size]
        width = min(length, _bucket(int(lengths[places[0]])))
        padding = ((0, size - len(places)), (0, 0))
        batch = {
            name: np.pad(arrays[name][places, :width], padding) for name in _ARRAYS
        }
        found_nats, found_correct = score(variables, put_rows(batch))
        nats[places] = np.asarray(found_nats)[: len(places)]
        correct[places] = np.asarray(found_correct)[: len(places)]
    tokens = (arrays["sample_weight"] > 0).sum(axis=1).astype("int64")
    return RowScores(nats=nats, correct=correct, tokens=tokens)


def _bucket(length: int) -> int:
    """Rounds up to 64, 96, 128, 192, 256, 384, ...: few programs, little padding."""
    power = max(_SHORTEST, 1 << (length - 1).bit_length())
    between = power * 3 // 4
    return between if _SHORTEST < between and length <= between else power


def _compile_score(model):
    import jax
    import jax.numpy as jnp
    import keras

    from gemma_keras_ft.model.blocks import arranged_blocks
    from gemma_keras_ft.model.loss import token_losses
    from gemma_keras_ft.model.placement import constrain, loss_shards

    # The compiled function must not keep its own key in the cache alive.
    reference = weakref.ref(model)

    def score(values, batch):
        alive = reference()
        assert alive is not None  # the caller holds it
        backbone = alive.backbone
        mapping = list(zip(backbone.variables, values, strict=True))
        with keras.StatelessScope(state_mapping=mapping), arranged_blocks(backbone):
            inputs = {
                "token_ids": batch["token_ids"],
                "padding_mask": batch["segment_ids"],
            }
            losses = token_losses(
                backbone(inputs, training=False),
                keras.ops.convert_to_tensor(backbone.token_embedding.embeddings),
                batch["labels"],
                soft_cap=backbone.final_logit_soft_cap,
                sample_weight=jnp.maximum(batch["sample_weight"], 0),
                **loss_shards(backbone),
            )
        # Every host reads them.
        return constrain(losses.nats.sum(-1)), constrain(losses.correct.sum(-1))

    return jax.jit(score)
