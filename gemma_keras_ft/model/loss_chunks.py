"""The losses of tokens, a chunk of places at a time."""

import dataclasses
import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

# exp() of logits within this bound sums to a finite float32 over 2**20 of them, so
# their maximum need not be found first.
_SAFE_CAP = 60.0


class TokenLosses(NamedTuple):
    """Per-token results, each `(rows, length)`; 0 where a place is not scored.

    Args:
        nats: Cross-entropy, float32.
        correct: 1.0 where the likeliest token is the label, float32. Of equally
            likely tokens the first counts, as in `argmax`.
        objective: What to minimize, float32: `nats`, with label smoothing and
            z-loss where those are asked for.
    """

    nats: jax.Array
    correct: jax.Array
    objective: jax.Array


@dataclasses.dataclass(frozen=True, kw_only=True)
class VocabularyShards:
    """How devices share the vocabulary out, each with a part of the embedding.

    Each forms the logits of its part of the vocabulary, for the rows of all devices
    with which it shares that: a chunk's hidden states are brought together, and never
    the embedding.

    Args:
        count: Number of the parts.
        apart: Sharding of arrays by their first axis, the rows.
        together: The same, but for rows that are whole on all that share them.
        logits: Sharding of `(tokens, vocabulary)`.
    """

    count: int
    apart: jax.sharding.Sharding
    together: jax.sharding.Sharding
    logits: jax.sharding.Sharding


@dataclasses.dataclass(frozen=True, kw_only=True)
class ChunkOptions:
    """What `losses_in_chunks` computes.

    Args:
        soft_cap: Bound of the logits; None leaves them as they are.
        label_smoothing: Share of the target spread evenly over the vocabulary.
        z_loss: Factor of `logsumexp**2` in the objective.
        places: Places of every row in a chunk.
        skip_unscored: Whether to gather the scored places and skip the rest.
        shards: How a mesh shares the vocabulary out, where it does.
    """

    soft_cap: float | None
    label_smoothing: float
    z_loss: float
    places: int
    skip_unscored: bool
    shards: VocabularyShards | None = None

    @property
    def plain(self) -> bool:
        """Whether the objective is the cross-entropy itself."""
        return not (self.label_smoothing or self.z_loss)


def losses_in_chunks(
    hidden,
    embedding,
    labels,
    scored,
    *,
    options: ChunkOptions,
    with_gradient: bool = False,
    recompute: bool = False,
) -> Any:
    """Computes the losses of all places, chunk by chunk.

    Args:
        hidden: Float `(rows, length, width)`.
        embedding: Float `(vocabulary, width)`.
        labels: Integers `(rows, length)`.
        scored: Booleans `(rows, length)`.
        options: What to compute, and how large a chunk is.
        with_gradient: Whether to form the gradient by `hidden` on the way.
        recompute: Whether differentiating forms a chunk's logits again instead of
            keeping them.

    Returns:
        `TokenLosses`; with a gradient, a pair of them and of each objective's
        derivative by its own hidden state, `(rows, length, width)`.
    """
    compute = functools.partial(
        _chunk_losses, options=options, with_gradient=with_gradient
    )
    compute = jax.checkpoint(compute) if recompute else compute
    parts, order = (hidden, labels, scored), None
    if options.skip_unscored:
        # Scored places first, row by row: the others then fill whole chunks, and
        # rows stay on their devices.
        order = jnp.argsort(~scored, axis=1, stable=True)
        parts = _take(parts, order)
        compute = _skip_unscored(compute)
    parts = jax.tree.map(functools.partial(_split, places=options.places), parts)
    found = jax.lax.map(lambda part: compute(part, embedding), parts)
    length = labels.shape[1]
    found = jax.tree.map(functools.partial(_join, length=length), found)
    return found if order is None else _take(found, jnp.argsort(order, axis=1))


def _skip_unscored(compute):
    """Lets `compute` run for chunks with a scored place; others give zeros."""

    def guarded(part, embedding):
        shapes = jax.eval_shape(compute, part, embedding)

        def zeros(*_):
            return jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)

        return jax.lax.cond(part[2].any(), compute, zeros, part, embedding)

    return guarded


def _split(values, *, places: int):
    """(rows, length, …) -> (chunks, rows, places, …); the rest is padded with 0."""
    padding = [(0, 0)] * values.ndim
    padding[1] = (0, -values.shape[1] % places)
    values = jnp.pad(values, padding)
    values = values.reshape(values.shape[0], -1, places, *values.shape[2:])
    return jnp.moveaxis(values, 1, 0)


def _join(values, *, length: int):
    """(chunks, rows, places, …) -> (rows, length, …)."""
    values = jnp.moveaxis(values, 0, 1)
    return values.reshape(values.shape[0], -1, *values.shape[3:])[:, :length]


