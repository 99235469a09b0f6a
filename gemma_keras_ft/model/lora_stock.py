"""Adapters in a plain KerasHub model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gemma_keras_ft.model.adapter_file import read_adapter_values
from gemma_keras_ft.model.fingerprint import preset_fingerprint
from gemma_keras_ft.model.lora_enable import (
    adapter_settings,
    adapter_shapes,
    adapter_variables,
    check_not_merged,
    target_layers,
)
from gemma_keras_ft.model.lora_settings import Adapter


def load_stock_adapter(stock_model, source: Any) -> None:
    """Puts an adapter into a plain KerasHub model, with the same logits.

    Stock LoRA scales every update by its own alpha / rank, where `enable_lora(rank)`
    takes the rank for alpha; the adapter's scale, rank-stabilized or not, is folded
    into its B factors. Dropout, which is for training only, is left behind. Under
    float32 the logits agree to rounding; in bfloat16, stock rounds the merged kernels.

    Example:
        ```python
        stock = keras_hub.models.GemmaCausalLM.from_preset("gemma2_2b_en")
        load_stock_adapter(stock, "run/adapter.safetensors")
        ```

    Args:
        stock_model: A `keras_hub.models.GemmaCausalLM` of the adapter's base, without
            LoRA or with `enable_lora` of the same rank and target layers; changed in
            place.
        source: File of `save_adapter`, or a model that carries an adapter.

    Raises:
        ValueError: If the bases differ, or `stock_model` or stock's `enable_lora`
            cannot hold the adapter.
    """
    check_not_merged(stock_model)
    adapter, values = _read(stock_model, source)
    expected = adapter_shapes(stock_model, adapter)
    _check_uniform(expected, {name: v.shape for name, v in values.items()})
    variables = adapter_variables(stock_model)
    if not variables:
        stock_model.backbone.enable_lora(
            adapter.rank, target_layer_names=list(adapter.targets)
        )
        variables = adapter_variables(stock_model)
    _check_held(expected, {name: tuple(v.shape) for name, v in variables.items()})
    for name, variable in variables.items():
        variable.assign(values[name])
    for layer in target_layers(stock_model, adapter):
        stock_scale = layer.lora_alpha / layer.lora_rank
        layer.lora_kernel_b.assign(
            layer.lora_kernel_b.value * (adapter.scale / stock_scale)
        )


def _read(stock_model, source) -> tuple[Adapter, Mapping[str, np.ndarray]]:
    fingerprint = preset_fingerprint(stock_model)
    if isinstance(source, str | Path):
        return read_adapter_values(stock_model, source, fingerprint=fingerprint)
    check_not_merged(source)
    adapter = adapter_settings(source)
    if adapter is None:
        raise ValueError(
            "`source` must carry an adapter. Received: a model without one."
        )
    if preset_fingerprint(source) != fingerprint:
        raise ValueError(
            "`stock_model` must be the base of the adapter. Received: a base with "
            f"fingerprint {fingerprint}, for an adapter on "
            f"{preset_fingerprint(source)}. Load that preset."
        )
    variables = adapter_variables(source)
    return adapter, {name: np.asarray(v.value) for name, v in variables.items()}


def _check_uniform(expected: Mapping, found: Mapping) -> None:
    if expected != found:
        name = _first_differing(expected, found)
        raise ValueError(
            "The adapter must have one rank, and the same layers in every block: "
            "stock's `enable_lora` has no other. Received: "
            f"{name!r} of shape {found.get(name)}, expected {expected.get(name)}."
        )


def _check_held(expected: Mapping, found: Mapping) -> None:
    if expected != found:
        name = _first_differing(expected, found)
        raise ValueError(
            "`stock_model` must have no LoRA yet, or the adapter's rank and layers. "
            f"Received: {name!r} of shape {found.get(name)}, expected "
            f"{expected.get(name)}. Load the preset again."
        )


def _first_differing(expected: Mapping, found: Mapping) -> str:
    names = sorted({*expected, *found})
    return next(name for name in names if expected.get(name) != found.get(name))
