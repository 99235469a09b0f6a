import importlib
import json
import sys
import types
from pathlib import Path

import pytest

import gemma_keras_ft as gkf
from gemma_keras_ft.data.rows import RowPlan
from gemma_keras_ft.model.preset import load_tokenizer

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

with pytest.MonkeyPatch.context() as _patch:
    _patch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])
    benchmark = importlib.import_module("pipeline")

WORDS = "ilai malar kaatru mazhai nilavu kadal vaanam paadal".split()
SONGS = [
    gkf.LyricRecord(
        id=f"song-{number}",
        lines=tuple(" ".join(WORDS[: 1 + number % 8]) for _ in range(3 + number % 5)),
    )
    for number in range(40)
]
PLAN = RowPlan(sequence_length=64)


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer()


@pytest.fixture(scope="module")
def opened(tokenizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("rows")
    return benchmark.measure_opening(SONGS, tokenizer, PLAN, folder, repetitions=2)


def test_tokens_are_counted_and_layouts_compared(tokenizer):
    tokenized, speed = benchmark.tokenize(SONGS, tokenizer)
    assert speed["songs"] == speed["examples"] == len(tokenized) == 40
    assert speed["tokens"] == tokenized.lengths.sum() > 0
    assert speed["tokens_per_second"] > 0
    counts = benchmark.row_counts(tokenized, PLAN)
    assert list(counts) == ["packed", "bucketed", "single"]
    assert counts["packed"]["filled"] > counts["single"]["filled"]
    assert counts["packed"]["rows"] < counts["single"]["rows"]
    assert counts["packed"]["tokens"] == counts["single"]["tokens"] > speed["tokens"]


def test_rows_are_built_once_and_then_opened(opened, monkeypatch, tokenizer, tmp_path):
    rows, seconds = opened
    assert rows.plan == PLAN
    assert seconds["times_faster"] == pytest.approx(
        seconds["build_seconds"] / seconds["cached_seconds"]
    )
    built = []
    tokenize = gkf.tokenize_examples

    def count(*given):
        built.append(given)
        return tokenize(*given)

    monkeypatch.setattr(gkf, "tokenize_examples", count)
    benchmark.measure_opening(SONGS, tokenizer, PLAN, tmp_path, repetitions=2)
    assert len(built) == 2


def test_serving_is_measured_without_padding(opened, monkeypatch):
    rows, _ = opened
    clock = iter(range(100))
    monkeypatch.setattr(benchmark.time, "perf_counter", lambda: next(clock))
    found = benchmark.measure_serving(rows, 4, repetitions=1, steps=3)
    loader = benchmark.loader_of(rows, 4)
    batches = [loader.batch(step) for step in (1, 2)]
    # The clock advances one second a look: what came in between is the speed.
    assert found["tokens_per_second"] == sum(
        (batch["segment_ids"] > 0).sum() for batch in batches
    )


def test_both_first_batches_are_opened(opened):
    rows, _ = opened
    found = benchmark.measure_first_batch(rows, 4, repetitions=3)
    assert list(found) == ["step 1", "step 1,000,000"]
    for seconds in found.values():
        assert 0 < seconds["least"] <= seconds["seconds"] <= seconds["most"]


def test_training_is_timed_from_step_to_step(monkeypatch):
    def train(dataset, out, *, task, plan, trainer, callbacks):
        (clock,) = callbacks
        # The first step compiles, one is disturbed.
        for end in (50.0, 52.0, 54.0, 65.0):
            now.append(end)
            clock.on_train_batch_end(0, {"loss": 1.0})
        assert (trainer.max_steps, trainer.global_batch_size) == (4, 2)
        facts = {
            "rows": {"train": {"tokens": 600, "rows": 10}},
            "result": {"steps": 4, "seconds": 65.0},
        }
        return types.SimpleNamespace(facts=facts)

    now = [0.0]
    monkeypatch.setattr(benchmark.time, "perf_counter", lambda: now[-1])
    monkeypatch.setattr(gkf, "train", train)
    monkeypatch.setattr(gkf, "curate", lambda *_, **__: None)
    found = benchmark.measure_trainer(PLAN, 2, steps=4)
    assert found["seconds_a_step"] == 2.0
    assert found["tokens_per_second"] == 2 * 60 / 2.0


def test_a_loss_that_is_no_number_stops_the_clock():
    with pytest.raises(AssertionError):
        benchmark.step_clock().on_train_batch_end(0, {"loss": float("nan")})


def test_corpora_are_read_from_any_folder(tmp_path):
    lines = [json.dumps({"id": "a", "lines": ["la", "lo"]}), "not json"]
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "songs.jsonl").write_text("\n".join(lines))
    (tmp_path / "song.txt").write_text("one\ntwo\n")
    records = list(benchmark.songs(tmp_path))
    assert sorted(record.lines for record in records) == [("la", "lo"), ("one", "two")]


def test_figures_are_printed_and_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(benchmark, "embedded_records", lambda: iter(SONGS))
    trained = {"tokens_per_second": 1000.0}
    monkeypatch.setattr(benchmark, "measure_trainer", lambda *_, **__: trained)
    path = tmp_path / "figures.json"
    flags = f"--sequence-length 64 --repetitions 1 --json {path}"
    monkeypatch.setattr(sys, "argv", ["pipeline.py", *flags.split()])
    benchmark.main()
    figures = json.loads(path.read_text())
    ratio = figures["serving"]["tokens_per_second"] / 1000
    assert figures["ratio"] == {
        "times": pytest.approx(ratio),
        "bar": 20,
        "reached": ratio >= 20,
    }
    assert figures["machine"]["cores"] >= 1 and figures["machine"]["jax"]
    printed = capsys.readouterr().out
    assert "embedded rows:\n  packed: filled " in printed
    assert "pipeline / trainer:\n  times: " in printed
