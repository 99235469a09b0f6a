"""What formulas say of a step, beside what is compiled."""

import dataclasses

import numpy as np
import pytest

from gemma_keras_ft.data.rows import PlannedRows, RowPlan, TokenRows
from gemma_keras_ft.model.lora import Adapter, enable_adapter
from gemma_keras_ft.model.mesh import parse_mesh
from gemma_keras_ft.model.preset import load_preset
from gemma_keras_ft.model.shapes import GEMMA2_SHAPES, known_shape
from gemma_keras_ft.training.flops import training_flops
from gemma_keras_ft.training.planning.collectives import total_bytes
from gemma_keras_ft.training.planning.compiled import plan_step
from gemma_keras_ft.training.planning.theory import (
    StepSettings,
    activation_bytes,
    adapter_numbers,
    base_bytes,
    exchanged_bytes,
    step_flops,
    temporary_bytes,
)

# The layers of Gemma 2 2B, narrower: eight query heads, four of keys and values.
SHAPE = {
    **GEMMA2_SHAPES["gemma2_2b_en"],
    "vocabulary_size": 2048,
    "num_layers": 3,
    "hidden_dim": 256,
    "intermediate_dim": 2048,
    "head_dim": 64,
}
ROWS, LENGTH = 8, 128


def settings(mesh, **others):
    return StepSettings(
        shape=SHAPE,
        adapter=Adapter(rank=4),
        rows=ROWS,
        sequence_length=LENGTH,
        dtype="float32",
        mesh=parse_mesh(mesh),
        **others,
    )


def compiled(given, **others):
    fields = dataclasses.fields(given)
    return plan_step(**{f.name: getattr(given, f.name) for f in fields}, **others)


@pytest.fixture(scope="module")
def plans():
    """A function that compiles a step once for each mesh."""
    found = {}

    def plan(mesh):
        if mesh not in found:
            found[mesh] = compiled(settings(mesh))
        return found[mesh]

    return plan


@pytest.mark.parametrize(
    ("mesh", "quantize"),
    [
        ("batch=2", None),
        ("fsdp=2,model=4", None),
        pytest.param("fsdp=2,model=4", "int8", marks=pytest.mark.long),
        pytest.param("fsdp=8", "int4", marks=pytest.mark.long),
        pytest.param("model=8", "int8", marks=pytest.mark.long),
        pytest.param("fsdp=2,model=4", "int4", marks=pytest.mark.long),
    ],
)
def test_state_is_exactly_what_is_laid_out(mesh, quantize):
    given = settings(mesh, quantize=quantize)
    plan = compiled(given, compiled=False)
    assert base_bytes(given) == plan.weight_bytes
    assert 4 * adapter_numbers(given) == plan.adapter_bytes
    # Two moments; counts, a rate, and sums of losses besides.
    assert 0 < plan.optimizer_bytes - 8 * adapter_numbers(given) < 200


@pytest.mark.parametrize("mesh", ["batch=8", "fsdp=8", "batch=2,model=4"])
def test_temporaries_are_about_what_is_compiled(plans, mesh):
    given = settings(mesh)
    formula = activation_bytes(given) + temporary_bytes(given)
    assert 0.6 < formula / plans(mesh).temporary_bytes < 1.6


def test_data_parallel_exchanges_the_adapters_gradients_alone(plans):
    given = settings("batch=8")
    assert exchanged_bytes(given) == {"adapter gradients": 4 * adapter_numbers(given)}
    found = total_bytes(plans("batch=8").collectives)
    assert set(found) == {"all-reduce"}
    expected = exchanged_bytes(given)["adapter gradients"]
    assert expected <= found["all-reduce"] < 1.01 * expected + 1000


def test_fully_sharded_gathers_each_block_twice_and_nothing_larger(plans):
    given = settings("fsdp=8")
    found = plans("fsdp=8").collectives
    expected = exchanged_bytes(given)
    gathered = total_bytes(found)["all-gather"]
    # Hidden states for the loss, ids, and the adapter's factors come on top.
    least = expected["gathered weights"]
    adapters = 2 * 4 * adapter_numbers(given, whole=True)
    states = expected["hidden states"]
    assert least <= gathered <= 1.02 * (least + states + adapters)
    kernel = 4 * SHAPE["hidden_dim"] * SHAPE["intermediate_dim"] // 2
    largest = max(c.largest for c in found if c.operation == "all-gather")
    assert largest == kernel < 4 * SHAPE["vocabulary_size"] * SHAPE["hidden_dim"]


def test_tensor_parallel_sums_activations_and_gathers_no_weight(plans):
    given = settings("batch=2,model=4")
    found = plans("batch=2,model=4").collectives
    expected = sum(exchanged_bytes(given).values())
    assert 0.85 < total_bytes(found)["all-reduce"] / expected < 1.15
    assert total_bytes(found).get("all-gather", 0) < 0.01 * expected


def test_heads_that_are_not_divided_cost_no_gathered_kernel(plans):
    found = plans("model=8").collectives
    kernel = 4 * SHAPE["hidden_dim"] * SHAPE["intermediate_dim"] // 2 // 8
    tokens = 4 * ROWS * LENGTH * SHAPE["num_key_value_heads"] * SHAPE["head_dim"]
    for collective in found:
        if collective.operation != "all-reduce":
            assert collective.largest <= max(tokens, kernel)


def test_operations_are_those_that_training_counts():
    model = load_preset()
    enable_adapter(model, Adapter(rank=4))
    shape = known_shape("tiny_gemma2")
    ids = np.ones((4, 64), "int32")
    arrays = {"token_ids": ids, "segment_ids": ids, "labels": ids}
    arrays["sample_weight"] = np.ones((4, 64), "float32")
    numbers = np.arange(4)
    rows = TokenRows(
        arrays=arrays,
        segments=np.stack([numbers, np.ones(4, int), numbers], axis=1),
        record_ids=("a", "b", "c", "d"),
    )
    planned = PlannedRows(plan=RowPlan(sequence_length=64), buckets=(rows,))
    given = StepSettings(
        shape=shape, adapter=Adapter(rank=4), rows=4, sequence_length=64
    )
    # Training leaves out that nothing asks what goes into the first block.
    assert 1.0 <= step_flops(given) / training_flops(model, planned) < 1.1
    twice = dataclasses.replace(given, remat="block")
    assert step_flops(given) < step_flops(twice) < 1.5 * step_flops(given)
