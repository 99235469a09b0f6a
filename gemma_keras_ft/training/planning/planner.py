"""Whether a run fits its devices, and how fast it can be, before it is started."""

import dataclasses
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gemma_keras_ft.model.devices import DEVICE_KINDS, DeviceKind, parse_devices
from gemma_keras_ft.model.lora_settings import Adapter
from gemma_keras_ft.model.mesh import AUTO, Mesh, parse_mesh
from gemma_keras_ft.model.mesh_choice import choose_mesh
from gemma_keras_ft.model.precision import check_dtype, held_dtype
from gemma_keras_ft.model.shapes import SHAPES, known_shape, shape_in
from gemma_keras_ft.model.sizes import weight_bytes
from gemma_keras_ft.training.host_memory import available_memory
from gemma_keras_ft.training.planning.roofline import Roofline, roofline
from gemma_keras_ft.training.planning.simulation import (
    compile_elsewhere,
    topology_name,
)
from gemma_keras_ft.training.planning.theory import (
    StepSettings,
    activation_bytes,
    adapter_numbers,
    base_bytes,
    step_flops,
    temporary_bytes,
)

# This machine, whose devices share its memory and whose speed is not known.
CPU = "CPU"
# Steps of so few blocks are compiled, and deeper ones told from the difference: from
# block to block nothing changes but which window attention has, every second time.
_FEW = (2, 4)
# Blocks of attention where no CPU is trained on.
_BLOCK_SIZE = 512


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """What a run would take of each of its devices.

    Args:
        settings: What was planned.
        kind: The devices.
        parts: Bytes on a device: `weights`, `adapter`, `optimizer`, `batch`,
            `activations`, which grow with depth, and `temporaries`, which do not.
        by_formula: Activations and temporaries by formula alone.
        source: Where the bytes come from.
        flops: Operations of a step on all devices.
        roofline: A bound on speed; None where the devices' speed is not known.
    """

    settings: StepSettings
    kind: DeviceKind
    parts: Mapping[str, int]
    by_formula: int
    source: str
    flops: float
    roofline: Roofline | None

    @property
    def bytes(self) -> int:
        """All parts together."""
        return sum(self.parts.values())

    @property
    def fits(self) -> bool:
        """Whether a device has as much memory."""
        return self.bytes <= self.kind.memory_bytes


def plan_training(
    preset: str | Path,
    *,
    devices: str,
    mesh: Mesh | str = AUTO,
    global_batch_size: int = 8,
    sequence_length: int = 512,
    adapter: Adapter | None = None,
    dtype: str | None = None,
    quantize: str | None = None,
    micro_batches: int = 1,
    remat: str = "none",
) -> TrainingPlan:
    """Tells what training takes on devices that need not be here, without a weight.

    Steps of a few blocks are compiled, and what one block more takes is multiplied by
    the depth. TPUs of v5e and v6e are compiled for, where the package `libtpu` is
    installed (`pip install 'gemma_keras_ft[tpu]'`). For other accelerators virtual CPU
    devices stand in, in float32, of whose activations half is taken for bfloat16: an
    estimate, mostly too high. It takes a minute or two.

    Example:
        ```python
        plan = plan_training("gemma2_9b_en", devices="8xTPUv5e", global_batch_size=16)
        print(plan.fits, plan.bytes / 2**30, "GiB")
        ```

    Args:
        preset: A name that tells which Gemma it is, or a preset folder; nothing is
            fetched.
        devices: Number and kind, such as `"8xTPUv5e"`, `"2xT4"`, `"H100"`; or `"CPU"`,
            this machine.
        mesh: How they share the work; as in `train`.
        global_batch_size: Rows of a batch, on all devices.
        sequence_length: Places of a row.
        adapter: The adapter; `Adapter()` by default.
        dtype: Of the base: bfloat16 by default, float32 on CPUs.
        quantize: Of the base; see `load_preset`.
        micro_batches: As in `Trainer`.
        remat: As in `Trainer`.

    Raises:
        ValueError: If preset or devices are not known, or the mesh does not fit them.
        RuntimeError: If a step does not compile.
    """
    settings, kind = plan_settings(
        preset,
        devices=devices,
        mesh=mesh,
        global_batch_size=global_batch_size,
        sequence_length=sequence_length,
        adapter=adapter,
        dtype=dtype,
        quantize=quantize,
        micro_batches=micro_batches,
        remat=remat,
    )
    return plan_with(settings, kind)


