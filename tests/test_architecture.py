"""The direction of imports: a room imports only from itself and rooms above it."""

import ast
import importlib.util
from pathlib import Path

import pytest

import gemma_keras_ft

PACKAGE = gemma_keras_ft.__name__
FOLDER = Path(gemma_keras_ft.__file__).parent

# From top to bottom. The modules of one row are one room; "" is the package's
# face: it offers the names of the rooms above it, and the command line calls it.
ROOMS = [
    ("backend", "config", "console", "records"),
    ("sources",),
    ("preprocessing",),
    ("data",),
    ("model",),
    ("training",),
    ("inference",),
    ("export",),
    ("evaluation",),
    ("resources",),
    ("workflow",),
    ("",),
    ("arguments", "cli", "__main__"),
    ("testing",),
]
# The rooms within the room of curation, likewise from top to bottom.
CURATION = [
    ("base", "edits", "spool"),
    ("text",),
    ("romanization",),
    ("cleaning",),
    ("filling",),
    ("provenance",),
    ("culture",),
    ("splitting",),
    ("augmentation",),
    ("output",),
    ("recipe", "road", "prepare", "curate", "summary", "store"),
]
# Closer than the order asks: the embedded corpus is data and a reader of records.
ONLY_FROM = {"resources": {"backend", "config", "records", "sources", "resources"}}

LEVELS = {name: level for level, row in enumerate(ROOMS) for name in row}


def module_name(path):
    parts = [PACKAGE, *path.relative_to(FOLDER).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module):
    """The first part below the package: "data" of "gemma_keras_ft.data.pack"."""
    return module.split(".")[1] if "." in module else ""


def imported_modules(source, module, *, is_package=False):
    """Absolute names of what `source` imports of this package, at any depth."""
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            origin = importlib.util.resolve_name(origin, package)
            # `from package import room` imports the room, any other name the face.
            names = [
                f"{origin}.{alias.name}"
                if origin == PACKAGE and alias.name in LEVELS
                else origin
                for alias in node.names
            ]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == PACKAGE)


def misdirected_imports(source, module, *, is_package=False):
    """Imports of `module` that go down the list, or out of a closer bound."""
    room = room_of(module)
    allowed = ONLY_FROM.get(room, {n for n in LEVELS if LEVELS[n] <= LEVELS[room]})
    return [
        name
        for name in imported_modules(source, module, is_package=is_package)
        if room_of(name) not in allowed
    ]


MODULES = sorted(FOLDER.rglob("*.py"))


CURATION_LEVELS = {name: level for level, row in enumerate(CURATION) for name in row}


def test_no_room_is_listed_twice():
    assert len(LEVELS) == sum(map(len, ROOMS))
    assert len(CURATION_LEVELS) == sum(map(len, CURATION))


@pytest.mark.parametrize(
    "path", sorted((FOLDER / "preprocessing").rglob("*.py")), ids=module_name
)
def test_curation_imports_only_from_its_rooms_above(path):
    module = module_name(path)
    prefix = f"{PACKAGE}.preprocessing."
    if not module.startswith(prefix):
        return  # the face of the room
    level = CURATION_LEVELS[module.removeprefix(prefix).split(".")[0]]
    imports = imported_modules(
        path.read_text(encoding="utf-8"), module, is_package=path.name == "__init__.py"
    )
    inner = [n.removeprefix(prefix) for n in imports if n.startswith(prefix)]
    assert not [n for n in inner if CURATION_LEVELS[n.split(".")[0]] > level]


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_module_belongs_to_a_room(path):
    assert room_of(module_name(path)) in LEVELS, "add the room to ROOMS"


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_module_imports_only_from_rooms_above(path):
    module, is_package = module_name(path), path.name == "__init__.py"
    source = path.read_text(encoding="utf-8")
    assert not misdirected_imports(source, module, is_package=is_package)


@pytest.mark.parametrize(
    ("module", "source", "misdirected"),
    [
        ("data.pack", "import gemma_keras_ft.model.lora", ["model.lora"]),
        ("data.pack", "from gemma_keras_ft.model.lora import Lora", ["model.lora"]),
        ("data.pack", "from gemma_keras_ft import model", ["model"]),
        ("data.pack", "from gemma_keras_ft import records, model", ["model"]),
        ("data.pack", "from ..model import lora", ["model"]),
        ("data.pack", "from .. import model", ["model"]),
        ("data.pack", "def f():\n  import gemma_keras_ft.cli", ["cli"]),
        ("data.pack", "from gemma_keras_ft.data.tasks import Task", []),
        ("data.pack", "from .tasks import Task", []),
        ("data.pack", "from gemma_keras_ft.records import LyricRecord", []),
        ("data.pack", "from gemma_keras_ft import records", []),
        ("data.pack", "import numpy, gemma_keras_ftx.cli", []),
        ("config", "from gemma_keras_ft.records import LyricRecord", []),
        ("resources.corpus", "from gemma_keras_ft.data import tasks", ["data"]),
        ("resources.corpus", "from gemma_keras_ft.sources import read_records", []),
    ],
)
def test_misdirected_imports_are_found(module, source, misdirected):
    found = misdirected_imports(source, f"{PACKAGE}.{module}")
    assert found == [f"{PACKAGE}.{name}" for name in misdirected]


@pytest.mark.parametrize("name", ["Trainer", "records, Trainer"])
def test_a_room_may_not_import_the_face(name):
    found = misdirected_imports(f"from {PACKAGE} import {name}", f"{PACKAGE}.data.pack")
    assert found == [PACKAGE]


def test_the_face_imports_rooms_but_not_the_command_line():
    source = "from .evaluation import report\nfrom gemma_keras_ft.cli import main"
    found = misdirected_imports(source, PACKAGE, is_package=True)
    assert found == [f"{PACKAGE}.cli"]


def test_the_command_line_calls_the_face():
    assert not misdirected_imports(f"import {PACKAGE} as gkf", f"{PACKAGE}.cli")
