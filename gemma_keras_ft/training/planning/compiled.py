"""A step of training, compiled from shapes alone for devices that need not be there."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from gemma_keras_ft.backend import require_jax
from gemma_keras_ft.model.attention import replace_attention
from gemma_keras_ft.model.lora import (
    Adapter,
    count_adapter_parameters,
    enable_adapter,
)
from gemma_keras_ft.model.mesh import Mesh
from gemma_keras_ft.model.quantization import shape_quantized
from gemma_keras_ft.model.shapes import SHAPES
from gemma_keras_ft.training.planning.collectives import Collective, read_collectives
from gemma_keras_ft.training.trainer import Trainer

# Its value changes nothing that is planned.
_STEPS = 1000


@dataclasses.dataclass(frozen=True, kw_only=True)
class StepPlan:
    """What a step takes on each device, in bytes and operations.

    Args:
        parameters: Numbers of the base, on all devices.
        adapter_parameters: Numbers that are trained, on all devices.
        weight_bytes: The base, as far as a device holds it.
        adapter_bytes: The adapter, as far as a device holds it.
        optimizer_bytes: Its moments, and what counts steps and losses.
        batch_bytes: Rows of the batch.
        temporary_bytes: What XLA keeps beside them at the step's fullest moment;
            None if the step was lowered only.
        flops: Operations that XLA counts, of a loop's body once; None if lowered only.
        collectives: What devices exchange; None if lowered only.
    """

    parameters: int
    adapter_parameters: int
    weight_bytes: int
    adapter_bytes: int
    optimizer_bytes: int
    batch_bytes: int
    temporary_bytes: int | None = None
    flops: float | None = None
    collectives: Sequence[Collective] | None = None

    @property
    def state_bytes(self) -> int:
        """Base, adapter and optimizer."""
        return self.weight_bytes + self.adapter_bytes + self.optimizer_bytes

    @property
    def bytes(self) -> int | None:
        """All of it together."""
        if self.temporary_bytes is None:
            return None
        return self.state_bytes + self.batch_bytes + self.temporary_bytes


def plan_step(
    shape: str | Mapping[str, Any],
    *,
    adapter: Adapter | None = None,
    rows: int = 1,
    sequence_length: int = 512,
    dtype: str = "bfloat16",
    quantize: str | None = None,
    micro_batches: int = 1,
    remat: str = "none",
    mesh: Mesh | None = None,
    devices: Sequence[Any] | None = None,
    block_size: int | None = None,
    compiled: bool = True,
) -> StepPlan:
    """Traces, lowers and compiles a step of training from shapes alone.

    No weight is allocated, so a model that this machine could never hold can be
    planned on it. What XLA keeps depends on the device it compiles for: plan on the
    kind of device that will train.

    Example:
        ```python
        plan = plan_step("gemma2_2b_en", rows=8, sequence_length=512)
        print(plan.bytes / 2**30, "GiB")
        ```

    Args:
        shape: A name of `SHAPES`, or arguments of `keras_hub.models.GemmaBackbone`.
        adapter: The adapter; `Adapter()` by default.
        rows: Rows of a batch, on all devices.
        sequence_length: Places of a row.
        dtype: Of the base, a Keras dtype policy.
        quantize: Of the base; see `load_preset`.
        micro_batches: As in `Trainer`.
        remat: As in `Trainer`.
        mesh: How devices share the work; None for a single one.
        devices: Devices of the mesh, those of a topology too, which are not here; as
            many of JAX's as it has, by default.
        block_size: As in `replace_attention`.
        compiled: Whether to compile, which takes minutes for a real model on a CPU;
            else the step is lowered only.

    Raises:
        ValueError: If no shape has that name, JAX has fewer devices than the mesh, or
            the mesh does not divide the rows or the shape.
    """
    require_jax()
    import jax

    mesh = mesh or Mesh()
    _check(shape, mesh, rows, micro_batches)
    devices = jax.devices()[: mesh.size] if devices is None else devices
    arguments = SHAPES[shape] if isinstance(shape, str) else shape
    trainer = Trainer(global_batch_size=rows, micro_batches=micro_batches, remat=remat)
    distribution = mesh.distribution(devices)
    with distribution.scope():
        model = _Abstract(
            arguments, dtype, quantize, adapter or Adapter(), trainer, block_size
        )
        batch = _batch(rows, sequence_length, distribution)
        step = jax.jit(
            model.fitted.train_step,
            donate_argnums=0,
            out_shardings=(None, jax.tree.map(lambda leaf: leaf.sharding, model.state)),
        )
        lowered = step.lower(model.state, batch)
        facts: dict[str, Any] = {**model.counts(), "batch_bytes": _device_bytes(batch)}
        if not compiled:
            return StepPlan(**facts)
        program = lowered.compile()
    analysis: Any = program.memory_analysis()
    cost: Any = program.cost_analysis()
    return StepPlan(
        **facts,
        temporary_bytes=analysis.temp_size_in_bytes,
        flops=cost["flops"],
        collectives=read_collectives(program.as_text() or ""),
    )


class _Abstract:
    """A model that is fitted, of which nothing is allocated."""

    fitted: Any
    numbers: dict[str, int]

    def __init__(self, *settings):
        import jax

        def build():
            self.fitted, self.numbers = _build(*settings)
            return [[v.value for v in group] for group in self._groups()]

        values = jax.eval_shape(build)
        self.state = tuple(
            [
                jax.ShapeDtypeStruct(value.shape, value.dtype, sharding=_sharding(v))
                for v, value in zip(group, found, strict=True)
            ]
            for group, found in zip(self._groups(), values, strict=True)
        )

    def _groups(self) -> tuple[list[Any], ...]:
        """Returns the variables whose values Keras' JAX trainer hands to a step."""
        model = self.fitted
        return (
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
            model.metrics_variables,
        )

    def counts(self) -> dict[str, int]:
        adapter, base, optimizer, metrics = map(_device_bytes, self.state)
        return {
            **self.numbers,
            "weight_bytes": base,
            "adapter_bytes": adapter,
            "optimizer_bytes": optimizer + metrics,
        }


