import json
import shutil

import numpy as np
import pytest

from gemma_keras_ft.model.fingerprint import preset_fingerprint
from gemma_keras_ft.model.lora import Adapter, adapter_variables, enable_adapter
from gemma_keras_ft.model.preset import (
    TINY,
    load_preset,
    load_tokenizer,
    tiny_preset_path,
)


def test_tiny_preset_is_a_genuine_gemma_2():
    config = load_preset(TINY).backbone.get_config()
    assert config["attention_logit_soft_cap"] == 50
    assert config["final_logit_soft_cap"] == 30
    assert config["use_sliding_window_attention"]
    assert config["use_post_ffw_norm"] and config["use_post_attention_norm"]
    assert config["num_query_heads"] > config["num_key_value_heads"]


def test_tiny_preset_is_small_and_has_gemmas_special_tokens():
    model = load_preset(TINY)
    assert 3e6 <= model.backbone.count_params() <= 7e6
    size = sum(path.stat().st_size for path in tiny_preset_path().rglob("*"))
    assert size <= 16 * 2**20
    tokenizer = model.preprocessor.tokenizer
    pieces = [tokenizer.id_to_token(number) for number in range(6)]
    assert pieces == [
        *("<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>")
    ]


def test_tiny_vocabulary_spells_any_script():
    tokenizer = load_preset(TINY).preprocessor.tokenizer
    for text in ("காதல்", "ሰላም", "😀", "kātal pāṭal", "ਸ਼ਬਦ"):
        assert tokenizer.detokenize(tokenizer.tokenize(text)) == text


def test_a_tokenizer_is_the_models_own_and_needs_no_weights(small_preset, tmp_path):
    whole = load_preset(small_preset).preprocessor.tokenizer
    folder = shutil.copytree(
        small_preset, tmp_path / "preset", ignore=shutil.ignore_patterns("*.h5")
    )
    alone = load_tokenizer(folder)
    assert not list(folder.glob("*.h5"))
    assert alone.proto == whole.proto
    assert list(alone.tokenize("la மழை")) == list(whole.tokenize("la மழை"))
    assert load_tokenizer().proto == load_preset().preprocessor.tokenizer.proto


def test_a_tokenizer_of_another_kind_of_model_is_refused(small_preset, tmp_path):
    folder = shutil.copytree(small_preset, tmp_path / "preset")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "class_name": "Bert"}))
    with pytest.raises(ValueError, match="'Bert'"):
        load_tokenizer(folder)
    with pytest.raises(FileNotFoundError, match="is not a folder"):
        load_tokenizer(tmp_path / "nowhere")


def test_a_preset_made_elsewhere_loads(small_preset):
    model = load_preset(small_preset)
    assert model.backbone.num_layers == 2
    assert all("float32" in str(v.dtype) for v in model.backbone.variables)


def test_fingerprint_tells_bases_apart_and_ignores_the_adapter(small_preset):
    model = load_preset(small_preset)
    before = preset_fingerprint(model)
    enable_adapter(model, Adapter(rank=2))
    for variable in adapter_variables(model).values():
        variable.assign(np.ones(variable.shape))
    assert preset_fingerprint(model) == before
    norm = model.backbone.layer_norm.scale
    norm.assign(norm.value + 1.0)
    assert preset_fingerprint(model) != before


def test_fingerprint_is_the_same_for_every_dtype(small_preset):
    found = {
        preset_fingerprint(load_preset(small_preset, dtype=dtype))
        for dtype in ("float32", "bfloat16")
    }
    assert len(found) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vocabulary_size": 2_000_000_000}, "vocabulary_size=2000000000"),
        ({"num_layers": -1}, "num_layers=-1"),
        ({"hidden_dim": "192"}, "hidden_dim='192'"),
    ],
)
def test_sizes_beyond_bounds_are_refused_before_building(
    small_preset, tmp_path, change, message
):
    folder = shutil.copytree(small_preset, tmp_path / "preset")
    config = json.loads((folder / "config.json").read_text())
    config["config"] |= change
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=message):
        load_preset(folder)


def test_folders_that_are_no_preset_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="is not a folder"):
        load_preset(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"config\.json"):
        load_preset(tmp_path)
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(ValueError, match="cannot be read"):
        load_preset(tmp_path)
    (tmp_path / "config.json").write_text('{"class_name": "Bert", "config": {}}')
    with pytest.raises(ValueError, match="'Bert'"):
        load_preset(tmp_path)


def test_a_folder_comes_before_a_preset_of_the_same_name(
    small_preset, tmp_path, monkeypatch
):
    (tmp_path / "gemma2_2b_en").symlink_to(small_preset)
    monkeypatch.chdir(tmp_path)
    assert load_preset("gemma2_2b_en").backbone.hidden_dim == 32
    assert load_tokenizer("gemma2_2b_en").vocabulary_size()