def plan_settings(
    preset: str | Path,
    *,
    devices: str,
    mesh: Mesh | str,
    global_batch_size: int,
    dtype: str | None,
    adapter: Adapter | None,
    micro_batches: int,
    **others: Any,
) -> tuple[StepSettings, DeviceKind]:
    """Returns what `plan_training` plans, once it is found in order; see there."""
    shape = known_shape(preset)
    if shape is None:
        raise ValueError(
            f"`preset` must be a preset folder, or tell which Gemma it is: one of "
            f"{[*SHAPES]}, or a name with its size. Received: preset={str(preset)!r}."
        )
    count, kind = parse_devices(devices, {**DEVICE_KINDS, CPU: _this_cpu()})
    if kind.platform == "cpu":
        kind = dataclasses.replace(kind, memory_bytes=kind.memory_bytes // count)
    dtype = dtype or ("float32" if kind.platform == "cpu" else "bfloat16")
    check_dtype(dtype)
    if mesh == AUTO:
        weights = weight_bytes(shape, dtype=held_dtype(dtype))
        mesh = choose_mesh(weights, devices=count, memory=kind.memory_bytes)
    mesh = parse_mesh(mesh) if isinstance(mesh, str) else mesh
    if mesh.size != count:
        raise ValueError(
            f"`mesh` must have as many devices as there are, {count}. Received: "
            f"mesh={str(mesh)!r}, of {mesh.size}."
        )
    shards = mesh.row_shards * micro_batches
    # As the loader does, with rows of zero weight.
    rows = -(-global_batch_size // shards) * shards
    settings = StepSettings(
        shape=shape_in(shape),
        adapter=adapter or Adapter(),
        rows=rows,
        dtype=dtype,
        micro_batches=micro_batches,
        mesh=mesh,
        **others,
    )
    base_bytes(settings)  # finds out whether the mesh divides the shape
    return settings, kind


def plan_with(settings: StepSettings, kind: DeviceKind) -> TrainingPlan:
    """Plans what is in order already; see `plan_training`."""
    topology = topology_name(kind, settings.mesh.size)
    here = kind.platform == "cpu"
    stand_in = settings
    if topology is None and not here:
        stand_in = dataclasses.replace(settings, dtype="float32")
    growing, constant = _compiled_bytes(stand_in, topology, here)
    if stand_in is not settings:
        growing = growing * settings.item // stand_in.item
    if settings.remat != "none" and not here:
        growing = _of_inputs_alone(settings, growing, stand_in is settings)
    trained = adapter_numbers(settings)
    return TrainingPlan(
        settings=settings,
        kind=kind,
        parts={
            "weights": base_bytes(settings),
            "adapter": 4 * trained,
            "optimizer": 8 * trained,
            "batch": 16 * settings.tokens * settings.micro_batches,
            "activations": growing,
            "temporaries": constant,
        },
        by_formula=activation_bytes(settings) + temporary_bytes(settings),
        source=_source(topology, here),
        flops=step_flops(settings),
        roofline=None if here else roofline(settings, kind),
    )


def _of_inputs_alone(settings: StepSettings, growing: int, compiled: bool) -> int:
    """Returns what blocks keep that are computed again, which is little.

    So little that with few of them it may not show beside what else a step needs; and
    on a CPU, XLA keeps much of what it was to compute again.
    """
    inputs = activation_bytes(settings)
    return max(growing, inputs) if compiled else inputs


def _this_cpu() -> DeviceKind:
    unknown = math.inf
    return DeviceKind(
        name=CPU,
        platform="cpu",
        memory_bytes=available_memory() or sys.maxsize,
        peak_flops=unknown,
        memory_bandwidth=unknown,
        link_bandwidth=unknown,
        host_devices=1,
    )


def _compiled_bytes(
    settings: StepSettings, topology: str | None, here: bool
) -> tuple[int, int]:
    """Returns the bytes that grow with depth, and those that do not."""
    depth = settings.shape["num_layers"]
    depths = [layers for layers in _FEW if layers < depth] + [depth]
    depths = depths[: len(_FEW)]
    options = {
        "topology": topology,
        "block_size": None if topology or here else _BLOCK_SIZE,
        "for_memory": not here or bool(settings.remat != "none" or settings.quantize),
    }
    found = [
        compile_elsewhere(_with_depth(settings, layers), **options)["temporary_bytes"]
        for layers in depths
    ]
    if len(depths) == 1:
        return 0, found[0]
    each = max(0, (found[1] - found[0]) / (depths[1] - depths[0]))
    return int(each * depth), int(found[1] - each * depths[1])


def _with_depth(settings: StepSettings, layers: int) -> StepSettings:
    shape = {**settings.shape, "num_layers": layers}
    return dataclasses.replace(settings, shape=shape)


def _source(topology: str | None, here: bool) -> str:
    if topology:
        return f"compiled for TPU {topology}, and not run on one"
    if here:
        return "compiled for this CPU"
    return "an estimate: compiled for virtual CPU devices in float32"
