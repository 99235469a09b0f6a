"""Accelerators: what their makers say of them, and what the ones here tell."""

import dataclasses
import re
from collections.abc import Mapping
from types import MappingProxyType

GIB = 2**30


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeviceKind:
    """An accelerator, as its maker describes it.

    Args:
        name: Short name, as in `"8xTPUv5e"`.
        platform: `"tpu"`, `"gpu"` or `"cpu"`.
        memory_bytes: What of its memory JAX leaves to a program, about.
        peak_flops: Operations a second of dense products of bfloat16, or of float32
            where it has no units for those.
        memory_bandwidth: Bytes a second between memory and units.
        link_bandwidth: Bytes a second, one way, to its neighbors all together.
        host_devices: Most devices of one machine.
    """

    name: str
    platform: str
    memory_bytes: int
    peak_flops: float
    memory_bandwidth: float
    link_bandwidth: float
    host_devices: int


def _kind(name, platform, gib, teraflops, memory_gb, link_gb, host_devices):
    return DeviceKind(
        name=name,
        platform=platform,
        memory_bytes=int(gib * GIB),
        peak_flops=teraflops * 1e12,
        memory_bandwidth=memory_gb * 1e9,
        link_bandwidth=link_gb * 1e9,
        host_devices=host_devices,
    )


# TPUs: https://cloud.google.com/tpu/docs/system-architecture-tpu-vm, of v3 a core.
# GPUs: NVIDIA's data sheets; JAX takes three quarters of a GPU's memory unless
# XLA_PYTHON_CLIENT_MEM_FRACTION says otherwise, which is assumed to say 0.95.
DEVICE_KINDS: Mapping[str, DeviceKind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            _kind("TPUv3", "tpu", 15.5, 61.5, 450, 82, 8),
            _kind("TPUv4", "tpu", 31.2, 275, 1228, 150, 4),
            _kind("TPUv5e", "tpu", 15.75, 197, 819, 100, 8),
            _kind("TPUv5p", "tpu", 95.0, 459, 2765, 300, 4),
            _kind("TPUv6e", "tpu", 31.25, 918, 1640, 224, 8),
            _kind("T4", "gpu", 13.8, 8.1, 300, 12, 8),
            _kind("P100", "gpu", 15.0, 9.3, 732, 12, 8),
            _kind("L4", "gpu", 21.0, 121, 300, 24, 8),
            _kind("A100-40GB", "gpu", 37.5, 312, 1555, 300, 8),
            _kind("A100-80GB", "gpu", 75.5, 312, 2039, 300, 8),
            _kind("H100", "gpu", 75.5, 989, 3350, 450, 8),
            _kind("H200", "gpu", 133.0, 989, 4800, 450, 8),
        )
    }
)
_MOST_DEVICES = 2**16
_COUNTED = re.compile(r"\s*(?:(\d+)\s*[x×]\s*)?(\S+)\s*")


def parse_devices(
    text: str, kinds: Mapping[str, DeviceKind] = DEVICE_KINDS
) -> tuple[int, DeviceKind]:
    """Reads devices from text such as `"8xTPUv5e"`, `"2xT4"` or `"H100"`.

    Args:
        text: Number and kind.
        kinds: What is known by which name.

    Returns:
        Their number and their kind.

    Raises:
        ValueError: If no device is known by that name.
    """
    found = _COUNTED.fullmatch(text)
    names = {name.lower(): name for name in kinds}
    name = names.get(found[2].lower()) if found else None
    count = int(found[1] or 1) if found else 0
    if name is None or not 1 <= count <= _MOST_DEVICES:
        raise ValueError(
            f"`devices` must be a number, up to {_MOST_DEVICES}, of one of {[*kinds]}, "
            f"as in '8xTPUv5e'. Received: devices={text!r}."
        )
    return count, kinds[name]


def device_memory() -> int | None:
    """Returns the bytes that JAX may take on its smallest device; None if untold."""
    import jax

    stats = [device.memory_stats() or {} for device in jax.local_devices()]
    limits = [found["bytes_limit"] for found in stats if found.get("bytes_limit")]
    return min(limits, default=None)
