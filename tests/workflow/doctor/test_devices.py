import os
import sys
import types

import jax
import pytest

from gemma_keras_ft.training import step_memory
from gemma_keras_ft.workflow.doctor import devices as doctor_devices
from gemma_keras_ft.workflow.doctor.devices import (
    check_backend,
    check_devices,
    check_kept_memory,
    check_precision,
    check_tensorflow,
)

GIB = 2**30
PREALLOCATE = "XLA_PYTHON_CLIENT_PREALLOCATE"
ALLOCATOR = "XLA_PYTHON_CLIENT_ALLOCATOR"


@pytest.fixture(autouse=True)
def bare(monkeypatch, tmp_path):
    """A machine without accelerators, whose user set nothing."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(doctor_devices, "_NVIDIA", ())
    monkeypatch.setattr(doctor_devices, "_TPU", ())
    for name in ("TPU_NAME", "JAX_PLATFORMS", PREALLOCATE, ALLOCATOR):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run_on(monkeypatch):
    """A function: lets JAX have devices of a kind, with so much memory each."""

    def give(platform, kind, *memories, **others):
        devices = [
            types.SimpleNamespace(
                platform=platform,
                device_kind=kind,
                memory_stats=lambda memory=memory: memory and {"bytes_limit": memory},
                **others,
            )
            for memory in memories
        ]
        monkeypatch.setattr(jax, "devices", lambda: devices)
        monkeypatch.setattr(jax, "local_devices", lambda: devices)

    return give


@pytest.fixture
def keras_home(monkeypatch, tmp_path):
    """A function: writes a keras.json."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))

    def write(text):
        (tmp_path / "keras.json").write_text(text)

    return write


def only(findings):
    (finding,) = findings
    return finding


def test_jax_is_the_backend_here(keras_home):
    found = only(check_backend())
    assert (found.status, found.found) == ("ok", "jax")


@pytest.mark.parametrize("value", ["tensorflow", "torch", ""])
def test_another_backend_in_the_environment_is_an_error(monkeypatch, value):
    monkeypatch.setenv("KERAS_BACKEND", value)
    found = only(check_backend())
    assert found.status == "error" and repr(value) in found.found
    assert "KERAS_BACKEND=jax" in found.remedy


def test_keras_already_running_on_another_backend_is_an_error(monkeypatch):
    running = types.SimpleNamespace(backend=lambda: "tensorflow")
    keras = types.SimpleNamespace(backend=running)
    monkeypatch.setitem(sys.modules, "keras", keras)
    found = only(check_backend())
    assert found.status == "error" and "'tensorflow'" in found.found


def test_what_kerass_file_would_choose_is_told(keras_home, tmp_path):
    keras_home('{"backend": "torch"}')
    found = only(check_backend())
    assert found.status == "ok"
    assert f"{tmp_path}/keras.json says 'torch'" in found.found
    for text in ('{"backend": "jax"}', "{}", "not json"):
        keras_home(text)
        assert only(check_backend()).found == "jax"


def test_the_file_is_where_keras_looks_for_it(monkeypatch, tmp_path):
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras" / "keras.json").write_text('{"backend": "tensorflow"}')
    assert "says 'tensorflow'" in only(check_backend()).found


def test_tensorflow_is_imported(monkeypatch):
    assert only(check_tensorflow()).status == "ok"
    monkeypatch.setitem(sys.modules, "tensorflow_text", None)
    with pytest.raises(ImportError):
        list(check_tensorflow())


def test_devices_are_counted_with_their_memory(run_on):
    run_on("gpu", "Tesla T4", 11 * GIB, 10 * GIB)
    found = only(check_devices())
    assert found.status == "ok"
    assert found.found == "2 x Tesla T4, 10.0 GiB each for JAX (gpu)"


def test_devices_without_statistics_are_counted_alone():
    found = only(check_devices())
    assert (found.status, found.found) == ("ok", "8 x cpu (cpu)")


