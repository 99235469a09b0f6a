import keras_hub
import pytest

from gemma_keras_ft.model.preset import load_preset
from gemma_keras_ft.model.shapes import SHAPES, known_shape
from gemma_keras_ft.model.sizes import count_parameters, weight_bytes

SMALL = {
    "vocabulary_size": 97,
    "num_layers": 3,
    "num_query_heads": 6,
    "num_key_value_heads": 2,
    "hidden_dim": 20,
    "intermediate_dim": 44,
    "head_dim": 10,
}


# As KerasHub's lists of presets have it.
@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("gemma_2b_en", 2_506_172_416),
        ("gemma_7b_en", 8_537_680_896),
        ("gemma2_2b_en", 2_614_341_888),
        ("gemma2_9b_en", 9_241_705_984),
        ("gemma2_27b_en", 27_227_128_320),
    ],
)
def test_every_gemma_has_its_parameters(name, count):
    assert count_parameters(SHAPES[name]) == count


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
