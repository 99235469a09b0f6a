import math

import keras
import numpy as np
import pytest

from gemma_keras_ft.training.schedule import build_optimizer, build_schedule

PEAK = 0.02


def rates(schedule, steps, *, total_steps=100, warmup_steps=10):
    built = build_schedule(
        schedule, learning_rate=PEAK, total_steps=total_steps, warmup_steps=warmup_steps
    )
    return [float(built(step)) for step in steps]


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant"])
def test_the_warm_up_is_a_line_from_zero_to_the_peak(schedule):
    found = rates(schedule, range(11))
    np.testing.assert_allclose(
        found, [PEAK * step / 10 for step in range(11)], rtol=1e-6
    )


@pytest.mark.parametrize(
    ("schedule", "halfway", "end"),
    [("cosine", 0.55, 0.1), ("linear", 0.55, 0.1), ("constant", 1.0, 1.0)],
)
def test_a_decay_ends_at_a_tenth_and_stays_there(schedule, halfway, end):
    found = rates(schedule, [55, 100, 500])
    expected = [PEAK * halfway, PEAK * end, PEAK * end]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_cosine_is_one():
    (found,) = rates("cosine", [10 + 30])
    expected = PEAK * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi / 3)))
    assert found == pytest.approx(expected, rel=1e-5)


def test_without_warm_up_the_peak_comes_first():
    assert rates("linear", [0], warmup_steps=0) == pytest.approx([PEAK])


def test_a_schedule_that_is_none_is_named():
    with pytest.raises(ValueError, match="schedule='steps'"):
        rates("steps", [0])


def step_of(gradient, **settings):
    """What one step takes off a variable of ones."""
    settings = {
        "learning_rate": PEAK,
        "total_steps": 10,
        "warmup_fraction": 0,
    } | settings
    optimizer = build_optimizer(**settings)
    variable = keras.Variable(np.ones(2, "float32"))
    optimizer.build([variable])
    optimizer.apply_gradients([(np.array(gradient, "float32"), variable)])
    return 1.0 - np.asarray(variable.value), optimizer


def test_weight_decay_is_decoupled():
    bare, _ = step_of([0.0, 0.0])
    decayed, _ = step_of([0.0, 0.0], weight_decay=0.1)
    np.testing.assert_allclose(bare, 0.0)
    np.testing.assert_allclose(decayed, PEAK * 0.1, rtol=1e-4)


def test_a_step_in_the_warm_up_is_small():
    cold, _ = step_of([1.0, -1.0], warmup_fraction=0.5)
    warm, _ = step_of([1.0, -1.0])
    np.testing.assert_allclose(cold, 0.0)
    np.testing.assert_allclose(np.abs(warm), PEAK, rtol=1e-3)
