"""In which numbers a device should hold and compute a model, and why."""

import dataclasses
from typing import Any

DTYPES = ("float32", "bfloat16", "mixed_bfloat16")
# From this compute capability on, NVIDIA's matrix units take bfloat16.
_NATIVE_BFLOAT16 = 8.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Precision:
    """A Keras dtype policy for the base model; adapters are always float32.

    Args:
        dtype: One of `DTYPES`.
        reason: Why it suits the device, in a sentence.
    """

    dtype: str
    reason: str


def choose_precision(device: Any = None) -> Precision:
    """Chooses what suits a device.

    Args:
        device: A `jax.Device`; by default the first that JAX runs on.
    """
    import jax

    device = device or jax.devices()[0]
    if device.platform == "cpu":
        return Precision(
            dtype="float32",
            reason="Most CPUs compute bfloat16 more slowly than float32.",
        )
    if device.platform == "gpu" and _capability(device) < _NATIVE_BFLOAT16:
        return Precision(
            dtype="bfloat16",
            reason=f"{device.device_kind} has no matrix units for bfloat16: weights "
            "take half the memory, products the time of float32. In float16, for "
            "which it has some, Gemma 2 overflows.",
        )
    return Precision(
        dtype="bfloat16",
        reason=f"{device.device_kind} computes bfloat16 natively, which has the range "
        "of float32 in half the memory.",
    )


def held_dtype(policy: str) -> str:
    """Returns the dtype of a base's weights under a Keras dtype policy."""
    return "float32" if policy.startswith("mixed_") else policy


def check_dtype(dtype: str) -> None:
    """Checks that a model can be trained in a dtype.

    Raises:
        ValueError: If it cannot.
    """
    if dtype in DTYPES:
        return
    hint = ""
    if "float16" in str(dtype):
        hint = " Gemma 2's activations exceed the range of float16: losses become NaN."
    raise ValueError(
        f"`dtype` must be one of {[*DTYPES]}. Received: dtype={dtype!r}.{hint} Leave "
        "it out to have what suits the device."
    )


def _capability(device) -> float:
    """Returns NVIDIA's compute capability; of other makers, that of new devices."""
    found = str(getattr(device, "compute_capability", ""))
    return float(found) if found.replace(".", "", 1).isdigit() else _NATIVE_BFLOAT16
