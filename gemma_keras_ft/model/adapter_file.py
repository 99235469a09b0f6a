"""Adapter files: safetensors keyed by variable path, checked before they are used."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gemma_keras_ft.config import from_config
from gemma_keras_ft.model.hosts import is_first_host
from gemma_keras_ft.model.lora_enable import (
    adapter_settings,
    adapter_shapes,
    adapter_variables,
    check_not_merged,
    enable_adapter,
)
from gemma_keras_ft.model.lora_settings import Adapter
from gemma_keras_ft.records import write_bytes_atomically

_FORMAT = 1
_METADATA = "gemma_keras_ft"
_DTYPE = "F32"


def save_adapter(
    model, path: str | Path, adapter: Adapter, *, base: str, fingerprint: str
) -> None:
    """Saves the adapter alone, as safetensors keyed by variable path.

    All hosts must call it, where there are several; the first one writes.

    Args:
        model: The model that carries the adapter.
        path: File to write.
        adapter: The adapter's settings, kept in the file's metadata.
        base: Name of the base preset.
        fingerprint: `preset_fingerprint` of the base.

    Raises:
        ValueError: If the model carries another adapter, or it is merged.
    """
    from safetensors.numpy import save

    from gemma_keras_ft.model.placement import fetch

    check_not_merged(model)
    if adapter_settings(model) != adapter:
        raise ValueError(
            f"`adapter` must be the one on the model. Received: {adapter}, on a model "
            f"with {adapter_settings(model)}."
        )
    values = {
        name: fetch(variable.value).astype("float32")
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
    if is_first_host():
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
            return _parse_facts((file.metadata() or {})[_METADATA])
    except (SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(
            f"`adapter` must be a file of `save_adapter`. Received: {path}, which "
            f"cannot be read: {error!s:.400}."
        ) from error


def _parse_facts(text: str) -> tuple[Adapter, Mapping[str, str]]:
    facts = json.loads(text)
    if not isinstance(facts, dict) or facts.get("format") != _FORMAT:
        raise ValueError(f"its metadata is not of format {_FORMAT}")
    if not isinstance(facts["adapter"], dict):
        raise ValueError("its settings are not a mapping")
    adapter = from_config(facts["adapter"])
    if not isinstance(adapter, Adapter):
        raise ValueError(f"its settings are of type {facts['adapter']['type']!r}")
    return adapter, {name: str(facts[name]) for name in ("base", "fingerprint")}


def load_adapter(model, path: str | Path, *, fingerprint: str) -> Adapter:
    """Puts a saved adapter onto the base model that it was trained on.

    Nothing is allocated and the model is left alone before the file's settings,
    names, shapes, dtypes and values are found in order.

    Args:
        model: The base, without an adapter or with one of the same settings, whose
            values are replaced.
        path: File of `save_adapter`.
        fingerprint: `preset_fingerprint(model)`.

    Returns:
        The adapter's settings.

    Raises:
        ValueError: If the file belongs to another base, does not hold exactly the
            variables that its settings imply, each float32 and finite, or the model
            carries an adapter of other settings, or a merged one.
    """
    adapter, values = read_adapter_values(model, path, fingerprint=fingerprint)
    enable_adapter(model, adapter)
    for name, variable in adapter_variables(model).items():
        variable.assign(values[name])
    return adapter


def read_adapter_values(
    model, path: str | Path, *, fingerprint: str
) -> tuple[Adapter, dict[str, np.ndarray]]:
    """Reads an adapter file for a base model, which it leaves alone.

    Args:
        model: The base, with or without an adapter.
        path: File of `save_adapter`.
        fingerprint: `preset_fingerprint(model)`.

    Returns:
        The settings, and float32 values by variable path.

    Raises:
        ValueError: As `load_adapter` for what the file holds.
    """
    from safetensors import safe_open

    adapter, metadata = read_adapter(path)
    if metadata["fingerprint"] != fingerprint:
        raise ValueError(
            f"`adapter` must have been trained on this base. Received: {path}, trained "
            f"on {metadata['base']!r:.100} ({metadata['fingerprint']:.100}), for a "
            f"base with fingerprint {fingerprint}. Load that preset."
        )
    expected = adapter_shapes(model, adapter)
    with safe_open(str(path), framework="numpy") as file:
        # The header alone: a file may declare any size.
        _check_header(file, expected, path)
        values = {name: file.get_tensor(name) for name in expected}
    for name, value in values.items():
        if not np.isfinite(value).all():
            raise ValueError(
                f"`{name}` must be finite. Received: NaN or Inf in {path}."
            )
    return adapter, values


def _check_header(file: Any, expected: Mapping[str, tuple[int, ...]], path) -> None:
    differing = sorted({*expected} ^ {*file.keys()})
    if differing:
        side = str(path) if differing[0] in expected else "the model"
        raise ValueError(
            f"`adapter` must match the model. {side} has no {differing[0]!r:.200}."
        )
    for name, shape in expected.items():
        entry = file.get_slice(name)
        found, dtype = tuple(entry.get_shape()), entry.get_dtype()
        if found != shape:
            raise ValueError(
                f"`{name}` must have shape {shape}. Received: {found} in {path}."
            )
        if dtype != _DTYPE:
            raise ValueError(
                f"`{name}` must be of dtype {_DTYPE}. Received: {dtype} in {path}."
            )
