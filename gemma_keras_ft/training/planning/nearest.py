"""What to change where a run does not fit."""

import dataclasses
from collections.abc import Iterator

from gemma_keras_ft.model.mesh import Mesh
from gemma_keras_ft.training.planning.planner import TrainingPlan, plan_with
from gemma_keras_ft.training.planning.theory import (
    StepSettings,
    activation_bytes,
    adapter_numbers,
    base_bytes,
    temporary_bytes,
)

# By formula, this share of the memory is filled at most by what is then compiled.
_SHARE = 0.95
_MOST_TRIES = 3


def nearest_that_fits(plan: TrainingPlan) -> TrainingPlan | None:
    """Returns the plan that fits and changes the least; None if none was found.

    In this order, one after the other until it fits: more devices share the base out,
    blocks are computed twice, a batch in more parts, the base is held in 8 bits, a
    batch has fewer rows, and rows have fewer places.

    Args:
        plan: A plan that does not fit.
    """
    tries = 0
    for settings in _smaller(plan.settings):
        if _formula_bytes(settings) > _SHARE * plan.kind.memory_bytes:
            continue
        found = plan_with(settings, plan.kind)
        if found.fits:
            return found
        tries += 1
        if tries == _MOST_TRIES:
            return None
    return None


def _smaller(settings: StepSettings) -> Iterator[StepSettings]:
    """Yields settings that need less and less."""
    mesh = settings.mesh
    if mesh.batch > 1:
        mesh = Mesh(fsdp=mesh.row_shards, model=mesh.model)
        settings = dataclasses.replace(settings, mesh=mesh)
        yield settings
    if settings.remat == "none":
        settings = dataclasses.replace(settings, remat="block")
        yield settings
    while settings.rows // (mesh.row_shards * settings.micro_batches) % 2 == 0:
        parts = 2 * settings.micro_batches
        settings = dataclasses.replace(settings, micro_batches=parts)
        yield settings
    if settings.quantize is None:
        settings = dataclasses.replace(settings, quantize="int8")
        yield settings
    if settings.rows > mesh.row_shards:
        settings = dataclasses.replace(settings, rows=mesh.row_shards, micro_batches=1)
        yield settings
    while settings.sequence_length >= 256:
        length = settings.sequence_length // 2
        settings = dataclasses.replace(settings, sequence_length=length)
        yield settings


def _formula_bytes(settings: StepSettings) -> int:
    return (
        base_bytes(settings)
        + 12 * adapter_numbers(settings)
        + activation_bytes(settings)
        + temporary_bytes(settings)
    )
