"""Compiles a step for devices that are not here, in a process of its own.

    python -m gemma_keras_ft.training.planning.simulation < settings.json

JAX must be told of virtual devices before it starts, and what it runs on here stays as
it is.
"""

import dataclasses
import importlib.util
import json
import os
import subprocess
import sys
from typing import Any

from gemma_keras_ft.config import from_config
from gemma_keras_ft.model.devices import DeviceKind
from gemma_keras_ft.model.mesh import Mesh
from gemma_keras_ft.training.compilation import schedule_for_memory
from gemma_keras_ft.training.planning.theory import StepSettings

_LIMIT_SECONDS = 3600
# Topologies by number of chips, of kinds whose chips lie in a plane.
_GRIDS = {
    1: "1x1",
    4: "2x2",
    8: "2x4",
    16: "4x4",
    32: "4x8",
    64: "8x8",
    128: "8x16",
    256: "16x16",
}
_TOPOLOGIES = {"TPUv5e": "v5e", "TPUv6e": "v6e"}
# What libtpu would otherwise ask a metadata server, or refuse beside a running one.
_LIBTPU = {
    "TPU_SKIP_MDS_QUERY": "1",
    "TPU_ACCELERATOR_TYPE": "v5litepod-8",
    "TPU_WORKER_HOSTNAMES": "localhost",
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
}


def topology_name(kind: DeviceKind, devices: int) -> str | None:
    """Returns the topology to compile for; None where only CPUs can stand in.

    TPUs can be compiled for wherever the package `libtpu` is installed.
    """
    generation, grid = _TOPOLOGIES.get(kind.name), _GRIDS.get(devices)
    if generation is None or grid is None or not importlib.util.find_spec("libtpu"):
        return None
    return f"{generation}:{grid}"


def compile_elsewhere(
    settings: StepSettings,
    *,
    topology: str | None = None,
    block_size: int | None = None,
    for_memory: bool = True,
) -> dict[str, Any]:
    """Compiles a step on virtual devices; returns the fields of its `StepPlan`.

    Args:
        settings: What to compile.
        topology: Of TPUs, such as `"v5e:2x4"`; None for virtual devices of this CPU.
        block_size: Places in a block of attention; what suits the devices, by default.
        for_memory: Whether XLA is to order a CPU's work for the least memory, as it
            does that of accelerators; see `schedule_for_memory`.

    Raises:
        RuntimeError: If it does not compile, with what the compiler says.
    """
    request = {
        **_to_json(settings),
        "topology": topology,
        "block_size": block_size,
        "for_memory": for_memory,
    }
    environment = {
        **os.environ,
        **_LIBTPU,
        "JAX_PLATFORMS": "cpu",
        "KERAS_BACKEND": "jax",
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={settings.mesh.size}",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    found = subprocess.run(
        [sys.executable, "-m", __name__],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        env=environment,
        timeout=_LIMIT_SECONDS,
    )
    if found.returncode:
        lines = found.stderr.strip().splitlines() or ["nothing said"]
        raise RuntimeError(
            f"A step must compile to be planned. Received: {lines[-1]:.2000}"
        )
    return json.loads(found.stdout.splitlines()[-1])


def _to_json(settings: StepSettings) -> dict[str, Any]:
    names = {field.name for field in dataclasses.fields(settings)}
    plain = {name: getattr(settings, name) for name in names - {"adapter", "mesh"}}
    return {
        **plain,
        "shape": dict(settings.shape),
        "adapter": settings.adapter.to_config(),
        "mesh": dataclasses.asdict(settings.mesh),
    }


def main() -> None:
    """Answers a request on standard input."""
    request: dict[str, Any] = json.load(sys.stdin)
    if request.pop("for_memory"):
        schedule_for_memory()
    from gemma_keras_ft.training.planning.compiled import plan_step

    topology = request.pop("topology")
    plan = plan_step(
        **request
        | {
            "adapter": from_config(request["adapter"]),
            "mesh": Mesh(**request["mesh"]),
            "devices": _topology_devices(topology) if topology else None,
        }
    )
    print(json.dumps(dataclasses.asdict(plan)))


def _topology_devices(name: str) -> list[Any]:
    from jax.experimental import topologies

    topology = topologies.get_topology_desc(platform="tpu", topology_name=name)
    return list(topology.devices)


if __name__ == "__main__":
    main()
