"""A folder of lyrics, the dataset made of it, and a run on a stranger's preset."""

import json

import pytest

from gemma_keras_ft.cli import main

SHORT = ["--epochs", "1", "--rank", "2", "--sequence-length", "64"]


@pytest.fixture(scope="module")
def lyrics(tmp_path_factory):
    """A folder of songs written for this test (CC0), in two scripts."""
    folder = tmp_path_factory.mktemp("lyrics")
    words = "ilai malar kaatru mazhai nilavu kadal vaanam paadal".split()
    rows = []
    for number in range(30):
        lines = [
            " ".join(words[(number * 3 + place + i * i) % 8] for i in range(3))
            + f" {number}"
            for place in range(5)
        ]
        rows.append(
            {
                "id": f"song-{number}",
                "title": f"Song {number}",
                "lines": lines,
                "translation": [f"line {number} {place}" for place in range(5)],
                "translation_language": "en",
                "no_alter": number % 2 == 0,
            }
        )
    text = "\n".join(json.dumps(row) for row in rows)
    (folder / "songs.jsonl").write_text(text + "\nnot json\n")
    return folder


@pytest.fixture(scope="module")
def dataset(lyrics, tmp_path_factory):
    out = tmp_path_factory.mktemp("curated") / "dataset"
    command = ["curate", str(lyrics), "--out", str(out), "--language", "ta-Latn"]
    assert main([*command, "--license", "CC0-1.0"]) == 0
    return out


@pytest.fixture(scope="module")
def run(dataset, small_preset, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    command = ["train", str(dataset), "--out", str(out), *SHORT]
    assert main([*command, "--preset", str(small_preset)]) == 0
    return out
