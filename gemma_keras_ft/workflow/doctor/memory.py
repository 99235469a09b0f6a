"""Checks of memory: the host's, and whether a preset's weights fit."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gemma_keras_ft.model.shapes import GEMMA2_SHAPES
from gemma_keras_ft.training.host_memory import available_memory
from gemma_keras_ft.workflow.doctor.devices import device_memory
from gemma_keras_ft.workflow.doctor.finding import Finding, in_gib

# Beyond this share of memory, weights leave little for what a step computes.
_FULL = 0.75
_GEMMA2 = re.compile(r"gemma[-_]?2[-_](?:instruct[-_])?(2b|9b|27b)(?![a-z0-9])")


def check_host_memory() -> Iterator[Finding]:
    """Says how much memory this process may still take on the host."""
    available = available_memory()
    found = "nobody tells how much" if available is None else in_gib(available)
    yield Finding(check="host memory", status="ok", found=f"{found} available")


def check_weights(preset: str | Path) -> Iterator[Finding]:
    """Compares what a preset's weights take with the memory that is to hold them.

    Args:
        preset: As for `load_preset`.
    """
    from gemma_keras_ft.model.precision import choose_precision

    shape = known_shape(preset)
    if shape is None:
        found = f"how large {preset} is shows only once it has been fetched"
        yield Finding(check="weights", status="ok", found=found)
        return
    dtype = choose_precision().dtype
    needed = weight_bytes(shape, dtype=dtype)
    on_device = device_memory()
    memory = available_memory() if on_device is None else on_device
    found = f"{count_parameters(shape):,} in {dtype} take {in_gib(needed)}"
    if memory is None:
        yield Finding(check="weights", status="ok", found=found)
        return
    found += f", of {in_gib(memory)} on {'the host' if on_device is None else 'each'}"
    if on_device is not None:
        found += " device"
    if needed > memory:
        yield Finding(
            check="weights", status="error", found=found, remedy=_too_large(dtype)
        )
    elif needed > _FULL * memory:
        left = memory - weight_bytes(shape, dtype=dtype, quantized=True)
        remedy = (
            f"`--quantize int8` leaves {in_gib(left)} for what a step computes, which "
            "`--remat block` and `--micro-batches` make less; or take a smaller preset."
        )
        yield Finding(check="weights", status="warning", found=found, remedy=remedy)
    else:
        yield Finding(check="weights", status="ok", found=found)


def known_shape(preset: str | Path) -> Mapping[str, Any] | None:
    """Returns the arguments that build a preset's backbone; None if not known here.

    Args:
        preset: A preset folder, whose config.json says it; or a name that tells which
            Gemma 2 it is, such as `"gemma2_instruct_2b_en"` or
            `"hf://google/gemma-2-2b"`.
    """
    from gemma_keras_ft.model.preset import TINY, tiny_preset_path

    folder = tiny_preset_path() if str(preset) == TINY else Path(preset)
    config = folder / "config.json"
    if config.is_file():
        return json.loads(config.read_text(encoding="utf-8"))["config"]
    size = _GEMMA2.search(str(preset))
    return GEMMA2_SHAPES[f"gemma2_{size[1]}_en"] if size else None


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


def _too_large(dtype: str) -> str:
    half = "" if dtype != "float32" else " `--dtype bfloat16` needs half of it."
    return f"Take a smaller preset, or a device with more memory.{half}"
