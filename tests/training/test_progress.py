import io

import pytest
from rich.console import Console

from gemma_keras_ft.training.progress import progress_bars


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
