"""What a training step of a model takes, found without any of its weights."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from gemma_keras_ft.backend import require_jax
from gemma_keras_ft.model.lora import (
    Adapter,
    count_adapter_parameters,
    enable_adapter,
)
from gemma_keras_ft.model.shapes import GEMMA2_SHAPES
from gemma_keras_ft.training.trainer import Trainer

# Its value changes nothing that is planned.
_STEPS = 1000


@dataclasses.dataclass(frozen=True, kw_only=True)
class StepPlan:
    """What a step takes on one device.

    Args:
        parameters: Weights of the base.
        adapter_parameters: Weights that are trained.
        state_bytes: Base, adapter, optimizer and metrics.
        temporary_bytes: What XLA keeps beside them at the step's fullest moment;
            None if the step was lowered only.
    """

    parameters: int
    adapter_parameters: int
    state_bytes: int
    temporary_bytes: int | None

    @property
    def bytes(self) -> int | None:
        """State and temporaries together."""
        if self.temporary_bytes is None:
            return None
        return self.state_bytes + self.temporary_bytes


def plan_step(
    shape: str | Mapping[str, Any],
    *,
    adapter: Adapter | None = None,
    rows: int = 1,
    sequence_length: int = 512,
    dtype: str = "bfloat16",
    micro_batches: int = 1,
    remat: str = "none",
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
        shape: A name of `GEMMA2_SHAPES`, or arguments of
            `keras_hub.models.GemmaBackbone`.
        adapter: The adapter; `Adapter()` by default.
        rows: Rows of a batch.
        sequence_length: Places of a row.
        dtype: Of the base, a Keras dtype policy.
        micro_batches: As in `Trainer`.
        remat: As in `Trainer`.
        compiled: Whether to compile, which takes minutes for a real model on a CPU;
            else the step is lowered only.

    Raises:
        ValueError: If no shape has that name.
    """
    require_jax()
    import jax

    if isinstance(shape, str) and shape not in GEMMA2_SHAPES:
        raise ValueError(
            f"`shape` must be one of {[*GEMMA2_SHAPES]}, or a mapping. Received: "
            f"shape={shape!r}."
        )
    arguments = GEMMA2_SHAPES[shape] if isinstance(shape, str) else shape
    trainer = Trainer(global_batch_size=rows, micro_batches=micro_batches, remat=remat)
    found: dict[str, Any] = {}

    def build():
        model, counts = _build(arguments, dtype, adapter or Adapter(), trainer)
        found.update(model=model, counts=counts)
        return _state(model)

    state = jax.eval_shape(build)
    places = (rows, sequence_length)
    ids = jax.ShapeDtypeStruct(places, "int32")
    weight = jax.ShapeDtypeStruct(places, "float32")
    batch = {"token_ids": ids, "padding_mask": ids}, ids, weight
    step = jax.jit(found["model"].train_step, donate_argnums=0)
    lowered = step.lower(state, batch)
    temporary = None
    if compiled:
        analysis: Any = lowered.compile().memory_analysis()
        temporary = analysis.temp_size_in_bytes
    return StepPlan(
        **found["counts"],
        state_bytes=sum(
            leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(state)
        ),
        temporary_bytes=temporary,
    )


def _build(arguments, dtype: str, adapter: Adapter, trainer: Trainer):
    """Returns the model that is fitted, and its counts of weights."""
    import keras_hub

    backbone = keras_hub.models.GemmaBackbone(**arguments, dtype=dtype)
    model = keras_hub.models.GemmaCausalLM(backbone)
    base = backbone.count_params()
    enable_adapter(model, adapter)
    fitted = trainer.build(model, _STEPS)
    fitted.optimizer.build(fitted.trainable_variables)
    counts = {
        "parameters": base,
        "adapter_parameters": count_adapter_parameters(model),
    }
    return fitted, counts


def _state(model) -> tuple[list[Any], ...]:
    """Returns the values that Keras' JAX trainer hands to `train_step`."""
    groups = (
        model.trainable_variables,
        model.non_trainable_variables,
        model.optimizer.variables,
        model.metrics_variables,
    )
    return tuple([variable.value for variable in group] for group in groups)
