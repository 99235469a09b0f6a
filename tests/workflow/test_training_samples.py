"""Samples at evaluations: scored, kept, and the same after a break."""

import csv
import dataclasses
import json
from pathlib import Path

import keras
import pytest

import gemma_keras_ft as gkf
from gemma_keras_ft.evaluation.metrics import bleu, chrf
from gemma_keras_ft.workflow.training_samples import training_samples

SETTINGS = {
    "adapter": gkf.Adapter(rank=2),
    "trainer": gkf.Trainer(
        epochs=4, evaluations=4, learning_rate=1e-2, restore_best=False
    ),
    "plan": gkf.RowPlan(sequence_length=64),
    "samples": 2,
    "samples_every": 2,
}


class StopAfterEvaluation(keras.callbacks.Callback):
    """Ends a run abruptly after so many evaluations."""

    def __init__(self, evaluations):
        super().__init__()
        self.left = evaluations

    def on_epoch_end(self, epoch, logs=None):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def sampled(dataset, small_preset, tmp_path_factory):
    out = tmp_path_factory.mktemp("sampled") / "run"
    return gkf.train(dataset, out, preset=small_preset, **SETTINGS)


def written(run_folder):
    text = (run_folder / "samples.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_every_second_evaluation_writes_the_same_songs(sampled, dataset):
    rows, steps = written(sampled.directory), sampled.facts["result"]["history"]["step"]
    songs = {r.id: r for r in gkf.read_dataset(dataset).select("validation")}
    chosen = [key for key, song in songs.items() if not song.no_alter][:2]
    assert chosen
    expected = [(step, key) for step in steps[1::2] for key in chosen]
    assert [(row["step"], row["id"]) for row in rows] == expected
    for row in rows:
        song = songs[row["id"]]
        assert not song.no_alter
        text = "\n".join(song.lines)
        assert text.startswith(row["prompt"])
        assert row["reference"]
        assert row["reference"] in text.removeprefix(row["prompt"])


def test_scores_are_those_of_the_texts_and_join_the_curves(sampled):
    history = sampled.facts["result"]["history"]
    rows = written(sampled.directory)
    for name, measure in (("sample_chrf", chrf), ("sample_bleu", bleu)):
        expected = [None, None, None, None]
        for place in (1, 3):
            step = history["step"][place]
            found = [row for row in rows if row["step"] == step]
            texts, references = zip(
                *((r["text"], r["reference"]) for r in found), strict=True
            )
            expected[place] = measure(texts, references)["score"]
        assert history[name] == expected
    with open(sampled.directory / "metrics.csv", encoding="utf-8") as file:
        cells = [row["sample_chrf"] for row in csv.DictReader(file)]
    assert [bool(cell) for cell in cells] == [False, True, False, True]


def test_texts_are_those_of_the_model_at_that_step(sampled):
    """The last ones: those of the model that the run ended with."""
    rows = written(sampled.directory)
    last = [row for row in rows if row["step"] == rows[-1]["step"]]
    model = sampled.load_model()
    prompts = [row["prompt"] for row in last]
    texts = gkf.Generator(temperature=0).generate(model, prompts)
    for row, text in zip(last, texts, strict=True):
        lines = len(row["reference"].split("\n"))
        assert row["text"] == "\n".join(text.strip("\n").split("\n")[:lines])


@pytest.mark.parametrize("evaluations", [pytest.param(1, marks=pytest.mark.long), 3])
def test_a_run_that_was_broken_off_writes_what_it_would_have(
    sampled, dataset, small_preset, tmp_path, evaluations
):
    settings = SETTINGS | {"preset": small_preset}
    with pytest.raises(KeyboardInterrupt):
        stop = StopAfterEvaluation(evaluations)
        gkf.train(dataset, tmp_path / "run", callbacks=[stop], **settings)
    run = gkf.train(dataset, tmp_path / "run", resume=True, **settings)
    assert written(run.directory) == written(sampled.directory)
    history = run.facts["result"]["history"]
    assert history == sampled.facts["result"]["history"]


def test_a_step_that_comes_again_is_not_written_twice(sampled, small_model, tmp_path):
    rows = written(sampled.directory)
    file = tmp_path / "samples.jsonl"
    file.write_text((sampled.directory / "samples.jsonl").read_text())
    samples = choose(small_model, count=1, every=1, directory=tmp_path)
    samples(1, rows[-1]["step"])
    kept = [row for row in rows if row["step"] < rows[-1]["step"]]
    assert written(tmp_path)[:-1] == kept
    assert written(tmp_path)[-1]["id"] == "song"


def song(**fields):
    lines = tuple(f"line {number} of it" for number in range(6))
    return gkf.LyricRecord(id="song", title="Song", lines=lines, **fields)


def choose(model=None, records=None, *, task=None, **settings):
    settings = {
        "count": 1,
        "every": 1,
        "evaluations": 8,
        "directory": Path(),
        "preset": "x",
    } | settings
    records = [song()] if records is None else records
    return training_samples(model, task or gkf.Continuation(), records, **settings)


def test_what_a_base_of_scripture_writes_is_scored_and_not_kept():
    assert choose(preset="tiny_gemma2").file is None
    assert choose().file == Path("samples.jsonl")


def test_none_are_chosen_for_a_count_of_0():
    assert choose(count=0) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"records": []},
        {"records": [song(no_alter=True)]},
        {"task": gkf.TitleToLyrics()},
    ],
)
def test_nothing_to_prompt_with_is_an_error(wrong):
    with pytest.raises(ValueError, match=r"`samples` must be 0 where nothing"):
        choose(**wrong)


@pytest.mark.parametrize("wrong", [{"count": -1}, {"every": 0}])
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=r"`samples(_every)?` must be at least"):
        choose(**wrong)


def test_songs_are_counted_and_not_their_lines():
    lines = tuple(f"line {number}" for number in range(9))
    songs = [
        gkf.LyricRecord(
            id=f"song-{n}", lines=lines, translation=lines, translation_language="en"
        )
        for n in range(5)
    ]
    found = choose(records=songs, task=gkf.Translation(), count=3)
    assert [*dict.fromkeys(found.ids)] == ["song-0", "song-1", "song-2"]
    assert len(found.ids) == len(found.examples) == 18


def test_what_is_never_due_is_refused():
    with pytest.raises(ValueError, match=r"`samples_every` must be at most the 8"):
        choose(every=9)
    assert choose(every=8)


def test_line_separators_and_what_is_no_row_survive(small_model, tmp_path):
    file = tmp_path / "samples.jsonl"
    file.write_text('half a li\n["no row"]\n', encoding="utf-8")

    class Writer:
        def generate(self, model, prompts):
            return ["a\u2028b\x85c\u2029d" for _ in prompts]

    samples = choose(small_model, directory=tmp_path)
    samples = dataclasses.replace(samples, generator=Writer())
    samples(1, 4)
    samples(2, 8)
    samples(2, 8)
    found = file.read_text(encoding="utf-8").split("\n")[:-1]
    assert found[:2] == ["half a li", '["no row"]']
    rows = [json.loads(line) for line in found[2:]]
    assert [row["step"] for row in rows] == [4, 8]
    assert rows[0]["text"] == "a\u2028b\x85c\u2029d"
