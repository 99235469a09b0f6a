import pytest

import gemma_keras_ft as gkf
from gemma_keras_ft.arguments import TASKS, build_parser
from gemma_keras_ft.data.cut import OVERFLOWS
from gemma_keras_ft.data.tasks.scripts import AUTO, SCRIPTS
from gemma_keras_ft.model.precision import DTYPES
from gemma_keras_ft.model.quantization import MODES
from gemma_keras_ft.training.settings import REMAT

TRAIN = ["train", "dataset", "--out", "run"]
SHOW = ["show", "dataset"]
GENERATE = ["generate", "run", "la"]


def parse(*arguments):
    return build_parser().parse_args([str(argument) for argument in arguments])


@pytest.mark.parametrize(
    ("command", "flag", "lowest", "highest"),
    [
        (TRAIN, "--epochs", 1, 2**20),
        (TRAIN, "--global-batch-size", 1, 2**20),
        (TRAIN, "--sequence-length", 8, 8192),
        (TRAIN, "--rank", 1, 1024),
        (TRAIN, "--patience", 1, 2**20),
        (TRAIN, "--seed", 0, 2**31 - 1),
        (SHOW, "--batch", 0, 2**31 - 1),
        (SHOW, "--rows", 1, 2**20),
        (GENERATE, "--count", 1, 1000),
        (GENERATE, "--max-new-tokens", 1, 8191),
    ],
)
def test_integers_are_bounded(command, flag, lowest, highest, capsys):
    name = flag.removeprefix("--").replace("-", "_")
    for value in (lowest, highest):
        assert getattr(parse(*command, flag, value), name) == value
    for value in (lowest - 1, highest + 1, "many", "9" * 5000):
        # As one word, or argparse takes a minus for a flag.
        with pytest.raises(SystemExit, match="2"):
            parse(*command, f"{flag}={value}")
        assert flag in capsys.readouterr().err


@pytest.mark.parametrize("command", [TRAIN, SHOW])
def test_defaults_are_those_of_the_library(command):
    arguments = parse(*command)
    plan = gkf.RowPlan()
    for name in ("sequence_length", "layout", "overflow"):
        assert getattr(arguments, name) == getattr(plan, name)
    trainer = gkf.Trainer()
    assert arguments.global_batch_size == trainer.global_batch_size
    if command is TRAIN:
        assert arguments.epochs == trainer.epochs
        assert arguments.learning_rate is None  # depends on the preset
        assert arguments.patience == trainer.patience
        assert arguments.min_delta == trainer.min_delta
        assert arguments.keep_last is not trainer.restore_best


def test_choices_are_those_of_the_library():
    for script in (*SCRIPTS, AUTO):
        assert parse(*TRAIN, "--script", script).script == script
    for overflow in OVERFLOWS:
        assert parse(*TRAIN, "--overflow", overflow).overflow == overflow
    for layout in ("packed", "bucketed", "single"):
        assert parse(*TRAIN, "--layout", gkf.RowPlan(layout=layout).layout)


@pytest.mark.parametrize(
    ("flag", "choices"),
    [("--dtype", DTYPES), ("--quantize", MODES), ("--remat", REMAT)],
)
def test_choices_are_all_those_of_the_library_and_no_others(flag, choices, capsys):
    for choice in choices:
        assert getattr(parse(*TRAIN, flag, choice), flag.strip("-")) == choice
    with pytest.raises(SystemExit, match="2"):
        parse(*TRAIN, flag, "other")
    told = capsys.readouterr().err.partition("choose from")[2]
    assert told.count(",") == len(choices) - 1


@pytest.mark.parametrize("task", [*TASKS, "mine.py", "a folder/mine.json"])
def test_tasks_are_named_or_in_a_file(task):
    assert parse(*TRAIN, "--task", task).task == task


@pytest.mark.parametrize("task", ["continue", "mine.yaml", ""])
def test_an_unknown_task_is_told_with_those_there_are(task, capsys):
    with pytest.raises(SystemExit, match="2"):
        parse(*TRAIN, "--task", task)
    told = capsys.readouterr().err
    assert f"Received: {task!r}" in told
    assert "'plain_text'], or a .py or .json file" in told


def test_errors_cannot_move_the_cursor(capsys):
    with pytest.raises(SystemExit, match="2"):
        parse(*TRAIN, "--no-such\x1b[2J\u202eflag")
    told = capsys.readouterr().err
    assert "--no-such[2Jflag" in told


def test_every_command_has_its_traceback():
    commands = (["quickstart"], TRAIN, SHOW, GENERATE, ["report", "x", "--out", "y"])
    for command in commands:
        assert parse(*command, "--traceback").traceback


@pytest.mark.parametrize("tag", ["pa", "ta-Latn", "sr-Cyrl-RS", "bho"])
def test_languages_are_tags(tag):
    curate = ("curate", "songs", "--out", "dataset")
    assert parse(*curate, "--language", tag).language == tag


@pytest.mark.parametrize("name", ["Punjabi", "p", "ਪੰਜਾਬੀ", "pa_IN", ""])
def test_a_language_is_not_taken_by_its_name(name, capsys):
    with pytest.raises(SystemExit, match="2"):
        parse("curate", "songs", "--out", "dataset", "--language", name)
    assert "BCP 47" in capsys.readouterr().err
