"""A recipe: the list of steps, from Python, a module of one's own, or JSON."""

import hashlib
import importlib
import importlib.util
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from gemma_keras_ft.config import from_config
from gemma_keras_ft.preprocessing.base import Preprocessor
from gemma_keras_ft.preprocessing.cleaning.chords import StripChords
from gemma_keras_ft.preprocessing.cleaning.clean import Clean, RepairMojibake
from gemma_keras_ft.preprocessing.cleaning.credits import MoveCredits
from gemma_keras_ft.preprocessing.cleaning.labels import LabelSections
from gemma_keras_ft.preprocessing.cleaning.links import StripLinks
from gemma_keras_ft.preprocessing.cleaning.punctuation import TidyPunctuation
from gemma_keras_ft.preprocessing.cleaning.repeats import ExpandRepeats
from gemma_keras_ft.preprocessing.cleaning.residue import StripResidue
from gemma_keras_ft.preprocessing.cleaning.symbols import (
    StripOrnaments,
    StripSymbols,
)
from gemma_keras_ft.preprocessing.cleaning.timestamps import StripTimestamps
from gemma_keras_ft.preprocessing.cleaning.whitespace import TidyWhitespace
from gemma_keras_ft.preprocessing.culture.flags import FlagSpans
from gemma_keras_ft.preprocessing.filling.fill_brackets import CloseBrackets
from gemma_keras_ft.preprocessing.filling.fill_punctuation import FillPunctuation
from gemma_keras_ft.preprocessing.filling.missing import (
    DetectLanguage,
    DetectScript,
    RequireText,
)
from gemma_keras_ft.preprocessing.romanization.romanize import (
    Romanize,
    check_recipe_case,
)
from gemma_keras_ft.preprocessing.text.normalize import Normalize

# Steps that are in no default recipe register when their modules are imported.
_OPTIONAL = tuple(
    f"gemma_keras_ft.preprocessing.{name}"
    for name in ("cleaning.case", "filling.fill", "provenance.rights")
)
_OWN = "gemma_keras_ft_recipe_"
# Names that mean another module in another process.
_BY_PATH = ("__main__", "__mp_main__")


def default_recipe() -> tuple[Preprocessor, ...]:
    """Returns the steps that suit lyrics in any script.

    Encoding comes first, since everything else reads letters; then what hides text
    (markup, timestamps, ornaments, chords) and invisible characters, which stand
    between a label or a credit and the edge of its line. A time stands before the
    notes that make a cue; chords are told by their gaps, which normalization closes;
    repeats come before labels, which count too; the last symbols go behind
    punctuation, since a bar is a danda. Script and language must be known before a
    record can be romanized; flags are spans of the final text.
    """
    return (
        RepairMojibake(),
        Clean(),
        StripTimestamps(),
        StripOrnaments(),
        StripChords(),
        Normalize(),
        StripResidue(),
        MoveCredits(),
        ExpandRepeats(),
        LabelSections(),
        StripLinks(),
        TidyPunctuation(),
        StripSymbols(),
        TidyWhitespace(),
        DetectScript(),
        DetectLanguage(),
        RequireText(),
        CloseBrackets(),
        FillPunctuation(),
        Romanize(),
        FlagSpans(),
    )


def load_recipe(source: str | Path) -> tuple[Preprocessor, ...]:
    """Loads a recipe from a file.

    A Python file has a function `recipe()` that returns the steps. A JSON file
    holds `{"imports": [...], "steps": [...]}`: the modules, by name or by the path
    of a file, that define steps of one's own, and the `to_config()` of each step.
    Importing runs the module, so load recipes that you trust.

    Args:
        source: Path of a `.py` or `.json` file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file holds no recipe.
    """
    path = Path(source)
    if not path.is_file():
        raise FileNotFoundError(
            f"`recipe` must be a Python or JSON file. Received: recipe={str(path)!r}, "
            "which is none."
        )
    if path.suffix == ".py":
        return _from_module(path)
    if path.suffix == ".json":
        return _from_json(path)
    raise ValueError(
        f"`recipe` must be a .py or .json file. Received: recipe={str(path)!r}."
    )


def recipe_to_config(steps: Sequence[Preprocessor]) -> dict[str, Any]:
    """Returns JSON values from which `recipe_from_config` rebuilds the steps."""
    imports = {_importable(type(step)): None for step in steps}
    return {
        "imports": [name for name in imports if name],
        "steps": [step.to_config() for step in steps],
    }


def recipe_from_config(config: Mapping[str, Any]) -> tuple[Preprocessor, ...]:
    """Rebuilds the steps of `recipe_to_config`, in this or another process.

    Raises:
        ValueError: If a step is unknown even after the imports.
    """
    for name in (*_OPTIONAL, *config.get("imports", ())):
        import_steps(name)
    return check_recipe([from_config(step) for step in config["steps"]])


def check_recipe(steps: Sequence[Any]) -> tuple[Preprocessor, ...]:
    """Checks that every step is a preprocessor, and that no two undo each other.

    Raises:
        ValueError: If one is none, or letters are lowercased after a romanization
            that tells them apart by case.
    """
    for place, step in enumerate(steps):
        if not isinstance(step, Preprocessor):
            raise ValueError(
                "`recipe` must hold preprocessors. Received: "
                f"{step!r:.80} in place {place}. Derive its class from "
                "MapPreprocessor or FilterPreprocessor, and give an instance."
            )
    check_recipe_case(steps)
    return tuple(steps)


def import_steps(name: str) -> ModuleType:
    """Imports a module by name, or a file by its path; each once."""
    if not name.endswith(".py"):
        return importlib.import_module(name)
    path = Path(name).resolve()
    # Equal in every process, so that what one pickles another finds.
    unique = _OWN + hashlib.sha256(str(path).encode()).hexdigest()[:12]
    if unique in sys.modules:
        return sys.modules[unique]
    spec = importlib.util.spec_from_file_location(unique, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise FileNotFoundError(
            f"`imports` must name modules or Python files. Received: {name!r}."
        )
    module = importlib.util.module_from_spec(spec)
    sys.modules[unique] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[unique]
        raise
    return module


def _from_module(path: Path) -> tuple[Preprocessor, ...]:
    function = getattr(import_steps(str(path)), "recipe", None)
    if not callable(function):
        raise ValueError(
            f"{path} must define a function recipe() that returns the steps. "
            "Received: none."
        )
    steps = function()
    if isinstance(steps, str) or not isinstance(steps, Sequence):
        raise ValueError(
            f"recipe() of {path} must return a list of steps. Received: {steps!r:.80}."
        )
    return check_recipe(steps)


def _from_json(path: Path) -> tuple[Preprocessor, ...]:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        steps = config["steps"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f'{path} must hold {{"imports": [...], "steps": [...]}}. '
            f"Received: {error!r}."
        ) from error
    # Files are named beside the recipe, wherever the command is run.
    imports = [
        str(path.parent / name) if str(name).endswith(".py") else name
        for name in config.get("imports", ())
    ]
    return recipe_from_config({"imports": imports, "steps": steps})


def _importable(cls: type) -> str | None:
    """Returns where another process finds a class; None for this package's own."""
    if cls.__module__.partition(".")[0] == __name__.partition(".")[0] and (
        not cls.__module__.startswith(_OWN)
    ):
        return None
    if cls.__module__ in _BY_PATH or cls.__module__.startswith(_OWN):
        file = getattr(sys.modules[cls.__module__], "__file__", None)
        return str(Path(file).resolve()) if file else cls.__module__
    return cls.__module__
