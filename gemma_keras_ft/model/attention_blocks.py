"""Attention in blocks with a running softmax: no (length, length) array exists.

A row is cut into blocks of places. For one block of queries after the other, the
blocks of keys are visited from the first that it may see up to its own; those that
causality, the sliding window or the segments hide from all rows are not visited.

The backward pass visits the same pairs of blocks and forms the weights anew from
the queries, the keys and the logarithm of each query's softmax denominator, so
that what is kept grows with the length and not with its square.

References:
    Milakov & Gimelshein, 2018. https://arxiv.org/abs/1805.02867
    Dao et al., 2022. https://arxiv.org/abs/2205.14135
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from gemma_keras_ft.model.attention_plain import HIDDEN, AttentionRules


def attend_in_blocks(query, key, value, segment_ids, rules: AttentionRules, block: int):
    """Attends block by block.

    Args and return value are those of
    `gemma_keras_ft.model.attention.segment_attention`.
    """
    rows, length, heads, head_dim = query.shape
    kv_heads = key.shape[2]

    def split(values, *axes):
        """(rows, length, ...) -> (blocks, rows, block, *axes), padded to fit."""
        padding = [(0, 0)] * values.ndim
        padding[1] = (0, -length % block)
        values = jnp.pad(values, padding)
        return jnp.moveaxis(values.reshape(rows, -1, block, *axes), 1, 0)

    # Heads before places, so that each product is of contiguous matrices.
    output: Any = _attend(
        split(query, kv_heads, heads // kv_heads, head_dim).transpose(0, 1, 3, 4, 2, 5),
        split(key, kv_heads, head_dim).swapaxes(2, 3),
        split(value, kv_heads, head_dim).swapaxes(2, 3),
        split(segment_ids),
        rules,
    )
    output = output.transpose(1, 0, 4, 2, 3, 5).reshape(rows, -1, heads, head_dim)
    return output[:, :length].astype(value.dtype)


@functools.partial(jax.custom_vjp, nondiff_argnums=(4,))
def _attend(query, key, value, segments, rules: AttentionRules):
    """Attends over blocks.

    Args:
        query: `(blocks, rows, kv_heads, groups, block, head_dim)`.
        key: `(blocks, rows, kv_heads, block, head_dim)`.
        value: As `key`.
        segments: int32 `(blocks, rows, block)`.
        rules: Scale, cap and window.

    Returns:
        float32, shaped as `query`.
    """
    return _forward(query, key, value, segments, rules)[0]


def _forward(query, key, value, segments, rules: AttentionRules):
    first = _first_visible(segments, rules)

    def attend(_, inputs):
        index, query, query_segments, first = inputs

        def visit(other, state):
            total, largest, weight = state
            logits, visible = _see(
                rules, query, query_segments, key, segments, index, other
            )
            visited = jnp.where(visible, logits, HIDDEN).max(axis=-1, keepdims=True)
            now = jnp.maximum(largest, visited)
            weights = jnp.where(visible, jnp.exp(logits - now), 0.0)
            shrink = jnp.exp(largest - now)
            total = total * shrink + _product(
                "rkgqs,rksd->rkgqd", weights.astype(value.dtype), _pick(value, other)
            )
            weight = weight * shrink + weights.sum(axis=-1, keepdims=True)
            return total, now, weight

        nothing = jnp.zeros((*query.shape[:-1], 1), jnp.float32)
        state = jnp.zeros(query.shape, jnp.float32), nothing + HIDDEN, nothing
        total, largest, weight = lax.fori_loop(first, index + 1, visit, state)
        # Padding sees nothing: zero over one.
        weight = jnp.where(weight > 0, weight, 1.0)
        return None, (total / weight, largest + jnp.log(weight))

    inputs = jnp.arange(len(segments)), query, segments, first
    _, (output, log_weight) = lax.scan(attend, None, inputs)
    return output, (query, key, value, segments, first, output, log_weight)


def _backward(rules: AttentionRules, residuals, output_gradient):
    query, key, value, segments, first, output, log_weight = residuals
    count, rows, kv_heads, block, head_dim = key.shape

    def attend(gradients, inputs):
        index, query, query_segments, first, gradient, output, log_weight = inputs
        correction = (gradient * output).sum(axis=-1, keepdims=True)
        gradient = gradient.astype(value.dtype)
        # Turned once here, not the far larger weights at every visit.
        query_turned = _turn(query)
        gradient_turned = _turn(gradient)

        def visit(other, state):
            query_gradient, key_gradient, value_gradient = state
            logits, visible = _see(
                rules, query, query_segments, key, segments, index, other
            )
            weights = jnp.where(visible, jnp.exp(logits - log_weight), 0.0)
            change = _product("rkgqd,rksd->rkgqs", gradient, _pick(value, other))
            change = weights * (change - correction) * rules.slope(logits)
            change = change.astype(query.dtype)
            query_gradient += _product("rkgqs,rksd->rkgqd", change, _pick(key, other))
            key_gradient = _add(
                key_gradient,
                _product("rkdgq,rkgqs->rkds", query_turned, change),
                other,
            )
            value_gradient = _add(
                value_gradient,
                _product(
                    "rkdgq,rkgqs->rkds", gradient_turned, weights.astype(value.dtype)
                ),
                other,
            )
            return query_gradient, key_gradient, value_gradient

        query_gradient, *gradients = lax.fori_loop(
            first, index + 1, visit, (jnp.zeros(query.shape, jnp.float32), *gradients)
        )
        return tuple(gradients), query_gradient

    nothing = jnp.zeros((count, rows, kv_heads, head_dim, block), jnp.float32)
    inputs = (
        *(jnp.arange(count), query, segments, first),
        *(output_gradient, output, log_weight),
    )
    (key_gradient, value_gradient), query_gradient = lax.scan(
        attend, (nothing, nothing), inputs
    )
    return (
        query_gradient.astype(query.dtype),
        key_gradient.swapaxes(-1, -2).astype(key.dtype),
        value_gradient.swapaxes(-1, -2).astype(value.dtype),
        np.zeros(segments.shape, jax.dtypes.float0),
    )


_attend.defvjp(_forward, _backward)


def _first_visible(segments, rules: AttentionRules):
    """Returns the first block of keys that each block of queries has to visit.

    A block that holds other segments only, in every row, is not visited; one that
    holds padding only visits none. It is one answer for all rows, so that devices
    which share the rows out take the same steps.

    Returns:
        int32 `(blocks,)`; a block's own number plus one where it visits none.
    """
    count, _, block = segments.shape
    lowest = jnp.where(segments > 0, segments, np.iinfo("int32").max).min(axis=-1)
    highest = segments.max(axis=-1)
    # Segments are numbered upwards along a row, so ranges that overlap decide; where
    # they are not, a block too many is visited and its mask hides it.
    shared = (lowest[:, None] <= highest) & (lowest <= highest[:, None])
    index = jnp.arange(count)
    allowed = index <= index[:, None]
    if rules.sliding_window is not None:
        nearest = (index[:, None] - index - 1) * block + 1
        allowed &= nearest < rules.sliding_window
    needed = shared.any(axis=-1) & allowed
    return jnp.where(needed.any(axis=1), needed.argmax(axis=1), index + 1)


def _see(rules, query, query_segments, key, segments, index, other):
    """Returns the logits of a pair of blocks, and which of them are visible."""
    offset = (index - other) * segments.shape[-1]
    return (
        rules.logits(query, _pick(key, other)),
        rules.visible(query_segments, _pick(segments, other), offset),
    )


def _product(equation, left, right):
    return jnp.einsum(equation, left, right, preferred_element_type=jnp.float32)


def _turn(values):
    """(rows, kv_heads, groups, block, head_dim) -> head_dim before the places."""
    return values.transpose(0, 1, 4, 2, 3)


def _pick(blocks, index):
    return lax.dynamic_index_in_dim(blocks, index, axis=0, keepdims=False)


def _add(blocks, values, index):
    values += _pick(blocks, index)
    return lax.dynamic_update_index_in_dim(blocks, values, index, axis=0)
