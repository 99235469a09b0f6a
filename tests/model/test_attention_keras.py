"""With attention replaced, Keras and KerasHub do all that they did before."""

import copy
import types

import jax
import keras
import keras_hub
import numpy as np
import pytest
from keras_hub.src.models.gemma import gemma_attention

from gemma_keras_ft.model.attention import (
    attends_in_segments,
    replace_attention,
    use_explicit_attention,
)

LENGTH, BLOCK = 24, 10
IDS = np.random.default_rng(0).integers(8, 500, (8, LENGTH)).astype("int32")
SEGMENTS = np.repeat([[1] * 11 + [2] * 9 + [0] * 4, [1] * 24], 4, axis=0)
ONE_SEGMENT = np.minimum(SEGMENTS, 1)


def load(preset, *, block_size=None):
    """The preset with our attention, or as KerasHub has it; sharp, so caps matter."""
    model = keras_hub.models.GemmaCausalLM.from_preset(str(preset), dtype="float32")
    for block in model.backbone.transformer_layers:
        kernel = block.attention.query_dense.kernel
        kernel.assign(kernel.value * 100.0)
    if block_size:
        replace_attention(model, block_size=block_size)
    return model


def logits(model, mask=ONE_SEGMENT):
    """The logits, zero where the mask is."""

    @jax.jit
    def run(token_ids, padding_mask):
        return model({"token_ids": token_ids, "padding_mask": padding_mask})

    return np.asarray(run(IDS, mask)) * (mask > 0)[:, :, None]


@pytest.fixture(scope="module")
def stock_logits(small_preset):
    return logits(load(small_preset))


