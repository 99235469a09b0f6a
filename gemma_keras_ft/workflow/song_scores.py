"""Held-out songs -> how well a model predicts each."""

import collections
import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

from gemma_keras_ft.data.rows import SINGLE, RowPlan, TokenRows
from gemma_keras_ft.data.tasks import Example, Task
from gemma_keras_ft.data.tokenize import tokenize_examples
from gemma_keras_ft.evaluation.metrics import SongScore
from gemma_keras_ft.inference.scoring import score_rows
from gemma_keras_ft.preprocessing.text.normalize import comparison_form
from gemma_keras_ft.records import LyricRecord


@dataclasses.dataclass(frozen=True, kw_only=True)
class HeldOut:
    """What is scored, and by how many words its scores are told.

    Args:
        rows: One text a row.
        records: The songs, by id.
        words: Words of each song's scored text in its native script, by record id:
            the same for every romanization, so that nats a word compare them.
        characters: Characters of it, line breaks included.
        left_out: Records of examples that do not fit a row.
    """

    rows: TokenRows
    records: dict[str, LyricRecord]
    words: dict[str, int]
    characters: dict[str, int]
    left_out: tuple[str, ...]


def hold_out(
    records: Sequence[LyricRecord],
    *,
    task: Task,
    tokenizer: Any,
    sequence_length: int,
    split: str,
) -> HeldOut:
    """Tokenizes what is to be scored; see `HeldOut`.

    Args:
        records: Songs that were not trained on.
        task: What they are asked for.
        tokenizer: The preset's tokenizer.
        sequence_length: Longest row, as in training.
        split: Name of the split, for the error.

    Raises:
        ValueError: If no record gives an example that fits.
    """
    examples = [example for record in records for example in task.examples(record)]
    if not examples:
        raise ValueError(
            f"The {split} split must hold records for the task. Received: "
            f"{len(records)} selected records, none of which gives an example of "
            f"{task.config_name!r}. Check --language, --style and --script."
        )
    plan = RowPlan(sequence_length=sequence_length, layout=SINGLE)
    # Each is scored once, on its response, however training takes it.
    once = [
        dataclasses.replace(example, times=1.0, scored="response")
        for example in examples
    ]
    planned = plan.build(tokenize_examples(once, tokenizer))
    without = set(planned.left_out_examples)
    kept = [example for n, example in enumerate(examples) if n not in without]
    words, characters = _count(kept)
    return HeldOut(
        rows=planned.buckets[0],
        records={record.id: record for record in records},
        words=words,
        characters=characters,
        left_out=planned.left_out,
    )


def song_scores(model: Any, held_out: HeldOut) -> list[SongScore]:
    """Scores the rows of held-out songs and adds them up by song.

    Args:
        model: Model with its adapter, on or off.
        held_out: What to score.
    """
    scores = score_rows(model, held_out.rows.arrays)
    sums: dict[str, dict[str, Any]] = {}
    for row, _, index in held_out.rows.segments.tolist():
        name = held_out.rows.record_ids[index]
        song = sums.setdefault(name, collections.defaultdict(int))
        song["nats"] += float(scores.nats[row])
        song["tokens"] += int(scores.tokens[row])
        song["correct"] += int(scores.correct[row])
    return [
        SongScore(
            id=name,
            language=held_out.records[name].language,
            script=held_out.records[name].script,
            words=held_out.words[name],
            characters=held_out.characters[name],
            **song,
        )
        for name, song in sums.items()
    ]


def _count(examples: Iterable[Example]) -> tuple[dict[str, int], dict[str, int]]:
    words: collections.Counter[str] = collections.Counter()
    characters: collections.Counter[str] = collections.Counter()
    for example in examples:
        text = "\n".join(example.native or example.response)
        words[example.record_id] += len(comparison_form(text).split())
        characters[example.record_id] += len(text) + 1
    return dict(words), dict(characters)
