import keras
import keras_hub
import numpy as np
import pytest

from gemma_keras_ft.inference.scoring import score_rows


def rows(count=5, length=80, seed=0):
    generator = np.random.default_rng(seed)
    ids = generator.integers(8, 500, (count, length + 1)).astype("int32")
    lengths = generator.integers(4, length + 1, count)
    lengths[0] = length
    mask = (np.arange(length) < lengths[:, None]).astype("int32")
    weight = mask * (np.arange(length) >= 3)
    return {
        "token_ids": ids[:, :-1] * mask,
        "segment_ids": mask,
        "labels": ids[:, 1:] * mask,
        "sample_weight": weight.astype("float32"),
    }


def textbook(model, arrays):
    inputs = {"token_ids": arrays["token_ids"], "padding_mask": arrays["segment_ids"]}
    logits = model(inputs)
    loss = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, reduction="none"
    )
    nats = np.asarray(loss(arrays["labels"], logits)) * arrays["sample_weight"]
    correct = np.asarray(logits).argmax(-1) == arrays["labels"]
    return nats.sum(1), (correct * arrays["sample_weight"]).sum(1)


@pytest.mark.parametrize("rows_per_batch", [None, 1, 2, 5])
def test_scores_equal_the_textbook_loss(small_model, rows_per_batch):
    arrays = rows()
    # Some labels that the model gets right, or accuracy would be 0 = 0.
    inputs = {"token_ids": arrays["token_ids"], "padding_mask": arrays["segment_ids"]}
    best = np.asarray(small_model(inputs)).argmax(-1)
    arrays["labels"][:, ::3] = best[:, ::3]
    scores = score_rows(small_model, arrays, rows_per_batch=rows_per_batch)
    nats, correct = textbook(small_model, arrays)
    np.testing.assert_allclose(scores.nats, nats, rtol=1e-5)
    np.testing.assert_array_equal(scores.correct, correct)
    np.testing.assert_array_equal(scores.tokens, arrays["sample_weight"].sum(1))
    assert correct.sum() > 0


def test_scores_follow_the_weights_of_the_model(small_model):
    before = score_rows(small_model, rows()).nats
    norm = small_model.backbone.layer_norm.scale
    norm.assign(norm.value + 1.0)
    after = score_rows(small_model, rows()).nats
    assert np.abs(after - before).min() > 1e-3


def test_texts_that_share_a_row_are_scored_as_though_alone(small_preset):
    """Also by a model that comes from KerasHub itself."""
    stock = keras_hub.models.GemmaCausalLM.from_preset(str(small_preset))
    alone = rows(count=2, length=30)
    lengths = alone["segment_ids"].sum(1)
    shared = {name: np.zeros((1, 60), v.dtype) for name, v in alone.items()}
    start = 0
    for row, length in enumerate(lengths):
        for name, values in alone.items():
            shared[name][0, start : start + length] = values[row, :length]
        shared["segment_ids"][0, start : start + length] = row + 1
        start += length
    expected = score_rows(stock, alone).nats.sum()
    np.testing.assert_allclose(score_rows(stock, shared).nats, [expected], rtol=1e-5)
