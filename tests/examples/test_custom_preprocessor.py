import dataclasses
import os
import pathlib
import subprocess
import sys

import pytest

import gemma_keras_ft as gkf
from gemma_keras_ft import cli
from gemma_keras_ft.preprocessing.recipe import import_steps, load_recipe
from gemma_keras_ft.preprocessing.store import read_dataset
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.resources.own_songs import own_songs, own_songs_path
from gemma_keras_ft.testing import check_preprocessor

EXAMPLE = pathlib.Path(__file__).parents[2] / "examples" / "custom_preprocessor.py"
# Where the package under test stands, installed or not.
PACKAGES = str(pathlib.Path(gkf.__file__).parents[1])


@pytest.fixture(scope="module")
def example():
    return import_steps(str(EXAMPLE))


def test_the_steps_keep_the_contract(example):
    for step in (example.RequireVariety(minimum_words=3), example.NoteRefrain()):
        check_preprocessor(step)
        check_preprocessor(step, own_songs())


def test_a_song_of_vocables_is_set_aside_with_a_reason(example):
    step = example.RequireVariety(minimum_words=3)
    vocables = LyricRecord(id="a", lines=("La la la", "la lo lo"))
    assert step.reject(vocables) == ("little_variety", "Has 2 different words.")
    assert step(vocables.replace(lines=("la lo li",))).lines == ("la lo li",)
    with pytest.raises(ValueError, match="`minimum_words` must be at least 1"):
        example.RequireVariety(minimum_words=0)


def test_what_is_sung_twice_is_noted_and_nothing_else_changes(example):
    song = LyricRecord(id="a", lines=("one", "la", "", "two", "la", ""))
    found = example.NoteRefrain()(song)
    assert found.metadata == {"refrain": ["la"]}
    assert dataclasses.replace(found, metadata={}) == song
    assert example.NoteRefrain(key="chorus")(song).metadata == {"chorus": ["la"]}


def test_the_recipe_is_used_from_python(example, tmp_path, capsys):
    example.main(["--lyrics", str(own_songs_path()), "--out", str(tmp_path / "out")])
    dataset = read_dataset(tmp_path / "out")
    songs = {song.id: song for split in dataset.splits.values() for song in split}
    assert songs["own-en-paper-boats"].metadata["refrain"][0].startswith("Float on")
    assert "refrain" not in songs["own-ta-aaru"].metadata
    report = dataset.report
    assert report["read"] == 40 == report["kept"] + report["set_aside"]
    refrains = sum("refrain" in song.metadata for song in songs.values())
    assert refrains >= 15
    out = capsys.readouterr().out
    assert f"kept {report['kept']} of 40" in out
    assert f"with a refrain: {refrains}" in out


def test_the_recipe_is_used_from_the_command_line(tmp_path):
    out = str(tmp_path / "out")
    command = ["curate", "embedded:thirukkural", "--out", out, "--recipe", str(EXAMPLE)]
    assert not cli.main(command)
    dataset = read_dataset(out)
    assert dataset.report["kept"] == 133


def test_the_example_is_run_as_its_reader_runs_it(tmp_path):
    command = [sys.executable, str(EXAMPLE), "--out", str(tmp_path / "out")]
    environment = {**os.environ, "PYTHONPATH": PACKAGES}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert "kept 133 of 133" in done.stdout


def test_the_steps_work_in_other_processes(tmp_path):
    dataset = gkf.curate(
        str(own_songs_path()),
        tmp_path / "out",
        recipe=load_recipe(EXAMPLE),
        processes=2,
    )
    songs = [song for split in dataset.splits.values() for song in split]
    assert any("refrain" in song.metadata for song in songs)


def test_the_recipe_ends_with_steps_of_ones_own(example):
    names = [step.config_name for step in load_recipe(EXAMPLE)]
    assert names[-2:] == ["require_variety", "note_refrain"]
    assert len(names) == len(gkf.default_recipe()) + 2
    lines = EXAMPLE.read_text(encoding="utf-8").count("\n")
    assert 60 <= lines <= 160
