import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma_keras_ft.config import from_config
from gemma_keras_ft.data.tasks import Translation
from gemma_keras_ft.records import LyricRecord

SONG = LyricRecord(
    id="song",
    lines=("one", "two", "", "three", "four"),
    romanized=("ONE", "TWO", "", "THREE", "FOUR"),
    translation=("eins", "zwei", "", "drei", "vier"),
    language="en",
    translation_language="de",
)


def test_it_goes_line_by_line_where_lines_run_parallel():
    examples = list(Translation().examples(SONG))
    assert [example.response_text for example in examples] == [
        line for line in SONG.translation if line
    ]
    assert examples[0].prompt_text == "en: one\nde: "
    assert {example.task for example in examples} == {"translation"}


def test_it_takes_the_whole_song_otherwise():
    (example,) = Translation().examples(SONG.replace(translation=("alles",)))
    assert example.prompt == SONG.lines
    assert example.response == ("alles",)


def test_the_other_way_round_the_lyrics_are_asked_for():
    first, *_ = Translation(reverse=True).examples(SONG)
    assert first.prompt_text == "de: eins\nen: "
    assert first.response == ("one",)
    (whole,) = Translation(reverse=True).examples(SONG.replace(translation=("alles",)))
    assert whole.prompt_text == "de: alles\nen: "
    assert whole.response == SONG.lines


@given(st.from_type(LyricRecord))
def test_both_ways_hold_the_same_pairs(song):
    there = list(Translation().examples(song))
    back = list(Translation(reverse=True).examples(song))
    assert [(e.prompt, e.response) for e in there] == [
        (e.response, e.prompt) for e in back
    ]
    assert all(any(e.prompt) and any(e.response) for e in there)


def test_only_lyrics_that_are_asked_for_bring_native_lines():
    romanized = Translation(script="iso15919")
    assert [example.native for example in romanized.examples(SONG)] == [None] * 4
    back = Translation(script="iso15919", reverse=True)
    first, second, *_ = back.examples(SONG)
    assert (first.response, first.native) == (("ONE",), ("one",))
    assert (second.response, second.native) == (("TWO",), ("two",))
    (whole,) = back.examples(SONG.replace(translation=("alles",)))
    assert whole.native == SONG.lines


def test_songs_that_lack_what_is_needed_give_nothing():
    bare = SONG.replace(romanized=None, translation=None)
    assert not list(Translation().examples(bare))
    assert not list(Translation(script="iso15919").examples(bare))
    unsaid = SONG.replace(translation=())
    assert not list(Translation().examples(unsaid))
    assert not list(Translation().examples(unsaid.replace(lines=())))


def test_sides_without_language_tags_are_named():
    bare = SONG.replace(language=None, translation_language=None)
    example = next(Translation().examples(bare))
    assert example.prompt_text == "lyrics: one\ntranslation: "


@pytest.mark.parametrize(
    "settings", [{"reverse": 1}, {"scored": "some"}, {"script": "latin"}]
)
def test_wrong_settings_are_named(settings):
    ((name, value),) = settings.items()
    with pytest.raises(ValueError, match=f"{name}={value!r}"):
        Translation(**settings)


def test_it_round_trips_through_json():
    task = Translation(reverse=True, script="iso15919", scored="all")
    assert from_config(task.to_config()) == task
    assert next(task.examples(SONG)).scored == "all"
