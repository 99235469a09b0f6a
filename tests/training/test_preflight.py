"""A trainer that says at once what would go wrong."""

import numpy as np
import pytest

from gemma_keras_ft.model.attention import replace_attention
from gemma_keras_ft.training.preflight import check_training
from gemma_keras_ft.training.trainer import Trainer


def test_what_is_in_order_passes(adapted, random_rows):
    check_training(adapted(), random_rows())


def test_a_model_without_an_adapter_is_refused_before_it_compiles(
    small_model, random_rows
):
    with pytest.raises(ValueError, match=r"embedding of `model` must be frozen"):
        Trainer().fit(small_model, random_rows())


def test_a_model_with_nothing_to_train_is_refused(small_model, random_rows):
    small_model.backbone.trainable = False
    with pytest.raises(ValueError, match=r"`model` must have something to train"):
        Trainer().fit(small_model, random_rows())


def test_a_model_in_float16_is_refused(small_preset, random_rows):
    import keras_hub

    model = keras_hub.models.GemmaCausalLM.from_preset(
        str(small_preset), dtype="float16"
    )
    replace_attention(model)
    with pytest.raises(ValueError, match=r"exceed the range of float16"):
        Trainer().fit(model, random_rows())


@pytest.mark.parametrize("token", [10**6, -1])
def test_tokens_of_another_vocabulary_are_refused(adapted, random_rows, token):
    rows = random_rows()
    np.asarray(rows.buckets[0].arrays["token_ids"])[0, 0] = token
    with pytest.raises(ValueError, match=r"`rows` must hold tokens of the model"):
        Trainer().fit(adapted(), rows)
