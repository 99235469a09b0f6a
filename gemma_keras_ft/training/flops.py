"""How much arithmetic a run needs: what its speed is measured against."""

import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from gemma_keras_ft.data.rows import PlannedRows

# Sides of the products that are timed, and how often: as large as a device needs to
# be busy, and its fastest is what it can do.
_SIDE_ON_CPU, _SIDE, _PRODUCTS = 1024, 8192, 10
# The layers of the first block that read the embeddings, which are frozen: nothing
# asks for a gradient of what goes into them.
_FIRST = ("query", "key", "value")


def training_flops(model, rows: PlannedRows) -> float:
    """Counts the floating-point operations that training on an epoch needs.

    A multiplication and an addition count as two. Of every token:

    - the frozen kernels, `2 P` forward and `2 P` backward for the gradient of their
      inputs alone (but none for query, key and value of the first block);
    - the factors of the adapter, `2 A` forward and `4 A` backward;
    - attention, `4 heads head_dim` forward and twice that backward, for each place
      that it sees: its own text up to itself, no further back than the window;
    - where it is scored, the logits, `2 vocabulary width`, and as much for the
      gradient of the hidden state.

    Padding, norms, activation functions, the optimizer, and what is computed again to
    save memory do not count.

    Args:
        model: A `keras_hub.models.GemmaCausalLM` with an adapter.
        rows: The rows of an epoch.

    References:
        Chowdhery et al., 2022, appendix B. https://arxiv.org/abs/2204.02311
    """
    backbone, counts = model.backbone, rows.counts()
    lengths = _text_lengths(rows)
    total = counts["tokens"] * sum(_layer_flops(*found) for found in _layers(backbone))
    for block in backbone.transformer_layers:
        attention = block.attention
        window = None
        if attention.use_sliding_window_attention:
            window = attention.sliding_window_size
        size = attention.num_query_heads * attention.head_dim
        total += 12 * size * _pairs(lengths, window)
    logits = math.prod(backbone.token_embedding.embeddings.shape)
    return float(total + counts["scored_tokens"] * 4 * logits)


def measure_peak_flops(dtype: str = "float32") -> float:
    """Times large products; returns the operations a second of all devices together.

    It takes a second or two. Makers' figures are higher: no program reaches them.

    Args:
        dtype: Of the factors; sums are what the device makes of it.
    """
    import jax
    import jax.numpy as jnp

    side = _SIDE_ON_CPU if jax.default_backend() == "cpu" else _SIDE
    square = jnp.ones((side, side), dtype)
    product = jax.jit(jnp.matmul)
    product(square, square).block_until_ready()
    seconds = []
    for _ in range(_PRODUCTS):
        start = time.perf_counter()
        product(square, square).block_until_ready()
        seconds.append(time.perf_counter() - start)
    # Virtual devices share one CPU.
    devices = 1 if jax.default_backend() == "cpu" else len(jax.devices())
    return 2 * side**3 / min(seconds) * devices


def _layers(backbone) -> Iterator[tuple[Any, bool]]:
    """Yields every layer with a kernel, and whether its inputs need a gradient."""
    for index, block in enumerate(backbone.transformer_layers):
        for layer in block._flatten_layers(include_self=False):
            if getattr(layer, "_kernel", None) is not None:
                yield layer, index > 0 or layer.name not in _FIRST


def _layer_flops(layer, inputs_need_gradient: bool) -> int:
    """Returns the operations of a token in a layer, forward and backward."""
    # Of int4 kernels, two values share a byte.
    shape = getattr(layer, "original_kernel_shape", layer._kernel.shape)
    passes = 2 if inputs_need_gradient else 1
    flops = 2 * passes * math.prod(shape)
    update = getattr(layer, "low_rank_update", None)
    if update is not None:
        down, up = layer.lora_kernel_a.shape, layer.lora_kernel_b.shape
        heads = math.prod(down[axis] for axis in update.heads)
        flops += 2 * (passes + 1) * math.prod(down) + 6 * heads * math.prod(up)
    return flops


def _text_lengths(rows: PlannedRows) -> np.ndarray:
    """Returns the places of every text in every row."""
    found = []
    for bucket in rows.buckets:
        segments = np.asarray(bucket.arrays["segment_ids"])
        numbered = segments + np.arange(len(segments))[:, None] * (segments.max() + 1)
        found.append(np.unique(numbered[segments > 0], return_counts=True)[1])
    return np.concatenate(found)


def _pairs(lengths: np.ndarray, window: int | None) -> int:
    """Counts the pairs of places of which one attends to the other."""
    seen = lengths if window is None else np.minimum(lengths, window)
    return int((seen * (seen + 1) // 2 + (lengths - seen) * seen).sum())
