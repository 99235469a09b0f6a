"""A frozen base in fewer bits, for more room to train in (QLoRA)."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from gemma_keras_ft.model.fingerprint import preset_fingerprint
from gemma_keras_ft.model.lora_enable import (
    adapter_settings,
    count_adapter_parameters,
)

INT8, INT4 = "int8", "int4"
MODES = (INT8, INT4)


@dataclasses.dataclass(frozen=True, kw_only=True)
class QuantizedBase:
    """What a backbone remembers of itself before it was quantized.

    Args:
        mode: One of `MODES`.
        fingerprint: Its `preset_fingerprint`.
        parameters: How many numbers it had.
    """

    mode: str
    fingerprint: str
    parameters: int


def quantize_base(model, mode: str) -> None:
    """Holds the kernels of all decoder blocks in 8 or 4 bits.

    Weights only: activations stay as they are, and so do the embedding, from which
    the loss is computed, and the norms. Each output channel has a scale of its own,
    in 4 bits one for each 128 inputs; kernels are brought back to the compute dtype
    as they are multiplied, and gradients by the activations pass through them.
    Adapters are put on afterwards, and stay float32.

    The base must fit unquantized while it is loaded: what is saved is room for
    training. On a CPU, XLA may bring all kernels back at once: for few tokens a step
    that takes more memory than it saves.

    The model keeps the fingerprint of its base, so an adapter that was trained on it
    also loads onto the base unquantized, which it was not tuned to quite as well.

    Example:
        ```python
        model = load_preset("gemma2_2b_en", quantize="int8")
        ```

    Args:
        model: A `keras_hub.models.GemmaCausalLM` without an adapter; changed in
            place. Layer by layer, so never more than one kernel is there twice.
        mode: `"int8"` or `"int4"`.

    Raises:
        ValueError: If the mode is unknown, the model carries an adapter or is
            quantized already, or `"int4"` is asked for on several hosts or where a
            `keras.distribution.LayoutMap` shards kernels.

    References:
        Dettmers et al., 2023. https://arxiv.org/abs/2305.14314
    """
    _check(model, mode)
    backbone = model.backbone
    before = QuantizedBase(
        mode=mode,
        fingerprint=preset_fingerprint(model),
        parameters=backbone.count_params(),
    )
    for layer in _kernel_layers(backbone):
        layer.quantize(config=_config(mode, layer))
    backbone.quantized_base = before


def shape_quantized(backbone, mode: str) -> None:
    """Gives an abstract backbone the variables of a quantized one, without values.

    Args:
        backbone: A `keras_hub.models.GemmaBackbone` that is being traced.
        mode: `"int8"` or `"int4"`.
    """
    import keras

    for layer in _kernel_layers(backbone):
        config, kernel_shape = _config(mode, layer), layer._kernel.shape
        layer.quantization_config = config
        layer._tracker.unlock()
        del layer._kernel
        layer.quantized_build(kernel_shape, mode, config)
        layer._tracker.lock()
        name = f"int4/{config.block_size}" if mode == INT4 else mode
        policy = f"{name}_from_{layer.dtype_policy.name}"
        layer.dtype_policy = keras.dtype_policies.get(policy)


def _kernel_layers(backbone) -> Iterator[Any]:
    for block in backbone.transformer_layers:
        for layer in block._flatten_layers(include_self=False):
            if hasattr(layer, "kernel"):
                yield layer


def quantization_of(model) -> str | None:
    """Returns the mode that `quantize_base` was given; None without."""
    found = getattr(model.backbone, "quantized_base", None)
    return found.mode if found else None


def count_base_parameters(model) -> int:
    """Returns how many numbers the base has, however they are held."""
    found = getattr(model.backbone, "quantized_base", None)
    if found:
        return found.parameters
    return model.backbone.count_params() - count_adapter_parameters(model)


def _config(mode: str, layer) -> Any:
    import keras

    quantizers: Any = keras.quantizers
    if mode == INT4:
        return quantizers.Int4QuantizationConfig(activation_quantizer=None)

    layer._set_quantization_info()

    class OnDevices(quantizers.AbsMaxQuantizer):
        # Keras would copy each kernel to the host, which may not hold all of it.
        def __call__(self, x, axis=None, to_numpy=False):
            return super().__call__(x, axis=axis, to_numpy=False)

    return quantizers.Int8QuantizationConfig(
        weight_quantizer=OnDevices(axis=layer._kernel_reduced_axes),
        activation_quantizer=None,
    )


def _check(model, mode: str) -> None:
    import jax
    import keras

    from gemma_keras_ft.model.distribution import current_distribution

    if mode not in MODES:
        raise ValueError(
            f"`quantize` must be one of {[*MODES]}, or None. Received: "
            f"quantize={mode!r}."
        )
    if adapter_settings(model) is not None:
        raise ValueError(
            "The base must be quantized before it gets an adapter. Received: a model "
            "with one. Load the preset again, with `quantize`."
        )
    if quantization_of(model):
        raise ValueError(
            f"The base must not be quantized twice. Received: quantize={mode!r}, on "
            f"a base in {quantization_of(model)}. Load the preset again."
        )
    if mode == INT4 and jax.process_count() > 1:
        raise ValueError(
            "`quantize` must not be 'int4' on several hosts: Keras packs each kernel "
            f"whole on one. Received: quantize={mode!r} on {jax.process_count()} hosts."
            " Take 'int8'."
        )
    distribution = keras.distribution.distribution()
    foreign = isinstance(distribution, keras.distribution.ModelParallel)
    if mode == INT4 and foreign and current_distribution() is None:
        raise ValueError(
            "`quantize` must not be 'int4' where a `LayoutMap` shards kernels: Keras "
            "packs two values into a byte, in an array of another shape than the one "
            f"that the map knows. Received: quantize={mode!r} under {distribution!r}. "
            "Take 'int8', or a `gemma_keras_ft.Mesh`."
        )
