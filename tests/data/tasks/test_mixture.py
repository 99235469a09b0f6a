import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma_keras_ft.config import from_config
from gemma_keras_ft.data.tasks import (
    Continuation,
    Infill,
    Instruction,
    Meaning,
    Mixture,
    PlainText,
    TitleToLyrics,
    Translation,
    Transliteration,
)
from gemma_keras_ft.records import LyricRecord

TASKS = (
    Continuation(),
    Continuation(script="readable", prompt_lines=1),
    Translation(),
    Translation(reverse=True),
    TitleToLyrics(),
    Infill(),
    Transliteration(),
    Meaning(),
    PlainText(),
    Instruction(task=Continuation(), text="Continue this song in {language}."),
)
WEIGHTS = st.floats(1e-3, 1e3)


@given(
    st.from_type(LyricRecord),
    st.lists(st.tuples(st.sampled_from(TASKS), WEIGHTS), min_size=1, max_size=5),
    WEIGHTS,
)
def test_every_example_is_taken_as_often_as_its_weights_say(song, parts, outer):
    tasks, weights = zip(*parts, strict=True)
    inner = Mixture(tasks=tasks, weights=weights)
    found = list(Mixture(tasks=(inner,), weights=(outer,)).examples(song))
    alone = [
        (example, weight) for task, weight in parts for example in task.examples(song)
    ]
    assert len(found) == len(alone)
    for mixed, (example, weight) in zip(found, alone, strict=True):
        assert mixed.times == pytest.approx(weight * outer)
        for name in ("prompt_text", "response", "native", "turns", "task", "lead"):
            assert getattr(mixed, name) == getattr(example, name)


@given(st.from_type(LyricRecord))
def test_without_weights_every_example_is_taken_once(song):
    mixed = list(Mixture(tasks=TASKS).examples(song))
    assert mixed == [example for task in TASKS for example in task.examples(song)]
    assert {example.times for example in mixed} <= {1.0}


@given(st.from_type(LyricRecord))
def test_examples_are_the_same_each_time_and_after_json(song):
    task = Mixture(tasks=TASKS)
    restored = from_config(json.loads(json.dumps(task.to_config())))
    assert restored == task
    assert list(restored.examples(song)) == list(task.examples(song))
    assert list(task.examples(song)) == list(task.examples(song))


@given(st.from_type(LyricRecord))
def test_every_example_names_its_song_and_its_task_and_asks_for_text(song):
    for example in Mixture(tasks=TASKS).examples(song):
        assert example.record_id == song.id
        assert example.task
        assert any(example.response)


def test_lists_are_taken_too():
    made = Mixture(tasks=[PlainText(), Infill()], weights=[1, 2])
    assert made == Mixture(tasks=(PlainText(), Infill()), weights=(1, 2))
    assert from_config(made.to_config()) == made


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tasks": ()}, r"`tasks` must hold at least one task. Received: tasks=\(\)"),
        ({"tasks": None}, "`tasks` must hold at least one task"),
        ({"tasks": ({"type": "gone"},)}, "`tasks` must hold tasks.*Import the module"),
        ({"weights": (1.0,)}, "one for each of the 2 tasks"),
        ({"weights": 2.0}, "one for each of the 2 tasks"),
        ({"weights": (1.0, 0.0)}, "weights=0.0"),
        ({"weights": (1.0, -2)}, "weights=-2"),
        ({"weights": (math.nan, 1)}, "weights=nan"),
        ({"weights": (math.inf, 1)}, "weights=inf"),
        ({"weights": (True, 1)}, "weights=True"),
        ({"weights": ("1", 1)}, "weights='1'"),
    ],
)
def test_wrong_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        Mixture(**{"tasks": (PlainText(), Infill()), **settings})
