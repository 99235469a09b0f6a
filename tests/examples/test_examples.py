"""Every example is imported, shrunk and run, as its reader would run it.

Those that train take long; .ci/run runs them all the same.
"""

import os
import pathlib
import subprocess
import sys

import nbclient
import nbformat
import pytest

import gemma_keras_ft

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"
# Where the package under test stands, installed or not.
PACKAGES = str(pathlib.Path(gemma_keras_ft.__file__).parents[1])
NOTEBOOKS = sorted((EXAMPLES / "notebooks").glob("*.ipynb"))


@pytest.mark.long
def test_kaggle_example_trains_on_eight_devices_and_reports(small_preset, tmp_path):
    lyrics = tmp_path / "lyrics"
    lyrics.mkdir()
    for number in range(30):
        lines = (f"rain {number} and river {number + line}" for line in range(5))
        (lyrics / f"{number}.txt").write_text("\n".join(lines))
    command = [
        sys.executable,
        str(EXAMPLES / "kaggle_tpu_lora.py"),
        *("--lyrics", str(lyrics), "--language", "en", "--out", str(tmp_path)),
        *("--preset", str(small_preset), "--epochs", "1"),
        *("--rows-per-device", "1", "--sequence-length", "64"),
    ]
    environment = {**os.environ, "PYTHONPATH": PACKAGES}
    assert "device_count=8" in environment["XLA_FLAGS"]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert (tmp_path / "run" / "adapter.safetensors").is_file()
    assert "8 x cpu" in (tmp_path / "report" / "report.json").read_text()


@pytest.mark.long
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_from_start_to_end(path, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", PACKAGES)
    # A reader has one CPU device; eight virtual ones would only slow this down.
    monkeypatch.setenv("XLA_FLAGS", "")
    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=900, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", ())]
    assert outputs
    assert not [out for out in outputs if out.output_type == "error"]