def leave_idle(monkeypatch, tmp_path, how):
    path = tmp_path / "device0"
    if how == "nvidia-smi":
        path = tmp_path / "bin" / "nvidia-smi"
        path.parent.mkdir()
    if how == "TPU_NAME":
        monkeypatch.setenv("TPU_NAME", "local")
    elif how == "/dev/nvidia0":
        monkeypatch.setattr(doctor_devices, "_NVIDIA", (str(path),))
    elif how == "/dev/accel0":
        monkeypatch.setattr(doctor_devices, "_TPU", (f"{tmp_path}/device[0-9]*",))
    path.touch(mode=0o755)


@pytest.mark.parametrize(
    ("how", "maker", "extra"),
    [
        ("nvidia-smi", "an NVIDIA GPU", "cuda12"),
        ("/dev/nvidia0", "an NVIDIA GPU", "cuda12"),
        ("TPU_NAME", "a TPU", "tpu"),
        ("/dev/accel0", "a TPU", "tpu"),
    ],
)
def test_an_accelerator_left_idle_is_told(
    monkeypatch, tmp_path, run_on, how, maker, extra
):
    leave_idle(monkeypatch, tmp_path, how)
    found = only(check_devices())
    assert found.status == "warning" and maker in found.found
    assert f"pip install 'jax[{extra}]=={jax.__version__}'" in found.remedy
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    assert only(check_devices()).remedy.startswith("Unset JAX_PLATFORMS")
    monkeypatch.setenv("JAX_PLATFORMS", "cuda,tpu,cpu")
    assert "pip install" in only(check_devices()).remedy
    run_on("gpu", "Tesla T4", 11 * GIB)
    assert only(check_devices()).status == "ok"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (PREALLOCATE, "true", None),
        (PREALLOCATE, "1", None),
        (PREALLOCATE, "", None),
        (PREALLOCATE, "false", "fragments"),
        (PREALLOCATE, "no", "'no': JAX takes that for true"),
        (ALLOCATOR, "platform", "asked of the driver"),
        (ALLOCATOR, "bfc", None),
    ],
)
def test_odd_settings_of_a_gpus_memory_are_told(monkeypatch, run_on, name, value, said):
    monkeypatch.setenv(name, value)
    run_on("gpu", "NVIDIA L4", 16 * GIB)
    _, *others = check_devices()
    assert [finding.status for finding in others] == ["warning"] * bool(said)
    assert all(said in finding.found for finding in others)
    run_on("tpu", "TPU v5 lite", 15 * GIB)
    assert len(list(check_devices())) == 1


def test_the_dtype_is_told_with_its_reason(run_on):
    assert only(check_precision()).found.startswith("float32. Most CPUs")
    run_on("gpu", "Tesla T4", 11 * GIB, compute_capability="7.5")
    found = only(check_precision())
    assert found.found.startswith("bfloat16. Tesla T4 has no matrix units")


@pytest.fixture
def glibc(monkeypatch):
    """glibc, which takes down what it is told and otherwise does nothing."""
    told = []
    library = types.SimpleNamespace(
        mallopt=lambda *given: told.append(given), malloc_trim=lambda _: None
    )
    monkeypatch.setattr(step_memory, "_library", lambda: library)
    monkeypatch.setattr("platform.libc_ver", lambda: ("glibc", "2.36"))
    return told


def test_a_steps_memory_that_would_be_kept_is_not_touched(glibc):
    assert only(check_kept_memory()).status == "ok"
    assert glibc == []


@pytest.mark.parametrize("why", ["the user's setting", "no room"])
def test_memory_that_is_not_kept_is_told(glibc, monkeypatch, why):
    if why == "no room":
        monkeypatch.setattr(step_memory, "available_memory", lambda: 0)
    else:
        monkeypatch.setattr(step_memory, "_library", lambda: None)
    found = only(check_kept_memory())
    assert found.status == "warning" and "LD_PRELOAD" in found.remedy
    assert glibc == []


def test_nothing_is_said_of_it_elsewhere(glibc, monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert list(check_kept_memory()) == []
    monkeypatch.setattr(jax, "default_backend", lambda: "cpu")
    monkeypatch.setattr("platform.libc_ver", lambda: ("", ""))
    assert list(check_kept_memory()) == []
    assert glibc == []


def test_the_environment_is_left_as_it_was():
    before = dict(os.environ)
    list(check_backend())
    list(check_devices())
    assert dict(os.environ) == before
