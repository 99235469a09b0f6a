"""Low-rank updates, computed on the activations and not on the kernels."""

import dataclasses
import math
import types
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import keras


@jax.custom_vjp
def low_rank_product(inputs, down, up):
    """Computes `(inputs @ down.T) @ up` for every head.

    Neither it nor its gradients form anything of a kernel's size. Products take the
    dtype of `inputs` and accumulate in float32; gradients of the factors are never
    rounded to less.

    Args:
        inputs: Activations `(tokens, width)`.
        down: float32 `(heads, rank, width)`.
        up: float32 `(rank, outputs)`, for all heads the same, as in Keras.

    Returns:
        `(tokens, heads, outputs)` in the dtype of `inputs`.
    """
    return _forward(inputs, down, up)[0]


def _forward(inputs, down, up):
    heads, rank, width = down.shape
    narrow = _dot(inputs, down.reshape(heads * rank, width), (1,), (1,))
    narrow = narrow.astype(inputs.dtype).reshape(-1, heads, rank)
    product = _dot(narrow, up, (2,), (0,)).astype(inputs.dtype)
    return product, (inputs, narrow, down, up)


def _backward(residuals, by_product):
    inputs, narrow, down, up = residuals
    heads, rank, width = down.shape
    by_narrow = _dot(by_product, up, (2,), (1,)).astype(inputs.dtype)
    by_narrow = by_narrow.reshape(-1, heads * rank)
    by_up = _dot(narrow, by_product, (0, 1), (0, 1))
    # Behind a barrier: XLA would swap the factors to save a transposition of the
    # small result, and then be five times slower on CPU.
    by_down = jax.lax.optimization_barrier(_dot(by_narrow, inputs, (0,), (0,)))
    by_inputs = _dot(by_narrow, down.reshape(heads * rank, width), (1,), (0,))
    return by_inputs.astype(inputs.dtype), by_down.reshape(down.shape), by_up


low_rank_product.defvjp(_forward, _backward)


def _dot(left, right, left_axes, right_axes):
    """Contracts in the dtype of activations; sums in float32."""
    dimensions = ((left_axes, right_axes), ((), ()))
    return jax.lax.dot_general(
        left, right.astype(left.dtype), dimensions, preferred_element_type=jnp.float32
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class LowRankUpdate:
    """How one layer's update is computed.

    Args:
        heads: Axes of the kernel that its outputs keep, before the last.
        inputs: Axes of the kernel that are summed over.
        dropout: Share of the inputs that is dropped in training.
        seeds: `keras.random.SeedGenerator` of all layers, or None without dropout.
        index: Number of the layer, for a mask of its own.
    """

    heads: tuple[int, ...]
    inputs: tuple[int, ...]
    dropout: float
    seeds: Any
    index: int

    def add(self, layer, stock: Callable, inputs, training):
        """Returns what `stock(layer, inputs)` gives without LoRA, and the update."""
        # Keras would merge the kernels, and drop nothing out where they are int8.
        layer.lora_enabled = False
        try:
            outputs = stock(layer, inputs)
        finally:
            layer.lora_enabled = True
        return outputs + self._compute(layer, inputs, training)

    def _compute(self, layer, inputs, training):
        down, up = layer.lora_kernel_a.value, layer.lora_kernel_b.value
        *shape, rank = down.shape
        heads = [shape[axis] for axis in self.heads]
        width = math.prod(shape[axis] for axis in self.inputs)
        down = down.transpose(*self.heads, len(shape), *self.inputs)
        places = inputs.shape[: inputs.ndim - len(self.inputs)]
        # As matrices: XLA computes these thin products slowly on three axes.
        inputs = inputs.reshape(-1, width)
        if training and self.dropout:
            seed = jax.random.fold_in(self.seeds.state.value, self.index)
            inputs = keras.random.dropout(inputs, self.dropout, seed=seed)
        scale = layer.lora_alpha / layer.lora_rank
        update = low_rank_product(
            inputs, down.reshape(math.prod(heads), rank, width), scale * up
        )
        return update.reshape(*places, *heads, up.shape[-1])


def install_update(layer, *, dropout: float, seeds, index: int) -> None:
    """Makes a layer with LoRA variables compute its update on its activations.

    Args:
        layer: A Keras `EinsumDense` or `Dense`, after `enable_lora`; changed in place.
        dropout: As in `LowRankUpdate`.
        seeds: As in `LowRankUpdate`.
        index: As in `LowRankUpdate`.

    Raises:
        ValueError: If the layer's equation is no product of its last axes with a
            kernel, or it has an activation function.
    """
    heads, inputs = _axes(layer)
    if layer.activation is not keras.activations.linear:
        raise ValueError(
            f"`activation` of {layer.path} must be None: an update is added before "
            f"it. Received: activation={layer.activation!r}."
        )
    # In mixed precision Keras would round them, and their gradients, before us.
    layer.lora_kernel_a._autocast = False
    layer.lora_kernel_b._autocast = False
    layer.low_rank_update = LowRankUpdate(
        heads=heads, inputs=inputs, dropout=dropout, seeds=seeds, index=index
    )
    layer.call = types.MethodType(_call, layer)
    layer.quantized_call = types.MethodType(_quantized_call, layer)


def _call(layer, inputs, training=None):
    return layer.low_rank_update.add(layer, type(layer).call, inputs, training)


def _quantized_call(layer, inputs, training=None):
    stock = type(layer).quantized_call
    return layer.low_rank_update.add(layer, stock, inputs, training)


def install_dropout(backbone, seeds) -> None:
    """Makes every call in training draw masks anew.

    The state moves here and not in the layers: a layer that is rematerialized may
    read it, but nothing may be carried out of it.

    Args:
        backbone: Model whose layers read `seeds`; changed in place.
        seeds: `keras.random.SeedGenerator`, kept on the backbone with its state.
    """
    backbone._tracker.unlock()
    backbone.adapter_seeds = seeds
    backbone._tracker.lock()
    backbone.call = types.MethodType(_call_with_new_masks, backbone)


def _call_with_new_masks(backbone, inputs, training=None, **options):
    if training:
        backbone.adapter_seeds.next()
    return type(backbone).call(backbone, inputs, training=training, **options)


def _axes(layer) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Returns the kernel's axes before the last: those kept, and those summed over."""
    equation = getattr(layer, "equation", "...x,xy->...y")
    inputs, kernel, outputs = equation.replace("->", ",").split(",")
    *names, last = kernel
    heads = [name for name in names if name in outputs]
    summed = [name for name in names if name not in outputs]
    places = inputs[: len(inputs) - len(summed)]
    expected = f"{places}{''.join(summed)},{kernel}->{places}{''.join(heads)}{last}"
    if equation != expected:
        raise ValueError(
            "`equation` must multiply the last axes of the inputs with a kernel. "
            f"Received: equation={equation!r} in {layer.path}. Leave this layer out "
            "of `targets`."
        )
    axes = {name: axis for axis, name in enumerate(names)}
    return tuple(axes[name] for name in heads), tuple(axes[name] for name in summed)
