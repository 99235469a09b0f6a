"""Attention with all logits of a row at once: the textbook form, for short rows."""

import dataclasses

import jax
import jax.numpy as jnp

# Instead of minus infinity: a row of nothing else still has finite differences.
HIDDEN = -1e30


@dataclasses.dataclass(frozen=True, kw_only=True)
class AttentionRules:
    """How logits become weights; hashable, so that a compiled function can key on it.

    Args:
        scale: Factor on the product of query and key.
        soft_cap: Bound that `tanh` keeps the logits within; None for none.
        sliding_window: Places a query sees, its own included; None for all.
    """

    scale: float
    soft_cap: float | None = None
    sliding_window: int | None = None

    def logits(self, query, key):
        """Returns the capped logits, float32 `(rows, kv_heads, groups, query, key)`.

        Args:
            query: `(rows, kv_heads, groups, query, head_dim)`.
            key: `(rows, kv_heads, key, head_dim)`.
        """
        logits = self.scale * jnp.einsum(
            "rkgqd,rksd->rkgqs", query, key, preferred_element_type=jnp.float32
        )
        if self.soft_cap is None:
            return logits
        return self.soft_cap * jnp.tanh(logits / self.soft_cap)

    def slope(self, logits):
        """Returns the derivative of capped logits by the product of query and key."""
        if self.soft_cap is None:
            return self.scale
        return self.scale * (1.0 - jnp.square(logits / self.soft_cap))

    def visible(self, query_segments, key_segments, offset=0):
        """Returns which keys a query sees, bool `(rows, 1, 1, query, key)`.

        Args:
            query_segments: int32 `(rows, query)`; padding, 0, sees nothing.
            key_segments: int32 `(rows, key)`.
            offset: Place of the first query less the place of the first key.
        """
        query_places = offset + jnp.arange(query_segments.shape[1])[:, None]
        distance = query_places - jnp.arange(key_segments.shape[1])
        near = distance >= 0
        if self.sliding_window is not None:
            near &= distance < self.sliding_window
        query_segments = query_segments[:, :, None]
        same = (query_segments == key_segments[:, None, :]) & (query_segments > 0)
        return (near & same)[:, None, None]


def attend_plain(query, key, value, segment_ids, rules: AttentionRules):
    """Attends with logits of `(rows, heads, length, length)`.

    Args and return value are those of
    `gemma_keras_ft.model.attention.segment_attention`.
    """
    rows, length, heads, head_dim = query.shape
    kv_heads = key.shape[2]
    # Heads before places, so that each product is of contiguous matrices: on a
    # CPU that is twice as fast.
    query = query.reshape(rows, length, kv_heads, heads // kv_heads, head_dim)
    query = query.transpose(0, 2, 3, 1, 4)
    key, value = key.transpose(0, 2, 1, 3), value.transpose(0, 2, 1, 3)
    visible = rules.visible(segment_ids, segment_ids)
    logits = jnp.where(visible, rules.logits(query, key), HIDDEN)
    weights = jax.nn.softmax(logits, axis=-1)
    output = jnp.einsum(
        "rkgqs,rksd->rkgqd",
        weights.astype(value.dtype),
        value,
        preferred_element_type=jnp.float32,
    )
    output = output.transpose(0, 3, 1, 2, 4).reshape(rows, length, heads, head_dim)
    # Padding sees nothing: its weights are even, and mean nothing.
    real = (segment_ids > 0)[:, :, None, None]
    return jnp.where(real, output, 0.0).astype(value.dtype)
