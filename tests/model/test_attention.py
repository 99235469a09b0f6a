import keras
import keras_hub
import numpy as np
import pytest
from keras_hub.src.models.gemma import gemma_attention

from gemma_keras_ft.model.attention import use_explicit_attention

IDS = np.random.default_rng(0).integers(8, 500, (2, 24)).astype("int32")


def jitted_logits(model):
    import jax

    values = [variable.value for variable in model.variables]
    trainable = len(model.trainable_variables)

    @jax.jit
    def run(values):
        inputs = {"token_ids": IDS, "padding_mask": np.ones_like(IDS)}
        return model.stateless_call(values[:trainable], values[trainable:], inputs)[0]

    return np.asarray(run(values))


def make_attention_sharp(model):
    """Scales queries up, so that the cap of 50 on the logits matters."""
    for block in model.backbone.transformer_layers:
        kernel = block.attention.query_dense.kernel
        kernel.assign(kernel.value * 400.0)


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


def test_soft_cap_holds_on_the_branch_for_tpu(small_model, small_preset, on_tpu):
    make_attention_sharp(small_model)
    stock = keras_hub.models.GemmaCausalLM.from_preset(
        str(small_preset), dtype="float32"
    )
    make_attention_sharp(stock)
    uncapped = jitted_logits(stock)
    # Ours, and stock once it is made explicit, keep the cap; the fused one lost it.
    assert np.abs(jitted_logits(small_model) - uncapped).max() > 1e-2
    use_explicit_attention(stock)
    np.testing.assert_array_equal(jitted_logits(stock), jitted_logits(small_model))


def test_explicit_attention_equals_stock_on_cpu(small_model, small_preset):
    stock = keras_hub.models.GemmaCausalLM.from_preset(
        str(small_preset), dtype="float32"
    )
    np.testing.assert_array_equal(jitted_logits(small_model), jitted_logits(stock))
    assert keras.backend.backend() == "jax"
