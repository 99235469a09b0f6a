import json
import textwrap

import pytest

from gemma_keras_ft.preprocessing.cleaning.case import Lowercase
from gemma_keras_ft.preprocessing.curate import curate_records
from gemma_keras_ft.preprocessing.recipe import (
    default_recipe,
    load_recipe,
    recipe_from_config,
    recipe_to_config,
)
from gemma_keras_ft.preprocessing.romanization.romanize import Romanize
from gemma_keras_ft.records import LyricRecord

STEPS = """
    import dataclasses

    import gemma_keras_ft as gkf


    @gkf.register("recipe_test_drop_short")
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class DropShort(gkf.FilterPreprocessor):
        minimum_lines: int = 4

        def reject(self, record):
            if len(record.lines) < self.minimum_lines:
                return "short", f"{len(record.lines)} lines"


    def recipe():
        return [*gkf.default_recipe(), DropShort(minimum_lines=3)]
"""


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    path = tmp_path_factory.mktemp("steps") / "my_steps.py"
    path.write_text(textwrap.dedent(STEPS))
    return path


def song(name, count):
    return LyricRecord(
        id=name, lines=tuple(f"{name} sings line {number}" for number in range(count))
    )


def test_a_module_gives_its_recipe(module):
    *others, last = load_recipe(module)
    assert tuple(others) == default_recipe()
    assert last.minimum_lines == 3
    assert load_recipe(module)[-1] == last


@pytest.mark.parametrize("processes", [1, 2])
def test_steps_of_a_module_run_in_other_processes(module, processes):
    curation = curate_records(
        [song("long", 5), song("brief", 2)],
        recipe=load_recipe(module),
        processes=processes,
    )
    assert [item.reason for item in curation.set_aside] == ["short"]
    assert curation.report()["kept"] == 1


def test_json_names_what_it_imports(module, tmp_path):
    config = recipe_to_config(load_recipe(module))
    assert config["imports"] == [str(module.resolve())]
    assert recipe_from_config(json.loads(json.dumps(config))) == load_recipe(module)
    beside = module.with_name("recipe.json")
    beside.write_text(
        json.dumps({"imports": [module.name], "steps": config["steps"][-1:]})
    )
    assert load_recipe(beside) == load_recipe(module)[-1:]


def test_own_steps_need_no_import():
    assert recipe_to_config(default_recipe())["imports"] == []


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("a.py", "x = 1", "function recipe"),
        ("b.py", "def recipe(): return 'clean'", "list of steps"),
        ("c.py", "def recipe(): return [print]", "must hold preprocessors"),
        ("d.json", "[]", '"imports"'),
        ("e.json", '{"steps": [{"type": "no_such_step"}]}', "registered name"),
        ("f.json", '{"imports": ["gone.py"], "steps": []}', "Python files"),
        ("g.txt", "", r"\.py or \.json"),
    ],
)
def test_a_file_without_a_recipe_is_named(tmp_path, name, text, error):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises((ValueError, FileNotFoundError), match=error):
        load_recipe(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="`recipe`"):
        load_recipe(tmp_path / "none.py")


def test_lowercasing_what_case_tells_apart_is_refused_with_the_reason():
    with pytest.raises(ValueError, match="must not lowercase"):
        curate_records([song("a", 3)], recipe=[Romanize(scheme="itrans"), Lowercase()])
    curate_records([song("a", 3)], recipe=[Lowercase(), Romanize(scheme="itrans")])


def test_steps_that_are_in_no_default_recipe_can_be_named_in_json(tmp_path):
    path = tmp_path / "recipe.json"
    steps = [{"type": "allow_licenses", "allowed": ["CC0-1.0"]}, {"type": "fill_title"}]
    path.write_text(json.dumps({"steps": steps}))
    assert [step.config_name for step in load_recipe(path)] == [
        "allow_licenses",
        "fill_title",
    ]
