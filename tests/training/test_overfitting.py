import pytest

from gemma_keras_ft.training.overfitting import find_loss_gap


def gap(training, validation, **changes):
    steps = [10 * place for place in range(1, len(training) + 1)]
    history = {"step": steps, "loss": training, "validation_loss": validation}
    return find_loss_gap(history | changes)


def test_validation_that_rises_while_training_falls_is_overfitting():
    found = gap([3.0, 2.0, 1.0], [3.1, 2.5, 2.9])
    assert found.overfitting
    assert found.describe() == (
        "The model is overfitting: validation loss rose from 2.500 at step 20 to "
        "2.900 at step 30 while training loss fell from 2.000 to 1.000."
    )
    assert found.gap == pytest.approx(1.9)


@pytest.mark.parametrize(
    ("training", "validation"),
    [
        ([3.0, 2.0, 1.0], [3.1, 2.5, 2.5]),
        ([3.0, 2.0, 1.0], [3.1, 2.5, 2.4]),
        # Less than a hundredth.
        ([3.0, 2.0, 1.0], [3.1, 2.5, 2.524]),
        # Training worsens as well: diverging is another thing.
        ([3.0, 2.0, 2.2], [3.1, 2.5, 2.9]),
        # It rose on the way, and came back.
        ([3.0, 2.0, 1.5, 1.0], [2.5, 2.9, 2.6, 2.4]),
    ],
)
def test_anything_else_is_no_sign_of_it(training, validation):
    found = gap(training, validation)
    assert not found.overfitting
    assert found.describe().startswith("No sign of overfitting: at step ")


def test_a_hundredth_is_enough():
    assert gap([2.0, 1.0], [2.0, 2.02]).overfitting


def test_steps_are_matched_and_unknown_values_passed_over():
    found = gap(
        [3.0, 2.0, None, 1.0],
        [2.5, 2.9],
        validation_step=[20, 40],
    )
    assert (found.best_step, found.last_step) == (20, 40)
    assert found.training == (2.0, 1.0)
    assert found.overfitting


@pytest.mark.parametrize(
    "history",
    [
        {},
        {"step": [1, 2], "loss": [2.0, 1.0]},
        {"step": [1, 2], "loss": [2.0, 1.0], "validation_loss": None},
        {"step": [1, 2], "loss": [2.0, 1.0], "validation_loss": [3.0, None]},
    ],
)
def test_nothing_is_said_of_too_little(history):
    assert find_loss_gap(history) is None
