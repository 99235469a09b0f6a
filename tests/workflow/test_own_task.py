"""A run of one's own task, opened again by someone who has only its folder."""

import shutil
import sys

import pytest

from gemma_keras_ft import config
from gemma_keras_ft.cli import main

NAME = "test_own_task.answers"
TASK = f'''
import dataclasses

import gemma_keras_ft as gkf


@gkf.register("{NAME}")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Answers(gkf.Task):
    """Every second line answers the line before it."""

    def examples(self, record):
        for place in range(0, len(record.lines) - 1, 2):
            first, second = record.lines[place : place + 2]
            yield gkf.Example(
                record_id=record.id, prompt=(first,), response=(second,)
            )


def task():
    return Answers()
'''


@pytest.fixture
def forget(monkeypatch):
    """Forgets the task, as a process does that never imported its file."""

    def undo():
        cls = config._REGISTRY[NAME]
        monkeypatch.delitem(config._REGISTRY, NAME)
        monkeypatch.delitem(sys.modules, cls.__module__)

    return undo


def test_a_run_of_ones_own_task_is_opened_with_its_file(
    dataset, small_preset, tmp_path, forget, capsys
):
    path = tmp_path / "answers.py"
    path.write_text(TASK)
    out = tmp_path / "run"
    command = ["train", str(dataset), "--out", str(out), "--preset", str(small_preset)]
    flags = "--epochs 1 --rank 1 --sequence-length 64 --layout single --targets query"
    assert main([*command, *flags.split(), "--task", str(path)]) == 0
    forget()
    command = ["generate", str(out), "ilai", "--max-new-tokens", "2"]
    assert main(command) == 2
    assert "registered name" in capsys.readouterr().err
    moved = shutil.move(path, tmp_path / "moved.py")
    assert main([*command, "--task", str(moved)]) == 0
    assert capsys.readouterr().out.startswith("ilai\n")
