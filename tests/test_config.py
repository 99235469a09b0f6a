import dataclasses

import pytest

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


def test_nested_configurations_round_trip():
    outer = Outer(parts=(Inner(size=2), Inner()), names=("x", "y"))
    assert from_config(outer.to_config()) == outer
    assert outer.to_config()["parts"][0] == {"type": "test_config.inner", "size": 2}


def test_a_taken_name_is_refused_but_a_cell_may_run_twice():
    def define(qualname):
        cls = type("Inner", (Configurable,), {"__module__": __name__})
        cls.__qualname__ = qualname
        return register("test_config.inner")(cls)

    with pytest.raises(ValueError, match="has taken"):
        define("Other")
    define("Inner")
    register("test_config.inner")(Inner)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"type": "os.system"}, "registered name"),
        ({"type": ["x"]}, "registered name"),
        ({}, "registered name"),
        ({"type": "test_config.inner", "wrong": 1}, "`wrong`"),
    ],
)
def test_unknown_configurations_are_named(config, message):
    with pytest.raises(ValueError, match=message):
        from_config(config)
