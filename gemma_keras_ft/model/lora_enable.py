"""Adapters on a model: enabled, counted, turned off."""

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from gemma_keras_ft.model.lora_settings import Adapter

FACTORS = ("lora_kernel_a", "lora_kernel_b")
# What a path holds of it says that it is no part of the base.
_SEEDS = "lora_kernel_dropout"


@dataclasses.dataclass
class Installed:
    """What a backbone carries.

    Args:
        adapter: The settings of its adapter.
        kept: While the adapter is merged, the variables that merging changed and
            their values before; None for values that are not kept.
    """

    adapter: Adapter
    kept: list[tuple[Any, Any]] | None = None
    merged: bool = False


def enable_adapter(model, adapter: Adapter, *, seed: int = 0) -> None:
    """Freezes the base and gives each target layer Keras' own LoRA variables.

    Updates are computed as `x @ W + scale * (x @ A) @ B`: no kernel is merged at any
    step, in training, under rematerialization or in cached generation. A fresh
    adapter changes nothing: its A factors are drawn (He uniform), its B factors are
    zero. On a model that carries an adapter of these settings already, that one is
    drawn anew.

    Args:
        model: A `keras_hub.models.GemmaCausalLM`; changed in place.
        adapter: What to adapt.
        seed: Seed of the A factors and of dropout.

    Raises:
        ValueError: If the model carries an adapter of other settings, or a merged one.
    """
    present = adapter_settings(model)
    if present is not None and present != adapter:
        raise ValueError(
            f"`adapter` must equal the one on the model. Received: {adapter}, on a "
            f"model with {present}. Load the preset again for other settings."
        )
    check_not_merged(model)
    if present is None:
        _add_factors(model, adapter)
    if installed(model) is None:
        _install(model, adapter)
    for variable in adapter_random_state(model).values():
        variable.assign(np.array([seed, 0], "uint32"))
    generator = np.random.default_rng(seed)
    for path, variable in sorted(adapter_variables(model).items()):
        if path.endswith("lora_kernel_b"):
            variable.assign(np.zeros(variable.shape, "float32"))
            continue
        fan_in = int(np.prod(variable.shape[:-1]))
        limit = (6.0 / fan_in) ** 0.5
        variable.assign(generator.uniform(-limit, limit, variable.shape))


def adapter_settings(model) -> Adapter | None:
    """Returns the settings of the adapter that a model carries; None without one.

    Raises:
        ValueError: If `enable_lora` gave the model layers of several ranks or alphas.
    """
    found = installed(model)
    if found is not None:
        return found.adapter
    layers = [layer for layer in _block_layers(model) if _has_lora(layer)]
    settings = {(layer.lora_rank, layer.lora_alpha) for layer in layers}
    if not settings:
        return None
    if len(settings) > 1:
        raise ValueError(
            "`model` must have one rank and one alpha. Received: (rank, alpha) of "
            f"{sorted(settings)}. Load the preset again."
        )
    ((rank, alpha),) = settings
    targets = tuple({layer.name: None for layer in layers})
    return Adapter(rank=rank, alpha=alpha, targets=targets)


def installed(model) -> Installed | None:
    """Returns what this library put onto the model's backbone; None if nothing."""
    return getattr(model.backbone, "low_rank_adapter", None)


def check_not_merged(model) -> None:
    """Checks that the adapter is not folded into the base.

    Raises:
        ValueError: If it is.
    """
    found = installed(model)
    if found is not None and found.merged:
        raise ValueError(
            "The adapter must not be merged. Received: a model whose adapter is folded "
            "into its base. Call `unmerge_adapter(model)` first."
        )


def target_layers(model, adapter: Adapter) -> Iterator[Any]:
    """Yields the layers that an adapter changes, block by block."""
    return (layer for layer in _block_layers(model) if layer.name in adapter.targets)


def adapter_shapes(model, adapter: Adapter) -> dict[str, tuple[int, ...]]:
    """Returns the shapes of an adapter's variables by path, from the base alone."""
    shapes = {}
    for layer in target_layers(model, adapter):
        folder = layer._kernel.path.rpartition("/")[0]
        # Of int4 kernels, two values share a byte.
        kernel = getattr(layer, "original_kernel_shape", layer._kernel.shape)
        shapes[f"{folder}/lora_kernel_a"] = (*kernel[:-1], adapter.rank)
        shapes[f"{folder}/lora_kernel_b"] = (adapter.rank, kernel[-1])
    return shapes


def adapter_variables(model) -> dict[str, Any]:
    """Returns the adapter's Keras variables by path; empty without one."""
    return {
        variable.path: variable
        for variable in model.trainable_variables
        if variable.path.rsplit("/", 1)[-1] in FACTORS
    }


def adapter_random_state(model) -> dict[str, Any]:
    """Returns the state of dropout, uint32 `(2,)` by path; empty without dropout.

    A run that is resumed with it draws the masks that it would have drawn.
    """
    seeds = getattr(model.backbone, "adapter_seeds", None)
    return {} if seeds is None else {seeds.state.path: seeds.state}


def count_adapter_parameters(model) -> int:
    """Returns the number of trainable values in the adapter."""
    return sum(int(np.prod(v.shape)) for v in adapter_variables(model).values())


@contextlib.contextmanager
def base_only(model):
    """Turns the adapter off inside a `with` block, and on again after it.

    The compiled functions stay valid: only the B factors' values change.

    Raises:
        ValueError: If the adapter is merged.
    """
    from gemma_keras_ft.model.placement import fetch

    check_not_merged(model)
    factors = [
        (variable, fetch(variable.value))
        for path, variable in adapter_variables(model).items()
        if path.endswith("lora_kernel_b")
    ]
    for variable, value in factors:
        variable.assign(np.zeros_like(value))
    try:
        yield
    finally:
        for variable, value in factors:
            variable.assign(value)


def _add_factors(model, adapter: Adapter) -> None:
    backbone = model.backbone
    backbone.trainable = True
    for layer in backbone._flatten_layers(include_self=False):
        layer.trainable = False
    for layer in target_layers(model, adapter):
        layer.trainable = True
        # Keras scales by alpha / rank, in what it merges and saves by itself too.
        layer.enable_lora(adapter.rank, lora_alpha=adapter.scale * adapter.rank)


def _install(model, adapter: Adapter) -> None:
    import keras

    from gemma_keras_ft.model.lora_forward import install_dropout, install_update

    seeds = None
    if adapter.dropout:
        seeds = keras.random.SeedGenerator(0, name=_SEEDS)
        install_dropout(model.backbone, seeds)
    for index, layer in enumerate(target_layers(model, adapter)):
        install_update(layer, dropout=adapter.dropout, seeds=seeds, index=index)
    model.backbone.low_rank_adapter = Installed(adapter=adapter)


def _block_layers(model) -> Iterator[Any]:
    for block in model.backbone.transformer_layers:
        yield from block._flatten_layers(include_self=False)


def _has_lora(layer) -> bool:
    return getattr(layer, "lora_enabled", False)
