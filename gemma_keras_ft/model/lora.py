"""Low-rank adapters: enable, count, reset, save, load."""

import contextlib
import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gemma_keras_ft.config import Configurable, from_config, register
from gemma_keras_ft.records import write_bytes_atomically

ATTENTION = ("query", "key", "value", "attention_output")
FEED_FORWARD = ("ffw_gating", "ffw_gating_2", "ffw_linear")
_LAYERS = ATTENTION + FEED_FORWARD
_LARGEST_ALPHA = 65536
_FORMAT = 1
_METADATA = "gemma_keras_ft"


@register("adapter")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Adapter(Configurable):
    """What to adapt, and how much.

    Args:
        rank: Rank of each update. In Keras' factorization of the query, key and
            value kernels `(heads, width, head_width)` it is the rank per head.
        alpha: Updates are scaled by `alpha / rank`.
        targets: Names of the layers to adapt in every decoder block, in any order.

    Raises:
        ValueError: If a value is out of range or a target unknown.

    References:
        Hu et al., 2021. https://arxiv.org/abs/2106.09685
    """

    rank: int = 8
    alpha: float = 16.0
    targets: tuple[str, ...] = _LAYERS

    def __post_init__(self):
        if not isinstance(self.rank, int) or not 1 <= self.rank <= 1024:
            raise ValueError(
                f"`rank` must be from 1 to 1024. Received: rank={self.rank!r}."
            )
        if not 0 < self.alpha <= _LARGEST_ALPHA:
            raise ValueError(
                f"`alpha` must be positive, at most {_LARGEST_ALPHA}. Received: "
                f"alpha={self.alpha!r}."
            )
        if not self.targets or not {*self.targets} <= {*_LAYERS}:
            raise ValueError(
                f"`targets` must name layers of a decoder block. Received: "
                f"targets={self.targets!r}. Available: {[*_LAYERS]}."
            )
        ordered = tuple(name for name in _LAYERS if name in self.targets)
        object.__setattr__(self, "targets", ordered)


def enable_adapter(model, adapter: Adapter, *, seed: int = 0) -> None:
    """Freezes the base and gives each target layer Keras' own LoRA variables.

    A fresh adapter changes nothing: its A factors are drawn (He uniform), its B
    factors are zero. On a model that carries an adapter of these settings already,
    that one is drawn anew.

    Args:
        model: A `keras_hub.models.GemmaCausalLM`; changed in place.
        adapter: What to adapt.
        seed: Seed of the A factors.

    Raises:
        ValueError: If the model carries an adapter of other settings.
    """
    present = adapter_settings(model)
    if present is None:
        _add_factors(model, adapter)
    elif present != adapter:
        raise ValueError(
            f"`adapter` must equal the one on the model. Received: {adapter}, on a "
            f"model with {present}. Load the preset again for other settings."
        )
    generator = np.random.default_rng(seed)
    for path, variable in sorted(adapter_variables(model).items()):
        if path.endswith("lora_kernel_b"):
            variable.assign(np.zeros(variable.shape, "float32"))
            continue
        fan_in = int(np.prod(variable.shape[:-1]))
        limit = (6.0 / fan_in) ** 0.5
        variable.assign(generator.uniform(-limit, limit, variable.shape))


def adapter_settings(model) -> Adapter | None:
    """Returns the settings of the adapter that a model carries; None without one."""
    layers = {
        layer.name: layer
        for block in model.backbone.transformer_layers
        for layer in block._flatten_layers(include_self=False)
        if getattr(layer, "lora_enabled", False)
    }
    if not layers:
        return None
    layer = next(iter(layers.values()))
    return Adapter(rank=layer.lora_rank, alpha=layer.lora_alpha, targets=tuple(layers))


def _add_factors(model, adapter: Adapter) -> None:
    backbone = model.backbone
    backbone.trainable = True
    for layer in backbone._flatten_layers(include_self=False):
        layer.trainable = False
    for block in backbone.transformer_layers:
        for layer in block._flatten_layers(include_self=False):
            if layer.name in adapter.targets:
                layer.trainable = True
                layer.enable_lora(adapter.rank, lora_alpha=adapter.alpha)


