"""What base and tuned model write: continuations to read, translations to score."""

from collections.abc import Sequence
from typing import Any

from gemma_keras_ft.data.tasks import (
    Continuation,
    Example,
    Instruction,
    Task,
    Translation,
)
from gemma_keras_ft.evaluation.metrics import bleu, chrf
from gemma_keras_ft.inference.generator import Generator
from gemma_keras_ft.model.lora import base_only
from gemma_keras_ft.model.preset import SCORED_ONLY
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.workflow.run import Run

SAMPLE_LINES = 6
_GENERATED_ROWS = 32


def continue_songs(
    model, run: Run, records: Sequence[LyricRecord], *, count: int, seed: int
) -> list[dict[str, Any]]:
    """Lets base and tuned model continue songs, for people to read beside them.

    Only for continuation, and never for a record marked `no_alter`. A base that was
    trained on scripture writes nothing by itself.
    """
    task = plain_task(run.task, Continuation)
    if task is None:
        return []
    chosen = [
        (record, example)
        for record in records
        if not record.no_alter
        for example in task.examples(record)
    ][:count]
    prompts = [example.prompt_text for _, example in chosen]
    # Close to the likeliest words: a small model strays far when it draws freely.
    generator = Generator(temperature=0.3, top_p=0.9, seed=seed)
    base: list[str | None] = [None] * len(prompts)
    if run.facts["preset"] not in SCORED_ONLY:
        with base_only(model):
            base = list(generator.generate(model, prompts))
    tuned = generator.generate(model, prompts)
    return [
        _sample(record, example, first, second)
        for (record, example), first, second in zip(chosen, base, tuned, strict=True)
    ]


def translation_scores(
    model, run: Run, records: Sequence[LyricRecord], limit: int
) -> dict[str, Any]:
    """Translates lines greedily and returns BLEU and chrF++ against the record's.

    The lines are drawn evenly over the songs, the same ones for every model.
    """
    task = plain_task(run.task, Translation)
    if task is None:
        return {}
    examples = [example for record in records for example in task.examples(record)]
    examples = examples[:: max(1, -(-len(examples) // limit))] if limit else []
    if not examples:
        return {}
    generator = Generator(max_new_tokens=96, temperature=0)
    hypotheses = []
    for start in range(0, len(examples), _GENERATED_ROWS):
        batch = examples[start : start + _GENERATED_ROWS]
        prompts = [example.prompt_text for example in batch]
        hypotheses += generator.generate(model, prompts)
    hypotheses = [
        " ".join(text.split("\n")[: len(example.response)]).strip()
        for text, example in zip(hypotheses, examples, strict=True)
    ]
    references = [" ".join(example.response).strip() for example in examples]
    return {
        "bleu": bleu(hypotheses, references),
        "chrf": chrf(hypotheses, references),
    }


def plain_task(task: Task, kind: type[Task]) -> Task | None:
    """Returns the first task of a kind in a task that is not asked for in turns."""
    in_turns = {
        id(inner)
        for outer in task.walk()
        if isinstance(outer, Instruction)
        for inner in outer.walk()
    }
    plain = (inner for inner in task.walk() if id(inner) not in in_turns)
    return next((inner for inner in plain if isinstance(inner, kind)), None)


def _sample(
    record: LyricRecord, example: Example, base: str | None, tuned: str
) -> dict[str, Any]:
    sample = {
        "id": record.id,
        "title": record.title,
        "language": record.language,
        "prompt": "\n".join(example.prompt),
        "reference": _first_lines(example.response_text),
        "base": base and _first_lines(base),
        "tuned": _first_lines(tuned),
    }
    start = len(example.prompt)
    if example.response != record.lines[start:]:
        sample["native_reference"] = _first_lines("\n".join(record.lines[start:]))
    if record.translation and len(record.translation) == len(record.lines):
        sample["translation"] = _first_lines("\n".join(record.translation[start:]))
        sample["translation_language"] = record.translation_language
    return sample


def _first_lines(text: str) -> str:
    lines = text.strip("\n").split("\n")
    return "\n".join(lines[:SAMPLE_LINES])
