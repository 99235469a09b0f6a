"""The best adapter is found, kept over interruptions, and given back."""

import dataclasses
import hashlib
import math
import subprocess
import sys
import types
from pathlib import Path

import keras
import numpy as np
import pytest

from gemma_keras_ft.inference.scoring import score_rows
from gemma_keras_ft.training.best import Best
from gemma_keras_ft.training.trainer import Trainer

# Long and fast enough to learn ten random rows by heart, and nothing of others.
TRAINER = Trainer(
    epochs=16,
    global_batch_size=5,
    learning_rate=2e-2,
    schedule="constant",
    evaluations=16,
    patience=3,
)
NOTHING = types.SimpleNamespace(trainable_variables=[])


def follow(losses, **settings):
    best = Best(**settings)
    for step, loss in enumerate(losses, 1):
        best.update(step, loss, NOTHING)
    return best


@pytest.mark.parametrize(
    ("losses", "settings", "step", "waited"),
    [
        ([3.0, 2.0, 2.5, 2.4], {}, 2, 2),
        ([3.0, 2.0, 2.0], {}, 2, 1),
        ([3.0, 2.95, 2.85], {"min_delta": 0.1}, 3, 0),
        ([3.0, 2.95, 2.92], {"min_delta": 0.1}, 1, 2),
        ([math.nan, 3.0, math.nan, 4.0], {}, 2, 2),
        ([math.nan], {}, None, 1),
        ([math.inf, -math.inf, 1.0], {}, 2, 1),
    ],
)
def test_the_best_step_is_the_lowest_number(losses, settings, step, waited):
    found = follow(losses, **settings)
    assert (found.step, found.waited) == (step, waited)


def test_patience_ends_with_so_many_evaluations_in_a_row():
    assert not follow([2, 3, 3], patience=3).exhausted
    assert not follow([2, 3, 3, 1, 3], patience=3).exhausted
    assert follow([2, 3, 3, 3], patience=3).exhausted
    assert not follow([2, 3, 3, 3], patience=None).exhausted


def test_values_are_those_of_the_best_step_whatever_comes_after():
    variable = keras.Variable(np.array([1.0]), name="factor")
    model = types.SimpleNamespace(trainable_variables=[variable])
    best = Best()
    for step, (value, loss) in enumerate([(1.0, 3.0), (2.0, 2.0), (3.0, 2.5)], 1):
        variable.assign([value])
        best.update(step, loss, model)
    best.apply(model)
    assert np.asarray(variable.value) == [2.0]


def test_a_run_ends_early_with_its_best_adapter(adapted, random_rows):
    model, rows, held_out = adapted(), random_rows(), random_rows(6, seed=1)
    result = TRAINER.fit(model, rows, validation_rows=held_out)
    losses = result["history"]["validation_loss"]
    steps = result["history"]["step"]
    assert result["stopped_early"]
    assert result["best_step"] == steps[int(np.argmin(losses))]
    assert len(steps) == steps.index(result["best_step"]) + 1 + TRAINER.patience < 16
    assert result["steps"] == steps[-1]
    scores = score_rows(model, held_out.buckets[0].arrays)
    assert scores.nats.sum() / scores.tokens.sum() == pytest.approx(min(losses), 1e-5)


def test_the_last_adapter_can_be_asked_for(adapted, random_rows, values_of):
    models = [adapted(), adapted()]
    results = [
        dataclasses.replace(TRAINER, restore_best=restore).fit(
            model, random_rows(), validation_rows=random_rows(6, seed=1)
        )
        for model, restore in zip(models, (True, False), strict=True)
    ]
    assert results[0]["best_step"] == results[1]["best_step"] < results[1]["steps"]
    best, last = map(values_of, models)
    assert any((best[name] != last[name]).any() for name in best)


# Before anything is saved; just after the best step, and again; while waiting.
@pytest.mark.parametrize(
    "stops",
    [
        pytest.param((1,), marks=pytest.mark.long),
        (13, 2),
        pytest.param((15,), marks=pytest.mark.long),
    ],
)
def test_an_interrupted_run_finds_and_keeps_the_same_best(
    adapted, random_rows, values_of, tmp_path, stop_after, stops
):
    rows = {"rows": random_rows(), "validation_rows": random_rows(6, seed=1)}
    unbroken = adapted()
    whole = TRAINER.fit(unbroken, **rows)
    assert whole["stopped_early"]
    for stop in stops:
        with pytest.raises(KeyboardInterrupt):
            TRAINER.fit(
                adapted(),
                **rows,
                directory=tmp_path,
                callbacks=[stop_after(stop)],
            )
    resumed = adapted()
    result = TRAINER.fit(resumed, **rows, directory=tmp_path)
    for name in ("best_step", "stopped_early", "steps", "history"):
        assert result[name] == whole[name]
    expected = values_of(unbroken)
    for name, value in values_of(resumed).items():
        assert value.tobytes() == expected[name].tobytes()
    # A run that ended early has ended: once more gives the best again.
    again = adapted()
    assert TRAINER.fit(again, **rows, directory=tmp_path)["steps"] == whole["steps"]
    for name, value in values_of(again).items():
        assert value.tobytes() == expected[name].tobytes()


def test_patience_without_validation_rows_is_refused(adapted, random_rows):
    with pytest.raises(ValueError, match="`patience` must be None without validation"):
        TRAINER.fit(adapted(), random_rows())


KILLED = """
import hashlib, sys
import keras
import numpy as np

sys.path.insert(0, sys.argv[3])
import conftest
from gemma_keras_ft.model.lora import Adapter, adapter_variables, enable_adapter
from gemma_keras_ft.model.preset import load_preset
from gemma_keras_ft.training.trainer import Trainer

class Report(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        print("step", flush=True)

model = load_preset(sys.argv[1])
enable_adapter(model, Adapter(rank=4), seed=0)
result = Trainer(**SETTINGS).fit(
    model,
    conftest.build_rows(),
    validation_rows=conftest.build_rows(6, seed=1),
    directory=sys.argv[2],
    callbacks=[Report()],
)
values = sorted(adapter_variables(model).items())
digest = hashlib.sha256(b"".join(np.asarray(v.value).tobytes() for _, v in values))
print(result["best_step"], result["steps"], digest.hexdigest(), flush=True)
"""


@pytest.mark.long
def test_a_killed_run_ends_with_the_same_adapter(
    adapted, random_rows, values_of, small_preset, tmp_path
):
    """SIGKILL leaves no time to save anything, here while it waits for a better one."""
    script = tmp_path / "train.py"
    script.write_text(KILLED.replace("SETTINGS", repr(vars(TRAINER))))
    command = [sys.executable, script, small_preset, tmp_path / "steps"]
    command.append(Path(__file__).parent)
    for steps in (13, 3, None):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for _ in range(steps or 0):
                assert process.stdout.readline() == "step\n"
            if steps:
                process.kill()
            last = process.stdout.read().splitlines()[-1:]
    assert process.returncode == 0
    model = adapted()
    rows = {"rows": random_rows(), "validation_rows": random_rows(6, seed=1)}
    result = TRAINER.fit(model, **rows)
    values = b"".join(v.tobytes() for _, v in sorted(values_of(model).items()))
    digest = hashlib.sha256(values).hexdigest()
    assert last == [f"{result['best_step']} {result['steps']} {digest}"]
