import jax
import pytest

from gemma_keras_ft.model.lora import Adapter
from gemma_keras_ft.model.shapes import GEMMA2_SHAPES
from gemma_keras_ft.training.planning.compiled import plan_step

PARAMETERS = {
    "gemma2_2b_en": 2_614_341_888,
    "gemma2_9b_en": 9_241_705_984,
    "gemma2_27b_en": 27_227_128_320,
}
SMALL = {
    **GEMMA2_SHAPES["gemma2_2b_en"],
    "vocabulary_size": 512,
    "num_layers": 1,
    "hidden_dim": 32,
    "intermediate_dim": 64,
    "head_dim": 8,
}


def test_every_shape_has_its_parameters():
    assert set(PARAMETERS) == set(GEMMA2_SHAPES)


def test_gemma2_2b_lowers_without_its_weights():
    plan = plan_step("gemma2_2b_en", adapter=Adapter(rank=8), compiled=False)
    assert plan.parameters == PARAMETERS["gemma2_2b_en"]
    assert plan.temporary_bytes is None and plan.bytes is None
    # bfloat16 base; float32 adapter with two moments.
    least = 2 * plan.parameters + 12 * plan.adapter_parameters
    assert least <= plan.state_bytes < least + 10_000


def test_a_small_step_is_planned_as_it_is_compiled():
    whole, parts = (
        plan_step(SMALL, rows=8, sequence_length=64, dtype="float32", micro_batches=n)
        for n in (1, 8)
    )
    assert whole.parameters == parts.parameters
    assert whole.state_bytes == parts.state_bytes
    assert 0 < parts.temporary_bytes < whole.temporary_bytes
    assert whole.batch_bytes == 8 * 64 * 16
    parts = (whole.state_bytes, whole.batch_bytes, whole.temporary_bytes)
    assert whole.bytes == sum(parts)


def test_an_unknown_shape_is_refused():
    with pytest.raises(ValueError, match=r"`shape` must be one of .*gemma3"):
        plan_step("gemma3_1b")


@pytest.mark.long
@pytest.mark.parametrize("name", PARAMETERS)
def test_real_shapes_compile_without_their_weights(name):
    plan = plan_step(name, rows=1, sequence_length=256)
    assert plan.parameters == PARAMETERS[name]
    assert plan.temporary_bytes > 0
    # What lives here are the compiler's own structures, not 4 to 54 GB of weights.
    live = sum(array.nbytes for array in jax.live_arrays())
    assert live < 2**30
