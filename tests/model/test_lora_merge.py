import jax
import keras_hub
import numpy as np
import pytest

from gemma_keras_ft.model.lora import (
    Adapter,
    adapter_variables,
    base_only,
    enable_adapter,
    merge_adapter,
    merged_adapter,
    unmerge_adapter,
)
from gemma_keras_ft.model.preset import load_preset

ADAPTER = Adapter(rank=3, alpha=5.0, rank_stabilized=True)


@pytest.fixture
def tuned(small_model, fill):
    enable_adapter(small_model, ADAPTER)
    fill(small_model)
    return small_model


def snapshot(model):
    return {v.path: np.asarray(v.value) for v in model.variables}


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, value in found.items():
        np.testing.assert_array_equal(value, expected[name])


def test_merged_logits_are_those_of_the_adapter(tuned, logits):
    before = logits(tuned)
    with base_only(tuned):
        base = logits(tuned)
    merge_adapter(tuned)
    np.testing.assert_allclose(logits(tuned), before, atol=1e-5)
    assert np.abs(before - base).max() > 1e-2


def test_the_base_is_restored_bit_for_bit(tuned):
    before = snapshot(tuned)
    merge_adapter(tuned)
    changed = {n for n, v in snapshot(tuned).items() if (v != before[n]).any()}
    # A kernel and a B factor for each of seven layers in two blocks.
    assert len(changed) == 2 * 7 * 2
    unmerge_adapter(tuned)
    assert_same(snapshot(tuned), before)


def test_the_base_is_restored_where_a_block_fails(tuned):
    before = snapshot(tuned)
    with pytest.raises(KeyError), merged_adapter(tuned):
        raise KeyError
    assert_same(snapshot(tuned), before)


def test_bfloat16_kernels_are_rounded_once_and_restored(small_preset, fill):
    model = load_preset(small_preset, dtype="bfloat16")
    enable_adapter(model, ADAPTER)
    fill(model)
    before = snapshot(model)
    layer = model.backbone.transformer_layers[1].attention.output_dense
    down, up = (np.asarray(v.value) for v in (layer.lora_kernel_a, layer.lora_kernel_b))
    exact = np.asarray(layer._kernel.value, "float32") + ADAPTER.scale * (down @ up)
    with merged_adapter(model):
        merged = layer._kernel.value
        assert merged.dtype == "bfloat16"
        # Half a unit in the last of 8 bits.
        np.testing.assert_allclose(
            np.asarray(merged, "float32"), exact, rtol=2**-8, atol=1e-6
        )
    assert_same(snapshot(model), before)


def test_a_merged_model_saves_as_a_plain_preset(tuned, tmp_path, logits):
    before = logits(tuned)
    with merged_adapter(tuned):
        tuned.save_to_preset(str(tmp_path / "merged"))
    stock = keras_hub.models.GemmaCausalLM.from_preset(
        str(tmp_path / "merged"), dtype="float32"
    )
    np.testing.assert_allclose(logits(stock), before, atol=1e-5)
    assert not any("lora" in v.path for v in stock.variables)


def test_compiled_functions_stay_valid(tuned, token_ids):
    @jax.jit
    def run(trainable, frozen):
        inputs = {"token_ids": token_ids, "padding_mask": np.ones_like(token_ids)}
        return tuned.stateless_call(trainable, frozen, inputs)[0]

    def logits():
        lists = (tuned.trainable_variables, tuned.non_trainable_variables)
        return np.asarray(run(*([v.value for v in part] for part in lists)))

    before = logits()
    with merged_adapter(tuned):
        np.testing.assert_allclose(logits(), before, atol=1e-5)
    np.testing.assert_array_equal(logits(), before)


def test_an_adapter_is_merged_once(tuned):
    merge_adapter(tuned)
    with pytest.raises(ValueError, match="must not be merged"):
        merge_adapter(tuned)
    unmerge_adapter(tuned)
    merge_adapter(tuned)


def test_what_was_not_kept_is_not_restored(tuned):
    with pytest.raises(ValueError, match="must be merged"):
        unmerge_adapter(tuned)
    merge_adapter(tuned, keep=False)
    with pytest.raises(ValueError, match="Load the preset and the adapter again"):
        unmerge_adapter(tuned)


def test_a_model_without_an_adapter_is_refused(small_model):
    with pytest.raises(ValueError, match="must carry an adapter"):
        merge_adapter(small_model)


def test_a_quantized_base_is_refused_and_left_alone(small_model, fill):
    block = small_model.backbone.transformer_layers[1]
    block.ffw_linear.quantize("int8")
    enable_adapter(small_model, ADAPTER)
    fill(small_model)
    before = snapshot(small_model)
    with pytest.raises(ValueError, match=r"must not be quantized.*ffw_linear in int8"):
        merge_adapter(small_model)
    assert_same(snapshot(small_model), before)
    assert adapter_variables(small_model)
