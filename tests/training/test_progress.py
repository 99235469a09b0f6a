import io

import pytest
from rich.console import Console

from gemma_keras_ft.training.progress import (
    describe_result,
    format_evaluation,
    progress_bars,
)
from gemma_keras_ft.training.trainer import Trainer


def follow(callback, *, epochs=2, steps=3, last=2):
    """Calls a callback as Keras does, with a short last epoch."""
    callback.set_params({"epochs": epochs, "steps": steps})
    callback.on_train_begin()
    for epoch in range(epochs):
        callback.on_epoch_begin(epoch)
        for batch in range(steps if epoch < epochs - 1 else last):
            callback.on_train_batch_end(batch)
        callback.on_epoch_end(
            epoch, {"nats_per_token": 2.5, "val_nats_per_token": 3.25}
        )


@pytest.fixture
def console():
    return Console(file=io.StringIO(), width=120, force_terminal=True)


def test_steps_and_losses_are_shown(console):
    with progress_bars(console=console) as bars:
        (callback,) = bars("kural")
        follow(callback)
        callback.on_train_end()
    shown = console.file.getvalue()
    for text in ("kural", "5/5", "loss 2.500", "validation 3.250"):
        assert text in shown


def test_the_terminal_is_left_in_order_when_a_run_breaks_off(console):
    with pytest.raises(KeyboardInterrupt), progress_bars(console=console) as bars:
        (callback,) = bars("kural")
        follow(callback)
        assert callback.bar.live.is_started
        raise KeyboardInterrupt
    assert not callback.bar.live.is_started
    hide, show = "\x1b[?25l", "\x1b[?25h"
    assert console.file.getvalue().count(hide) == console.file.getvalue().count(show)


def test_how_a_run_ended_is_told():
    history = {"step": [2, 4], "loss": [2.0, 1.0], "validation_loss": [2.5, 3.0]}
    result = {"steps": 4, "best_step": 2, "adapter_step": 2, "stopped_early": True}
    early, fit, kept = describe_result({**result, "history": history})
    assert early == "Stopped early after step 4: validation loss was best at step 2."
    assert kept == "The adapter of step 2 is the one kept."
    assert fit.startswith("The model is overfitting: validation loss rose from 2.500 ")
    assert describe_result({"steps": 4, "history": {"step": [4], "loss": [1.0]}}) == []


def test_an_evaluation_is_told_in_a_line():
    told = format_evaluation(
        {
            "step": 12,
            "total_steps": 96,
            "nats_per_token": 2.5,
            "val_nats_per_token": 3.25,
            "token_accuracy": 0.41,
            "val_token_accuracy": 0.0,
            "tokens_per_second": 1234.4,
            "utilization": 0.385,
            "seconds_left": 150.0,
            "peak_memory_bytes": 1.2 * 2**30,
        }
    )
    assert told == (
        "step 12/96  loss 2.500  validation 3.250  accuracy 41.0%  validation accuracy "
        "0.0%  1,234 tokens/s  utilization 38.5%  2 min left  peak 1.2 GiB"
    )
    assert format_evaluation({"nats_per_token": 2.5}) == "loss 2.500"


@pytest.mark.parametrize(
    ("seconds", "told"), [(7.4, "7 s left"), (6000, "1.7 h left"), (5999, "100 min")]
)
def test_time_left_is_told_in_a_unit_of_its_size(seconds, told):
    assert told in format_evaluation({"seconds_left": seconds})


@pytest.mark.parametrize("terminal", [True, False])
def test_every_evaluation_leaves_a_line(terminal):
    console = Console(file=io.StringIO(), width=20, force_terminal=terminal)
    with progress_bars(console=console) as bars:
        (callback,) = bars("[kural]")
        follow(callback)
        callback.on_train_end()
    line = "[kural]: loss 2.500  validation 3.250\n"
    assert console.file.getvalue().count(line) == 2


def test_a_run_gives_the_line_what_it_needs(adapted, random_rows):
    console = Console(file=io.StringIO(), width=200, force_terminal=False)
    trainer = Trainer(epochs=2, global_batch_size=5, evaluations=2)
    with progress_bars(console=console) as bars:
        trainer.fit(
            adapted(),
            random_rows(),
            validation_rows=random_rows(3),
            callbacks=bars("kural"),
            peak_flops=1e12,
        )
    lines = [line for line in console.file.getvalue().splitlines() if "step" in line]
    assert [line.split("  ")[0] for line in lines] == [
        "kural: step 2/4",
        "kural: step 4/4",
    ]
    for part in ("loss", "validation", "accuracy", "tokens/s", "utilization", "GiB"):
        assert all(part in line for line in lines)
    assert "0 s left" in lines[1]
