"""Each step is compiled once for each length of rows, and kept for next time."""

import os
import subprocess
import sys
import warnings

import jax
import keras
import numpy as np
import pytest

from gemma_keras_ft.training.compilation import (
    Compilations,
    keep_compiled_programs,
    watch_compilations,
)
from gemma_keras_ft.training.row_model import RowModel
from gemma_keras_ft.training.trainer import Trainer

TRAINER = Trainer(epochs=3, global_batch_size=4, evaluations=3)


@pytest.mark.parametrize("micro_batches", [1, pytest.param(2, marks=pytest.mark.long)])
def test_a_run_compiles_a_step_for_each_length(
    adapted, random_rows, tmp_path, micro_batches
):
    trainer = Trainer(**{**vars(TRAINER), "micro_batches": micro_batches})
    for expected in (
        {"train_step": 3, "test_step": 2},
        {"train_step": 0, "test_step": 0},
    ):
        # The last batch of each length has fewer rows; the second time nothing is left.
        result = trainer.fit(
            adapted(dropout=0.1),
            random_rows(6, lengths=(8, 16, 24)),
            validation_rows=random_rows(3, lengths=(8, 16)),
            directory=tmp_path,
        )
        assert result["compilations"] == expected


@pytest.mark.parametrize("devices", [pytest.param(1, marks=pytest.mark.long), 2])
def test_a_run_that_continues_compiles_once_as_well(
    adapted, random_rows, tmp_path, stop_after, devices
):
    """Restored values must lie on the devices as fresh ones do."""
    if devices > 1:
        names = [f"cpu:{number}" for number in range(devices)]
        parallel = keras.distribution.DataParallel(devices=names)
        keras.distribution.set_distribution(parallel)
    try:
        with pytest.raises(KeyboardInterrupt):
            TRAINER.fit(
                adapted(), random_rows(), directory=tmp_path, callbacks=[stop_after(5)]
            )
        result = TRAINER.fit(adapted(), random_rows(), directory=tmp_path)
    finally:
        keras.distribution.set_distribution(None)
    assert result["first_step"] == 3
    assert result["compilations"]["train_step"] == 1


def test_the_count_is_that_of_jax(adapted):
    """So that it cannot be right because nothing is heard."""
    fitted = RowModel(adapted().backbone)

    def train_step(values):
        fitted.traced["train_step"] = values.shape
        return values * 2

    def other(values):
        return values * 3

    with watch_compilations(fitted) as (found, _):
        step = jax.jit(train_step)
        for shape in ((2, 8), (2, 8), (2, 16), (2, 8)):
            step(np.zeros(shape, "float32"))
        jax.jit(other)(np.zeros(2, "float32"))
    assert found.shapes == {"train_step": [(2, 8), (2, 16)], "test_step": []}
    jax.jit(lambda values: train_step(values))(np.zeros((3, 3), "float32"))
    assert found.counts() == {"train_step": 2, "test_step": 0}


def test_what_is_compiled_again_is_told_once_with_its_shape():
    found = Compilations()
    for shape in ((4, 8), (4, 16), (4, 8)):
        found.add("train_step", shape)
    with pytest.warns(RuntimeWarning, match=r"`train_step` was compiled again .*4, 8"):
        found.warn()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found.warn()


def test_a_run_that_compiles_again_warns(adapted, random_rows):
    """As where a callback puts a variable of another dtype in a variable's place."""
    model = adapted()

    class Narrow(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            variable = model.backbone.transformer_layers[0].ffw_linear._kernel
            variable._value = variable.value.astype("bfloat16")

    with pytest.warns(RuntimeWarning, match=r"compiled again .* = \(4, 16\)"):
        result = TRAINER.fit(model, random_rows(6), callbacks=[Narrow()])
    assert result["compilations"]["train_step"] > 1


@pytest.fixture
def environment(tmp_path, monkeypatch):
    monkeypatch.setenv("GEMMA_KERAS_FT_CACHE", str(tmp_path / "cache"))
    # Set, so that monkeypatch takes away what is set here.
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "")
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    return monkeypatch


def test_programs_are_kept_with_the_rows_unless_told_otherwise(environment, tmp_path):
    keep_compiled_programs()
    expected = str(tmp_path / "cache" / "compiled")
    assert os.environ["JAX_COMPILATION_CACHE_DIR"] == expected
    environment.setenv("JAX_COMPILATION_CACHE_DIR", "mine")
    keep_compiled_programs()
    assert os.environ["JAX_COMPILATION_CACHE_DIR"] == "mine"


def test_where_nothing_can_be_written_nothing_is_kept(environment, tmp_path):
    (tmp_path / "cache").write_text("a file")
    keep_compiled_programs()
    assert "JAX_COMPILATION_CACHE_DIR" not in os.environ


SCRIPT = """
from gemma_keras_ft.training.compilation import keep_compiled_programs

keep_compiled_programs()
import jax, jax.numpy as jnp

jax.jit(lambda values: jnp.sin(values) @ values)(jnp.ones((4, 4))).block_until_ready()
"""


@pytest.mark.parametrize("enabled", ["true", "false"])
def test_jax_keeps_them_there_and_can_be_told_not_to(environment, tmp_path, enabled):
    settings = {"JAX_ENABLE_COMPILATION_CACHE": enabled, "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    kept = list((tmp_path / "cache" / "compiled").iterdir())
    assert bool(kept) == (enabled == "true")
    assert not (tmp_path / ".cache").exists()