def fit(model):
    model.compile(
        optimizer=keras.optimizers.SGD(0.1),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    model.preprocessor = None
    inputs = {"token_ids": IDS, "padding_mask": SEGMENTS}
    labels = np.roll(IDS, -1, axis=1)
    weights = (SEGMENTS > 0).astype("float32")
    options = {"batch_size": 8, "shuffle": False, "verbose": 0}
    model.fit(inputs, labels, sample_weight=weights, **options)
    return {variable.path: np.asarray(variable.value) for variable in model.variables}


def data_parallel():
    return keras.distribution.DataParallel(devices=keras.distribution.list_devices())


def model_parallel():
    devices = keras.distribution.list_devices()
    mesh = keras.distribution.DeviceMesh((4, 2), ("batch", "model"), devices)
    layout_map = keras.distribution.LayoutMap(mesh)
    layout_map[".*attention/(query|key|value)/kernel"] = ("model", None, None)
    layout_map[".*attention_output/kernel"] = ("model", None, None)
    return keras.distribution.ModelParallel(
        layout_map=layout_map, batch_dim_name="batch"
    )


@pytest.fixture(scope="module")
def fitted_alone(small_preset):
    before = {v.path: np.asarray(v.value) for v in load(small_preset).variables}
    fitted = fit(load(small_preset, block_size=BLOCK))
    moved = [np.abs(value - before[name]).max() for name, value in fitted.items()]
    assert min(moved) > 1e-6
    return fitted


@pytest.mark.parametrize("distribution", [data_parallel, model_parallel])
def test_fit_over_a_mesh_equals_one_device(small_preset, fitted_alone, distribution):
    with distribution().scope():
        spread = fit(load(small_preset, block_size=BLOCK))
    for name, value in fitted_alone.items():
        np.testing.assert_allclose(spread[name], value, rtol=0, atol=1e-5)


def test_generation_stays_stock(small_preset):
    prompts = ["the sun comes up", "a", "over the hills and far away"]
    expected = load(small_preset).generate(prompts, max_length=32)
    found = load(small_preset, block_size=BLOCK).generate(prompts, max_length=32)
    assert found == expected
    assert all(len(text) > len(p) for text, p in zip(found, prompts, strict=True))


def test_cached_decoding_equals_the_full_forward_pass(small_preset):
    model = load(small_preset, block_size=BLOCK)
    cache = keras.ops.zeros((8, 2, 2, LENGTH, 2, 8))
    whole, _, _ = model.call_with_cache(IDS, cache, 0)
    parts = []
    for place in range(LENGTH):
        step = IDS[:, place : place + 1]
        part, _, cache = model.call_with_cache(step, cache, place)
        parts.append(part)
    expected = logits(model, mask=np.ones_like(IDS))
    np.testing.assert_allclose(whole, expected, rtol=0, atol=1e-5)
    one_by_one = np.concatenate(parts, axis=1)
    np.testing.assert_allclose(one_by_one, expected, rtol=0, atol=1e-5)


def test_scores_without_a_mask_are_stock(small_preset):
    found = load(small_preset, block_size=BLOCK).score(IDS)
    expected = load(small_preset).score(IDS)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_replacing_twice_is_replacing_once(small_preset):
    model = load(small_preset, block_size=BLOCK)
    expected = logits(model, SEGMENTS)
    replace_attention(model, block_size=BLOCK)
    np.testing.assert_array_equal(logits(model, SEGMENTS), expected)


def test_only_the_model_itself_attends_in_segments(small_preset):
    model = load(small_preset, block_size=BLOCK)
    assert attends_in_segments(model)
    assert not attends_in_segments(load(small_preset))
    # Keras copies by way of the configuration.
    backbone = copy.deepcopy(model.backbone)
    copied = keras_hub.models.GemmaCausalLM(backbone=backbone)
    assert not attends_in_segments(copied)
    expected = logits(model, SEGMENTS)
    assert np.abs(logits(copied, SEGMENTS) - expected).max() > 0.1
    replace_attention(copied, block_size=BLOCK)
    np.testing.assert_array_equal(logits(copied, SEGMENTS), expected)


def test_a_saved_preset_is_stock(small_preset, stock_logits, tmp_path):
    model = load(small_preset, block_size=BLOCK)
    model.save_to_preset(str(tmp_path / "saved"))
    loaded = keras_hub.models.GemmaCausalLM.from_preset(str(tmp_path / "saved"))
    assert not attends_in_segments(loaded)
    np.testing.assert_allclose(logits(loaded), stock_logits, rtol=0, atol=1e-5)
    np.testing.assert_allclose(logits(model), stock_logits, rtol=0, atol=1e-5)


def test_a_model_built_anew_on_the_backbone_keeps_its_attention(small_preset):
    model = load(small_preset, block_size=BLOCK)
    anew = keras_hub.models.GemmaCausalLM(backbone=model.backbone)
    expected = logits(model, SEGMENTS)
    np.testing.assert_array_equal(logits(anew, SEGMENTS), expected)
    assert np.abs(logits(anew) - expected).max() > 0.1


def test_a_block_size_out_of_range_is_refused():
    with pytest.raises(ValueError, match="`block_size` must be at least 1"):
        replace_attention(types.SimpleNamespace(), block_size=0)


@pytest.fixture
def on_tpu(monkeypatch):
    """Takes KerasHub's branch for TPU, here on the CPU.

    There, under jit, Keras falls back to JAX's attention and leaves the cap out.
    """
    for name, answer in {
        "fused_attention_op_available": True,
        "running_on_gpu": False,
        "running_on_tpu": True,
    }.items():
        monkeypatch.setattr(gemma_attention, name, lambda answer=answer: answer)
    attend = keras.ops.dot_product_attention

    def without_cap(*args, attn_logits_soft_cap=None, **kwargs):
        return attend(*args, **kwargs)

    monkeypatch.setattr(gemma_attention.ops, "dot_product_attention", without_cap)


def test_soft_cap_holds_on_the_branch_for_tpu(small_preset, stock_logits, on_tpu):
    fused, explicit = load(small_preset), load(small_preset)
    use_explicit_attention(explicit)
    # The fused operation loses the cap. Stock made explicit keeps it, and ours does.
    assert np.abs(logits(fused) - stock_logits).max() > 1e-2
    np.testing.assert_allclose(logits(explicit), stock_logits, rtol=0, atol=1e-5)
    for block_size in (LENGTH, BLOCK):
        ours = logits(load(small_preset, block_size=block_size))
        np.testing.assert_allclose(ours, stock_logits, rtol=0, atol=1e-5)


def test_generation_keeps_the_cap_on_the_branch_for_tpu(
    small_preset, on_tpu, monkeypatch
):
    def refuse(*args, attn_logits_soft_cap=None, **kwargs):
        raise AssertionError("the fused operation was called")

    monkeypatch.setattr(gemma_attention.ops, "dot_product_attention", refuse)
    cache = keras.ops.zeros((8, 2, 2, LENGTH, 2, 8))
    found, _, _ = load(small_preset, block_size=BLOCK).call_with_cache(IDS, cache, 0)
    assert np.isfinite(found).all()
    with pytest.raises(AssertionError, match="fused operation was called"):
        load(small_preset).call_with_cache(IDS, cache, 0)
