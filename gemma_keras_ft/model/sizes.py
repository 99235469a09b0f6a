"""How many numbers a Gemma of some shape has, and what they take."""

from collections.abc import Mapping
from typing import Any


def count_parameters(shape: Mapping[str, Any]) -> int:
    """Returns the number of weights of a backbone of some shape.

    Args:
        shape: Arguments of `keras_hub.models.GemmaBackbone`.
    """
    norms = 2 + sum(
        bool(shape.get(name))
        for name in ("use_post_ffw_norm", "use_post_attention_norm")
    )
    width = shape["hidden_dim"]
    outside = (shape["vocabulary_size"] + 1) * width
    return outside + shape["num_layers"] * (norms * width) + _kernels(shape)


def weight_bytes(
    shape: Mapping[str, Any], *, dtype: str, quantized: bool = False
) -> int:
    """Returns the bytes of a backbone's weights.

    Args:
        shape: As for `count_parameters`.
        dtype: Of each weight.
        quantized: Whether the kernels of the blocks are int8; without their scales, a
            thousandth of that.
    """
    import ml_dtypes
    import numpy as np

    size = np.dtype(getattr(ml_dtypes, dtype, dtype)).itemsize
    kernels = _kernels(shape)
    rest = (count_parameters(shape) - kernels) * size
    return rest + kernels * (1 if quantized else size)


def _kernels(shape: Mapping[str, Any]) -> int:
    """Returns the number of weights in the kernels of all blocks."""
    width, head = shape["hidden_dim"], shape["head_dim"]
    # Query and output have a head each for every key and value head's group.
    heads = 2 * shape["num_query_heads"] + 2 * shape["num_key_value_heads"]
    # Two halves into the gated layer, and one back.
    feed_forward = 3 * shape["intermediate_dim"] // 2
    return shape["num_layers"] * width * (heads * head + feed_forward)
