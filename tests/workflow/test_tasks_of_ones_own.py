"""The task that README writes is one that trains."""

import json
import re
import sys
from pathlib import Path

import pytest

import gemma_keras_ft as gkf
from gemma_keras_ft.testing import check_task

README = Path(__file__).parents[2] / "README.md"
TRAINER = gkf.Trainer(epochs=1, max_steps=2, global_batch_size=2, evaluations=1)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tasks")
    words = "river night road lamp wind bread stone field boat".split()
    for number, word in enumerate(words * 4):
        lines = [
            f"the {word} of {number}",
            f"sang {word}",
            f"and the {word}",
            "was home",
        ]
        song = {"id": f"{number}", "title": word.title(), "lines": lines}
        (folder / f"{number}.json").write_text(json.dumps(song))
    return gkf.curate(folder, folder / "dataset", language="en", license="CC0-1.0")


@pytest.fixture
def written(tmp_path, monkeypatch):
    """The module that README tells its reader to save."""
    text = README.read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n([^`]*class LastLine[^`]*)```", text)
    (tmp_path / "my_task.py").write_text(block)
    monkeypatch.syspath_prepend(tmp_path)
    yield __import__("my_task")
    del sys.modules["my_task"]


def test_the_task_of_readme_trains_and_is_evaluated(
    dataset, written, small_preset, tmp_path
):
    run = gkf.train(
        dataset,
        tmp_path / "run",
        preset=small_preset,
        task=written.task(),
        trainer=TRAINER,
    )
    assert run.facts["task"] == {"type": "last_line"}
    songs = len(dataset.splits["train"])
    assert run.facts["rows"]["train"]["texts"] == songs
    results = gkf.evaluate(tmp_path / "run")
    (section,) = results["runs"]
    assert section["tuned"]["tokens"] > 0
    assert len(section["songs"]) == len(dataset.splits["test"])


def test_the_task_of_readme_is_a_sound_one(written):
    check_task(written.task())


@pytest.mark.parametrize(
    "task",
    [
        gkf.TitleToLyrics(),
        gkf.Infill(),
        gkf.PlainText(),
        gkf.Instruction(task=gkf.Continuation(), text="Go on with this song."),
        gkf.Mixture(tasks=(gkf.Continuation(), gkf.PlainText()), weights=(1, 0.5)),
    ],
    ids=lambda task: task.config_name,
)
def test_every_task_trains(dataset, small_preset, tmp_path, task):
    run = gkf.train(
        dataset, tmp_path / "run", preset=small_preset, task=task, trainer=TRAINER
    )
    assert gkf.read_run(tmp_path / "run").task == task
    counts = run.facts["rows"]["train"]
    assert counts["scored_tokens"] > 0 and counts["filled"] > 0.5
    assert all(loss > 0 for loss in run.facts["result"]["history"]["loss"])
