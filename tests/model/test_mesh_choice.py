import types

import jax
import pytest

from gemma_keras_ft.model import mesh_choice
from gemma_keras_ft.model.mesh import Mesh
from gemma_keras_ft.model.mesh_choice import choose_mesh, resolve_mesh

GIB = 2**30


@pytest.mark.parametrize(
    ("weights", "devices", "memory", "expected"),
    [
        (5 * GIB, 8, 16 * GIB, Mesh(batch=8)),
        (8 * GIB, 8, 16 * GIB, Mesh(batch=8)),
        (8 * GIB + 1, 8, 16 * GIB, Mesh(batch=4, fsdp=2)),
        # Three would do, and do not divide eight.
        (18 * GIB, 8, 16 * GIB, Mesh(batch=2, fsdp=4)),
        (50 * GIB, 8, 16 * GIB, Mesh(fsdp=8)),
        (500 * GIB, 8, 16 * GIB, Mesh(fsdp=8)),
        (18 * GIB, 6, 16 * GIB, Mesh(batch=2, fsdp=3)),
        (50 * GIB, 1, 16 * GIB, Mesh()),
        (None, 8, 16 * GIB, Mesh(batch=8)),
        (50 * GIB, 8, None, Mesh(batch=8)),
    ],
)
def test_as_few_devices_share_a_base_as_can(weights, devices, memory, expected):
    found = choose_mesh(weights, devices=devices, memory=memory)
    assert found == expected
    assert found.size == devices


@pytest.fixture
def run_on(monkeypatch):
    """A function: lets JAX have so many devices of a platform, with some memory."""

    def give(platform, count, memory=None, hosts=1):
        devices = [types.SimpleNamespace(platform=platform) for _ in range(count)]
        monkeypatch.setattr(jax, "devices", lambda: devices)
        monkeypatch.setattr(jax, "process_count", lambda: hosts)
        monkeypatch.setattr(mesh_choice, "device_memory", lambda: memory)

    return give


@pytest.mark.parametrize(
    ("preset", "dtype", "expected"),
    [
        # 4.9, 17.2 and 50.7 GiB in two bytes each; 9.7 GiB in four.
        ("gemma2_2b_en", "bfloat16", Mesh(batch=8)),
        ("gemma2_2b_en", "float32", Mesh(batch=4, fsdp=2)),
        ("gemma2_2b_en", "mixed_bfloat16", Mesh(batch=4, fsdp=2)),
        ("gemma2_9b_en", "bfloat16", Mesh(batch=2, fsdp=4)),
        ("gemma2_27b_en", "bfloat16", Mesh(fsdp=8)),
        ("hf://someone/songs", "bfloat16", Mesh(batch=8)),
    ],
)
def test_auto_suits_preset_and_devices(run_on, preset, dtype, expected):
    run_on("tpu", 8, 16 * GIB)
    assert resolve_mesh("auto", preset=preset, dtype=dtype) == expected


def test_auto_takes_the_dtype_that_the_devices_would_get(run_on, monkeypatch):
    run_on("gpu", 2, 15 * GIB)
    for dtype, expected in {"bfloat16": Mesh(batch=2), "float32": Mesh(fsdp=2)}.items():
        chosen = types.SimpleNamespace(dtype=dtype)
        monkeypatch.setattr(mesh_choice, "choose_precision", lambda c=chosen: c)
        assert resolve_mesh("auto", preset="gemma2_2b_en") == expected


def test_auto_is_none_where_there_is_nothing_to_share(run_on):
    assert resolve_mesh("auto", preset="gemma2_2b_en") is None  # eight virtual ones
    run_on("tpu", 1, 16 * GIB)
    assert resolve_mesh("auto", preset="gemma2_2b_en") is None


def test_auto_shares_between_hosts_even_on_cpus(run_on):
    run_on("cpu", 4, hosts=2)
    assert resolve_mesh("auto", preset="gemma2_2b_en") == Mesh(batch=4)


def test_what_is_asked_for_is_what_is_taken():
    mesh = Mesh(batch=2, model=4)
    assert resolve_mesh(mesh, preset="gemma2_2b_en") is mesh
    assert resolve_mesh("batch=2,model=4", preset="gemma2_2b_en") == mesh
    assert resolve_mesh(None, preset="gemma2_2b_en") is None
    with pytest.raises(ValueError, match="`mesh` must be"):
        resolve_mesh("data=2", preset="gemma2_2b_en")


def test_a_mesh_of_one_device_is_none(run_on):
    run_on("gpu", 1, 16 * GIB)
    assert resolve_mesh("batch=1", preset="gemma2_2b_en") is None
