"""Steps for more devices than any test machine has, compiled and not run."""

import dataclasses

import pytest

from gemma_keras_ft.model.lora import Adapter
from gemma_keras_ft.model.mesh import parse_mesh
from gemma_keras_ft.model.shapes import GEMMA2_SHAPES
from gemma_keras_ft.training.planning.simulation import (
    compile_elsewhere,
    topology_name,
)
from gemma_keras_ft.training.planning.theory import StepSettings

SMALL = {
    **GEMMA2_SHAPES["gemma2_2b_en"],
    "vocabulary_size": 4096,
    "num_layers": 2,
    "hidden_dim": 128,
    "intermediate_dim": 512,
    "head_dim": 32,
}


def compiled(shape, mesh, *, rows, length=64, **others):
    mesh = parse_mesh(mesh)
    settings = StepSettings(
        shape=shape,
        adapter=Adapter(rank=4),
        rows=rows * mesh.row_shards,
        sequence_length=length,
        dtype="float32",
        mesh=mesh,
    )
    return compile_elsewhere(settings, **others)


def largest_gather(plan):
    gathers = [c for c in plan["collectives"] if c["operation"] == "all-gather"]
    return max((c["largest"] for c in gathers), default=0)


@pytest.mark.parametrize(
    ("few", "many"),
    [
        ("batch=8", "batch=64"),
        pytest.param("fsdp=8", "batch=8,fsdp=8", marks=pytest.mark.long),
        pytest.param("fsdp=8", "fsdp=64", marks=pytest.mark.long),
        pytest.param("batch=2,model=4", "batch=16,model=4", marks=pytest.mark.long),
    ],
)
def test_what_a_device_does_is_the_same_on_8_and_64(few, many):
    small, large = (compiled(SMALL, mesh, rows=2) for mesh in (few, many))
    assert abs(large["flops"] / small["flops"] - 1) < 0.02
    assert large["temporary_bytes"] < 1.1 * small["temporary_bytes"]
    assert large["weight_bytes"] <= small["weight_bytes"]


def test_steps_are_compiled_for_tpus_where_their_compiler_is(monkeypatch):
    from gemma_keras_ft.model.devices import DEVICE_KINDS
    from gemma_keras_ft.training.planning import simulation

    find = simulation.importlib.util.find_spec
    for installed in (True, False):
        monkeypatch.setattr(
            simulation.importlib.util,
            "find_spec",
            lambda name, there=installed: there if name == "libtpu" else find(name),
        )
        expected = "v5e:2x4" if installed else None
        assert topology_name(DEVICE_KINDS["TPUv5e"], 8) == expected
        assert topology_name(DEVICE_KINDS["T4"], 8) is None
        assert topology_name(DEVICE_KINDS["TPUv5e"], 7) is None


def test_what_does_not_compile_is_told():
    settings = StepSettings(
        shape=SMALL, adapter=Adapter(), rows=3, sequence_length=8, dtype="float32"
    )
    settings = dataclasses.replace(settings, mesh=parse_mesh("batch=2"))
    with pytest.raises(RuntimeError, match=r"must compile.*multiple of 2"):
        compile_elsewhere(settings)


@pytest.mark.long
@pytest.mark.parametrize("name", ["gemma2_2b_en", "gemma2_9b_en"])
@pytest.mark.parametrize(
    "mesh", ["batch=8", "fsdp=8", "batch=2,model=4", "batch=8,fsdp=8", "fsdp=64"]
)
def test_real_shapes_compile_for_8_and_64_devices(name, mesh):
    plan = compiled(GEMMA2_SHAPES[name], mesh, rows=1, length=256)
    shape = GEMMA2_SHAPES[name]
    cut = parse_mesh(mesh).fsdp * parse_mesh(mesh).model
    assert plan["weight_bytes"] < 1.05 * 4 * plan["parameters"] / cut
    # One kernel of a block is the largest thing that is ever gathered.
    kernel = 4 * shape["hidden_dim"] * shape["intermediate_dim"] // 2
    states = 4 * 64 * 256 * shape["hidden_dim"]
    assert largest_gather(plan) <= (max(kernel, states) if "fsdp" in mesh else states)


@pytest.mark.long
def test_of_gathered_weights_one_block_is_kept_at_a_time():
    shape = {**SMALL, "hidden_dim": 256, "intermediate_dim": 2048}

    def growth(mesh):
        few, many = (
            compiled({**shape, "num_layers": layers}, mesh, rows=1)["temporary_bytes"]
            for layers in (2, 6)
        )
        return many - few

    block = 4 * 256 * (3 * 1024 + 12 * 32 * 2)
    # Four more blocks keep their activations, and not their weights.
    assert growth("fsdp=8") < growth("batch=8") + block


@pytest.mark.long
def test_what_is_told_of_2b_is_what_it_takes_at_full_depth():
    from gemma_keras_ft.training.planning.planner import _this_cpu, plan_with

    settings = StepSettings(
        shape=dict(GEMMA2_SHAPES["gemma2_2b_en"]),
        adapter=Adapter(),
        rows=8,
        sequence_length=256,
        dtype="float32",
        mesh=parse_mesh("fsdp=8"),
    )
    plan = plan_with(settings, _this_cpu())
    whole = compile_elsewhere(settings, for_memory=False)
    told = plan.parts["activations"] + plan.parts["temporaries"]
    assert abs(told / whole["temporary_bytes"] - 1) < 0.15
