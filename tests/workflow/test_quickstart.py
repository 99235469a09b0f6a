"""The main job as it is; the command itself is run by .ci/run."""

import keras_hub
import numpy as np
import pytest

import gemma_keras_ft as gkf
from gemma_keras_ft.model.preset import tiny_preset_path

pytestmark = pytest.mark.long

MEASURED = ("base", "tuned", "comparison", "songs", "history")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return [tmp_path_factory.mktemp("quickstart") for _ in range(2)]


@pytest.fixture(scope="module")
def results(folders):
    return [gkf.quickstart(folder, seed=0) for folder in folders]


def test_the_same_seed_gives_the_same_numbers(results):
    first, second = results
    for ours, theirs in zip(first["runs"], second["runs"], strict=True):
        assert {name: ours[name] for name in MEASURED} == {
            name: theirs[name] for name in MEASURED
        }
    assert first["samples"] == second["samples"]


def test_the_tuned_model_is_better_and_not_by_luck(results):
    for run in results[0]["runs"]:
        assert run["comparison"]["perplexity_ratio"] <= 0.8
        assert run["comparison"]["p_value"] < 0.01
        assert run["tuned"]["token_accuracy"] > run["base"]["token_accuracy"]


def test_no_scripture_is_shown_and_the_base_writes_nothing(results):
    assert results[0]["samples"]
    for sample in results[0]["samples"]:
        assert sample["id"].startswith("kural-")
        assert sample["base"] is None


def test_its_adapters_give_plain_kerashub_the_same_logits(results, folders):
    adapters = sorted(folders[0].rglob("adapter.safetensors"))
    assert len(adapters) == len(results[0]["runs"]) == 3
    ids = np.random.default_rng(0).integers(8, 4096, (2, 32)).astype("int32")
    inputs = {"token_ids": ids, "padding_mask": np.ones_like(ids)}
    for adapter in adapters:
        ours = np.asarray(gkf.read_run(adapter.parent).load_model()(inputs))
        stock = keras_hub.models.GemmaCausalLM.from_preset(
            str(tiny_preset_path()), dtype="float32"
        )
        base = np.asarray(stock(inputs))
        gkf.load_stock_adapter(stock, adapter)
        np.testing.assert_allclose(np.asarray(stock(inputs)), ours, atol=1e-3)
        assert np.abs(ours - base).max() > 1
