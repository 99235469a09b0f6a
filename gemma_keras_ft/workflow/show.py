"""A batch of rows as the model is given it, for a person to look at."""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gemma_keras_ft.config import check_seed
from gemma_keras_ft.data.loader import Loader
from gemma_keras_ft.data.rows import RowPlan, TokenRows
from gemma_keras_ft.data.tasks import Task
from gemma_keras_ft.model.preset import TINY
from gemma_keras_ft.preprocessing.store import LyricDataset
from gemma_keras_ft.workflow.lyric_dataset import open_rows
from gemma_keras_ft.workflow.shown_batch import (
    ShownBatch,
    ShownRow,
    ShownText,
    Span,
)

# Control tokens that a vocabulary has beside those that its tokenizer names.
_TURNS = ("<start_of_turn>", "<end_of_turn>")


def show_rows(
    dataset: LyricDataset | str | Path,
    *,
    batch: int = 0,
    rows: int | None = None,
    preset: str | Path = TINY,
    task: Task | None = None,
    plan: RowPlan | None = None,
    split: str = "train",
    language: str | None = None,
    style: str | None = None,
    global_batch_size: int = 8,
    seed: int = 0,
) -> ShownBatch:
    """Returns the rows of a batch with their tokens and texts.

    With the same settings, the batch of a number is what `train` learns from at the
    step of that number. Only the preset's tokenizer is loaded.

    Example:
        ```python
        shown = gkf.show_rows("dataset", batch=3, language="ta")
        rich.print(shown)  # in colors
        shown.rows[0].texts[0].record_id, shown.rows[0].filled
        ```

    Args:
        dataset: A dataset, or the folder of one.
        batch: Which batch, from 0; later epochs go on counting.
        rows: How many of its rows, from the first; all by default.
        preset: Gemma preset, for its tokenizer.
        task: What is learned; continuation in native script by default.
        plan: How examples become rows; packed into rows of 512 tokens by default.
            Its seed is replaced by `seed`.
        split: `"train"`, `"validation"` or `"test"`; the last two are not shuffled.
        language: This language alone.
        style: This style alone.
        global_batch_size: Rows a batch.
        seed: Seed of the rows and of their order.

    Returns:
        The batch; `rich` prints it.

    Raises:
        FileNotFoundError: If there is no such dataset or preset.
        ValueError: If no record gives an example that fits, a script is `"auto"`, or
            a number is out of range.
    """
    for name, value, least in (("batch", batch, 0), ("rows", rows, 1)):
        if value is not None and (not isinstance(value, int) or value < least):
            raise ValueError(
                f"`{name}` must be {least} or more. Received: {name}={value!r}."
            )
    check_seed(seed)
    plan = dataclasses.replace(plan or RowPlan(), seed=seed)
    planned, tokenizer = open_rows(
        dataset,
        split,
        preset=preset,
        task=task,
        plan=plan,
        language=language,
        style=style,
    )
    loader = Loader(
        buckets=planned.buckets,
        global_batch_size=global_batch_size,
        seed=seed,
        shuffle=split == "train",
    )
    bucket, numbers, counts = (value.numpy() for value in loader.indices(batch))
    found = planned.buckets[bucket]
    reader = RowReader(tokenizer)
    return ShownBatch(
        split=split,
        position=loader.position(batch),
        steps_per_epoch=loader.steps_per_epoch,
        layout=plan.layout,
        counts=planned.counts(),
        batch_rows=int(counts.sum()),
        rows=tuple(reader.row(found, int(n)) for n in numbers[counts][:rows]),
    )


class RowReader:
    """Tells what the ids of a row are.

    Args:
        tokenizer: The tokenizer that made the rows.
    """

    def __init__(self, tokenizer: Any):
        self.tokenizer = tokenizer
        self.control = {
            tokenizer.pad_token_id,
            tokenizer.start_token_id,
            tokenizer.end_token_id,
        }
        for name in _TURNS:
            token = tokenizer.token_to_id(name)
            if tokenizer.id_to_token(token) == name:
                self.control.add(token)

    def row(self, rows: TokenRows, number: int) -> ShownRow:
        """Reads a row, text by text."""
        arrays = {name: values[number] for name, values in rows.arrays.items()}
        texts = []
        for segment, record_id in enumerate(rows.records_of(number), 1):
            places = np.flatnonzero(arrays["segment_ids"] == segment)
            # The last token is only ever a label, and the first never one.
            ids = [arrays["token_ids"][places[0]], *arrays["labels"][places]]
            scored = [False, *(arrays["sample_weight"][places] > 0)]
            texts.append(self._text(record_id, list(map(int, ids)), scored))
        return ShownRow(
            number=number, sequence_length=rows.sequence_length, texts=tuple(texts)
        )

    def _text(
        self, record_id: str, ids: Sequence[int], scored: Sequence[bool]
    ) -> ShownText:
        tokens = tuple(
            Span(
                text=self.tokenizer.id_to_token(token),
                scored=bool(counts),
                control=token in self.control,
            )
            for token, counts in zip(ids, scored, strict=True)
        )
        spans = tuple(self._spans(ids, tokens))
        return ShownText(record_id=record_id, tokens=tokens, spans=spans)

    def _spans(self, ids: Sequence[int], tokens: Sequence[Span]) -> Iterator[Span]:
        """Yields runs of text that are all scored or all given, and control tokens."""
        pairs = zip(ids, tokens, strict=True)
        for (control, scored), run in itertools.groupby(
            pairs, key=lambda pair: (pair[1].control, pair[1].scored)
        ):
            if control:
                yield from (token for _, token in run)
            else:
                # Whole runs: a letter may be spelled by the bytes of several tokens.
                text = self.tokenizer.detokenize([token for token, _ in run])
                yield Span(text=str(text), scored=scored)
