import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma_keras_ft.config import Configurable, from_config, register


@register("test_config.inner")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Inner(Configurable):
    size: int = 1


@register("test_config.outer")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Outer(Configurable):
    parts: tuple[Inner, ...] = ()
    names: tuple[str, ...] = ("a",)
    value: Any = None


def through_json(config):
    return from_config(json.loads(json.dumps(config)))


def test_nested_configurations_round_trip():
    outer = Outer(parts=(Inner(size=2), Inner()), names=("x", "y"))
    assert through_json(outer.to_config()) == outer
    assert outer.to_config() == {
        "type": "test_config.outer",
        "parts": [
            {"type": "test_config.inner", "size": 2},
            {"type": "test_config.inner", "size": 1},
        ],
        "names": ["x", "y"],
        "value": None,
    }


LEAVES = st.none() | st.booleans() | st.integers() | st.text() | st.builds(Inner)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(VALUES)
def test_any_json_value_round_trips(value):
    outer = Outer(value=value)
    assert through_json(outer.to_config()) == outer


def test_a_mapping_whose_type_is_no_class_stays_a_mapping():
    outer = Outer(value={"type": "song", "size": 3})
    assert through_json(outer.to_config()) == outer


def test_left_out_fields_have_their_defaults():
    assert from_config({"type": "test_config.inner"}) == Inner()


def test_a_config_is_not_changed_by_reading_it():
    config = Outer(names=("x",)).to_config()
    before = json.dumps(config)
    from_config(config)
    assert json.dumps(config) == before


def test_a_taken_name_is_refused_but_a_cell_may_run_twice():
    def define(qualname):
        cls = type("Inner", (Configurable,), {"__module__": __name__})
        cls.__qualname__ = qualname
        return register("test_config.inner")(cls)

    with pytest.raises(ValueError, match="has taken"):
        define("Other")
    assert from_config({"type": "test_config.inner"}) == Inner()
    define("Inner")
    register("test_config.inner")(Inner)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"type": "os.system"}, "registered name"),
        ({"type": ["x"]}, "registered name"),
        ({}, "registered name"),
        ({"type": "test_config.inner", "wrong": 1}, "`wrong`.*Available: .'size'."),
    ],
)
def test_unknown_configurations_are_named(config, message):
    with pytest.raises(ValueError, match=message):
        from_config(config)
