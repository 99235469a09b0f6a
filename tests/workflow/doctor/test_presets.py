import json
import shutil
import socket

import pytest

from gemma_keras_ft.model.preset import TINY
from gemma_keras_ft.workflow.doctor.finding import findings_json
from gemma_keras_ft.workflow.doctor.presets import check_preset

SECRET = "s3cr3t-of-the-user"
KAGGLE = ["gemma2_2b_en", "kaggle://keras/gemma2/keras/gemma2_2b_en/2"]
HUGGING_FACE = "hf://google/gemma-2-2b"
VARIABLES = [
    *("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_CONFIG_DIR"),
    *("KAGGLE_KERNEL_RUN_TYPE", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"),
    *("HF_TOKEN_PATH", "HF_HOME", "HF_HUB_OFFLINE", "XDG_CACHE_HOME"),
]


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    """An empty home, no credentials in the environment, and no network."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))

    def refuse(*_, **__):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return folder


def check(preset):
    (finding,) = check_preset(preset)
    assert SECRET not in findings_json([finding])
    return finding


def write(path, text=SECRET):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize("preset", KAGGLE)
def test_a_preset_of_kaggle_needs_credentials(preset):
    found = check(preset)
    assert found.status == "warning" and "no credentials" in found.found
    assert "KAGGLE_API_TOKEN" in found.remedy


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"KAGGLE_API_TOKEN": SECRET}, "KAGGLE_API_TOKEN"),
        (
            {"KAGGLE_USERNAME": SECRET, "KAGGLE_KEY": SECRET},
            "KAGGLE_USERNAME and KAGGLE_KEY",
        ),
        ({"KAGGLE_KERNEL_RUN_TYPE": "Interactive"}, "this Kaggle notebook"),
    ],
)
@pytest.mark.parametrize("preset", KAGGLE)
def test_kaggle_takes_them_from_the_environment(monkeypatch, preset, variables, said):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = check(preset)
    assert found.status == "ok"
    assert f"with the credentials of {said};" in found.found
    assert "terms" in found.found


@pytest.mark.parametrize(("here", "absent"), [("KEY", "USERNAME"), ("USERNAME", "KEY")])
def test_one_half_of_them_is_told(monkeypatch, here, absent):
    monkeypatch.setenv(f"KAGGLE_{here}", SECRET)
    found = check(KAGGLE[0])
    assert found.status == "warning"
    assert f"KAGGLE_{here} is set, KAGGLE_{absent} is not" in found.found


@pytest.mark.parametrize("name", ["access_token", "access_token.txt"])
def test_kaggle_takes_a_token_from_a_file(home, name):
    path = write(home / ".kaggle" / name, "\n")
    assert check(KAGGLE[0]).status == "warning"
    write(path)
    found = check(KAGGLE[0])
    assert found.status == "ok" and str(path) in found.found


def test_kaggle_takes_a_key_from_its_json(home, monkeypatch, tmp_path):
    text = json.dumps({"username": SECRET, "key": SECRET})
    path = write(home / ".kaggle" / "kaggle.json", text)
    assert str(path) in check(KAGGLE[0]).found
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path / "elsewhere"))
    assert check(KAGGLE[0]).status == "warning"
    path = write(tmp_path / "elsewhere" / "kaggle.json", text)
    found = check(KAGGLE[0])
    assert found.status == "ok" and str(path) in found.found


@pytest.mark.parametrize(
    "text",
    [f'{{"key": "{SECRET}"}}', f'["{SECRET}"]', f'{{"key": "{SECRET}', SECRET, "\x00"],
)
def test_a_broken_json_is_told_without_what_is_in_it(home, text):
    path = write(home / ".kaggle" / "kaggle.json", text)
    found = check(KAGGLE[0])
    assert found.status == "warning"
    assert f"{path} does not hold `username` and `key`" in found.found


def test_hugging_face_needs_a_token():
    found = check(HUGGING_FACE)
    assert found.status == "warning" and "no token" in found.found
    assert "HF_TOKEN" in found.remedy


@pytest.mark.parametrize("name", ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"])
def test_hugging_face_takes_one_from_the_environment(monkeypatch, name):
    monkeypatch.setenv(name, SECRET)
    found = check(HUGGING_FACE)
    assert found.status == "ok" and f"the token of {name};" in found.found


def test_hugging_face_takes_one_from_a_file(home, monkeypatch, tmp_path):
    places = {
        None: home / ".cache" / "huggingface" / "token",
        "XDG_CACHE_HOME": tmp_path / "xdg" / "huggingface" / "token",
        "HF_HOME": tmp_path / "hf" / "token",
        "HF_TOKEN_PATH": tmp_path / "path",
    }
    values = {
        "XDG_CACHE_HOME": tmp_path / "xdg",
        "HF_HOME": tmp_path / "hf",
        "HF_TOKEN_PATH": tmp_path / "path",
    }
    for variable, path in places.items():
        if variable:
            monkeypatch.setenv(variable, str(values[variable]))
        assert check(HUGGING_FACE).status == "warning"
        write(path)
        found = check(HUGGING_FACE)
        assert found.status == "ok" and f"of {path};" in found.found


def test_hugging_face_offline_fetches_nothing(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", SECRET)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    found = check(HUGGING_FACE)
    assert found.status == "warning" and "HF_HUB_OFFLINE is set" in found.found
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    assert check(HUGGING_FACE).status == "ok"


def test_of_other_sources_nothing_is_claimed():
    found = check("gs://bucket/gemma2")
    assert found.status == "ok" and "is not checked" in found.found


def test_a_folder_is_read(small_preset):
    for preset in (small_preset, str(small_preset), TINY):
        found = check(preset)
        assert found.status == "ok"
        assert "holds weights, and a vocabulary of 8,192" in found.found


def test_a_folder_named_as_one_of_kerashubs_is_the_folder(
    small_preset, monkeypatch, tmp_path
):
    shutil.copytree(small_preset, tmp_path / "gemma2_2b_en")
    monkeypatch.chdir(tmp_path)
    found = check("gemma2_2b_en").found
    assert found.startswith(f"{tmp_path}/gemma2_2b_en holds weights")


def test_folders_that_cannot_be_loaded_are_errors(small_preset, tmp_path):
    folder = shutil.copytree(small_preset, tmp_path / "preset")
    (folder / "model.weights.h5").unlink()
    found = check(folder)
    assert found.status == "error" and "holds no weights" in found.found
    (folder / "config.json").write_text('{"class_name": "Bert", "config": {}}')
    found = check(folder)
    assert found.status == "error" and "'Bert'" in found.found
    found = check(tmp_path / "nowhere")
    assert found.status == "error" and "is neither a folder nor" in found.found
    assert "save_to_preset" in found.remedy


@pytest.mark.parametrize("name", ["gemma2_3b_en", "bert_base_en", "my songs"])
def test_a_name_that_no_gemma_has_is_an_error(name):
    found = check(name)
    assert found.status == "error"
    assert "gemma2_2b_en" in found.remedy


@pytest.mark.parametrize("name", ["", "hf://", "kaggle:///"])
def test_a_name_without_a_name_is_an_error(name):
    (finding,) = check_preset(name)
    assert finding.status == "error"
    assert "names no preset" in finding.found
