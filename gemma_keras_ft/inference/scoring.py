"""Scores given texts: how well a model predicts them."""

import dataclasses
import weakref
from collections.abc import Mapping

import numpy as np

from gemma_keras_ft.model.attention import attends_in_segments, replace_attention

# Logits are formed for this many places of a row at a time, so that a row never
# needs [sequence_length, vocabulary] at once.
_CHUNK = 64
_LOGITS_BUDGET = 2**26
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

    Rows of similar length are scored together, cut to the length they need.

    Args:
        model: A `keras_hub.models.GemmaCausalLM`, with or without an adapter.
        arrays: `token_ids`, `segment_ids`, `labels` int32 and `sample_weight`
            float32, each `(rows, sequence_length)`.
        rows_per_batch: Rows at a time; by default what keeps the logits small.
    """
    if not attends_in_segments(model):
        replace_attention(model)
    count, length = arrays["token_ids"].shape
    vocabulary = model.backbone.vocabulary_size
    budget = _LOGITS_BUDGET // (min(length, _CHUNK) * vocabulary)
    size = min(rows_per_batch or max(1, budget), 32, count)
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
        found_nats, found_correct = score(variables, batch)
        nats[places] = np.asarray(found_nats)[: len(places)]
        correct[places] = np.asarray(found_correct)[: len(places)]
    tokens = (arrays["sample_weight"] > 0).sum(axis=1).astype("int64")
    return RowScores(nats=nats, correct=correct, tokens=tokens)


def _bucket(length: int) -> int:
    """Rounds up to 64, 96, 128, 192, 256, 384, ...: few programs, little padding."""
    power = max(_CHUNK, 1 << (length - 1).bit_length())
    between = power * 3 // 4
    return between if _CHUNK < between and length <= between else power


def _compile_score(model):
    import jax
    import jax.numpy as jnp
    import keras

    # The compiled function must not keep its own key in the cache alive.
    reference = weakref.ref(model)

    def score(values, batch):
        alive = reference()
        assert alive is not None  # the caller holds it
        backbone = alive.backbone
        mapping = list(zip(backbone.variables, values, strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            inputs = {
                "token_ids": batch["token_ids"],
                "padding_mask": batch["segment_ids"],
            }
            hidden = backbone(inputs, training=False)

            def chunk(part):
                hidden, labels, weight = part
                logits = backbone.token_embedding(hidden, reverse=True)
                logits = logits.astype("float32")
                right = jnp.take_along_axis(logits, labels[..., None], -1)[..., 0]
                nats = jax.nn.logsumexp(logits, axis=-1) - right
                correct = logits.argmax(-1) == labels
                scored = weight > 0
                return (nats * scored).sum(-1), (correct & scored).sum(-1)

            parts = (hidden, batch["labels"], batch["sample_weight"])
            nats, correct = jax.lax.map(chunk, jax.tree.map(_in_chunks, parts))
        return nats.sum(0), correct.sum(0)

    return jax.jit(score)


def _in_chunks(values):
    """(rows, length, …) -> (chunks, rows, chunk, …); the rest is padded with 0."""
    import jax.numpy as jnp

    rows, length = values.shape[:2]
    chunk = min(_CHUNK, length)
    padding = [(0, 0)] * values.ndim
    padding[1] = (0, -length % chunk)
    values = jnp.pad(values, padding)
    values = values.reshape(rows, -1, chunk, *values.shape[2:])
    return jnp.moveaxis(values, 1, 0)
