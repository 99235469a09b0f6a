"""Adapters folded into the base, and the base as it was."""

import contextlib
from typing import Any

from gemma_keras_ft.model.lora_enable import (
    Installed,
    check_not_merged,
    installed,
    target_layers,
)


def merge_adapter(model, *, keep: bool = True) -> None:
    """Folds the adapter into the base kernels: the same model without an adapter.

    Each kernel becomes `W + scale * A @ B`, summed in float32 and then rounded to the
    kernel's own dtype. The B factors become zero, so that compiled functions stay
    valid. A merged adapter can be neither saved nor turned off.

    Args:
        model: A model that carries an adapter; changed in place.
        keep: Whether to keep the kernels for `unmerge_adapter`: as much memory again
            as the target layers' kernels take.

    Raises:
        ValueError: If the model carries no adapter or a merged one, or its base is
            quantized.
    """
    check_not_merged(model)
    found = _installed(model)
    layers = list(target_layers(model, found.adapter))
    for layer in layers:
        _check_not_quantized(layer)
    kept = []
    for layer in layers:
        kernel, up = layer._kernel, layer.lora_kernel_b
        # Not copied: JAX arrays do not change, and assigning replaces them.
        kept += [(kernel, kernel.value), (up, up.value)]
        kernel.assign(_merged_kernel(layer))
        up.assign(up.value * 0)
    found.merged = True
    found.kept = kept if keep else None


def unmerge_adapter(model) -> None:
    """Restores the base kernels and the adapter bit for bit, from what was kept.

    Raises:
        ValueError: If no adapter is merged, or its kernels were not kept.
    """
    found = _installed(model)
    if found.kept is None:
        raise ValueError(
            "The adapter must be merged, its kernels kept. Received: "
            f"merged={found.merged}, kernels not kept. Load the preset and the adapter "
            "again."
        )
    for variable, value in found.kept:
        variable.assign(value)
    found.merged, found.kept = False, None


@contextlib.contextmanager
def merged_adapter(model):
    """Merges the adapter inside a `with` block.

    Example:
        ```python
        with merged_adapter(model):
            model.save_to_preset("merged")
        ```
    """
    merge_adapter(model)
    try:
        yield
    finally:
        unmerge_adapter(model)


def _merged_kernel(layer) -> Any:
    import jax
    import jax.numpy as jnp

    down, up = layer.lora_kernel_a.value, layer.lora_kernel_b.value
    scale = layer.lora_alpha / layer.lora_rank
    # Matrix units would round the factors of a float32 product.
    update = jnp.matmul(down, scale * up, precision=jax.lax.Precision.HIGHEST)
    return layer._kernel.value.astype(jnp.float32) + update


def _installed(model) -> Installed:
    found = installed(model)
    if found is None:
        raise ValueError(
            "`model` must carry an adapter. Received: a model without one. Call "
            "`enable_adapter` or `load_adapter` first."
        )
    return found


def _check_not_quantized(layer) -> None:
    if layer.quantization_mode is not None:
        raise ValueError(
            f"The base must not be quantized to be merged into. Received: {layer.path} "
            f"in {layer.quantization_mode}. Load the preset unquantized and the "
            "adapter onto it: it is the same adapter, though not the same rounding."
        )
