import dataclasses

import pytest

from gemma_keras_ft.config import register
from gemma_keras_ft.preprocessing.base import (
    FilterPreprocessor,
    MapPreprocessor,
    Preprocessor,
)
from gemma_keras_ft.records import LyricRecord, SetAside
from gemma_keras_ft.testing import check_preprocessor


@register("test_base.shout")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Shout(MapPreprocessor):
    mark: str = "!"

    def map(self, record):
        shouted = (line.rstrip(self.mark).upper() for line in record.lines)
        return record.replace(lines=tuple(line + self.mark for line in shouted))


@register("test_base.drop_short")
@dataclasses.dataclass(frozen=True, kw_only=True)
class DropShort(FilterPreprocessor):
    minimum: int = 2

    def reject(self, record):
        if len(record.lines) < self.minimum:
            return "short", f"Has {len(record.lines)} lines."
        return None


SONG = LyricRecord(id="a", lines=("one",), metadata={"k": [1]})


def test_a_map_returns_a_changed_copy():
    assert Shout()(SONG) == SONG.replace(lines=("ONE!",))
    assert SONG.lines == ("one",)


def test_a_filter_keeps_what_it_does_not_reject():
    assert DropShort(minimum=1)(SONG) is SONG


def test_a_filter_sets_aside_with_reason_and_record():
    assert DropShort()(SONG) == SetAside(
        id="a", reason="short", detail="Has 1 lines.", record=SONG.to_dict()
    )


@pytest.mark.parametrize("base", [Preprocessor, MapPreprocessor, FilterPreprocessor])
def test_a_step_that_does_nothing_cannot_be_made(base):
    with pytest.raises(TypeError, match="abstract"):
        base()


def test_steps_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        DropShort().minimum = 3


@pytest.mark.parametrize("step", [Shout(), Shout(mark="?"), DropShort(minimum=3)])
def test_contract(step):
    check_preprocessor(step)
