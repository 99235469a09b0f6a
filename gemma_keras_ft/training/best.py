"""The best evaluation of a run: what it found, and the adapter it found it with."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass
class Best:
    """Follows the validation loss; tells when to stop, and keeps what was best.

    All of it is saved with each checkpoint, the values too: whichever checkpoint a
    run continues from, it knows the best that came before, and needs no other.

    Args:
        patience: Evaluations in a row without improvement that end a run; None for
            no end.
        min_delta: By how much a loss must be lower than the best to count as better.
        keep_values: Whether to keep the trained values of the best evaluation, a
            copy on the device.
    """

    patience: int | None = None
    min_delta: float = 0.0
    keep_values: bool = True
    step: int | None = None
    loss: float | None = None
    waited: int = 0
    values: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def exhausted(self) -> bool:
        """Whether patience is at its end."""
        return self.patience is not None and self.waited >= self.patience

    def update(self, step: int, loss: float, model) -> None:
        """Takes in what the evaluation after `step` steps found; NaN is never better.

        Args:
            step: Steps taken.
            loss: Validation loss, nats a token.
            model: The model that it was measured on.
        """
        best = math.inf if self.loss is None else self.loss
        if not loss < best - self.min_delta:
            self.waited += 1
            return
        self.step, self.loss, self.waited = step, loss, 0
        if self.keep_values:
            self.values = _copy_values(model)

    def apply(self, model) -> bool:
        """Gives a model the values that were best; tells whether any were kept."""
        for variable in model.trainable_variables if self.values else ():
            variable.assign(self.values[variable.path])
        return bool(self.values)

    def to_json(self) -> dict[str, Any]:
        """Returns what is known but for the values."""
        return {"step": self.step, "loss": self.loss, "waited": self.waited}

    def recall(self, saved: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        """Takes up what `to_json` gave, and the values."""
        self.step, self.loss = saved["step"], saved["loss"]
        self.waited, self.values = saved["waited"], dict(values)


def _copy_values(model) -> dict[str, Any]:
    import jax.numpy as jnp

    # A step of Keras hands its buffers over to the next, so a reference won't do.
    return {v.path: jnp.copy(v.value) for v in model.trainable_variables}
