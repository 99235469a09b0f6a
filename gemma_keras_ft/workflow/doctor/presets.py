"""Checks of a preset: a folder's files, or what is needed to fetch it."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from gemma_keras_ft.model.shapes import GEMMA2_SHAPES
from gemma_keras_ft.workflow.doctor.finding import Finding

_WEIGHTS = ("model.weights.h5", "model.weights.json")
_NAME_ONE = (
    "Name a folder that `model.save_to_preset(folder)` wrote, or one of KerasHub's "
    f"presets, such as {', '.join(GEMMA2_SHAPES)}."
)
_TERMS = "Gemma's terms must have been accepted there"
_YES = ("1", "ON", "YES", "TRUE")


def check_preset(preset: str | Path) -> Iterator[Finding]:
    """Checks a folder's files, or what fetching takes; fetches nothing.

    Args:
        preset: As for `load_preset`.
    """
    from keras_hub.models import GemmaCausalLM

    from gemma_keras_ft.model.preset import TINY, tiny_preset_path

    name, built_in = str(preset), cast(Mapping[str, Any], GemmaCausalLM.presets)
    scheme, separator, rest = name.partition("://")
    if not name or (separator and not rest.strip("/")):
        found = f"{name!r} names no preset"
        yield Finding(check="preset", status="error", found=found, remedy=_NAME_ONE)
    elif separator:
        yield _check_source(name, scheme.lower())
    elif name == TINY:
        yield _check_folder(tiny_preset_path())
    elif Path(preset).is_dir():
        # In full, as KerasHub looks a bare name up among its own presets first.
        yield _check_folder(Path(preset).absolute())
    elif name in built_in:
        yield _check_source(name, "kaggle")
    else:
        found = f"{name} is neither a folder nor a Gemma that KerasHub knows"
        yield Finding(check="preset", status="error", found=found, remedy=_NAME_ONE)


def kaggle_credentials() -> str | None:
    """Returns where credentials for Kaggle are found, in kagglehub's order.

    A secret itself is never read further than to see that it is there.
    """
    kaggle = Path.home() / ".kaggle"
    if os.environ.get("KAGGLE_KERNEL_RUN_TYPE"):
        return "this Kaggle notebook"
    if os.environ.get("KAGGLE_API_TOKEN"):
        return "KAGGLE_API_TOKEN"
    for path in (kaggle / "access_token", kaggle / "access_token.txt"):
        if _is_filled(path):
            return str(path)
    if os.environ.get("KAGGLE_USERNAME") and os.environ.get("KAGGLE_KEY"):
        return "KAGGLE_USERNAME and KAGGLE_KEY"
    path = _kaggle_file()
    return str(path) if _names_a_key(path) else None


def hugging_face_credentials() -> str | None:
    """Returns where a token for Hugging Face is found, in huggingface_hub's order."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        if os.environ.get(name):
            return name
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    home = os.environ.get("HF_HOME") or Path(cache) / "huggingface"
    path = Path(os.environ.get("HF_TOKEN_PATH") or Path(home) / "token").expanduser()
    return str(path) if _is_filled(path) else None


def _check_source(name: str, scheme: str) -> Finding:
    if scheme == "kaggle":
        return _check_kaggle(name)
    if scheme == "hf":
        return _check_hugging_face(name)
    found = f"{name} is fetched by {scheme}://; whether it may be, is not checked"
    return Finding(check="preset", status="ok", found=found)


def _check_kaggle(name: str) -> Finding:
    where = kaggle_credentials()
    if where:
        found = f"{name} comes from Kaggle, with the credentials of {where}; {_TERMS}"
        return Finding(check="preset", status="ok", found=found)
    found = f"{name} comes from Kaggle, for which no credentials are here"
    for here, absent in (
        ("KAGGLE_KEY", "KAGGLE_USERNAME"),
        ("KAGGLE_USERNAME", "KAGGLE_KEY"),
    ):
        if os.environ.get(here) and not os.environ.get(absent):
            found += f": {here} is set, {absent} is not"
    if _kaggle_file().exists():
        found += f"; {_kaggle_file()} does not hold `username` and `key` as JSON"
    return Finding(
        check="preset",
        status="warning",
        found=found,
        remedy="Unless it has been fetched before: set KAGGLE_API_TOKEN, or "
        "KAGGLE_USERNAME and KAGGLE_KEY, or keep ~/.kaggle/kaggle.json, which "
        f"https://www.kaggle.com/settings makes; {_TERMS}.",
    )


def _check_hugging_face(name: str) -> Finding:
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in _YES:
        return Finding(
            check="preset",
            status="warning",
            found=f"{name} comes from Hugging Face, and HF_HUB_OFFLINE is set",
            remedy="Unset HF_HUB_OFFLINE, unless it has been fetched before.",
        )
    where = hugging_face_credentials()
    if where:
        found = f"{name} comes from Hugging Face, with the token of {where}; {_TERMS}"
        return Finding(check="preset", status="ok", found=found)
    return Finding(
        check="preset",
        status="warning",
        found=f"{name} comes from Hugging Face, for which no token is here",
        remedy="Unless it has been fetched before: set HF_TOKEN, or run `hf auth "
        f"login`; {_TERMS}.",
    )


def _check_folder(folder: Path) -> Finding:
    """Loads the tokenizer alone, which looks at the folder's config first."""
    from gemma_keras_ft.model.preset import load_tokenizer

    try:
        size = load_tokenizer(folder).vocabulary_size()
    except (OSError, ValueError) as error:
        return Finding(
            check="preset", status="error", found=str(error), remedy=_NAME_ONE
        )
    if not any((folder / name).is_file() for name in _WEIGHTS):
        return Finding(
            check="preset",
            status="error",
            found=f"{folder} holds no weights, neither {' nor '.join(_WEIGHTS)}",
            remedy="Copy the folder anew, whole.",
        )
    found = f"{folder} holds weights, and a vocabulary of {size:,}"
    return Finding(check="preset", status="ok", found=found)


def _kaggle_file() -> Path:
    folder = os.environ.get("KAGGLE_CONFIG_DIR") or Path.home() / ".kaggle"
    return Path(folder) / "kaggle.json"


def _names_a_key(path: Path) -> bool:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(values, dict) and {"username", "key"} <= values.keys()


def _is_filled(path: Path) -> bool:
    try:
        return bool(path.read_text(encoding="utf-8").strip())
    except (OSError, ValueError):
        return False
