"""Native script or a romanization? Decided for a base model on its own evidence."""

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gemma_keras_ft.data.rows import SINGLE, RowPlan
from gemma_keras_ft.data.tasks import Example, Task
from gemma_keras_ft.data.tokenize import encode_text, tokenize_examples
from gemma_keras_ft.inference.scoring import score_rows
from gemma_keras_ft.model.lora import base_only
from gemma_keras_ft.preprocessing.romanization.fertility import (
    Fertility,
    measure_fertility,
)
from gemma_keras_ft.preprocessing.romanization.romanize import SCHEMES
from gemma_keras_ft.records import LyricRecord

_PASSAGES = 24
_LINES = 12
_SPECIAL_TOKENS = 2


def choose_scripts(
    model: Any,
    records: Iterable[LyricRecord],
    *,
    seed: int = 0,
    schemes: Sequence[str] = SCHEMES,
) -> dict[str, dict[str, Any]]:
    """Measures what each written form of a language costs the base, and chooses.

    Of every language, up to 24 passages of up to 12 lines are scored in native
    script and in each romanization. The form with the fewest nats a word is chosen:
    the words are the same, so it is the one in which the base is surprised least.

    Args:
        model: A `keras_hub.models.GemmaCausalLM`; an adapter on it is left out.
        records: Training songs.
        seed: Seed of the sample.
        schemes: Romanizations to weigh.

    Returns:
        By language (`""` where none is known): `script`, the form chosen, and
        `evidence`, `Fertility.to_dict()` of every form.
    """
    by_language: dict[str, list[LyricRecord]] = {}
    for record in records:
        by_language.setdefault(record.language or "", []).append(record)
    choices = {}
    with base_only(model):
        for language, songs in sorted(by_language.items()):
            rows = _measure(model, language, songs, seed, schemes)
            # Native first: it wins where a romanization is no better.
            best = min(rows, key=lambda row: row.nats or 0.0)
            choices[language] = {
                "script": best.form,
                "evidence": [row.to_dict() for row in rows],
            }
    return choices


def resolve_script(
    task: Task, model: Any, records: Iterable[LyricRecord], *, seed: int
) -> tuple[Task, dict[str, dict[str, Any]]]:
    """Replaces `script="auto"` by a choice for every language of the records.

    Returns:
        The task, and what `choose_scripts` found; the same task and nothing where
        its script is not `"auto"`.
    """
    if not task.has_auto_script:
        return task, {}
    choices = choose_scripts(model, records, seed=seed)
    scripts = tuple((name, found["script"]) for name, found in choices.items())
    return task.replace_scripts(scripts), choices


def describe_choice(choice: Mapping[str, Any]) -> str:
    """Says which form was chosen, and what each costs the base.

    Args:
        choice: What `choose_scripts` found for a language.
    """
    costs = (f"{row['form']} {row['nats_per_word']:.1f}" for row in choice["evidence"])
    return f"{choice['script']} (nats a word: {', '.join(costs)})"


def _measure(
    model: Any,
    language: str,
    songs: Sequence[LyricRecord],
    seed: int,
    schemes: Sequence[str],
) -> list[Fertility]:
    ordered = sorted(songs, key=lambda record: record.id)
    draw = random.Random(f"{seed}/{language}")
    chosen = draw.sample(ordered, min(_PASSAGES, len(ordered)))
    passages = [[line for line in song.lines if line][:_LINES] for song in chosen]
    tokenizer = model.preprocessor.tokenizer

    def lengths(passages: Sequence[Sequence[str]]) -> list[int]:
        return [len(encode_text(tokenizer, "\n".join(lines))) for lines in passages]

    def nats(passages: Sequence[Sequence[str]]) -> float:
        examples = [
            Example(record_id="", prompt=(), response=tuple(lines), bridge="")
            for lines in passages
        ]
        # Rows in which every form fits whole: none gets off with a part of its text.
        longest = max(lengths(passages)) + _SPECIAL_TOKENS
        plan = RowPlan(sequence_length=-(-longest // 64) * 64, layout=SINGLE)
        (rows,) = plan.build(tokenize_examples(examples, tokenizer)).buckets
        return float(score_rows(model, rows.arrays).nats.sum())

    return measure_fertility(
        passages,
        count_tokens=lambda passages: sum(lengths(passages)),
        nats=nats,
        language=language or None,
        schemes=schemes,
    )