def _chunk_losses(part, embedding, *, options: ChunkOptions, with_gradient: bool):
    rows_and_places = part[1].shape
    if options.shards:
        part = jax.lax.with_sharding_constraint(part, options.shards.together)
    # As a matrix, XLA writes the gradient over the exponentials.
    tokens = tuple(values.reshape(-1, *values.shape[2:]) for values in part)
    found = _token_losses(tokens, embedding, options, with_gradient)
    found = jax.tree.map(
        lambda values: values.reshape(*rows_and_places, *values.shape[1:]), found
    )
    if options.shards:
        found = jax.lax.with_sharding_constraint(found, options.shards.apart)
    return found


def _token_losses(tokens, embedding, options: ChunkOptions, with_gradient: bool):
    hidden, labels, scored = tokens
    # What stands at places that are not scored, be it NaN, reaches nothing.
    hidden = jnp.where(scored[..., None], hidden, 0)
    embedding = embedding.astype(hidden.dtype)
    logits = _capped_logits(hidden, embedding, options.soft_cap)
    if options.shards:
        logits = jax.lax.with_sharding_constraint(logits, options.shards.logits)
    exponentials, log_total = _exponentials(logits, options.soft_cap)
    losses = _losses(logits, log_total, labels, options)
    losses = jax.tree.map(lambda values: jnp.where(scored, values, 0.0), losses)
    if not with_gradient:
        return losses
    # d logsumexp / d logits is the softmax.
    softmax = exponentials / exponentials.sum(-1, keepdims=True)
    by_logits = (1 + 2 * options.z_loss * log_total[..., None]) * softmax
    smoothing = options.label_smoothing
    by_logits -= (1 - smoothing) * (_indices(logits) == labels[..., None])
    by_logits -= smoothing / logits.shape[-1]
    if options.soft_cap is not None:
        by_logits *= 1 - (logits / options.soft_cap) ** 2
    by_logits = jnp.where(scored[..., None], by_logits, 0.0).astype(hidden.dtype)
    return losses, _contract(by_logits, embedding, 0).astype(hidden.dtype)


def _capped_logits(hidden, embedding, soft_cap):
    logits = _contract(hidden, embedding, 1)
    if soft_cap is not None:
        logits = soft_cap * jnp.tanh(logits / soft_cap)
    return logits


def _exponentials(logits, soft_cap):
    """Returns exponentials, up to a factor for each token, and `logsumexp`."""
    top = jnp.zeros(logits.shape[:-1], jnp.float32)
    if soft_cap is None or soft_cap > _SAFE_CAP:
        top = jax.lax.stop_gradient(logits.max(-1))
    exponentials = jnp.exp(logits - top[..., None])
    return exponentials, jnp.log(exponentials.sum(-1)) + top


def _losses(logits, log_total, labels, options: ChunkOptions) -> TokenLosses:
    known = (labels >= 0) & (labels < logits.shape[-1])
    own = jnp.where(known, _pick(logits, jnp.where(known, labels, 0), options), jnp.nan)
    nats = log_total - own
    objective = nats
    if not options.plain:
        smoothing = options.label_smoothing
        even = log_total - logits.mean(-1)
        objective = (1 - smoothing) * nats + smoothing * even
        objective += options.z_loss * log_total**2
    correct = _is_first_maximum(logits, own, labels) & jnp.isfinite(nats)
    return TokenLosses(nats, correct.astype(jnp.float32), objective)


def _pick(logits, labels, options: ChunkOptions):
    """Returns the logit of each label."""
    labels = labels[..., None]
    if options.shards:
        # Each device sums over its part of the vocabulary, in which it may not be.
        return jnp.where(_indices(logits) == labels, logits, 0.0).sum(-1)
    return jnp.take_along_axis(logits, labels, -1)[..., 0]


def _is_first_maximum(logits, own, labels):
    """Whether `argmax(logits)` is the label; reducing booleans is much faster."""
    own, labels = own[..., None], labels[..., None]
    earlier_tie = (logits == own) & (_indices(logits) < labels)
    return ~((logits > own) | earlier_tie).any(-1)


def _indices(logits):
    return jax.lax.broadcasted_iota(jnp.int32, logits.shape, logits.ndim - 1)


def _contract(left, embedding, axis):
    """Contracts the last axis of `left` with one of the embedding's, in float32."""
    dimensions = (((left.ndim - 1,), (axis,)), ((), ()))
    return jax.lax.dot_general(
        left, embedding, dimensions, preferred_element_type=jnp.float32
    )


def _take(values, order):
    """Reorders the places of every row, in each array of a tree."""
    return jax.tree.map(
        lambda rows: jax.vmap(jnp.take, (0, 0, None))(rows, order, 0), values
    )
