"""Checks of memory: the host's, and whether a preset's weights fit."""

from collections.abc import Iterator
from pathlib import Path

from gemma_keras_ft.model.devices import device_memory
from gemma_keras_ft.model.shapes import known_shape
from gemma_keras_ft.model.sizes import count_parameters, weight_bytes
from gemma_keras_ft.training.host_memory import available_memory
from gemma_keras_ft.workflow.doctor.finding import Finding, in_gib

# Beyond this share of memory, weights leave little for what a step computes.
_FULL = 0.75


def check_host_memory() -> Iterator[Finding]:
    """Says how much memory this process may still take on the host."""
    available = available_memory()
    found = "nobody tells how much" if available is None else in_gib(available)
    yield Finding(check="host memory", status="ok", found=f"{found} available")


def check_weights(preset: str | Path) -> Iterator[Finding]:
    """Compares what a preset's weights take with the memory that is to hold them.

    Args:
        preset: As for `load_preset`.
    """
    from gemma_keras_ft.model.precision import choose_precision

    shape = known_shape(preset)
    if shape is None:
        found = f"how large {preset} is shows only once it has been fetched"
        yield Finding(check="weights", status="ok", found=found)
        return
    dtype = choose_precision().dtype
    needed = weight_bytes(shape, dtype=dtype)
    on_device = device_memory()
    memory = available_memory() if on_device is None else on_device
    found = f"{count_parameters(shape):,} in {dtype} take {in_gib(needed)}"
    if memory is None:
        yield Finding(check="weights", status="ok", found=found)
        return
    found += f", of {in_gib(memory)} on {'the host' if on_device is None else 'each'}"
    if on_device is not None:
        found += " device"
    if needed > memory:
        yield Finding(
            check="weights", status="error", found=found, remedy=_too_large(dtype)
        )
    elif needed > _FULL * memory:
        left = memory - weight_bytes(shape, dtype=dtype, quantized=True)
        remedy = (
            f"`--quantize int8` leaves {in_gib(left)} for what a step computes, which "
            "`--remat block` and `--micro-batches` make less; or take a smaller preset."
        )
        yield Finding(check="weights", status="warning", found=found, remedy=remedy)
    else:
        yield Finding(check="weights", status="ok", found=found)


def _too_large(dtype: str) -> str:
    half = "" if dtype != "float32" else " `--dtype bfloat16` needs half of it."
    return f"Take a smaller preset, or a device with more memory.{half}"
