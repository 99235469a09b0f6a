"""Gemma presets: KerasHub's, a local folder, or the embedded tiny Gemma 2."""

import importlib.resources
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gemma_keras_ft.backend import require_jax
from gemma_keras_ft.model.attention import replace_attention
from gemma_keras_ft.model.precision import check_dtype, choose_precision
from gemma_keras_ft.model.quantization import quantize_base

TINY = "tiny_gemma2"
# Bases that know little but scripture: what they write by themselves imitates it.
SCORED_ONLY = frozenset({TINY})

# Generous upper bounds for the integers of a preset's config, beyond any Gemma:
# a hostile config is refused before a single weight is allocated.
_BOUNDS = {
    "vocabulary_size": 2**20,
    "num_layers": 256,
    "num_query_heads": 512,
    "num_key_value_heads": 512,
    "hidden_dim": 2**16,
    "intermediate_dim": 2**19,
    "head_dim": 4096,
}


def load_preset(
    name: str | Path = TINY, *, dtype: str | None = None, quantize: str | None = None
) -> Any:
    """Loads a Gemma preset as a `keras_hub.models.GemmaCausalLM`.

    In the scope of a mesh, each device is given its part of every weight alone.

    Args:
        name: `"tiny_gemma2"` for the embedded model, the path of a preset folder,
            or anything KerasHub knows: `"gemma2_2b_en"`, `"kaggle://…"`,
            `"hf://…"`.
        dtype: Keras dtype of weights and computation, by default what
            `choose_precision` says: float32 on CPU, and bfloat16 on TPU and GPU.
        quantize: `"int8"` or `"int4"`: the frozen kernels in fewer bits; see
            `quantize_base`.

    Raises:
        FileNotFoundError: If `name` looks like a path and no preset is there.
        ValueError: If the preset is not a Gemma, or its sizes are beyond bounds; or
            the dtype, or the quantization, is none for Gemma 2.
        RuntimeError: If Keras does not run on JAX.
    """
    require_jax()
    import keras_hub

    from gemma_keras_ft.model.placement import assigned_in_parts

    dtype = dtype or choose_precision().dtype
    check_dtype(dtype)
    folder = _local_folder(name)
    if folder is not None:
        _check_folder(folder)
    with assigned_in_parts():
        model = keras_hub.models.GemmaCausalLM.from_preset(
            str(folder or name), dtype=dtype
        )
    replace_attention(model)
    if quantize:
        quantize_base(model, quantize)
    return model


def load_tokenizer(name: str | Path = TINY) -> Any:
    """Loads a Gemma preset's tokenizer; of its weights nothing is read or fetched.

    Args:
        name: As for `load_preset`.

    Returns:
        The `keras_hub.models.GemmaTokenizer` that the preset's model has.

    Raises:
        FileNotFoundError: If `name` looks like a path and no preset is there.
        ValueError: If the preset is not a Gemma, or its sizes are beyond bounds.
        RuntimeError: If Keras does not run on JAX.
    """
    require_jax()
    import keras_hub

    folder = _local_folder(name)
    if folder is not None:
        _check_folder(folder)
    return keras_hub.models.GemmaTokenizer.from_preset(str(folder or name))


def tiny_preset_path() -> Path:
    """Returns the folder of the embedded tiny Gemma 2."""
    root = importlib.resources.files("gemma_keras_ft.resources")
    return Path(str(root / TINY))


def _local_folder(name: str | Path) -> Path | None:
    if str(name) == TINY:
        return tiny_preset_path()
    path = Path(name)
    if path.is_dir():
        # By its bare name KerasHub would look for a preset of its own.
        return path.absolute()
    if isinstance(name, Path) or str(name).startswith((".", "/", "~")):
        raise FileNotFoundError(
            f"`preset` must be a preset folder, or a name that KerasHub knows. "
            f"Received: preset={str(name)!r}, which is not a folder."
        )
    return None


def _check_folder(folder: Path) -> None:
    config_path = folder / "config.json"
    if not config_path.is_file():
        raise FileNotFoundError(
            f"`preset` must hold a config.json. Received: preset={str(folder)!r}. "
            "Make one with `model.save_to_preset(folder)`."
        )
    try:
        config = json.loads(config_path.read_text(encoding="utf-8"))
        name, sizes = config["class_name"], config["config"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"`preset` must hold a KerasHub config.json. Received: {config_path}, "
            f"which cannot be read: {error}."
        ) from error
    if name != "GemmaBackbone":
        raise ValueError(
            f"`preset` must be a Gemma or Gemma 2. Received: {name!r} in {folder}."
        )
    for key, bound in _BOUNDS.items():
        size = sizes.get(key)
        if not isinstance(size, int) or not 0 < size <= bound:
            raise ValueError(
                f"`{key}` must be an integer from 1 to {bound}. "
                f"Received: {key}={size!r} in {config_path}."
            )
    _check_task(folder, sizes)


def _check_task(folder: Path, sizes: Mapping[str, Any]) -> None:
    """Checks `task.json`, from which KerasHub builds the model where there is one."""
    path = folder / "task.json"
    if not path.is_file():
        return
    try:
        task = json.loads(path.read_text(encoding="utf-8"))
        backbone = task["config"]["backbone"]["config"]
        compared = (*_BOUNDS, "attention_logit_soft_cap", "final_logit_soft_cap")
        differing = [n for n in compared if backbone.get(n) != sizes.get(n)]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"`preset` must hold a KerasHub task.json. Received: {path}, which cannot "
            f"be read: {error!r}."
        ) from error
    if differing:
        raise ValueError(
            f"`preset` must say the same in task.json and config.json. Received: "
            f"another {differing[0]!r} in {path}."
        )
