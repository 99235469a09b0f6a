"""Attention of packed rows, with Gemma 2's soft cap and window, on every device."""

import inspect
import types
from typing import Any

# Places in a block of the memory-lean path, and the longest row that the plain path
# takes. On a CPU, 64 was the fastest of 32 to 512 for rows of 256 and of 4,096
# places; elsewhere matrix units want larger products (not yet measured).
_BLOCK_ON_CPU = 64
_BLOCK = 512


def segment_attention(
    query,
    key,
    value,
    *,
    segment_ids,
    scale: float,
    soft_cap: float | None = None,
    sliding_window: int | None = None,
    block_size: int | None = None,
) -> Any:
    """Causal, grouped-query attention that stays within the segments of a row.

    Example:
        segment_ids   [1, 1, 1, 2, 2, 0]
        sees          0: 0   1: 0-1   2: 0-2   3: 3   4: 3-4   5: nothing

    A row no longer than `block_size` is attended to at once, with `(length, length)`
    logits a head. A longer one is attended to block by block: memory grows with its
    length only, and blocks that causality, the window or the segments hide are not
    computed. Both paths compute the same, and their gradients too. The softmax, the
    cap and all sums are float32.

    Args:
        query: `(rows, length, query_heads, head_dim)`, rotated, not scaled.
        key: `(rows, length, kv_heads, head_dim)`; one of its heads serves
            `query_heads / kv_heads` query heads in a row.
        value: As `key`.
        segment_ids: int32 `(rows, length)`, the number of each place's segment from
            1 upwards, and 0 for padding. Padding yields zeros and gets and gives
            zero gradients.
        scale: Factor on the product of query and key.
        soft_cap: Logits become `soft_cap * tanh(logits / soft_cap)`.
        sliding_window: A place sees itself and the `sliding_window - 1` before it.
        block_size: Places in a block; by default 64 on a CPU, else 512.

    Returns:
        `(rows, length, query_heads, head_dim)` of `value`'s dtype.

    Raises:
        ValueError: If shapes do not fit each other or a setting is out of range.

    References:
        Gemma Team, 2024. https://arxiv.org/abs/2408.00118
    """
    from gemma_keras_ft.model.attention_blocks import attend_in_blocks
    from gemma_keras_ft.model.attention_plain import AttentionRules, attend_plain

    _check_shapes(query, key, value, segment_ids)
    _check_at_least_1("block_size", block_size)
    _check_at_least_1("sliding_window", sliding_window)
    if soft_cap is not None and not soft_cap > 0:
        raise ValueError(
            f"`soft_cap` must be positive, or None. Received: soft_cap={soft_cap!r}."
        )
    length = query.shape[1]
    if sliding_window is not None and sliding_window >= length:
        sliding_window = None
    rules = AttentionRules(
        scale=float(scale), soft_cap=soft_cap, sliding_window=sliding_window
    )
    block = _default_block() if block_size is None else block_size
    if length <= block:
        return attend_plain(query, key, value, segment_ids, rules)
    return attend_in_blocks(query, key, value, segment_ids, rules, block)


def replace_attention(model, *, block_size: int | None = None) -> None:
    """Makes a Gemma attend within segments, numbered in its `padding_mask` input.

    Without a cache, `padding_mask` is int32 `(rows, length)` with 0 for padding and
    1, 2, ... for the segments of a packed row; positions need no reset, as rotary
    embeddings are relative. An ordinary mask of 0 and 1 is one segment, and gives
    stock's logits at every place that is not padding.

    Weights, names, projections, rotary embeddings and cached generation stay
    KerasHub's; generation takes the explicit path, see `use_explicit_attention`.
    Scale, cap and window are read from each layer.

    A copy, a clone or a saved model is stock's again, as Keras makes those from the
    configuration: replace its attention too, or stock takes packed rows without
    complaint and lets songs see each other. `attends_in_segments` tells them apart.

    Args:
        model: A `keras_hub.models.GemmaCausalLM`; changed in place.
        block_size: As in `segment_attention`.

    Raises:
        ValueError: If a layer drops attention weights out or attends to what comes
            later, or `block_size` is out of range.
    """
    _check_at_least_1("block_size", block_size)
    blocks = model.backbone.transformer_layers
    for block in blocks:
        _check_layer(block.attention)

    def attend(layer, query, key, value, attention_mask, **options):
        # A cache of a single place attends to it, as a segment of a single place does.
        if attention_mask.shape[-1] == key.shape[1] > 1:
            stock = type(layer)._compute_attention
            return stock(layer, query, key, value, attention_mask, **options)
        return segment_attention(
            query,
            key,
            value,
            segment_ids=attention_mask[..., 0].astype("int32"),
            scale=_scale(layer),
            soft_cap=layer.logit_soft_cap,
            sliding_window=_window(layer),
            block_size=block_size,
        )

    use_explicit_attention(model)
    for block in blocks:
        block._compute_attention_mask = types.MethodType(_segments_as_mask, block)
        block.attention._compute_attention = types.MethodType(attend, block.attention)


