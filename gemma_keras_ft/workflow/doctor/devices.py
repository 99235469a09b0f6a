"""Checks of the backend, of the devices, and of how numbers are held on them."""

import collections
import glob
import importlib.metadata
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gemma_keras_ft.backend import REMEDY, import_tensorflow_quietly
from gemma_keras_ft.model.devices import device_memory
from gemma_keras_ft.workflow.doctor.finding import Finding, in_gib

_NVIDIA = ("/dev/nvidia0", "/dev/dxg")
_TPU = ("/dev/accel[0-9]*", "/dev/vfio/[0-9]*")
_PREALLOCATE = "XLA_PYTHON_CLIENT_PREALLOCATE"
_ALLOCATOR = "XLA_PYTHON_CLIENT_ALLOCATOR"
# JAX takes everything else for true.
_FALSE = ("false", "False", "0")
_TRUE = ("true", "True", "1")


def check_backend() -> Iterator[Finding]:
    """Says on which backend Keras runs, or would if it were imported first."""
    chosen = os.environ.get("KERAS_BACKEND", "jax")
    if "keras" in sys.modules:
        running = sys.modules["keras"].backend.backend()
    else:
        running = chosen
    for value in (chosen, running):
        if value != "jax":
            found = f"{value!r}, where jax is needed"
            yield Finding(check="backend", status="error", found=found, remedy=REMEDY)
            return
    path = _keras_config()
    stored = _stored_backend(path)
    aside = ""
    if stored not in (None, "jax"):
        aside = (
            f"; {path} says {stored!r}, which holds where keras is imported before "
            "gemma_keras_ft"
        )
    yield Finding(check="backend", status="ok", found=f"jax{aside}")


def check_tensorflow() -> Iterator[Finding]:
    """Imports TensorFlow and its text operations, which feed the data."""
    import_tensorflow_quietly()
    yield Finding(check="tensorflow import", status="ok", found="can be imported")


def check_devices() -> Iterator[Finding]:
    """Says on which devices JAX runs, and which it leaves unused."""
    import jax

    devices = jax.devices()
    kinds = collections.Counter(device.device_kind for device in devices)
    found = ", ".join(f"{count} x {kind}" for kind, count in kinds.items())
    running = devices[0].platform
    memory = device_memory()
    if memory is not None:
        found += f", {in_gib(memory)} each for JAX"
    idle = _idle_accelerator() if running == "cpu" else None
    if idle:
        maker, extra = idle
        yield Finding(
            check="devices",
            status="warning",
            found=f"{found} alone, though {maker} seems to be here",
            remedy=_use(extra),
        )
    else:
        yield Finding(check="devices", status="ok", found=f"{found} ({running})")
    if running == "gpu":
        yield from _check_allocation()


def check_precision() -> Iterator[Finding]:
    """Says in which numbers a base is held on this device, and why."""
    from gemma_keras_ft.model.precision import choose_precision

    choice = choose_precision()
    found = f"{choice.dtype}. {choice.reason}"
    yield Finding(check="precision", status="ok", found=found)


def check_kept_memory() -> Iterator[Finding]:
    """Looks whether a CPU's memory is kept from one step to the next."""
    import jax

    from gemma_keras_ft.training.step_memory import can_keep_memory

    if jax.default_backend() != "cpu" or platform.libc_ver()[0] != "glibc":
        return
    if can_keep_memory():
        found = "is kept from one step to the next"
        yield Finding(check="step's memory", status="ok", found=found)
        return
    yield Finding(
        check="step's memory",
        status="warning",
        found="is given back after every step, which then takes longer",
        remedy="Leave the process room to double; and unset LD_PRELOAD, GLIBC_TUNABLES "
        "and MALLOC_..., where they are set for no good reason.",
    )


def _keras_config() -> Path:
    """Returns where Keras keeps its settings."""
    home = os.environ.get("KERAS_HOME")
    if home:
        return Path(home).expanduser() / "keras.json"
    base = Path.home() if os.access(Path.home(), os.W_OK) else tempfile.gettempdir()
    return Path(base) / ".keras" / "keras.json"


def _stored_backend(path: Path) -> str | None:
    try:
        return json.loads(path.read_text(encoding="utf-8")).get("backend")
    except (OSError, ValueError):  # neither does Keras mind
        return None


def _idle_accelerator() -> tuple[str, str] | None:
    """Returns what seems to be here, and JAX's extra for it."""
    if shutil.which("nvidia-smi") or any(map(os.path.exists, _NVIDIA)):
        return "an NVIDIA GPU", "cuda12"
    if os.environ.get("TPU_NAME") or any(map(glob.glob, _TPU)):
        return "a TPU", "tpu"
    return None


def _use(extra: str) -> str:
    chosen = os.environ.get("JAX_PLATFORMS", "")
    if chosen and not any(name in chosen for name in ("cuda", "gpu", "tpu")):
        return f"Unset JAX_PLATFORMS, which is {chosen!r}, to use it."
    version = importlib.metadata.version("jax")
    return (
        f"pip install 'jax[{extra}]=={version}'; if that is there already, what "
        "`python -c 'import jax; jax.devices()'` logs says why it is not used."
    )


def _check_allocation() -> Iterator[Finding]:
    """Warns of settings by which JAX takes a GPU's memory otherwise than by default."""
    preallocate = os.environ.get(_PREALLOCATE, "")
    if preallocate in _FALSE:
        yield Finding(
            check="GPU memory",
            status="warning",
            found=f"{_PREALLOCATE}={preallocate}: taken piece by piece, it fragments",
            remedy=f"Unset {_PREALLOCATE}, unless other processes use the GPU too.",
        )
    elif preallocate and preallocate not in _TRUE:
        yield Finding(
            check="GPU memory",
            status="warning",
            found=f"{_PREALLOCATE}={preallocate!r}: JAX takes that for true",
            remedy="Write true or false.",
        )
    if os.environ.get(_ALLOCATOR, "").lower() == "platform":
        yield Finding(
            check="GPU memory",
            status="warning",
            found=f"{_ALLOCATOR}=platform: every array is asked of the driver",
            remedy=f"Unset {_ALLOCATOR}: it is very slow.",
        )
