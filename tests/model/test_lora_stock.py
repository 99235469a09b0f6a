import keras_hub
import numpy as np
import pytest

from gemma_keras_ft.model.fingerprint import preset_fingerprint
from gemma_keras_ft.model.lora import (
    Adapter,
    adapter_variables,
    base_only,
    enable_adapter,
    load_stock_adapter,
    merge_adapter,
    save_adapter,
)
from gemma_keras_ft.model.preset import (
    load_preset,
    tiny_preset_path,
)

ADAPTERS = [
    Adapter(rank=3, alpha=5.0),
    Adapter(rank=4, alpha=2.0, rank_stabilized=True, dropout=0.1),
    Adapter(rank=2, alpha=7.0, targets=("key", "ffw_gating_2")),
]


def adapted(model, adapter, fill):
    enable_adapter(model, adapter)
    fill(model)
    return model


def assert_same_logits(model, stock, logits):
    np.testing.assert_allclose(logits(stock), logits(model), atol=1e-5)
    with base_only(model):
        assert np.abs(logits(model) - logits(stock)).max() > 1e-2
    assert not any(hasattr(v, "low_rank_update") for v in stock._flatten_layers())


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: str(adapter.rank))
@pytest.mark.parametrize("by_file", [False, True], ids=["model", "file"])
def test_stock_gives_equal_logits(
    small_model, stock_model, tmp_path, logits, fill, adapter, by_file
):
    fingerprint = preset_fingerprint(small_model)
    source = adapted(small_model, adapter, fill)
    if by_file:
        source = tmp_path / "adapter.safetensors"
        save_adapter(
            small_model, source, adapter, base="small", fingerprint=fingerprint
        )
    load_stock_adapter(stock_model, source)
    assert_same_logits(small_model, stock_model, logits)


def test_stock_gives_equal_logits_on_the_embedded_preset(logits, fill):
    model = adapted(load_preset(), ADAPTERS[1], fill)
    stock = keras_hub.models.GemmaCausalLM.from_preset(
        str(tiny_preset_path()), dtype="float32"
    )
    load_stock_adapter(stock, model)
    assert_same_logits(model, stock, logits)


def test_stock_continues_a_prompt_alike(small_model, stock_model, fill):
    model = adapted(small_model, ADAPTERS[0], fill)
    load_stock_adapter(stock_model, model)
    ids = np.zeros((1, 12), "int32")
    ids[:, :5] = np.random.default_rng(2).integers(8, 500, (1, 5))
    continued = []
    for each in (model, stock_model):
        each.preprocessor = None
        each.compile(sampler="greedy")
        inputs = {"token_ids": ids, "padding_mask": (ids > 0).astype("int32")}
        continued.append(each.generate(inputs, stop_token_ids=None)["token_ids"])
    np.testing.assert_array_equal(*continued)


def test_a_stock_model_with_this_rank_and_any_alpha_is_filled(
    small_model, stock_model, logits, fill
):
    adapter = Adapter(rank=3, alpha=5.0, targets=("query", "value"))
    model = adapted(small_model, adapter, fill)
    for layer in stock_model.backbone._flatten_layers(include_self=False):
        if layer.name in adapter.targets:
            layer.enable_lora(3, lora_alpha=11.0)
    load_stock_adapter(stock_model, model)
    assert_same_logits(model, stock_model, logits)


@pytest.mark.parametrize(
    ("rank", "targets"), [(4, ["query", "value"]), (3, ["query"]), (3, None)]
)
def test_a_stock_model_with_other_lora_is_refused(
    small_model, stock_model, fill, rank, targets
):
    adapter = Adapter(rank=3, targets=("query", "key"))
    model = adapted(small_model, adapter, fill)
    stock_model.backbone.enable_lora(rank, target_layer_names=targets)
    before = [np.asarray(v.value) for v in adapter_variables(stock_model).values()]
    with pytest.raises(ValueError, match="must have no LoRA yet"):
        load_stock_adapter(stock_model, model)
    after = [np.asarray(v.value) for v in adapter_variables(stock_model).values()]
    for left, right in zip(before, after, strict=True):
        np.testing.assert_array_equal(left, right)


def test_layers_that_differ_between_blocks_are_refused(small_model, stock_model):
    first, second = small_model.backbone.transformer_layers
    small_model.backbone.trainable = True
    first.attention.query_dense.enable_lora(2)
    with pytest.raises(ValueError, match=r"same layers in every block.*enable_lora"):
        load_stock_adapter(stock_model, small_model)
    second.attention.query_dense.enable_lora(4)
    with pytest.raises(ValueError, match="one rank"):
        load_stock_adapter(stock_model, small_model)
    assert not any("lora" in v.path for v in stock_model.variables)


def test_another_base_is_refused(small_model, stock_model, fill, tmp_path):
    fingerprint = preset_fingerprint(small_model)
    model = adapted(small_model, ADAPTERS[0], fill)
    path = tmp_path / "adapter.safetensors"
    save_adapter(model, path, ADAPTERS[0], base="small", fingerprint=fingerprint)
    norm = stock_model.backbone.layer_norm.scale
    norm.assign(norm.value + 1.0)
    with pytest.raises(ValueError, match="must have been trained on this base"):
        load_stock_adapter(stock_model, path)
    with pytest.raises(ValueError, match="must be the base of the adapter"):
        load_stock_adapter(stock_model, model)


def test_a_source_without_an_adapter_of_its_own_is_refused(
    small_model, stock_model, fill
):
    with pytest.raises(ValueError, match="must carry an adapter"):
        load_stock_adapter(stock_model, small_model)
    merge_adapter(adapted(small_model, ADAPTERS[0], fill))
    with pytest.raises(ValueError, match="must not be merged"):
        load_stock_adapter(stock_model, small_model)