@contextlib.contextmanager
def base_only(model):
    """Turns the adapter off inside a `with` block, and on again after it.

    The compiled functions stay valid: only the B factors' values change.
    """
    factors = [
        (variable, np.asarray(variable.value))
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


def adapter_variables(model) -> dict[str, Any]:
    """Returns the adapter's Keras variables by path; empty without one."""
    return {
        variable.path: variable
        for variable in model.trainable_variables
        if variable.path.rsplit("/", 1)[-1] in ("lora_kernel_a", "lora_kernel_b")
    }


def count_adapter_parameters(model) -> int:
    """Returns the number of trainable values in the adapter."""
    return sum(int(np.prod(v.shape)) for v in adapter_variables(model).values())


def save_adapter(
    model, path: str | Path, adapter: Adapter, *, base: str, fingerprint: str
) -> None:
    """Saves the adapter alone, as safetensors keyed by variable path.

    Args:
        model: The model that carries the adapter.
        path: File to write.
        adapter: The adapter's settings, kept in the file's metadata.
        base: Name of the base preset.
        fingerprint: `preset_fingerprint` of the base.
    """
    from safetensors.numpy import save

    values = {
        name: np.asarray(variable.value).astype("float32")
        for name, variable in adapter_variables(model).items()
    }
    facts = {
        "format": _FORMAT,
        "adapter": adapter.to_config(),
        "base": base,
        "fingerprint": fingerprint,
    }
    # Several keys would be written in an order that changes from save to save.
    metadata = {_METADATA: json.dumps(facts, sort_keys=True)}
    write_bytes_atomically(path, save(values, metadata=metadata))


def read_adapter(path: str | Path) -> tuple[Adapter, Mapping[str, str]]:
    """Reads an adapter file's settings without loading a tensor.

    Returns:
        The settings; and of its base, the `base` name and the `fingerprint`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not an adapter of this library.
    """
    from safetensors import SafetensorError, safe_open

    if not Path(path).is_file():
        raise FileNotFoundError(
            f"`adapter` must be an adapter file. Received: adapter={str(path)!r}, "
            "which does not exist."
        )
    try:
        with safe_open(str(path), framework="numpy") as file:
            facts = json.loads((file.metadata() or {})[_METADATA])
        if facts["format"] != _FORMAT:
            raise ValueError(f"format {facts['format']!r}")
        adapter = from_config(facts["adapter"])
        if not isinstance(adapter, Adapter):
            raise ValueError(f"type {facts['adapter']['type']!r}")
        return adapter, {name: str(facts[name]) for name in ("base", "fingerprint")}
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"`adapter` must be a file of `save_adapter`. Received: {path}, which "
            f"cannot be read: {error}."
        ) from error


def load_adapter(model, path: str | Path, *, fingerprint: str) -> Adapter:
    """Puts a saved adapter onto the base model that it was trained on.

    Args:
        model: The base, without an adapter or with one of the same settings, whose
            values are replaced.
        path: File of `save_adapter`.
        fingerprint: `preset_fingerprint(model)`.

    Returns:
        The adapter's settings.

    Raises:
        ValueError: If the file belongs to another base, does not hold exactly the
            variables that its settings imply, each finite, or the model carries an
            adapter of other settings.
    """
    from safetensors.numpy import load_file

    adapter, metadata = read_adapter(path)
    if metadata["fingerprint"] != fingerprint:
        raise ValueError(
            f"`adapter` must have been trained on this base. Received: {path}, trained "
            f"on {metadata['base']!r} ({metadata['fingerprint']}), for a base with "
            f"fingerprint {fingerprint}. Load that preset."
        )
    values = load_file(str(path))
    enable_adapter(model, adapter)
    variables = adapter_variables(model)
    for name in sorted({*variables, *values}):
        _check_value(name, variables.get(name), values.get(name), path)
    for name, variable in variables.items():
        variable.assign(values[name])
    return adapter


def _check_value(name: str, variable, value, path) -> None:
    if variable is None or value is None:
        side = "the model" if variable is None else str(path)
        raise ValueError(f"`adapter` must match the model. {side} has no {name!r}.")
    if tuple(variable.shape) != value.shape:
        raise ValueError(
            f"`{name}` must have shape {tuple(variable.shape)}. Received: "
            f"{value.shape} in {path}."
        )
    if not np.isfinite(value).all():
        raise ValueError(f"`{name}` must be finite. Received: NaN or Inf in {path}.")
