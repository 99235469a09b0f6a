"""How full are the rows, and does the pipeline keep ahead of the trainer?

    python benchmarks/pipeline.py [--corpora DIR] [--json FILE]

Prints what share of the places holds real tokens in each layout, for the embedded
corpus and for the songs of DIR; tokens tokenized a second; tokens served a second
by `Loader.at` from cached rows; how long the first batch takes at step 1 and at
step 1,000,000; how long it takes to open rows from the cache and to build them; and
the tokens a second that `gkf.train` consumes with the embedded model, once it has
compiled. All with the embedded vocabulary and songs continued in their own script.
Timings are medians of interleaved repetitions in one process.
"""

import argparse
import itertools
import json
import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import gemma_keras_ft as gkf
from gemma_keras_ft.data.cache import cached_rows, rows_key
from gemma_keras_ft.data.tokenize import TokenizedExamples
from gemma_keras_ft.model.preset import load_tokenizer
from gemma_keras_ft.resources.corpus import embedded_records
from gemma_keras_ft.workflow.evaluating import environment

TASK = gkf.Continuation()
LAYOUTS = ("packed", "bucketed", "single")
STEPS = (1, 1_000_000)
# What the pipeline must serve for every token that the trainer consumes.
BAR = 20


def main() -> None:
    """Runs every part and prints the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--corpora", type=Path, help="folder of songs in any format")
    parser.add_argument("--sequence-length", type=int, default=512)
    parser.add_argument("--global-batch-size", type=int, default=8)
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--steps", type=int, default=12, help="steps to train")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    figures = measure(arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measures every part, printing each as it is known."""
    tokenizer = load_tokenizer()
    plan = gkf.RowPlan(sequence_length=arguments.sequence_length)
    size, repetitions = arguments.global_batch_size, arguments.repetitions
    figures: dict[str, Any] = {"machine": say("machine", machine())}
    embedded = list(embedded_records())
    corpora = {"embedded": embedded}
    if arguments.corpora:
        corpora["corpora"] = list(songs(arguments.corpora))
    for name, records in corpora.items():
        tokenized, figures[f"{name} tokenizing"] = tokenize(records, tokenizer)
        say(f"{name} tokenizing", figures[f"{name} tokenizing"])
        figures[f"{name} rows"] = say(f"{name} rows", row_counts(tokenized, plan))
    with tempfile.TemporaryDirectory() as folder:
        rows, figures["opening"] = measure_opening(
            embedded, tokenizer, plan, Path(folder), repetitions=3
        )
        say("opening", figures["opening"])
        figures["serving"] = say(
            "serving", measure_serving(rows, size, repetitions=repetitions)
        )
        figures["first batch"] = say(
            "first batch", measure_first_batch(rows, size, repetitions=repetitions)
        )
    figures["trainer"] = say(
        "trainer", measure_trainer(plan, size, steps=arguments.steps)
    )
    served = figures["serving"]["tokens_per_second"]
    times = served / figures["trainer"]["tokens_per_second"]
    figures["ratio"] = say(
        "pipeline / trainer", {"times": times, "bar": BAR, "reached": times >= BAR}
    )
    return figures


def say(name: str, found: Mapping[str, Any]) -> Mapping[str, Any]:
    """Prints the figures of one part and returns them."""
    print(f"{name}:")
    for key, value in found.items():
        if isinstance(value, Mapping):
            value = ", ".join(f"{inner} {_short(n)}" for inner, n in value.items())
        print(f"  {key}: {_short(value)}", flush=True)
    return found


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.4f}" if abs(value) < 100 else f"{value:,.0f}"
    whole = isinstance(value, int) and not isinstance(value, bool)
    return f"{value:,}" if whole else str(value)


def machine() -> dict[str, Any]:
    """Returns what the figures depend on, and how busy the machine is besides."""
    load = os.getloadavg()[0]
    return {**environment(), "cores": os.cpu_count(), "load_before": load}


def songs(folder: Path) -> Iterator[gkf.LyricRecord]:
    """Yields the songs of a folder; what is none is left out."""
    for item in gkf.read_records(folder):
        if isinstance(item, gkf.LyricRecord):
            yield item


def examples(records: Iterable[gkf.LyricRecord]) -> Iterator[gkf.Example]:
    """Yields what the songs teach."""
    return itertools.chain.from_iterable(map(TASK.examples, records))


def tokenize(
    records: Sequence[gkf.LyricRecord], tokenizer: Any
) -> tuple[TokenizedExamples, dict[str, float]]:
    """Tokenizes songs; a first hundred warms up what is built once."""
    gkf.tokenize_examples(examples(records[:100]), tokenizer)
    given = list(examples(records))
    seconds, tokenized = timed(lambda: gkf.tokenize_examples(given, tokenizer))
    tokens = len(tokenized.token_ids)
    return tokenized, {
        "songs": len(records),
        "examples": len(given),
        "tokens": tokens,
        "tokens_per_second": tokens / seconds,
    }


