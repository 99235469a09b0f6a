"""What a model writes while it learns: a few songs at evaluations, scored."""

import dataclasses
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gemma_keras_ft.data.tasks import Continuation, Example, Task, Translation
from gemma_keras_ft.evaluation.metrics import bleu, chrf
from gemma_keras_ft.inference.generator import Generator
from gemma_keras_ft.model.hosts import is_first_host
from gemma_keras_ft.model.preset import SCORED_ONLY
from gemma_keras_ft.records import LyricRecord, write_text_atomically
from gemma_keras_ft.workflow.samples import SAMPLE_LINES, plain_task

SAMPLES = "samples.jsonl"


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingSamples:
    """Lets the model answer the same prompts every few evaluations.

    Each time it appends to `samples.jsonl`: `step`, `id`, `prompt`, `reference` and
    `text`. A base that was trained on scripture would imitate it until its adapter
    has learned much, so of such a one scores are kept and nothing that it wrote.

    Args:
        model: The model that is trained.
        ids: Record of each example.
        examples: What to prompt with, and what the songs really say.
        every: At every how many evaluations.
        file: Where to write; None where texts are not to be kept.
        generator: Takes the likeliest token, so that scores can be compared.
    """

    model: Any
    ids: Sequence[str]
    examples: Sequence[Example]
    every: int
    file: Path | None
    generator: Generator = dataclasses.field(
        default_factory=lambda: Generator(temperature=0)
    )

    def __call__(self, number: int, step: int) -> dict[str, float]:
        """Returns `sample_chrf` and `sample_bleu`; nothing where it is not due.

        Args:
            number: Number of the evaluation, from 1.
            step: Steps taken.
        """
        if number % self.every:
            return {}
        prompts = [example.prompt_text for example in self.examples]
        texts = self.generator.generate(self.model, prompts)
        references = [example.response[:SAMPLE_LINES] for example in self.examples]
        texts = [
            "\n".join(text.strip("\n").split("\n")[: len(reference)])
            for text, reference in zip(texts, references, strict=True)
        ]
        references = ["\n".join(reference) for reference in references]
        if self.file and is_first_host():
            self._write(self.file, step, references, texts)
        return {
            "sample_chrf": chrf(texts, references)["score"],
            "sample_bleu": bleu(texts, references)["score"],
        }

    def _write(self, file: Path, step: int, references, texts) -> None:
        rows = [
            {
                "step": step,
                "id": record_id,
                "prompt": example.prompt_text,
                "reference": reference,
                "text": text,
            }
            for record_id, example, reference, text in zip(
                self.ids, self.examples, references, texts, strict=True
            )
        ]
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        # A run that was broken off comes to the same step again. Not `splitlines`:
        # lyrics may hold line separators that JSON leaves as they are.
        lines = [line for line in text.split("\n") if line and _step(line) < step]
        lines += [json.dumps(row, ensure_ascii=False) for row in rows]
        write_text_atomically(file, "\n".join(lines) + "\n")


def _step(line: str) -> int:
    """Returns the step of a row; what is no row of ours stays in front."""
    try:
        row = json.loads(line)
    except ValueError:
        return -1
    return row.get("step", -1) if isinstance(row, dict) else -1


def training_samples(
    model,
    task: Task,
    records: Sequence[LyricRecord],
    *,
    count: int,
    every: int,
    evaluations: int,
    directory: Path,
    preset: str,
) -> TrainingSamples | None:
    """Chooses the first songs that may be varied; returns None for a count of 0.

    Args:
        model: The model that is trained.
        task: Its task, in which there must be a continuation or a translation.
        records: Songs that are not trained on.
        count: How many songs to prompt with.
        every: As in `TrainingSamples`.
        evaluations: How many the run has at most.
        directory: Folder of the run.
        preset: Name of the base.

    Raises:
        ValueError: If a number is out of range, or there is nothing to prompt with.
    """
    for name, value, least in (("samples", count, 0), ("samples_every", every, 1)):
        if value < least:
            raise ValueError(
                f"`{name}` must be at least {least}. Received: {name}={value!r}."
            )
    if not count:
        return None
    if every > evaluations:
        raise ValueError(
            f"`samples_every` must be at most the {evaluations} evaluations of the "
            f"run, or nothing is sampled. Received: samples_every={every!r}."
        )
    plain = plain_task(task, Continuation) or plain_task(task, Translation)
    songs = [
        (record.id, example)
        for record in records
        if plain and not record.no_alter
        # Of a song that is translated line by line, its first lines.
        for example in itertools.islice(plain.examples(record), SAMPLE_LINES)
    ]
    ids = [*dict.fromkeys(song for song, _ in songs)][:count]
    chosen = [(song, example) for song, example in songs if song in ids]
    if not chosen:
        raise ValueError(
            "`samples` must be 0 where nothing can be prompted with: samples need a "
            "continuation or a translation, and validation songs that may be varied. "
            f"Received: samples={count!r}, task={task!r}, {len(records)} validation "
            "songs."
        )
    ids, examples = zip(*chosen, strict=True)
    return TrainingSamples(
        model=model,
        ids=ids,
        examples=examples,
        every=every,
        file=None if preset in SCORED_ONLY else directory / SAMPLES,
    )
