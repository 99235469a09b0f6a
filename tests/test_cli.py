import dataclasses
import json
import subprocess
import sys
import types

import pytest

import gemma_keras_ft as gkf
from gemma_keras_ft import cli
from gemma_keras_ft.arguments import TASKS
from gemma_keras_ft.config import from_config

OWN_TASK = """
import dataclasses

import gemma_keras_ft as gkf


@gkf.register("test_cli.{name}")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Own(gkf.Task):
    count: int = 3

    def examples(self, record):
        yield gkf.Example(record_id=record.id, prompt=(), response=record.lines)


def task():
    return Own(count=4)
"""
RESULT = {"steps": 3, "seconds": 2.0}
CHOICES = {"ta\x1b[31m": {"script": "native", "evidence": []}}


@pytest.fixture
def own_task(tmp_path, request):
    """A file with a task of one's own, registered under the test's name."""
    path = tmp_path / "my_task.py"
    path.write_text(OWN_TASK.format(name=request.node.name))
    return path


@pytest.fixture(autouse=True)
def dataset(monkeypatch):
    """A dataset that every path opens, on whose flags all is decided."""
    opened = types.SimpleNamespace(report={"flags_open": 0})
    monkeypatch.setattr(gkf, "read_dataset", lambda path: opened)
    return opened


@pytest.fixture
def called(monkeypatch):
    """The settings that a command gave the library, which does nothing."""
    settings = {}

    def note(*_, **given):
        settings.update(given)
        return types.SimpleNamespace(
            directory="run", facts={"result": RESULT, "script_choice": CHOICES}
        )

    monkeypatch.setattr(cli, "import_tensorflow_quietly", lambda: None)
    for name in ("train", "generate"):
        monkeypatch.setattr(gkf, name, note)
    return settings


def train(*arguments):
    return cli.main(["train", "dataset", "--out", "run", *map(str, arguments)])


@pytest.mark.parametrize("name", TASKS)
def test_every_named_task_is_made_with_its_defaults(called, name):
    assert train("--task", name) == 0
    assert called["task"].config_name == name
    assert called["task"] == type(called["task"])()


@pytest.mark.parametrize("name", sorted(TASKS.keys() - {"transliteration"}))
def test_a_script_goes_into_the_task(called, name):
    assert train("--task", name, "--script", "iast") == 0
    assert called["task"] == getattr(gkf, TASKS[name])(script="iast")


def test_continuation_in_native_script_is_the_default(called):
    assert train() == 0
    assert called["task"] == gkf.Continuation()
    assert called["plan"] == gkf.RowPlan()


def test_a_task_comes_from_a_file(called, own_task):
    assert train("--task", own_task) == 0
    assert dataclasses.asdict(called["task"]) == {"count": 4}


def test_a_script_that_a_task_cannot_take_is_refused(called, own_task, capsys):
    for task in ("transliteration", own_task):
        assert train("--task", task, "--script", "native") == 2
        assert "`--script` must be left out" in capsys.readouterr().err
    assert not called


def test_rows_are_planned_as_told(called):
    flags = "--sequence-length 64 --layout bucketed --overflow truncate"
    assert train(*flags.split()) == 0
    assert called["plan"] == gkf.RowPlan(
        sequence_length=64, layout="bucketed", overflow="truncate"
    )


def test_training_is_set_as_told(called):
    assert train() == 0
    plain = called["trainer"]
    assert plain == gkf.Trainer(learning_rate=plain.learning_rate)
    assert called["peak_flops"] is None
    flags = "--patience 3 --min-delta 0.01 --keep-last --neftune-alpha 5"
    assert train(*flags.split(), "--peak-flops", 1e15) == 0
    assert called["trainer"] == dataclasses.replace(
        plain, patience=3, min_delta=0.01, restore_best=False, neftune_alpha=5.0
    )
    assert called["peak_flops"] == 1e15
    assert train("--peak-flops", "measured", "--remat", "block") == 0
    assert called["peak_flops"] == "measured"
    assert called["trainer"] == dataclasses.replace(plain, remat="block")


def test_a_peak_is_a_number_or_measured(called, capsys):
    with pytest.raises(SystemExit):
        train("--peak-flops", "fast")
    assert "a number, or `measured`. Received: 'fast'" in capsys.readouterr().err


def test_the_base_is_held_as_told(called):
    assert train() == 0
    assert (called["dtype"], called["quantize"]) == (None, None)
    assert train("--dtype", "bfloat16", "--quantize", "int8") == 0
    assert (called["dtype"], called["quantize"]) == ("bfloat16", "int8")


def test_samples_are_taken_as_told(called):
    assert train() == 0
    assert (called["samples"], called["samples_every"]) == (0, 1)
    assert train("--samples", 4, "--samples-every", 2) == 0
    assert (called["samples"], called["samples_every"]) == (4, 2)


def test_memory_is_scheduled_for_only_where_remat_needs_it(called, monkeypatch):
    told = []
    monkeypatch.setattr(cli, "schedule_for_memory", lambda: told.append(1))
    assert train() == 0
    assert not told
    assert train("--remat", "block") == 0
    assert told