def row_counts(tokenized: TokenizedExamples, plan: gkf.RowPlan) -> dict[str, Any]:
    """Returns how full the rows of each layout are, and how long packing takes."""
    found = {}
    for layout in LAYOUTS:
        laid_out = gkf.RowPlan(sequence_length=plan.sequence_length, layout=layout)
        seconds, rows = timed(lambda laid_out=laid_out: laid_out.build(tokenized))
        counts = rows.counts()
        names = ("filled", "rows", "texts", "tokens", "examples_left_out")
        found[layout] = {**{name: counts[name] for name in names}, "seconds": seconds}
    return found


def measure_opening(
    records: Sequence[gkf.LyricRecord],
    tokenizer: Any,
    plan: gkf.RowPlan,
    folder: Path,
    *,
    repetitions: int,
) -> tuple[gkf.PlannedRows, dict[str, float]]:
    """Opens rows in turns from an empty cache and from one that holds them."""

    def open_rows(cache: Path) -> gkf.PlannedRows:
        key = rows_key(
            examples(records),
            plan=plan,
            tokenizer=tokenizer,
            about={"task": TASK.to_config()},
        )
        return cached_rows(
            lambda: plan.build(gkf.tokenize_examples(examples(records), tokenizer)),
            key=key,
            folder=cache,
        )

    building, opening = [], []
    for number in range(repetitions):
        cache = folder / str(number)
        building.append(timed(lambda cache=cache: open_rows(cache))[0])
        seconds, rows = timed(lambda cache=cache: open_rows(cache))
        opening.append(seconds)
    return rows, {
        "build_seconds": statistics.median(building),
        "cached_seconds": statistics.median(opening),
        "times_faster": statistics.median(building) / statistics.median(opening),
    }


def measure_serving(
    rows: gkf.PlannedRows,
    global_batch_size: int,
    *,
    repetitions: int,
    steps: int = 400,
) -> dict[str, float]:
    """Returns tokens a second as they come out of `Loader.at`, padding not counted."""
    loader = loader_of(rows, global_batch_size)
    speeds = []
    for number in range(repetitions):
        batches = loader.at(number * steps, steps=steps).as_numpy_iterator()
        next(batches)
        tokens, start = 0, time.perf_counter()
        for x, _, _ in batches:
            tokens += int((x["padding_mask"] > 0).sum())
        speeds.append(tokens / (time.perf_counter() - start))
    return {
        "tokens_per_second": statistics.median(speeds),
        "slowest": min(speeds),
    }


def measure_first_batch(
    rows: gkf.PlannedRows, global_batch_size: int, *, repetitions: int
) -> dict[str, dict[str, float]]:
    """Returns the seconds until the first batch at each step, taken in turns."""

    def first(step: int):
        loader = loader_of(rows, global_batch_size)
        return next(loader.at(step, steps=1000).as_numpy_iterator())

    first(0)
    seconds: dict[int, list[float]] = {step: [] for step in STEPS}
    for _ in range(repetitions):
        for step in STEPS:
            seconds[step].append(timed(lambda step=step: first(step))[0])
    return {
        f"step {step:,}": {
            "seconds": statistics.median(found),
            "least": min(found),
            "most": max(found),
        }
        for step, found in seconds.items()
    }


def loader_of(rows: gkf.PlannedRows, global_batch_size: int) -> gkf.Loader:
    """Returns the loader that a trainer would have."""
    return gkf.Loader(buckets=rows.buckets, global_batch_size=global_batch_size, seed=0)


def measure_trainer(
    plan: gkf.RowPlan, global_batch_size: int, *, steps: int
) -> dict[str, float]:
    """Returns tokens a second of training, padding not counted.

    Every step is waited for; the first, which compiles, is left out.
    """
    clock = step_clock()
    with tempfile.TemporaryDirectory() as folder:
        dataset = gkf.curate(
            "embedded:thirukkural", Path(folder, "dataset"), validation=0.0
        )
        run = gkf.train(
            dataset,
            Path(folder, "run"),
            task=TASK,
            plan=plan,
            trainer=gkf.Trainer(
                epochs=1000,
                max_steps=steps,
                global_batch_size=global_batch_size,
                evaluations=1,
            ),
            callbacks=[clock],
        )
    seconds = [end - start for start, end in itertools.pairwise(clock.ends)]
    counts = run.facts["rows"]["train"]
    tokens_a_step = global_batch_size * counts["tokens"] / counts["rows"]
    return {
        "steps": run.facts["result"]["steps"],
        "seconds_with_compiling": run.facts["result"]["seconds"],
        "tokens_a_step": tokens_a_step,
        "seconds_a_step": statistics.median(seconds),
        "tokens_per_second": tokens_a_step / statistics.median(seconds),
    }


def step_clock() -> Any:
    """Returns a Keras callback that notes when each step is done."""
    import keras

    class StepClock(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.ends: list[float] = []

        def on_train_batch_end(self, batch, logs=None):
            # JAX returns before it has computed: to read the loss is to wait for it.
            assert all(map(math.isfinite, map(float, (logs or {}).values())))
            self.ends.append(time.perf_counter())

    return StepClock()


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Returns the seconds that a call takes, and what it gives."""
    start = time.perf_counter()
    found = call()
    return time.perf_counter() - start, found


if __name__ == "__main__":
    main()
