import dataclasses
import json

import pytest

from gemma_keras_ft.cli import main
from gemma_keras_ft.model.devices import DEVICE_KINDS, GIB
from gemma_keras_ft.model.lora import Adapter
from gemma_keras_ft.model.mesh import Mesh
from gemma_keras_ft.training.planning import planner
from gemma_keras_ft.training.planning.compiled import plan_step
from gemma_keras_ft.training.planning.nearest import nearest_that_fits
from gemma_keras_ft.training.planning.planner import plan_training, plan_with
from gemma_keras_ft.training.planning.roofline import roofline
from gemma_keras_ft.training.planning.theory import StepSettings, base_bytes

V5E = DEVICE_KINDS["TPUv5e"]


@pytest.fixture
def by_formula(monkeypatch):
    """Instead of compiling: so many bytes for each token and block, and some more."""
    asked = []

    def compile_elsewhere(settings, **options):
        asked.append((settings, options))
        layers = settings.shape["num_layers"]
        each = 40 if settings.remat == "none" else 1
        grows = each * settings.tokens * settings.item * settings.shape["hidden_dim"]
        return {"temporary_bytes": layers * grows + GIB}

    monkeypatch.setattr(planner, "compile_elsewhere", compile_elsewhere)
    monkeypatch.setattr(planner, "topology_name", lambda *_: None)
    return asked


def test_deep_models_are_told_from_two_shallow_ones(by_formula):
    plan = plan_training("gemma2_9b_en", devices="8xTPUv5e", global_batch_size=8)
    assert [given.shape["num_layers"] for given, _ in by_formula] == [2, 4]
    assert {given.dtype for given, _ in by_formula} == {"float32"}
    tokens = plan.settings.tokens
    # bfloat16 takes half of what was compiled in float32.
    assert plan.parts["activations"] == 42 * 40 * tokens * 2 * 3584
    assert plan.parts["temporaries"] == GIB
    assert plan.parts["weights"] == base_bytes(plan.settings)
    assert plan.bytes == sum(plan.parts.values())
    assert "estimate" in plan.source


def test_the_mesh_is_the_one_that_training_would_choose(by_formula):
    small = plan_training("gemma2_2b_en", devices="8xTPUv5e")
    large = plan_training("gemma2_27b_en", devices="8xTPUv5e")
    assert small.settings.mesh == Mesh(batch=8)
    assert large.settings.mesh == Mesh(fsdp=8)


def test_rows_are_filled_up_as_the_loader_does(by_formula):
    plan = plan_training("gemma2_2b_en", devices="8xH100", global_batch_size=5)
    assert plan.settings.rows == 8


def test_the_nearest_that_fits_changes_the_least(by_formula):
    plan = plan_training(
        "gemma2_9b_en", devices="8xTPUv5e", global_batch_size=16, sequence_length=2048
    )
    assert not plan.fits
    nearest = nearest_that_fits(plan)
    assert nearest.fits
    assert nearest.settings.remat == "block"
    unchanged = ("rows", "sequence_length", "quantize", "micro_batches")
    for name in unchanged:
        assert getattr(nearest.settings, name) == getattr(plan.settings, name)


def test_there_may_be_none(by_formula):
    plan = plan_training("gemma2_27b_en", devices="T4")
    assert not plan.fits and nearest_that_fits(plan) is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"preset": "llama"}, "`preset` must be .*'llama'"),
        ({"devices": "8xTPUv9"}, "`devices` must be .*'8xTPUv9'"),
        ({"devices": "0xT4"}, "`devices` must be"),
        ({"mesh": "batch=4"}, "`mesh` must have as many devices as there are, 8"),
        ({"mesh": "data=8"}, "`mesh` must be .*'data=8'"),
        ({"mesh": "model=3", "devices": "3xT4"}, "`model` must divide the query heads"),
        ({"dtype": "float16"}, "`dtype` must be"),
    ],
)
def test_what_cannot_be_planned_is_told_at_once(by_formula, given, message):
    settings = {"preset": "gemma2_2b_en", "devices": "8xTPUv5e", **given}
    with pytest.raises(ValueError, match=message):
        plan_training(**settings)
    assert not by_formula


def test_the_command_prints_the_plan_and_tells_by_its_status(by_formula, capsys):
    fits = ["plan", "--preset", "gemma2_2b_en", "--devices", "8xTPUv5e"]
    assert main(fits) == 0
    said = capsys.readouterr().out
    assert "weights" in said and ": fits" in said and "tokens/s" in said
    large = ["--sequence-length", "8192", "--rows", "64", "--json"]
    assert main([*fits, *large]) == 1
    facts = json.loads(capsys.readouterr().out)
    assert not facts["fits"] and facts["nearest"]["fits"]
    assert facts["options"]["global_batch_size"] == 64
    assert facts["total_bytes"] == sum(facts["bytes"].values())
    assert main(["plan", "--preset", "gemma2_2b_en", "--devices", "1xAbacus"]) == 2


def test_no_step_is_faster_than_each_of_its_parts():
    settings = StepSettings(
        shape=dict(planner.SHAPES["gemma2_2b_en"]),
        adapter=Adapter(),
        rows=64,
        sequence_length=1024,
        mesh=Mesh(fsdp=8),
    )
    found = roofline(settings, V5E)
    assert found.bound == "arithmetic"
    tokens = 64 * 1024 / found.seconds["arithmetic"]
    assert found.tokens_per_second == tokens == 64 * 1024 / max(found.seconds.values())
    # A thin link is what a fully sharded step waits for.
    slow = dataclasses.replace(V5E, link_bandwidth=1e9)
    assert roofline(settings, slow).bound == "links"
    few = dataclasses.replace(settings, rows=8, sequence_length=8)
    assert roofline(few, V5E).bound in ("links", "memory")


def small(layers):
    shape = {
        **planner.SHAPES["gemma2_2b_en"],
        "vocabulary_size": 512,
        "num_layers": layers,
        "hidden_dim": 64,
        "intermediate_dim": 256,
        "head_dim": 16,
    }
    return StepSettings(
        shape=shape,
        adapter=Adapter(rank=4),
        rows=4,
        sequence_length=128,
        dtype="float32",
    )


def test_what_is_told_of_depth_is_what_a_deep_model_takes():
    """Through the process that compiles, as a user's plan goes."""
    settings = small(layers=8)
    plan = plan_with(settings, planner._this_cpu())
    named = {f.name: getattr(settings, f.name) for f in dataclasses.fields(settings)}
    whole = plan_step(**named)
    told = plan.parts["activations"] + plan.parts["temporaries"]
    assert abs(told / whole.temporary_bytes - 1) < 0.1
    assert plan.parts["weights"] == whole.weight_bytes
