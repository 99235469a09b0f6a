import json

import pytest

from gemma_keras_ft.model.preset import TINY, load_preset
from gemma_keras_ft.model.shapes import SHAPES, known_shape, shape_of
from gemma_keras_ft.model.sizes import count_parameters


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("gemma2_2b_en", "gemma2_2b_en"),
        ("gemma2_instruct_9b_en", "gemma2_9b_en"),
        ("kaggle://keras/gemma2/keras/gemma2_instruct_27b_en/3", "gemma2_27b_en"),
        ("hf://google/gemma-2-2b-it", "gemma2_2b_en"),
        ("hf://google/gemma-2-9b", "gemma2_9b_en"),
        ("gemma_2b_en", "gemma_2b_en"),
        ("gemma_instruct_2b_en", "gemma_2b_en"),
        ("gemma_1.1_instruct_7b_en", "gemma_7b_en"),
        ("kaggle://keras/gemma/keras/gemma_1.1_instruct_2b_en/5", "gemma_2b_en"),
        ("hf://google/gemma-2b", "gemma_2b_en"),
        ("hf://google/gemma-1.1-7b-it", "gemma_7b_en"),
        ("kaggle://keras/gemma3/keras/gemma3_1b/3", None),
        ("hf://google/gemma-3-27b-it", None),
        ("hf://someone/gemma-2-2base", None),
        ("gemma2_7b_en", None),
        ("gemma_9b_en", None),
        ("hf://someone/songs", None),
    ],
)
def test_a_name_tells_which_gemma_it_is(name, shape):
    assert known_shape(name) == (shape and SHAPES[shape])


def test_a_folder_tells_its_shape(small_preset):
    config = json.loads((small_preset / "config.json").read_text())["config"]
    assert known_shape(small_preset) == known_shape(str(small_preset)) == config
    assert config["hidden_dim"] == 32


def test_a_folder_is_not_taken_by_its_name(small_preset, tmp_path):
    """What a folder says of itself outweighs what it is called."""
    named = tmp_path / "gemma2_2b_en"
    named.symlink_to(small_preset)
    assert known_shape(named) == known_shape(small_preset)


def test_the_embedded_base_is_known():
    shape = known_shape(TINY) or {}
    assert count_parameters(shape) == load_preset().backbone.count_params()


def test_a_backbone_tells_its_shape(small_model, small_preset):
    shape, config = shape_of(small_model.backbone), known_shape(small_preset) or {}
    assert shape == {name: config[name] for name in shape}
    assert set(SHAPES["gemma2_27b_en"]) == set(shape)
    rebuilt = type(small_model.backbone)(**shape, dtype="float32")
    assert shape_of(rebuilt) == shape
