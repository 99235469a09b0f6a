"""How decoder blocks are computed: gathered on a mesh, and once or twice."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
import keras

from gemma_keras_ft.model.calls import replaced_calls
from gemma_keras_ft.model.distribution import current_distribution
from gemma_keras_ft.model.layouts import Axes, variable_axes
from gemma_keras_ft.model.mesh import BATCH, FSDP, ROW_AXES, Mesh
from gemma_keras_ft.model.placement import constrain

# What Keras calls, of a layer as it comes and of one whose weights are quantized.
_CALLS = ("call", "quantized_call")
# What is quickly computed again from what is kept. Not keeping the results of these
# keeps no gathered kernel for the backward pass, nor anything made of one alone.
_CHEAP = ("sharding_constraint", "convert_element_type", "transpose", "reshape", "mul")


@contextlib.contextmanager
def arranged_blocks(backbone: Any, *, remat: bool = False) -> Iterator[None]:
    """Computes a Gemma as its mesh asks for, inside a `with` block.

    On a mesh, rows stay on their devices from block to block. Where the weights are
    fully sharded, those of a block are gathered before it is computed, and once more
    for its gradients: those of one block at a time are whole.

    Args:
        backbone: A `keras_hub.models.GemmaBackbone`.
        remat: Whether to keep no more of each block than its inputs. What it computes
            is computed once more when its gradients are formed: a quarter more work,
            for the memory of all blocks but one. On a CPU, where XLA would rather
            save time, it saves memory under `schedule_for_memory` alone.
    """
    distribution = current_distribution()
    mesh = None if distribution is None else distribution.mesh
    with contextlib.ExitStack() as stack:
        if mesh is not None:
            stack.enter_context(
                replaced_calls(backbone.token_embedding, _looked_up, _CALLS)
            )
        for block in backbone.transformer_layers if mesh or remat else ():
            call = _Block(block, backbone, mesh, remat)
            stack.enter_context(replaced_calls(block, call.wrap))
        yield


class _Block:
    """Computes one block."""

    def __init__(self, block, backbone, mesh: Mesh | None, remat: bool):
        self.remat = remat
        # With the state of dropout, which layers read: an inner scope of Keras knows
        # of no value that it is not given.
        self.variables = backbone.variables if mesh and mesh.fsdp > 1 else []
        self.layouts = {
            variable.path: layout
            for variable in block.variables
            if (layout := _without_fsdp(variable, mesh)) is not None
        }

    def wrap(self, stock: Callable) -> Callable:
        def call(x, padding_mask=None, **options):
            def compute(x, padding_mask, values):
                with self._gathered(values):
                    return stock(x, padding_mask=padding_mask, **options)

            if self.remat:
                compute = jax.checkpoint(compute)
            elif self.layouts:
                compute = jax.checkpoint(compute, policy=_is_kept)
            values = [variable.value for variable in self.variables]
            return constrain(compute(x, padding_mask, values), ROW_AXES)

        return call

    @contextlib.contextmanager
    def _gathered(self, values):
        if not self.layouts:
            yield
            return
        mapping = [
            (variable, self._gather(variable.path, value))
            for variable, value in zip(self.variables, values, strict=True)
        ]
        with keras.StatelessScope(state_mapping=mapping):
            yield

    def _gather(self, path: str, value):
        layout = self.layouts.get(path)
        return value if layout is None else constrain(value, *layout)


def _without_fsdp(variable, mesh: Mesh | None) -> Axes | None:
    """Returns how a variable is shared out once it is gathered; None if it need not."""
    if mesh is None or mesh.fsdp == 1:
        return None
    axes = variable_axes(variable.path, variable.shape, mesh)
    if not any(FSDP in axis for axis in axes):
        return None
    return tuple(tuple(name for name in axis if name != FSDP) for axis in axes)


def _is_kept(primitive, *_, **__) -> bool:
    return primitive.name not in _CHEAP


def _looked_up(stock: Callable) -> Callable:
    """Looks tokens up where the vocabulary is shared out."""

    def call(inputs, reverse=False):
        if reverse:
            return stock(inputs, reverse=True)
        # Each device knows a part of the vocabulary: it looks up the tokens of all
        # with which it shares that, and gets its own of theirs.
        found = stock(constrain(inputs, BATCH), reverse=False)
        return constrain(found, ROW_AXES)

    return call
