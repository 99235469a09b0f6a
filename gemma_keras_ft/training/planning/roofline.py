"""How fast a step can be at best, by what its devices can do."""

import dataclasses

from gemma_keras_ft.model.devices import DeviceKind
from gemma_keras_ft.training.planning.theory import (
    StepSettings,
    activation_bytes,
    base_bytes,
    exchanged_bytes,
    step_flops,
)

# What is gathered crosses each link once; a sum goes round twice.
_ROUNDS = {"gathered weights": 1}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Roofline:
    """A bound on speed: no program is faster, and few come near.

    Args:
        tokens_per_second: Places of all rows, at most.
        bound: What sets it: `"arithmetic"`, `"memory"` or `"links"`.
        seconds: Of a step, by each of the three.
    """

    tokens_per_second: float
    bound: str
    seconds: dict[str, float]


def roofline(settings: StepSettings, kind: DeviceKind) -> Roofline:
    """Returns the bound of a step on some devices.

    Each part is taken to hide behind the slowest: arithmetic, reading the weights once
    forward and once backward and the activations twice, and exchanging.

    Args:
        settings: The step.
        kind: The device, as many of it as the mesh has.

    References:
        Williams et al., 2009. https://doi.org/10.1145/1498765.1498785
    """
    mesh = settings.mesh
    read = dataclasses.replace(settings, mesh=dataclasses.replace(mesh, fsdp=1))
    moved = 2 * settings.micro_batches * base_bytes(read) + 2 * activation_bytes(
        settings
    )
    sent = sum(
        _ROUNDS.get(name, 2) * size for name, size in exchanged_bytes(settings).items()
    )
    share = (mesh.size - 1) / mesh.size
    seconds = {
        "arithmetic": step_flops(settings) / mesh.size / kind.peak_flops,
        "memory": moved / kind.memory_bandwidth,
        "links": sent * share / kind.link_bandwidth,
    }
    bound = max(seconds, key=lambda name: seconds[name])
    tokens = settings.rows * settings.sequence_length
    return Roofline(
        tokens_per_second=tokens / seconds[bound], bound=bound, seconds=seconds
    )