def test_compiled_programs_are_kept_by_the_commands_that_compile(called, monkeypatch):
    kept = []
    monkeypatch.setattr(cli, "keep_compiled_programs", lambda: kept.append(True))
    assert train() == 0
    assert len(kept) == 1
    assert cli.main(["report", "nowhere", "--out", "report"]) == 2
    assert len(kept) == 1


def test_overfitting_and_an_early_end_are_told(called, capsys, monkeypatch):
    history = {"step": [2, 4], "loss": [2.0, 1.0], "validation_loss": [2.5, 3.0]}
    result = {"steps": 4, "best_step": 2, "adapter_step": 2, "stopped_early": True}
    monkeypatch.setitem(RESULT, "history", history)
    for name, value in result.items():
        monkeypatch.setitem(RESULT, name, value)
    assert train() == 0
    shown = capsys.readouterr().out
    for sentence in ("Stopped early after step 4", "The model is overfitting"):
        assert sentence in shown
    assert "curves in run/metrics.csv" in shown


@pytest.mark.parametrize("command", ["evaluate", "generate"])
def test_a_runs_own_task_is_known_once_its_file_is_named(
    called, own_task, tmp_path, command, request, monkeypatch, capsys
):
    def rebuild(*_, **__):
        config = {"type": f"test_cli.{request.node.name}", "count": 1}
        raise ValueError(f"rebuilt {from_config(config)}")

    monkeypatch.setattr(gkf, command, rebuild)
    given = {"evaluate": ["--out", str(tmp_path / "report")], "generate": ["la"]}
    arguments = [command, "run", *given[command]]
    assert cli.main(arguments) == 2
    assert "registered name" in capsys.readouterr().err
    assert cli.main([*arguments, "--task", str(own_task)]) == 2
    assert "rebuilt Own(count=1)" in capsys.readouterr().err


def test_a_task_file_that_is_none_is_told(called, tmp_path, capsys):
    assert cli.main(["generate", "run", "la", "--task", str(tmp_path / "no.py")]) == 2
    assert "`task` must be a Python or JSON file" in capsys.readouterr().err
    assert not called


def test_what_is_told_cannot_move_the_cursor(called, capsys):
    assert train() == 0
    shown = capsys.readouterr().out
    assert "script for ta[31m: native" in shown
    assert train("--task", "gone\x1b[2J\u202e\n.json") == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "\x1b" not in shown + told and "\u202e" not in told


def test_names_from_lyrics_are_told_on_one_line(monkeypatch, capsys):
    counts = {name: {} for name in ("script", "style", "split")}
    report = {
        "read": 1,
        "kept": 1,
        "set_aside_reasons": {"bad\x9b2J": 1},
        "undone": {},
        "counts": {"language": {"ta\u2067\n  leaks between splits: 0": 1}, **counts},
        "flagged": 0,
        "flags_open": 0,
    }
    dataset = types.SimpleNamespace(report=report, leaks={"pairs": [1]}, version="v")
    monkeypatch.setattr(gkf, "curate", lambda *_, **__: dataset)
    assert cli.main(["curate", "songs", "--out", "out"]) == 0
    shown = capsys.readouterr().out
    assert "  1 set aside: bad2J\n" in shown
    assert "  language: ta   leaks between splits: 0 1\n" in shown
    assert shown.count("\n  leaks between splits") == 1


def test_the_package_runs_as_a_module_and_says_its_version():
    run = [sys.executable, "-m", "gemma_keras_ft", "--version"]
    done = subprocess.run(run, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("gemma-keras-ft 0.")


@pytest.mark.parametrize(
    ("preset", "rate"), [("tiny_gemma2", 1e-2), ("gemma2_2b_en", 2e-4)]
)
def test_the_learning_rate_suits_the_preset_unless_it_is_named(
    preset, rate, dataset, monkeypatch, capsys
):
    seen = []

    def train(dataset, out, *, trainer, **settings):
        seen.append(trainer.learning_rate)
        raise ValueError("enough")

    monkeypatch.setattr(gkf, "train", train)
    dataset.report["flags_open"] = 1
    command = ["train", "data set", "--out", "run", "--preset", preset]
    assert cli.main(command) == 2
    said = capsys.readouterr().err
    assert "flags of 1 song: gemma-keras-ft review 'data set'" in said
    dataset.report["flags_open"] = 0
    assert cli.main([*command, "--learning-rate", "0.5"]) == 2
    assert "flags" not in capsys.readouterr().err
    assert seen == [rate, 0.5]


@pytest.mark.parametrize(("status", "code"), [("ok", 0), ("warning", 0), ("error", 1)])
def test_doctor_fails_where_something_is_an_error(monkeypatch, capsys, status, code):
    found = gkf.Finding(check="jax", status=status, found="x", remedy="y")
    monkeypatch.setattr(gkf, "diagnose", lambda preset: [found])
    assert cli.main(["doctor", "--json"]) == code
    assert json.loads(capsys.readouterr().out)[0]["status"] == status
