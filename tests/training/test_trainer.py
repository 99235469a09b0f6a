import dataclasses
import json
import time

import keras
import numpy as np
import pytest

from gemma_keras_ft.config import from_config
from gemma_keras_ft.data.rows import PlannedRows, RowPlan, TokenRows
from gemma_keras_ft.inference.scoring import score_rows
from gemma_keras_ft.model.lora import Adapter, adapter_variables, enable_adapter
from gemma_keras_ft.model.preset import load_preset
from gemma_keras_ft.training.trainer import Trainer

TRAINER = Trainer(epochs=3, global_batch_size=4, learning_rate=1e-2, evaluations=6)


def rows(count=10, length=16):
    ids = np.random.default_rng(0).integers(8, 100, (count, length + 1)).astype("int32")
    weight = np.ones((count, length), "float32")
    weight[:, :4] = 0
    arrays = {
        "token_ids": ids[:, :-1],
        "segment_ids": np.ones((count, length), "int32"),
        "labels": ids[:, 1:],
        "sample_weight": weight,
    }
    numbers = np.arange(count)
    bucket = TokenRows(
        arrays=arrays,
        segments=np.stack([numbers, np.ones(count, int), numbers], axis=1),
        record_ids=tuple(f"r{number}" for number in numbers),
    )
    return PlannedRows(plan=RowPlan(sequence_length=length), buckets=(bucket,))


@pytest.fixture
def model(small_preset):
    return adapted(small_preset)


def adapted(small_preset, dropout=0.0):
    model = load_preset(small_preset)
    enable_adapter(model, Adapter(rank=4, dropout=dropout), seed=0)
    return model


def adapter_values(model):
    return {n: np.asarray(v.value) for n, v in adapter_variables(model).items()}


class StopAfter(keras.callbacks.Callback):
    """Ends a run abruptly after so many steps, as a lost machine would."""

    def __init__(self, steps):
        super().__init__()
        self.left = steps

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def test_training_learns_and_leaves_the_base_alone(model):
    base = {v.path: np.asarray(v.value) for v in model.non_trainable_variables}
    result = TRAINER.fit(model, rows(), validation_rows=rows(3))
    losses = result["history"]["loss"]
    assert losses[-1] < losses[0] - 0.05
    assert result["history"]["step"] == [2, 4, 6, 8, 9][: len(losses)]
    assert len(result["history"]["validation_loss"]) == len(losses)
    for variable in model.non_trainable_variables:
        np.testing.assert_array_equal(np.asarray(variable.value), base[variable.path])


def test_validation_loss_is_the_mean_over_tokens(model):
    """Also with a last partial batch and uneven weights."""
    watched = rows(5)
    arrays = watched.buckets[0].arrays
    arrays["sample_weight"][0, :] = 0
    arrays["sample_weight"][0, -1] = 1
    result = TRAINER.fit(model, rows(), validation_rows=watched)
    scores = score_rows(model, arrays)
    expected = scores.nats.sum() / scores.tokens.sum()
    # The model ends as it was best.
    assert min(result["history"]["validation_loss"]) == pytest.approx(
        expected, rel=1e-5
    )


def test_same_seed_gives_the_same_adapter(small_preset):
    runs = []
    for seed in (1, 1, 2):
        model = adapted(small_preset)
        dataclasses.replace(TRAINER, seed=seed).fit(model, rows())
        runs.append(adapter_values(model))
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
    small_preset, tmp_path, stop, first_step, dropout
):
    unbroken = adapted(small_preset, dropout)
    whole = TRAINER.fit(unbroken, rows(), directory=tmp_path / "whole")
    broken = adapted(small_preset, dropout)
    with pytest.raises(KeyboardInterrupt):
        TRAINER.fit(
            broken,
            rows(),
            directory=tmp_path / "broken",
            callbacks=[StopAfter(stop)],
        )
    resumed = adapted(small_preset, dropout)
    result = TRAINER.fit(resumed, rows(), directory=tmp_path / "broken")
    assert result["first_step"] == first_step
    np.testing.assert_array_equal(result["history"]["step"], whole["history"]["step"])
    np.testing.assert_allclose(
        result["history"]["loss"], whole["history"]["loss"], rtol=1e-6
    )
    expected = adapter_values(unbroken)
    for name, value in adapter_values(resumed).items():
        np.testing.assert_array_equal(value, expected[name])


def test_finished_run_is_not_trained_again(small_preset, tmp_path):
    model = adapted(small_preset)
    TRAINER.fit(model, rows(), directory=tmp_path)
    done = adapter_values(model)
    again = adapted(small_preset)
    result = TRAINER.fit(again, rows(), directory=tmp_path)
    assert result["first_step"] == result["steps"]
    for name, value in adapter_values(again).items():
        np.testing.assert_array_equal(value, done[name])


def test_time_and_tokens_are_those_of_all_sessions(small_preset, tmp_path):
    slow = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: time.sleep(0.2)
    )
    with pytest.raises(KeyboardInterrupt):
        TRAINER.fit(
            adapted(small_preset),
            rows(),
            directory=tmp_path,
            callbacks=[slow, StopAfter(5)],
        )
    result = TRAINER.fit(adapted(small_preset), rows(), directory=tmp_path)
    # Four steps were saved; ten rows of twelve scored tokens were seen three times.
    assert result["seconds"] > 4 * 0.2
    assert result["tokens_per_second"] * result["seconds"] == pytest.approx(3 * 10 * 12)


def test_checkpoint_of_another_run_is_refused(small_preset, tmp_path):
    TRAINER.fit(adapted(small_preset), rows(), directory=tmp_path, run={"base": "a"})
    with pytest.raises(ValueError, match=r"base='b', saved 'a'"):
        TRAINER.fit(
            adapted(small_preset), rows(), directory=tmp_path, run={"base": "b"}
        )
    other = dataclasses.replace(TRAINER, learning_rate=1e-4)
    with pytest.raises(ValueError, match="`trainer` must equal"):
        other.fit(adapted(small_preset), rows(), directory=tmp_path, run={"base": "a"})


def test_checkpoint_of_another_adapter_is_refused(small_preset, tmp_path):
    TRAINER.fit(adapted(small_preset), rows(), directory=tmp_path)
    other = load_preset(small_preset)
    enable_adapter(other, Adapter(rank=4, targets=("query",)))
    with pytest.raises(ValueError, match="must hold the model's variables"):
        TRAINER.fit(other, rows(), directory=tmp_path)


def test_only_the_adapter_is_checkpointed(small_preset, tmp_path):
    model = adapted(small_preset)
    TRAINER.fit(model, rows(), directory=tmp_path)
    newest = max(tmp_path.glob("[0-9]*"), key=lambda path: int(path.name))
    names = json.dumps(json.loads((newest / "state" / "_METADATA").read_text()))
    assert "lora_kernel_a" in names
    assert "token_embedding" not in names


def test_max_steps_ends_a_run_in_mid_epoch(model):
    result = dataclasses.replace(TRAINER, max_steps=4).fit(model, rows())
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
