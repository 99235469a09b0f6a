"""FLOPs against XLA's own count, and against what a person counts."""

import jax
import keras
import keras_hub
import numpy as np
import pytest

from gemma_keras_ft.data.rows import PlannedRows
from gemma_keras_ft.model.attention import replace_attention
from gemma_keras_ft.model.lora import Adapter, enable_adapter
from gemma_keras_ft.model.shapes import GEMMA2_SHAPES
from gemma_keras_ft.training import flops
from gemma_keras_ft.training.flops import (
    _pairs,
    _text_lengths,
    measure_peak_flops,
    training_flops,
)
from gemma_keras_ft.training.row_model import RowModel


@pytest.fixture
def wide_model():
    """Wide enough that products outweigh norms and activation functions."""
    keras.utils.set_random_seed(0)
    shape = {
        **GEMMA2_SHAPES["gemma2_2b_en"],
        "vocabulary_size": 300,
        "num_layers": 2,
        "num_query_heads": 4,
        "num_key_value_heads": 2,
        "hidden_dim": 128,
        "intermediate_dim": 1024,
        "head_dim": 32,
        "use_post_ffw_norm": False,
        "use_post_attention_norm": False,
    }
    backbone = keras_hub.models.GemmaBackbone(**shape, dtype="float32")
    return keras_hub.models.GemmaCausalLM(backbone, None)


def compiled_flops(model, rows):
    """What XLA says a training step costs, without the optimizer."""
    fitted = RowModel(model.backbone)
    arrays = rows.buckets[0].arrays
    data = {
        "token_ids": arrays["token_ids"],
        "padding_mask": arrays["segment_ids"],
        "labels": arrays["labels"],
        "sample_weight": arrays["sample_weight"],
    }
    trainable = [variable.value for variable in fitted.trainable_variables]
    frozen = [variable.value for variable in fitted.non_trainable_variables]
    compiled = jax.jit(fitted._gradients).lower(trainable, frozen, data).compile()
    return compiled.cost_analysis()["flops"]


@pytest.mark.parametrize("rank", [1, 32])
def test_flops_follow_xla(wide_model, random_rows, rank):
    """To 8 %: XLA also counts norms, softmax, caps and what causality hides."""
    enable_adapter(wide_model, Adapter(rank=rank))
    replace_attention(wide_model)
    rows = random_rows(2, lengths=(32,))
    # All scored: a chunk of the loss is computed for all its places, or for none.
    rows.buckets[0].arrays["sample_weight"][:] = 1
    expected = compiled_flops(wide_model, rows)
    assert training_flops(wide_model, rows) == pytest.approx(expected, rel=0.08)


def test_attention_sees_the_text_up_to_itself_within_the_window():
    assert _pairs(np.array([1]), None) == 1
    assert _pairs(np.array([4, 2]), None) == 4 + 3 + 2 + 1 + 2 + 1
    assert _pairs(np.array([5, 2]), 2) == 1 + 2 + 2 + 2 + 2 + 1 + 2
    assert _pairs(np.array([5]), 99) == _pairs(np.array([5]), None)


def test_texts_are_told_apart_in_a_row_and_padding_is_none(random_rows):
    rows = random_rows(2, lengths=(8, 16))
    rows.buckets[0].arrays["segment_ids"][0] = [1, 1, 1, 2, 2, 0, 0, 0]
    assert sorted(_text_lengths(rows)) == [2, 3, 8, 16, 16]


def test_padding_costs_nothing_and_twice_the_rows_cost_twice(wide_model, random_rows):
    rows = random_rows(3)
    twice = PlannedRows(plan=rows.plan, buckets=rows.buckets * 2)
    cost = training_flops(wide_model, rows)
    assert training_flops(wide_model, twice) == 2 * cost
    arrays = rows.buckets[0].arrays
    arrays["segment_ids"][2] = arrays["sample_weight"][2] = 0
    assert training_flops(wide_model, rows) == pytest.approx(cost * 2 / 3)


def test_a_peak_is_that_of_the_fastest_product(monkeypatch):
    clock = iter([t for n in range(10) for t in (float(n), n + (0.5 if n else 0.25))])
    monkeypatch.setattr(flops.time, "perf_counter", lambda: next(clock))
    assert measure_peak_flops() == 2 * 1024**3 / 0.25
