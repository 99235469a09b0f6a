"""The optimizer and its learning-rate schedule."""

import math
from typing import Any

SCHEDULES = ("cosine", "linear", "constant")
# What is left of the peak at the end of a decay.
_FLOOR = 0.1


def build_optimizer(
    *,
    learning_rate: float,
    total_steps: int,
    schedule: str = "cosine",
    warmup_fraction: float = 0.1,
    weight_decay: float = 0.0,
):
    """Builds AdamW with linear warm-up, then a decay to a tenth of the peak.

    Args:
        learning_rate: Peak, reached at the end of the warm-up.
        total_steps: Optimizer steps of the whole run.
        schedule: `"cosine"`, `"linear"`, or `"constant"` for no decay.
        warmup_fraction: Share of `total_steps` spent warming up.
        weight_decay: Decoupled decay; norms and biases are not trained here.

    Returns:
        `keras.optimizers.AdamW`, named so that its state restores by name.

    Raises:
        ValueError: If the schedule is unknown.

    References:
        Loshchilov and Hutter, 2019. https://arxiv.org/abs/1711.05101
    """
    import keras

    return keras.optimizers.AdamW(
        learning_rate=build_schedule(
            schedule,
            learning_rate=learning_rate,
            total_steps=total_steps,
            warmup_steps=int(total_steps * warmup_fraction),
        ),
        weight_decay=weight_decay,
        name="adamw",
    )


def build_schedule(
    schedule: str, *, learning_rate: float, total_steps: int, warmup_steps: int
) -> Any:
    """Builds the `keras.optimizers.schedules.LearningRateSchedule` of a run.

    Args:
        schedule: One of `SCHEDULES`.
        learning_rate: Peak, reached after `warmup_steps`.
        total_steps: Steps of the whole run; what comes after stays as it ends.
        warmup_steps: Steps of linear warm-up from 0.

    Raises:
        ValueError: If the schedule is unknown.
    """
    import keras

    if schedule not in SCHEDULES:
        raise ValueError(
            f"`schedule` must be one of {[*SCHEDULES]}. Received: "
            f"schedule={schedule!r}."
        )

    class WarmUpAndDecay(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            ops: Any = keras.ops
            step = ops.cast(step, "float32")
            gone = (step - warmup_steps) / max(1, total_steps - warmup_steps)
            gone = ops.clip(gone, 0.0, 1.0)
            left = {
                "cosine": 0.5 * (1.0 + ops.cos(gone * math.pi)),
                "linear": 1.0 - gone,
                "constant": ops.ones_like(gone),
            }[schedule]
            decayed = _FLOOR + (1.0 - _FLOOR) * left
            warm = step / max(1, warmup_steps)
            return learning_rate * ops.where(step < warmup_steps, warm, decayed)

        def get_config(self):
            return {
                "schedule": schedule,
                "learning_rate": learning_rate,
                "total_steps": total_steps,
                "warmup_steps": warmup_steps,
            }

    return WarmUpAndDecay()
