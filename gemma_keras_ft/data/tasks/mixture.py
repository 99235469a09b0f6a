"""Several tasks at once, each with its weight."""

import dataclasses
from collections.abc import Iterator

from gemma_keras_ft.config import register
from gemma_keras_ft.data.tasks.base import Example, Task, check_weight
from gemma_keras_ft.records import LyricRecord


@register("mixture")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Mixture(Task):
    """Teaches what several tasks teach, each as often as its weight says.

    A weight is how many times an epoch takes each of the task's examples: 2 takes
    every one twice, 0.5 takes half of them, the same half in each epoch, since rows
    are packed once; another seed takes another half. It is no share of the mixture:
    a task that gives an example a line outnumbers one that gives one a song.

    Example:
        ```python
        Mixture(tasks=(Continuation(), Translation()), weights=(1.0, 0.25))
        ```

    Args:
        tasks: The tasks, at least one.
        weights: One for each task, positive and finite; None takes every example
            once.

    Raises:
        ValueError: If there is no task, or a weight is out of range or too many.
    """

    tasks: tuple[Task, ...]
    weights: tuple[float, ...] | None = None

    def __post_init__(self):
        for name in ("tasks", "weights"):
            if isinstance(getattr(self, name), list):
                object.__setattr__(self, name, tuple(getattr(self, name)))
        tasks, weights = self.tasks, self.weights
        if not isinstance(tasks, tuple) or not tasks:
            raise ValueError(
                f"`tasks` must hold at least one task. Received: tasks={tasks!r:.80}."
            )
        for task in tasks:
            if not isinstance(task, Task):
                raise ValueError(
                    f"`tasks` must hold tasks. Received: {task!r:.80}. Import the "
                    "module that registers it."
                )
        if weights is None:
            return
        if not isinstance(weights, tuple) or len(weights) != len(tasks):
            raise ValueError(
                f"`weights` must hold one for each of the {len(tasks)} tasks. "
                f"Received: weights={weights!r:.80}."
            )
        for weight in weights:
            check_weight("weights", weight)

    def examples(self, record: LyricRecord) -> Iterator[Example]:
        """Yields every task's examples, in the order of the tasks."""
        weights = self.weights or (1.0,) * len(self.tasks)
        for task, weight in zip(self.tasks, weights, strict=True):
            for example in task.examples(record):
                yield dataclasses.replace(
                    example,
                    times=example.times * weight,
                    task=example.task or task.config_name,
                )
