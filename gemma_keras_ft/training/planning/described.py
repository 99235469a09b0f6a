"""A plan as people and programs read it."""

import dataclasses
import json
from typing import Any

from gemma_keras_ft.console import tell
from gemma_keras_ft.training.planning.planner import TrainingPlan

_GIB = 2**30


def plan_facts(plan: TrainingPlan) -> dict[str, Any]:
    """Returns a plan as JSON values."""
    settings = plan.settings
    return {
        "devices": f"{settings.mesh.size}x{plan.kind.name}",
        "options": plan_options(plan),
        "bytes": dict(plan.parts),
        "total_bytes": plan.bytes,
        "device_bytes": plan.kind.memory_bytes,
        "fits": plan.fits,
        "source": plan.source,
        "formula_bytes": plan.by_formula,
        "flops": plan.flops,
        "roofline": plan.roofline and dataclasses.asdict(plan.roofline),
    }


def plan_options(plan: TrainingPlan) -> dict[str, Any]:
    """Returns by which options of `train` a plan is had."""
    settings = plan.settings
    return {
        "mesh": str(settings.mesh),
        "global_batch_size": settings.rows,
        "sequence_length": settings.sequence_length,
        "dtype": settings.dtype,
        "quantize": settings.quantize,
        "rank": settings.adapter.rank,
        "micro_batches": settings.micro_batches,
        "remat": settings.remat,
    }


def plan_json(plan: TrainingPlan, nearest: TrainingPlan | None) -> str:
    """Returns a plan, and the nearest that fits, as JSON."""
    facts = {**plan_facts(plan), "nearest": nearest and plan_facts(nearest)}
    return json.dumps(facts, indent=1)


def print_plan(plan: TrainingPlan, nearest: TrainingPlan | None) -> None:
    """Prints a plan; and by which options one that fits is had, if it does not.

    Args:
        plan: The plan.
        nearest: Of a plan that does not fit, the nearest that does, if there is one.
    """
    _print_one(plan)
    if plan.fits:
        return
    if nearest is None:
        tell("No smaller step was found that fits. Take more devices, or larger ones.")
        return
    before, now = plan_options(plan), plan_options(nearest)
    changed = [
        f"--{name.replace('_', '-')} {value}"
        for name, value in now.items()
        if value != before[name]
    ]
    tell(f"The nearest that fits: {' '.join(changed)}")
    _print_one(nearest)


def _print_one(plan: TrainingPlan) -> None:
    settings, limit = plan.settings, plan.kind.memory_bytes
    tell(
        f"{settings.mesh.size} x {plan.kind.name}, mesh {settings.mesh}: "
        f"{settings.rows} rows of {settings.sequence_length} tokens a step"
    )
    for name, size in plan.parts.items():
        tell(f"  {name:<13}{size / _GIB:8.2f} GiB")
    fits = "fits" if plan.fits else "does not fit"
    tell(
        f"  {'on a device':<13}{plan.bytes / _GIB:8.2f} GiB of {limit / _GIB:.2f}: "
        f"{fits} ({plan.source})"
    )
    tell(f"  arithmetic   {plan.flops / 1e12:8.1f} TFLOP a step, on all devices")
    if plan.roofline:
        found = plan.roofline
        tell(
            f"  at most      {found.tokens_per_second:8,.0f} tokens/s, bound by "
            f"{found.bound}; few programs come near"
        )
