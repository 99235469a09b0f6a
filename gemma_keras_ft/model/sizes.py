"""Which variables a Gemma of some shape has, how many numbers, and what they take."""

import math
from collections.abc import Iterator, Mapping
from typing import Any


def base_variables(shape: Mapping[str, Any]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yields path and shape of every variable of a backbone.

    Args:
        shape: Arguments of `keras_hub.models.GemmaBackbone`.
    """
    width = shape["hidden_dim"]
    yield "token_embedding/embeddings", (shape["vocabulary_size"], width)
    norms = ["pre_attention_norm", "pre_ffw_norm"]
    norms += ["post_attention_norm"] * bool(shape.get("use_post_attention_norm"))
    norms += ["post_ffw_norm"] * bool(shape.get("use_post_ffw_norm"))
    for number in range(shape["num_layers"]):
        block = f"decoder_block_{number}"
        for name in norms:
            yield f"{block}/{name}/scale", (width,)
        for name, kernel in kernel_shapes(shape).items():
            yield f"{block}/{name}/kernel", kernel
    yield "final_normalization/scale", (width,)


def kernel_shapes(shape: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Returns the shapes of a block's kernels, by the path of their layer in it.

    Args:
        shape: As for `base_variables`.
    """
    heads, kv_heads = shape["num_query_heads"], shape["num_key_value_heads"]
    width, head = shape["hidden_dim"], shape["head_dim"]
    features = shape["intermediate_dim"] // 2
    return {
        "attention/query": (heads, width, head),
        "attention/key": (kv_heads, width, head),
        "attention/value": (kv_heads, width, head),
        "attention/attention_output": (heads, head, width),
        "ffw_gating": (width, features),
        "ffw_gating_2": (width, features),
        "ffw_linear": (features, width),
    }


def count_parameters(shape: Mapping[str, Any]) -> int:
    """Returns the number of weights of a backbone of some shape.

    Args:
        shape: As for `base_variables`.
    """
    return sum(math.prod(size) for _, size in base_variables(shape))


def weight_bytes(
    shape: Mapping[str, Any], *, dtype: str, quantized: bool = False
) -> int:
    """Returns the bytes of a backbone's weights.

    Args:
        shape: As for `base_variables`.
        dtype: Of each weight.
        quantized: Whether the kernels of the blocks are int8; without their scales, a
            thousandth of that.
    """
    import ml_dtypes
    import numpy as np

    size = np.dtype(getattr(ml_dtypes, dtype, dtype)).itemsize
    kernels = _count_in_kernels(shape)
    rest = (count_parameters(shape) - kernels) * size
    return rest + kernels * (1 if quantized else size)


def _count_in_kernels(shape: Mapping[str, Any]) -> int:
    """Returns the number of weights in the kernels of all blocks."""
    return shape["num_layers"] * sum(map(math.prod, kernel_shapes(shape).values()))
