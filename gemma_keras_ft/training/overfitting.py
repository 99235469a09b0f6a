"""Whether a run learned its songs by heart: what the two loss curves say."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

# Validation sets are small: what rises by less may be chance.
_RISE = 0.01


@dataclasses.dataclass(frozen=True, kw_only=True)
class LossGap:
    """The losses of a run where validation was best, and where it ended.

    Args:
        best_step: Step of the lowest validation loss.
        last_step: Step of the last evaluation.
        training: Training loss at each of the two, nats a token: the mean over the
            steps since the evaluation before.
        validation: Validation loss at each of the two, nats a token.
    """

    best_step: int
    last_step: int
    training: tuple[float, float]
    validation: tuple[float, float]

    @property
    def gap(self) -> float:
        """By how much validation lies above training at the end, nats a token."""
        return self.validation[1] - self.training[1]

    @property
    def overfitting(self) -> bool:
        """Whether validation rose by a hundredth while training fell."""
        risen = self.validation[1] >= (1 + _RISE) * self.validation[0]
        return risen and self.training[1] < self.training[0]

    def describe(self) -> str:
        """Says it in a sentence."""
        (before, after), (best, last) = self.training, self.validation
        if self.overfitting:
            return (
                f"The model is overfitting: validation loss rose from {best:.3f} at "
                f"step {self.best_step} to {last:.3f} at step {self.last_step} while "
                f"training loss fell from {before:.3f} to {after:.3f}."
            )
        return (
            f"No sign of overfitting: at step {self.last_step} validation loss is "
            f"{last:.3f}, training loss {after:.3f}."
        )


def find_loss_gap(history: Mapping[str, Any]) -> LossGap | None:
    """Compares where validation was best with where a run ended.

    Example:
        step             [10, 20, 30]
        loss             [3.0, 2.0, 1.0]
        validation_loss  [3.1, 2.5, 2.9]    overfitting since step 20

    Args:
        history: `step`, `loss`, `validation_loss` and, where its steps are others,
            `validation_step`: lists, in which None is a value that is not known.

    Returns:
        The comparison; None with less than two evaluations that know both losses.
    """
    steps = history.get("step") or ()
    training = _known(steps, history.get("loss"))
    validation = _known(
        history.get("validation_step") or steps, history.get("validation_loss")
    )
    both = sorted(training.keys() & validation.keys())
    if len(both) < 2:
        return None
    best, last = min(both, key=lambda step: validation[step]), both[-1]
    return LossGap(
        best_step=int(best),
        last_step=int(last),
        training=(training[best], training[last]),
        validation=(validation[best], validation[last]),
    )


def _known(steps: Sequence, losses: Sequence | None) -> dict[float, float]:
    pairs = zip(steps, losses or (), strict=False)
    return {step: loss for step, loss in pairs if None not in (step, loss)}
