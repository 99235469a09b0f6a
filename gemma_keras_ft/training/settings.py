"""What a trainer's settings may be."""

import math
from collections.abc import Callable
from typing import Any

from gemma_keras_ft.config import check_seed
from gemma_keras_ft.training.schedule import SCHEDULES

# Instead of operations a second: they are measured before training.
MEASURED = "measured"
_LARGEST = 1e6
_COUNTS = ("epochs", "global_batch_size", "micro_batches", "evaluations")
_OPTIONAL_COUNTS = ("max_steps", "patience")
REMAT = ("none", "block")
_CHOICES = {"schedule": SCHEDULES, "remat": REMAT}
_RULES: dict[str, tuple[Callable[[float], bool], tuple[str, ...]]] = {
    f"positive, at most {_LARGEST:g}": (
        lambda value: 0 < value <= _LARGEST,
        ("learning_rate", "clip_norm"),
    ),
    f"from 0 to {_LARGEST:g}": (
        lambda value: 0 <= value <= _LARGEST,
        ("weight_decay", "z_loss", "min_delta", "neftune_alpha"),
    ),
    "in [0, 1)": (
        lambda value: 0 <= value < 1,
        ("warmup_fraction", "label_smoothing"),
    ),
}


def check_trainer(trainer: Any) -> None:
    """Checks the settings of a `Trainer`.

    Raises:
        ValueError: If one is out of its range.
    """
    for name in (*_COUNTS, *_OPTIONAL_COUNTS):
        value = getattr(trainer, name)
        if value is None and name in _OPTIONAL_COUNTS:
            continue
        if not isinstance(value, int) or value < 1:
            _refuse(name, value, "a whole number, at least 1")
    for rule, (holds, names) in _RULES.items():
        for name in names:
            value = getattr(trainer, name)
            if not isinstance(value, int | float) or not holds(value):
                _refuse(name, value, rule)
    if trainer.global_batch_size % trainer.micro_batches:
        size = trainer.global_batch_size
        _refuse(
            "micro_batches",
            trainer.micro_batches,
            f"a divisor of global_batch_size={size}",
        )
    for name, choices in _CHOICES.items():
        value = getattr(trainer, name)
        if value not in choices:
            _refuse(name, value, f"one of {[*choices]}")
    check_seed(trainer.seed)


def check_peak_flops(value: Any) -> None:
    """Checks what is said of the devices' speed, unless nothing is.

    Raises:
        ValueError: If it is not a positive number.
    """
    if value is None or value == MEASURED:
        return
    if not isinstance(value, int | float) or not 0 < value < math.inf:
        _refuse("peak_flops", value, f"positive, or {MEASURED!r}")


def _refuse(name: str, value: Any, rule: str) -> None:
    raise ValueError(f"`{name}` must be {rule}. Received: {name}={value!r}.")
