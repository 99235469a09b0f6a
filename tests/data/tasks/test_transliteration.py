import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma_keras_ft.config import from_config
from gemma_keras_ft.data.tasks import SCRIPTS, Transliteration
from gemma_keras_ft.data.tasks.scripts import lines_in_script
from gemma_keras_ft.records import LyricRecord

SONG = LyricRecord(
    id="mazhai",
    lines=("மழை", "மனம்", "காதல்", "", "மழை"),
    romanized=("maḻai", "maṉam", "kātal", "", "maḻai"),
    language="ta",
)
PAIRS = [(a, b) for a in SCRIPTS for b in SCRIPTS if a != b]


def test_a_passage_is_drawn_as_documented():
    first, second, third = Transliteration(lines=2).examples(SONG)
    assert first.prompt_text == "ta iso15919:\nmaḻai\nmaṉam\nta native:\n"
    assert first.response_text == "மழை\nமனம்"
    assert second.response == ("காதல்",)
    assert third.response == ("மழை",)
    assert first.native is None
    assert first.task == "transliteration"


def test_the_way_back_swaps_the_two():
    there = list(Transliteration().examples(SONG))
    back = list(Transliteration(source="native", target="iso15919").examples(SONG))
    assert [(e.prompt, e.response) for e in there] == [
        (e.response, e.prompt) for e in back
    ]
    assert [e.native for e in back] == [e.prompt for e in back]


@given(st.from_type(LyricRecord), st.sampled_from(PAIRS), st.integers(1, 5))
def test_every_sung_line_is_covered_once(song, pair, size):
    source, target = (lines_in_script(song, script) for script in pair)
    task = Transliteration(source=pair[0], target=pair[1], lines=size)
    examples = list(task.examples(song))
    if source is None or target is None or source == target:
        assert not examples
        return
    assert [e for x in examples for e in x.prompt] == [line for line in source if line]
    assert [e for x in examples for e in x.response] == [
        line for line in target if line
    ]
    natives = [line for x in examples for line in x.native or x.response]
    assert natives == [line for line in song.lines if line]
    assert all(1 <= len(x.prompt) <= size for x in examples)
    stanzas = sum(-(-len(part.split("\n")) // size) for part in song.text.split("\n\n"))
    assert len(examples) == stanzas


def test_a_song_that_both_scripts_write_alike_gives_nothing():
    english = SONG.replace(lines=("rain", "heart"), romanized=None, language="en")
    task = Transliteration(source="readable")
    assert not list(task.examples(english))
    assert list(task.examples(SONG))


def test_forms_that_do_not_run_line_for_line_give_nothing():
    assert not list(Transliteration().examples(SONG.replace(romanized=("maḻai",))))
    assert not list(Transliteration().examples(SONG.replace(romanized=None)))


def test_a_language_that_is_not_known_is_called_lyrics():
    example = next(Transliteration().examples(SONG.replace(language=None)))
    assert example.prompt_text.startswith("lyrics iso15919:\n")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"source": "native"}, "`target` must be another.*source='native'"),
        ({"target": "auto"}, "`target` must be one of.*target='auto'"),
        ({"source": "latin"}, "`source` must be one of.*source='latin'"),
        ({"lines": 0}, "lines=0"),
        ({"scored": "some"}, "scored='some'"),
    ],
)
def test_wrong_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        Transliteration(**settings)


def test_it_round_trips_through_json():
    task = Transliteration(source="native", target="hk", lines=2, scored="all")
    assert from_config(task.to_config()) == task
    assert next(task.examples(SONG)).scored == "all"
