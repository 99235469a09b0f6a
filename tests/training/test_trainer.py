import dataclasses
import json
import time

import keras
import numpy as np
import pytest

from gemma_keras_ft.config import from_config
from gemma_keras_ft.inference.scoring import score_rows
from gemma_keras_ft.model.lora import Adapter, enable_adapter
from gemma_keras_ft.model.preset import load_preset
from gemma_keras_ft.training.trainer import Trainer

TRAINER = Trainer(epochs=3, global_batch_size=4, learning_rate=1e-2, evaluations=6)


@pytest.fixture
def model(adapted):
    return adapted()


def test_training_learns_and_leaves_the_base_alone(random_rows, model):
    base = {v.path: np.asarray(v.value) for v in model.non_trainable_variables}
    result = TRAINER.fit(model, random_rows(), validation_rows=random_rows(3))
    losses = result["history"]["loss"]
    assert losses[-1] < losses[0] - 0.05
    assert result["history"]["step"] == [2, 4, 6, 8, 9][: len(losses)]
    assert len(result["history"]["validation_loss"]) == len(losses)
    for variable in model.non_trainable_variables:
        np.testing.assert_array_equal(np.asarray(variable.value), base[variable.path])


def test_validation_loss_is_the_mean_over_tokens(random_rows, model):
    """Also with a last partial batch and uneven weights."""
    watched = random_rows(5)
    arrays = watched.buckets[0].arrays
    arrays["sample_weight"][0, :] = 0
    arrays["sample_weight"][0, -1] = 1
    result = TRAINER.fit(model, random_rows(), validation_rows=watched)
    scores = score_rows(model, arrays)
    expected = scores.nats.sum() / scores.tokens.sum()
    # The model ends as it was best.
    assert min(result["history"]["validation_loss"]) == pytest.approx(
        expected, rel=1e-5
    )


def test_same_seed_gives_the_same_adapter(adapted, random_rows, values_of):
    runs = []
    for seed in (1, 1, 2):
        model = adapted()
        dataclasses.replace(TRAINER, seed=seed).fit(model, random_rows())
        runs.append(values_of(model))
    first, again, other = runs
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
    assert any((first[name] != other[name]).any() for name in first)


@pytest.mark.parametrize(
    ("stop", "first_step", "dropout"),
    [
        (4, 2, 0.2),
        pytest.param(5, 4, 0.0, marks=pytest.mark.long),
        pytest.param(1, 0, 0.0, marks=pytest.mark.long),
    ],
)
def test_interrupted_run_continues_as_though_unbroken(
    adapted, random_rows, values_of, stop_after, tmp_path, stop, first_step, dropout
):
    unbroken = adapted(dropout=dropout)
    whole = TRAINER.fit(unbroken, random_rows(), directory=tmp_path / "whole")
    broken = adapted(dropout=dropout)
    with pytest.raises(KeyboardInterrupt):
        TRAINER.fit(
            broken,
            random_rows(),
            directory=tmp_path / "broken",
            callbacks=[stop_after(stop)],
        )
    resumed = adapted(dropout=dropout)
    result = TRAINER.fit(resumed, random_rows(), directory=tmp_path / "broken")
    assert result["first_step"] == first_step
    np.testing.assert_array_equal(result["history"]["step"], whole["history"]["step"])
    np.testing.assert_allclose(
        result["history"]["loss"], whole["history"]["loss"], rtol=1e-6
    )
    expected = values_of(unbroken)
    for name, value in values_of(resumed).items():
        np.testing.assert_array_equal(value, expected[name])


def test_finished_run_is_not_trained_again(adapted, random_rows, values_of, tmp_path):
    model = adapted()
    TRAINER.fit(model, random_rows(), directory=tmp_path)
    done = values_of(model)
    again = adapted()
    result = TRAINER.fit(again, random_rows(), directory=tmp_path)
    assert result["first_step"] == result["steps"]
    for name, value in values_of(again).items():
        np.testing.assert_array_equal(value, done[name])


def test_time_and_tokens_are_those_of_all_sessions(
    adapted, random_rows, stop_after, tmp_path
):
    slow = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: time.sleep(0.2)
    )
    with pytest.raises(KeyboardInterrupt):
        TRAINER.fit(
            adapted(),
            random_rows(),
            directory=tmp_path,
            callbacks=[slow, stop_after(5)],
        )
    result = TRAINER.fit(adapted(), random_rows(), directory=tmp_path)
    # Four steps were saved; ten rows of twelve scored tokens were seen three times.
    assert result["seconds"] > 4 * 0.2
    assert result["tokens_per_second"] * result["seconds"] == pytest.approx(3 * 10 * 12)


def test_checkpoint_of_another_run_is_refused(adapted, random_rows, tmp_path):
    TRAINER.fit(adapted(), random_rows(), directory=tmp_path, run={"base": "a"})
    with pytest.raises(ValueError, match=r"base='b', saved 'a'"):
        TRAINER.fit(adapted(), random_rows(), directory=tmp_path, run={"base": "b"})
    other = dataclasses.replace(TRAINER, learning_rate=1e-4)
    with pytest.raises(ValueError, match="`trainer` must equal"):
        other.fit(adapted(), random_rows(), directory=tmp_path, run={"base": "a"})


def test_checkpoint_of_another_adapter_is_refused(
    adapted, random_rows, small_preset, tmp_path
):
    TRAINER.fit(adapted(), random_rows(), directory=tmp_path)
    other = load_preset(small_preset)
    enable_adapter(other, Adapter(rank=4, targets=("query",)))
    with pytest.raises(ValueError, match="must hold the model's variables"):
        TRAINER.fit(other, random_rows(), directory=tmp_path)


def test_only_the_adapter_is_checkpointed(adapted, random_rows, tmp_path):
    model = adapted()
    TRAINER.fit(model, random_rows(), directory=tmp_path)
    newest = max(tmp_path.glob("[0-9]*"), key=lambda path: int(path.name))
    names = json.dumps(json.loads((newest / "state" / "_METADATA").read_text()))
    assert "lora_kernel_a" in names
    assert "token_embedding" not in names


def test_max_steps_ends_a_run_in_mid_epoch(random_rows, model):
    result = dataclasses.replace(TRAINER, max_steps=4).fit(model, random_rows())
    assert result["steps"] == 4
    assert result["history"]["step"][-1] == 4


@pytest.mark.parametrize(
    "settings",
    [
        {"epochs": 0},
        {"max_steps": 0},
        {"global_batch_size": 0},
        {"evaluations": 0},
        {"learning_rate": 0.0},
        {"clip_norm": -1.0},
        {"warmup_fraction": 1.0},
        {"weight_decay": -0.1},
        {"epochs": "3"},
        {"seed": -1},
        {"patience": 0},
        {"patience": 1.5},
        {"min_delta": -0.1},
        {"neftune_alpha": -5},
        {"neftune_alpha": float("inf")},
        {"min_delta": float("nan")},
    ],
)
def test_wrong_settings_are_named(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        Trainer(**settings)


def test_round_trips_through_json():
    assert from_config(TRAINER.to_config()) == TRAINER
