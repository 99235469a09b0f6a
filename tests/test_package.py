"""The package as a newcomer meets it: light, documented, clear about its backend."""

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import gemma_keras_ft as gkf

ROOT = Path(__file__).parents[1]
HEAVY = [
    "jax",
    "keras",
    "keras_hub",
    "matplotlib",
    "pyarrow",
    "scipy",
    "tensorflow",
]
COMMANDS = [
    *("quickstart", "curate", "review", "show"),
    *("train", "generate", "evaluate", "report", "doctor"),
]


def run_python(code, **environment):
    """Runs `code` in a fresh interpreter; a None in `environment` unsets."""
    merged = {**os.environ, **environment}
    # The same package as here: the installed one under -P, else the checkout.
    safe_path = ["-P"] * sys.flags.safe_path
    return subprocess.run(
        [sys.executable, *safe_path, "-c", code],
        env={name: value for name, value in merged.items() if value is not None},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


def heavy_modules_after(code):
    """Runs `code`; returns the heavy packages it imported and what it printed."""
    probe = (
        f"import json, sys\nprint(json.dumps([m for m in {HEAVY} if m in sys.modules]))"
    )
    done = run_python(f"{code}\n{probe}")
    assert done.returncode == 0, done.stderr
    *printed, last = done.stdout.splitlines()
    return json.loads(last), "\n".join(printed)


def test_the_probe_sees_a_heavy_import():
    assert heavy_modules_after("import scipy") == (["scipy"], "")


def test_importing_the_package_is_light():
    assert heavy_modules_after("import gemma_keras_ft")[0] == []


def test_the_rooms_of_curation_are_light():
    heavy, printed = heavy_modules_after(
        """
import importlib, pkgutil
import gemma_keras_ft as gkf
names = [m.name for m in pkgutil.walk_packages(gkf.__path__, "gemma_keras_ft.")]
rooms = {"config", "records", "sources", "preprocessing", "resources"}
light = [name for name in names if name.split(".")[1] in rooms]
for name in light:
    importlib.import_module(name)
print(*light)
"""
    )
    assert heavy == []
    assert "gemma_keras_ft.preprocessing.romanization.romanize" in printed.split()


def test_listing_the_public_names_is_light():
    heavy, printed = heavy_modules_after(
        "import gemma_keras_ft as gkf\nprint(*sorted(dir(gkf)))"
    )
    assert heavy == []
    assert set(gkf.__all__) <= set(printed.split())


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)], ids=" ".join)
def test_help_is_light(command):
    arguments = ["gemma-keras-ft", *command, "--help"]
    heavy, printed = heavy_modules_after(
        f"""
import sys
sys.argv = {arguments}
from gemma_keras_ft.cli import main
try:
    code = main()
except SystemExit as exit:
    code = exit.code
assert not code, code
"""
    )
    assert heavy == []
    assert "usage: " in printed.lower()
    assert all(name in printed for name in (command or COMMANDS))


def test_public_names_are_listed_once():
    assert len(gkf.__all__) == len(set(gkf.__all__)) > 0


@pytest.mark.parametrize("name", gkf.__all__)
def test_public_name_resolves_and_is_documented(name):
    value = getattr(gkf, name)
    if inspect.isclass(value) or inspect.isroutine(value) or inspect.ismodule(value):
        # A dataclass without a docstring gets its signature for one.
        assert value.__doc__ and not value.__doc__.startswith(f"{name}(")


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = gkf.no_such_name


def test_jax_is_chosen_where_the_user_chose_nothing():
    done = run_python(
        "import os, gemma_keras_ft; print(os.environ['KERAS_BACKEND'])",
        KERAS_BACKEND=None,
    )
    assert done.stdout == "jax\n", done.stderr


def test_the_example_in_contributing_runs(tmp_path):
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    example = page.split("```python\n")[1].split("```")[0]
    (tmp_path / "my_lyrics").mkdir()
    lines = ["a line of a song", "and another one", "and a third", "and the last"]
    for name, license in {"free": "CC0-1.0", "other": "all rights reserved"}.items():
        song = json.dumps({"id": name, "lines": [name, *lines], "license": license})
        (tmp_path / "my_lyrics" / f"{name}.jsonl").write_text(song)
    heavy, printed = heavy_modules_after(
        f"""
import os
os.chdir({str(tmp_path)!r})
{example}
report = gkf.read_dataset("dataset").report
print(report["kept"], report["set_aside_reasons"])
"""
    )
    assert printed == "1 {'license': 1}"
    # The data card's plots; nothing that trains.
    assert heavy == ["matplotlib"]


FIRST_USE = "from gemma_keras_ft.model.preset import load_preset; load_preset()"


def test_another_backend_in_the_environment_is_a_clear_error():
    done = run_python(f"import gemma_keras_ft; {FIRST_USE}", KERAS_BACKEND="tensorflow")
    assert done.returncode != 0
    *_, error = done.stderr.splitlines()
    assert error.startswith("RuntimeError: `KERAS_BACKEND` must be 'jax'.")
    assert "KERAS_BACKEND='tensorflow'" in error
    assert "before keras is first imported" in error


def test_keras_imported_before_on_another_backend_is_a_clear_error(tmp_path):
    (tmp_path / "keras.json").write_text('{"backend": "tensorflow"}')
    done = run_python(
        f"import keras, gemma_keras_ft; {FIRST_USE}",
        KERAS_BACKEND=None,
        KERAS_HOME=str(tmp_path),
    )
    assert done.returncode != 0
    *_, error = done.stderr.splitlines()
    assert error.startswith("RuntimeError: Keras must run on the JAX backend.")
    assert "keras.backend.backend()='tensorflow'" in error
    assert "import gemma_keras_ft before keras" in error
