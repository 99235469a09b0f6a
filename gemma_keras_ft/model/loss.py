"""Cross-entropy and accuracy of tokens, straight from hidden states."""

import dataclasses
import functools
from typing import cast

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from gemma_keras_ft.model.loss_chunks import (
    ChunkOptions,
    TokenLosses,
    VocabularyShards,
    losses_in_chunks,
)

# More tokens at once make the products hardly faster, and leave less to skip.
_MOST_TOKENS = 512


def token_losses(
    hidden,
    embedding,
    labels,
    *,
    soft_cap: float | None,
    sample_weight=None,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    chunk_bytes: int = 2**28,
    row_shards: int = 1,
    vocabulary_shards: VocabularyShards | None = None,
    embedding_trainable: bool = False,
) -> TokenLosses:
    """Computes the loss of each token without ever holding all logits.

    Logits are formed for a chunk of places at a time. Where the hidden states are
    differentiated, their gradient is formed in the same pass, so logits are computed
    once and none is kept; without differentiation no such work is done. Products
    accumulate in float32 whatever the dtype of `hidden`.

    Example:
        ```python
        def loss(hidden):
            tokens = token_losses(
                hidden, embedding, labels, soft_cap=30.0, sample_weight=weight
            )
            return weighted_mean(tokens.objective, weight)
        ```

    Args:
        hidden: Final hidden states, float `(rows, length, width)`.
        embedding: Tied embedding, float `(vocabulary, width)`; used in the dtype of
            `hidden`.
        labels: Token ids, int32 `(rows, length)`. A label outside the vocabulary
            gives NaN where it is scored.
        soft_cap: Logits become `soft_cap * tanh(logits / soft_cap)`: 30 in Gemma 2;
            None leaves them as they are.
        sample_weight: float `(rows, length)`. Places of weight 0 are not scored and,
            by whole chunks, not computed; other weights change nothing here.
        label_smoothing: Share of the target spread evenly over the vocabulary.
        z_loss: Adds `z_loss * logsumexp(logits)**2` to the objective.
        chunk_bytes: Size of a chunk's float32 logits on one device, from which
            follows how many tokens it holds: 262 with a vocabulary of 256,000, never
            more than 512, at least one of every row. Temporaries are about 2.3 times
            this. Smaller chunks are slower: 128 tokens by a sixth against 256 on CPU.
        row_shards: Over how many devices the rows of a chunk are spread.
        vocabulary_shards: How devices share the vocabulary out, where they do.
        embedding_trainable: Whether the embedding needs a gradient. Then logits are
            computed again in the backward pass.

    Returns:
        The losses, differentiable by `hidden` through `nats` and `objective`.

    Raises:
        ValueError: If shapes or settings are out of range, or the embedding is
            differentiated without `embedding_trainable`.

    References:
        Gemma 2's soft cap: https://arxiv.org/abs/2408.00118. z-loss: Chowdhery et
        al., 2022. https://arxiv.org/abs/2204.02311
    """
    _check_shapes(hidden, embedding, labels, sample_weight)
    _check_settings(soft_cap, label_smoothing, z_loss, chunk_bytes, row_shards)
    rows, length = labels.shape
    options = ChunkOptions(
        soft_cap=soft_cap,
        label_smoothing=label_smoothing,
        z_loss=z_loss,
        places=_places(
            -(-rows // row_shards),
            length,
            embedding.shape[0],
            chunk_bytes,
            shards=vocabulary_shards.count if vocabulary_shards else 1,
        ),
        skip_unscored=sample_weight is not None,
        shards=vocabulary_shards,
    )
    scored = jnp.ones((rows, length), bool)
    if sample_weight is not None:
        scored = jnp.asarray(sample_weight) != 0
    if embedding_trainable:
        # In float32, its gradient is summed over the chunks in float32.
        embedding = embedding.astype(jnp.float32)
        inputs = (hidden, embedding, labels, scored)
        return losses_in_chunks(*inputs, options=options, recompute=True)
    inputs = (hidden, embedding.astype(hidden.dtype), labels, scored)
    return cast(TokenLosses, _frozen_losses(*inputs, options))


def weighted_mean(values, weight):
    """Returns `sum(values * weight) / sum(weight)`, float32; 0 without weight.

    Every unit of weight counts the same: unlike Keras' default reduction, which
    divides by the number of places, masked ones too.

    Args:
        values: float `(...)`; what stands where the weight is 0 does not matter.
        weight: float `(...)`, of the same shape.
    """
    values, weight = (jnp.asarray(v, jnp.float32) for v in (values, weight))
    total = jnp.where(weight != 0, values * weight, 0.0).sum()
    return total / jnp.maximum(weight.sum(), jnp.finfo(jnp.float32).tiny)


@functools.partial(jax.custom_vjp, nondiff_argnums=(4,))
def _frozen_losses(hidden, embedding, labels, scored, options) -> TokenLosses:
    return losses_in_chunks(hidden, embedding, labels, scored, options=options)


def _frozen_forward(hidden, embedding, labels, scored, options):
    if embedding.perturbed:
        raise ValueError(
            "`embedding_trainable` must be True where the embedding is "
            "differentiated. Received: embedding_trainable=False. Set it, or "
            "differentiate by the hidden states alone."
        )
    inputs = (hidden.value, embedding.value, labels.value, scored.value)
    losses, gradient = losses_in_chunks(*inputs, options=options, with_gradient=True)
    return losses, (gradient, None if options.plain else inputs)


def _frozen_backward(options, residuals, cotangents):
    gradient, inputs = residuals
    by_nats, _, by_objective = cotangents
    if options.plain:
        total = _scaled(gradient, by_nats) + _scaled(gradient, by_objective)
    elif isinstance(by_nats, SymbolicZero):
        total = _scaled(gradient, by_objective)
    else:
        # Rare: whoever minimizes the objective only looks at its nats.
        plain = dataclasses.replace(options, label_smoothing=0.0, z_loss=0.0)
        _, of_nats = losses_in_chunks(*inputs, options=plain, with_gradient=True)
        total = _scaled(gradient, by_objective) + _scaled(of_nats, by_nats)
    return total, None, None, None


def _scaled(gradient, cotangent):
    if isinstance(cotangent, SymbolicZero):
        return jnp.zeros_like(gradient)
    return gradient * cotangent[..., None].astype(gradient.dtype)


_frozen_losses.defvjp(_frozen_forward, _frozen_backward, symbolic_zeros=True)


def _places(
    rows: int, length: int, vocabulary: int, chunk_bytes: int, shards: int
) -> int:
    """Returns how many places of every row make a chunk, evenly shared out."""
    tokens = min(chunk_bytes // (4 * vocabulary), _MOST_TOKENS) * shards
    places = max(1, min(length, tokens // rows))
    return -(-length // -(-length // places))


def _check_shapes(hidden, embedding, labels, sample_weight) -> None:
    rows_and_length = tuple(labels.shape)
    expected = {
        "hidden": (hidden, (*rows_and_length, embedding.shape[-1])),
        "sample_weight": (sample_weight, rows_and_length),
    }
    for name, (values, shape) in expected.items():
        if values is not None and tuple(values.shape) != shape:
            raise ValueError(
                f"`{name}` must have shape {shape} beside labels {rows_and_length} "
                f"and an embedding {tuple(embedding.shape)}. Received: {name} of "
                f"shape {tuple(values.shape)}."
            )
    if 0 in rows_and_length:
        raise ValueError(
            f"`labels` must hold a place. Received: shape {rows_and_length}."
        )


def _check_settings(soft_cap, label_smoothing, z_loss, chunk_bytes, row_shards) -> None:
    rules = {
        "soft_cap": (soft_cap, "positive, or None", lambda v: v is None or v > 0),
        "label_smoothing": (label_smoothing, "in [0, 1)", lambda v: 0 <= v < 1),
        "z_loss": (z_loss, "0 or more", lambda v: v >= 0),
        "chunk_bytes": (chunk_bytes, "at least 1", lambda v: v >= 1),
        "row_shards": (row_shards, "at least 1", lambda v: v >= 1),
    }
    for name, (value, rule, holds) in rules.items():
        if not holds(value):
            raise ValueError(f"`{name}` must be {rule}. Received: {name}={value!r}.")
