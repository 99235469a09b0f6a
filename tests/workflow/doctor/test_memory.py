import json

import keras_hub
import pytest

from gemma_keras_ft.model import precision
from gemma_keras_ft.model.preset import TINY, load_preset
from gemma_keras_ft.model.shapes import GEMMA2_SHAPES
from gemma_keras_ft.workflow.doctor import memory as doctor_memory
from gemma_keras_ft.workflow.doctor.memory import (
    check_host_memory,
    check_weights,
    count_parameters,
    known_shape,
    weight_bytes,
)

GIB = 2**30
SMALL = {
    "vocabulary_size": 97,
    "num_layers": 3,
    "num_query_heads": 6,
    "num_key_value_heads": 2,
    "hidden_dim": 20,
    "intermediate_dim": 44,
    "head_dim": 10,
}


@pytest.fixture
def machine(monkeypatch):
    """A function: gives the machine so much memory, and a dtype that suits it."""

    def have(*, host=None, device=None, dtype="bfloat16"):
        monkeypatch.setattr(doctor_memory, "available_memory", lambda: host)
        monkeypatch.setattr(doctor_memory, "device_memory", lambda: device)
        choice = precision.Precision(dtype=dtype, reason="Told so.")
        monkeypatch.setattr(precision, "choose_precision", lambda: choice)

    return have


def only(findings):
    (finding,) = findings
    return finding


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("gemma2_2b_en", 2_614_341_888),
        ("gemma2_9b_en", 9_241_705_984),
        ("gemma2_27b_en", 27_227_128_320),
    ],
)
def test_every_gemma_2_has_its_parameters(name, count):
    assert count_parameters(GEMMA2_SHAPES[name]) == count


@pytest.mark.parametrize("norms", [(), ("ffw",), ("ffw", "attention")])
def test_parameters_are_those_of_a_backbone_that_is_built(norms):
    shape = {**SMALL, **{f"use_post_{name}_norm": True for name in norms}}
    backbone = keras_hub.models.GemmaBackbone(**shape, dtype="float32")
    assert count_parameters(shape) == backbone.count_params()


def test_bytes_are_those_of_a_base_that_is_loaded(small_preset):
    shape = known_shape(small_preset) or {}
    for dtype, size in {"float32": 4, "bfloat16": 2}.items():
        backbone = load_preset(small_preset, dtype=dtype).backbone
        held = sum(variable.value.nbytes for variable in backbone.variables)
        assert weight_bytes(shape, dtype=dtype) == held
        assert held == size * count_parameters(shape)


def test_bytes_are_those_of_a_base_that_is_quantized(small_preset):
    backbone = load_preset(small_preset, dtype="bfloat16", quantize="int8").backbone
    held = sum(
        variable.value.nbytes
        for variable in backbone.variables
        if not variable.path.endswith("scale") or "norm" in variable.path
    )
    shape = known_shape(small_preset) or {}
    assert weight_bytes(shape, dtype="bfloat16", quantized=True) == held


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("gemma2_2b_en", "gemma2_2b_en"),
        ("gemma2_instruct_9b_en", "gemma2_9b_en"),
        ("kaggle://keras/gemma2/keras/gemma2_instruct_27b_en/3", "gemma2_27b_en"),
        ("hf://google/gemma-2-2b-it", "gemma2_2b_en"),
        ("hf://google/gemma-2-9b", "gemma2_9b_en"),
        ("gemma_2b_en", None),
        ("hf://google/gemma-2b", None),
        ("kaggle://keras/gemma3/keras/gemma3_1b/3", None),
        ("hf://someone/gemma-2-2base", None),
    ],
)
def test_a_name_tells_which_gemma_2_it_is(name, shape):
    assert known_shape(name) == (shape and GEMMA2_SHAPES[shape])


def test_a_folder_tells_its_shape(small_preset):
    config = json.loads((small_preset / "config.json").read_text())["config"]
    assert known_shape(small_preset) == known_shape(str(small_preset)) == config
    assert config["hidden_dim"] == 32


def test_the_embedded_base_is_known():
    shape = known_shape(TINY) or {}
    assert count_parameters(shape) == load_preset().backbone.count_params()


# 4.9 GiB in bfloat16, of which 4.7 GiB are needed at the least.
@pytest.mark.parametrize(
    ("memory", "status"), [(4, "error"), (4.8, "error"), (6, "warning"), (7, "ok")]
)
def test_weights_are_compared_with_a_devices_memory(machine, memory, status):
    machine(device=int(memory * GIB), host=1)
    found = only(check_weights("gemma2_2b_en"))
    assert found.status == status
    assert "2,614,341,888 in bfloat16 take 4.9 GiB" in found.found
    assert f"{memory:.1f} GiB on each device" in found.found


def test_remedies_leave_room_for_a_step(machine):
    machine(device=6 * GIB)
    # 0.6 GB of embedding in two bytes, 2.0 GB of kernels in one.
    assert "`--quantize int8` leaves 3.0 GiB" in only(check_weights(TWO_B)).remedy
    machine(device=4 * GIB)
    assert "--dtype" not in only(check_weights(TWO_B)).remedy


TWO_B = "gemma2_2b_en"


def test_on_a_cpu_the_host_holds_them(machine):
    machine(host=8 * GIB, dtype="float32")
    found = only(check_weights(TWO_B))
    assert found.status == "error"
    assert "in float32 take 9.7 GiB, of 8.0 GiB on the host" in found.found
    assert "`--dtype bfloat16`" in found.remedy


def test_nothing_is_claimed_where_nothing_is_known(machine):
    machine()
    assert only(check_weights(TWO_B)).status == "ok"
    machine(device=1)
    found = only(check_weights("hf://someone/songs"))
    assert found.status == "ok" and "once it has been fetched" in found.found


def test_host_memory_is_told(machine):
    machine(host=3 * GIB)
    assert only(check_host_memory()).found == "3.0 GiB available"
    machine()
    assert "nobody tells" in only(check_host_memory()).found