def _build(
    arguments, dtype: str, quantize, adapter: Adapter, trainer: Trainer, block_size
):
    """Returns the model that is fitted, and its counts of weights."""
    import keras_hub

    backbone = keras_hub.models.GemmaBackbone(**arguments, dtype=dtype)
    model = keras_hub.models.GemmaCausalLM(backbone)
    replace_attention(model, block_size=block_size)
    base = backbone.count_params()
    if quantize:
        shape_quantized(backbone, quantize)
    enable_adapter(model, adapter)
    numbers = {
        "parameters": base,
        "adapter_parameters": count_adapter_parameters(model),
    }
    fitted = trainer.build(model, _STEPS)
    fitted.optimizer.build(fitted.trainable_variables)
    return fitted, numbers


def _batch(rows: int, length: int, distribution):
    import jax

    rows_apart = distribution.get_data_layout((rows, length)).backend_layout
    ids, weight = (
        jax.ShapeDtypeStruct((rows, length), dtype, sharding=rows_apart)
        for dtype in ("int32", "float32")
    )
    return {"token_ids": ids, "padding_mask": ids}, ids, weight


def _sharding(variable) -> Any:
    layout = variable._layout
    return getattr(layout, "backend_layout", layout)


def _device_bytes(tree) -> int:
    """Returns the bytes of arrays on one device."""
    import jax

    return sum(
        math.prod(leaf.sharding.shard_shape(leaf.shape)) * leaf.dtype.itemsize
        for leaf in jax.tree.leaves(tree)
    )


def _check(shape, mesh: Mesh, rows: int, micro_batches: int) -> None:
    if isinstance(shape, str) and shape not in SHAPES:
        raise ValueError(
            f"`shape` must be one of {[*SHAPES]}, or a mapping. Received: "
            f"shape={shape!r}."
        )
    if rows % (mesh.row_shards * micro_batches):
        raise ValueError(
            f"`rows` must be a multiple of {mesh.row_shards * micro_batches}: devices "
            f"that share them, times micro-batches. Received: rows={rows}."
        )
