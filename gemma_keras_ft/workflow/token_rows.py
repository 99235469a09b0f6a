"""A dataset's split and a preset's tokenizer -> the rows of an epoch."""

from collections.abc import Iterator, Mapping
from typing import Any

from gemma_keras_ft.data.cache import cached_rows, rows_key
from gemma_keras_ft.data.rows import PlannedRows, RowPlan
from gemma_keras_ft.data.tasks import Example, Task
from gemma_keras_ft.data.tokenize import tokenize_examples
from gemma_keras_ft.preprocessing.store import LyricDataset


def plan_rows(
    dataset: LyricDataset,
    split: str,
    *,
    task: Task,
    tokenizer: Any,
    plan: RowPlan,
    select: Mapping[str, str | None] | None = None,
) -> PlannedRows:
    """Tokenizes and lays out what a split teaches, or reads it from the cache.

    Args:
        dataset: The dataset.
        split: `"train"`, `"validation"` or `"test"`.
        task: What its records teach.
        tokenizer: The preset's tokenizer.
        plan: How examples become rows.
        select: Record fields and wanted values; None accepts any.

    Raises:
        ValueError: If no record gives an example, or none fits a row.
    """
    select = dict(select or {})

    def examples() -> Iterator[Example]:
        return split_examples(dataset, split, task, select)

    if next(examples(), None) is None:
        count = sum(1 for _ in dataset.stream(split, **select))
        raise ValueError(
            f"The {split} split must hold records for the task. Received: {count} "
            f"selected records, none of which gives an example of "
            f"{task.config_name!r}. Check --language, --style and --script."
        )
    key = rows_key(
        examples(),
        plan=plan,
        tokenizer=tokenizer,
        about={
            "dataset": dataset.version,
            "select": {"split": split, **select},
            "task": task.to_config(),
        },
    )
    return cached_rows(
        lambda: plan.build(tokenize_examples(examples(), tokenizer)), key=key
    )


def split_examples(
    dataset: LyricDataset, split: str, task: Task, select: Mapping[str, str | None]
) -> Iterator[Example]:
    """Yields what the selected records of a split teach, read one at a time."""
    for record in dataset.stream(split, **select):
        yield from task.examples(record)
