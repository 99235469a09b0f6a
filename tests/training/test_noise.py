"""NEFTune's noise: of the right size, in training alone, and resumed exactly."""

import dataclasses

import jax
import keras
import numpy as np
import pytest

from gemma_keras_ft.training.noise import draw_noise, noisy_embedding
from gemma_keras_ft.training.row_model import RowModel
from gemma_keras_ft.training.trainer import Trainer

SEGMENTS = np.array([[1, 1, 1, 1, 2, 2, 0, 0], [1] * 8], "int32")
TRAINER = Trainer(epochs=2, global_batch_size=5, learning_rate=1e-2, evaluations=4)


def draw(segments=SEGMENTS, *, width=512, alpha=5.0, seed=0):
    seeds = keras.random.SeedGenerator(seed)
    return np.asarray(draw_noise(segments, width=width, alpha=alpha, seeds=seeds))


def test_noise_is_scaled_by_the_length_of_each_text():
    noise = np.abs(draw())
    for row, places, length in ((0, slice(0, 4), 4), (0, slice(4, 6), 2), (1, ..., 8)):
        limit = 5.0 / (length * 512) ** 0.5
        found = noise[row, places]
        assert 0.97 * limit < found.max() <= limit
        assert found.mean() == pytest.approx(limit / 2, rel=0.05)
    assert not noise[0, 6:].any()


def test_noise_is_drawn_anew_each_time():
    seeds = keras.random.SeedGenerator(0)
    first, second = (
        np.asarray(draw_noise(SEGMENTS, width=8, alpha=1.0, seeds=seeds))
        for _ in range(2)
    )
    assert (first[1] != second[1]).all()
    assert first.tobytes() == draw(width=8, alpha=1.0).tobytes()


def test_only_a_look_up_inside_the_block_gets_noise(small_model):
    embedding = small_model.backbone.token_embedding
    layers, attributes = small_model.backbone.layers, set(vars(embedding))
    ids = np.array([[5, 6, 7]])
    stock = np.asarray(embedding(ids))
    logits = np.asarray(embedding(stock, reverse=True))
    with pytest.raises(RuntimeError), noisy_embedding(embedding, np.ones((1, 3, 32))):
        np.testing.assert_allclose(np.asarray(embedding(ids)), stock + 1, rtol=1e-6)
        np.testing.assert_array_equal(embedding(stock, reverse=True), logits)
        raise RuntimeError
    np.testing.assert_array_equal(np.asarray(embedding(ids)), stock)
    assert small_model.backbone.layers == layers
    assert set(vars(embedding)) == attributes


def losses(model, rows, *, training, **settings):
    """The loss of one step, as `fit` and `evaluate` compute it."""
    fitted = RowModel(model.backbone, **settings)
    fitted.compile(optimizer=keras.optimizers.SGD(0.0))
    arrays = rows.buckets[0].arrays
    inputs = {"token_ids": arrays["token_ids"], "padding_mask": arrays["segment_ids"]}
    data = (inputs, arrays["labels"], arrays["sample_weight"])
    fitted.optimizer.build(fitted.trainable_variables)
    state = [
        [variable.value for variable in variables]
        for variables in (
            fitted.trainable_variables,
            fitted.non_trainable_variables,
            *([fitted.optimizer.variables] if training else []),
            fitted.metrics_variables,
        )
    ]
    step = fitted.train_step if training else fitted.test_step
    return float(jax.jit(step)(state, data)[0]["nats_per_token"])


def test_noise_changes_training_and_never_evaluation(adapted, random_rows):
    model, rows = adapted(), random_rows(4)
    settings = {"neftune_alpha": 50.0}
    bare = losses(model, rows, training=True)
    assert abs(losses(model, rows, training=True, **settings) - bare) > 1e-4
    measured = losses(model, rows, training=False)
    assert losses(model, rows, training=False, **settings) == measured
    assert measured == pytest.approx(bare, rel=1e-6)


@pytest.mark.parametrize("micro_batches", [pytest.param(1, marks=pytest.mark.long), 5])
def test_an_interrupted_run_draws_the_noise_it_would_have_drawn(
    adapted, random_rows, values_of, tmp_path, stop_after, micro_batches
):
    trainer = dataclasses.replace(
        TRAINER, neftune_alpha=50.0, micro_batches=micro_batches
    )
    unbroken = adapted()
    whole = trainer.fit(unbroken, random_rows())
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(
            adapted(), random_rows(), directory=tmp_path, callbacks=[stop_after(3)]
        )
    resumed = adapted()
    result = trainer.fit(resumed, random_rows(), directory=tmp_path)
    assert result["first_step"] == 2
    assert result["history"] == whole["history"]
    expected = values_of(unbroken)
    for name, value in values_of(resumed).items():
        assert value.tobytes() == expected[name].tobytes()
    bare = dataclasses.replace(trainer, neftune_alpha=0.0)
    assert bare.fit(adapted(), random_rows())["history"] != whole["history"]


def test_without_noise_nothing_is_drawn(adapted, random_rows):
    model, rows = adapted(), random_rows(4)
    assert RowModel(model.backbone).random_state == {}
    assert len(RowModel(model.backbone, neftune_alpha=1.0).random_state) == 1
    found = {losses(model, rows, training=True, seed=seed) for seed in (0, 1)}
    assert len(found) == 1
    noisy = {
        losses(model, rows, training=True, seed=seed, neftune_alpha=9.0)
        for seed in (0, 1)
    }
    assert len(noisy) == 2
