"""Blocks computed twice: the same step, in less memory."""

import dataclasses
import os
import subprocess
import sys

import jax
import numpy as np
import pytest

from gemma_keras_ft.data.rows import RowPlan
from gemma_keras_ft.data.tasks import Example
from gemma_keras_ft.data.tokenize import tokenize_examples
from gemma_keras_ft.model.lora import Adapter, adapter_variables, enable_adapter
from gemma_keras_ft.model.preset import load_preset
from gemma_keras_ft.training.compilation import schedule_for_memory
from gemma_keras_ft.training.trainer import Trainer

TRAINER = Trainer(epochs=3, learning_rate=1e-2, warmup_fraction=0, evaluations=3)


def trained(preset, *, dropout=0.0, **settings):
    model = load_preset(preset)
    enable_adapter(model, Adapter(rank=4, dropout=dropout), seed=0)
    examples = [
        Example(record_id=f"song-{n}", prompt=(f"line {n}",), response=("and on",) * 3)
        for n in range(8)
    ]
    tokens = tokenize_examples(examples, model.preprocessor.tokenizer)
    rows = RowPlan(sequence_length=64).build(tokens)
    found = dataclasses.replace(TRAINER, **settings).fit(model, rows)
    return model, found["history"]["loss"]


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({}, marks=pytest.mark.long),
        {"dropout": 0.3, "neftune_alpha": 10.0},
        pytest.param({"micro_batches": 2}, marks=pytest.mark.long),
    ],
)
def test_trains_to_the_same_adapter(small_preset, settings):
    kept, losses = trained(small_preset, **settings)
    twice, others = trained(small_preset, remat="block", **settings)
    np.testing.assert_allclose(others, losses, rtol=1e-6)
    for path, variable in adapter_variables(kept).items():
        found = np.asarray(adapter_variables(twice)[path].value)
        np.testing.assert_allclose(found, variable.value, rtol=1e-3, atol=1e-5)
    assert not any("call" in vars(b) for b in twice.backbone.transformer_layers)


@pytest.mark.parametrize(("remat", "expected"), [("none", 0), ("block", 2)])
def test_each_block_is_a_checkpoint_and_nothing_else(small_model, remat, expected):
    enable_adapter(small_model, Adapter(rank=2))
    fitted = Trainer(remat=remat).build(small_model, total_steps=1)
    rows = {
        "token_ids": np.ones((2, 16), "int32"),
        "padding_mask": np.ones((2, 16), "int32"),
        "labels": np.ones((2, 16), "int32"),
        "sample_weight": np.ones((2, 16), "float32"),
    }

    def loss(trainable):
        frozen = [variable.value for variable in fitted.non_trainable_variables]
        return fitted._sums(trainable, frozen, rows, training=True)[0]

    traced = jax.make_jaxpr(loss)([v.value for v in fitted.trainable_variables])
    names = [equation.primitive.name for equation in traced.eqns]
    assert sum(name.startswith(("remat", "checkpoint")) for name in names) == expected


MEMORY = """
from gemma_keras_ft.training.compilation import schedule_for_memory

schedule_for_memory()
from gemma_keras_ft.model.shapes import GEMMA2_SHAPES
from gemma_keras_ft.training.planning.compiled import plan_step

shape = {
    **GEMMA2_SHAPES["gemma2_2b_en"],
    "vocabulary_size": 512,
    "num_layers": 6,
    "num_query_heads": 2,
    "num_key_value_heads": 1,
    "hidden_dim": 64,
    "intermediate_dim": 512,
    "head_dim": 32,
}
for remat in ("none", "block"):
    plan = plan_step(shape, rows=8, sequence_length=64, dtype="float32", remat=remat)
    print(plan.temporary_bytes)
"""


@pytest.mark.long
def test_keeps_one_block_in_memory_instead_of_all():
    found = subprocess.run(
        [sys.executable, *["-P"] * sys.flags.safe_path, "-c", MEMORY],
        capture_output=True,
        text=True,
        check=True,
    )
    kept, twice = map(int, found.stdout.split())
    assert twice < 0.6 * kept


def test_other_flags_of_xla_stand(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_other=1")
    schedule_for_memory()
    once = os.environ["XLA_FLAGS"]
    assert once.startswith("--xla_other=1 --xla_cpu_enable_concurrency")
    schedule_for_memory()
    assert os.environ["XLA_FLAGS"] == once


def test_the_users_own_choice_of_scheduler_stands(monkeypatch):
    flag = "--xla_cpu_enable_concurrency_optimized_scheduler=true"
    monkeypatch.setenv("XLA_FLAGS", flag)
    schedule_for_memory()
    assert os.environ["XLA_FLAGS"] == flag