def attends_in_segments(model) -> bool:
    """Returns whether `replace_attention` was applied to this very model."""
    return all(
        getattr(block._compute_attention_mask, "__func__", None) is _segments_as_mask
        for block in model.backbone.transformer_layers
    )


def use_explicit_attention(model) -> None:
    """Makes every attention layer compute its logits itself, cap included.

    On TPU, KerasHub hands attention to a fused operation which, under `jit`,
    drops the soft cap: the model computes something else than it was trained
    for. The explicit path is right on every device.

    Args:
        model: A `keras_hub.models.GemmaCausalLM`; changed in place.
    """
    for block in model.backbone.transformer_layers:
        block.attention._use_fused_attention_op = _never


def _never() -> bool:
    return False


def _default_block() -> int:
    """Returns what suits the devices of the mesh, or those that JAX runs on."""
    import jax

    from gemma_keras_ft.model.distribution import current_distribution

    distribution = current_distribution()
    if distribution is None:
        platform = jax.default_backend()
    else:
        platform = distribution.device_mesh.devices.flat[0].platform
    return _BLOCK_ON_CPU if platform == "cpu" else _BLOCK


def _segments_as_mask(layer, *args, **kwargs):
    """Hands the segments on to attention, as `(rows, length, 1)`, for the mask.

    That shape passes through KerasHub's attention, which sets places to zero whose
    last axis is all zeros: the padding.
    """
    import keras

    stock = type(layer)._compute_attention_mask
    given = inspect.signature(stock).bind(layer, *args, **kwargs).arguments
    if given.get("cache") is not None:
        return stock(layer, *args, **kwargs)
    if given.get("vision_mask") is not None:
        raise ValueError(
            "`vision_mask` must be None: attention in segments is for text. "
            f"Received: vision_mask of shape {given['vision_mask'].shape}."
        )
    segments: Any = given.get("padding_mask")
    if segments is None:
        segments = keras.ops.ones(given["x"].shape[:2], "int32")
    return keras.ops.expand_dims(keras.ops.cast(segments, "int32"), -1)


def _scale(layer) -> float:
    """Returns the factor that KerasHub's attention puts on its queries."""
    if layer.query_head_dim_normalize:
        return layer.head_dim**-0.5
    return (layer.hidden_dim // layer.num_query_heads) ** -0.5


def _window(layer) -> int | None:
    return layer.sliding_window_size if layer.use_sliding_window_attention else None


def _check_layer(layer) -> None:
    if layer.dropout:
        raise ValueError(
            "`dropout` must be 0: attention in segments has none. Received: "
            f"dropout={layer.dropout!r} in {layer.path}. Drop adapters out instead."
        )
    if getattr(layer, "use_bidirectional_attention", False):
        raise ValueError(
            "`use_bidirectional_attention` must be False: attention in segments is "
            f"causal. Received: use_bidirectional_attention=True in {layer.path}."
        )


def _check_shapes(query, key, value, segment_ids) -> None:
    rows, length, heads, head_dim = query.shape
    if key.shape != value.shape or key.shape[:2] != (rows, length):
        raise ValueError(
            "`key` and `value` must have one shape, with the rows and length of "
            f"`query`. Received: query {query.shape}, key {key.shape}, value "
            f"{value.shape}."
        )
    kv_heads = key.shape[2]
    if heads % kv_heads or key.shape[3] != head_dim:
        raise ValueError(
            "`query` must have a multiple of the heads of `key`, of the same width. "
            f"Received: query {query.shape}, key {key.shape}."
        )
    if segment_ids.shape != (rows, length):
        raise ValueError(
            "`segment_ids` must be (rows, length), as `query`. Received: segment_ids "
            f"{segment_ids.shape}, query {query.shape}."
        )


def _check_at_least_1(name: str, value: int | None) -> None:
    if value is not None and value < 1:
        raise ValueError(f"`{name}` must be at least 1. Received: {name}={value!r}.")
