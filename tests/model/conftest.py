"""Helpers for models that carry an adapter."""

import numpy as np
import pytest


@pytest.fixture
def token_ids():
    return np.random.default_rng(0).integers(8, 500, (2, 16)).astype("int32")


@pytest.fixture
def logits(token_ids):
    """A function: the logits of a model, float32."""

    def compute(model):
        inputs = {"token_ids": token_ids, "padding_mask": np.ones_like(token_ids)}
        return np.asarray(model(inputs)).astype("float32")

    return compute


@pytest.fixture
def fill():
    """A function: draws all factors of a model's adapter, the same for each model."""
    from gemma_keras_ft.model.lora import adapter_variables

    def draw(model, seed=1):
        generator = np.random.default_rng(seed)
        for _, variable in sorted(adapter_variables(model).items()):
            variable.assign(generator.normal(0, 0.1, variable.shape))

    return draw


@pytest.fixture
def stock_model(small_preset):
    """The model of `small_preset`, as KerasHub alone loads it."""
    import keras_hub

    return keras_hub.models.GemmaCausalLM.from_preset(
        str(small_preset), dtype="float32"
    )
