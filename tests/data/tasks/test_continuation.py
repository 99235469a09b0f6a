import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma_keras_ft.config import from_config
from gemma_keras_ft.data.tasks import Continuation
from gemma_keras_ft.records import LyricRecord

SONG = LyricRecord(
    id="song",
    lines=("one", "two", "", "three", "four"),
    romanized=("ONE", "TWO", "", "THREE", "FOUR"),
    language="en",
)
TAMIL = LyricRecord(
    id="mazhai",
    lines=("மழை வந்தது", "மனம்", "காதல்"),
    language="ta",
    romanized=("x", "y", "z"),
)


def test_the_first_lines_are_given_and_the_rest_is_asked_for():
    (example,) = Continuation(prompt_lines=2).examples(SONG)
    assert example.prompt_text == "one\ntwo\n\n"
    assert example.response_text == "three\nfour"
    assert example.context_lines == 2
    assert example.task == "continuation"


@given(st.from_type(LyricRecord), st.integers(1, 6))
def test_prompt_and_response_join_to_the_song(song, prompt_lines):
    examples = list(Continuation(prompt_lines=prompt_lines).examples(song))
    sung = sum(map(bool, song.lines))
    assert len(examples) == (sung > prompt_lines)
    for example in examples:
        assert example.prompt_text + example.response_text == song.text
        assert sum(map(bool, example.prompt)) == prompt_lines
        assert example.response[0]


@given(st.from_type(LyricRecord))
def test_a_romanized_response_brings_its_native_lines(song):
    (native, readable) = (
        list(Continuation(script=script).examples(song))
        for script in ("native", "readable")
    )
    assert len(native) == len(readable)
    for plain, written in zip(native, readable, strict=True):
        assert plain.native is None
        assert (written.native or written.response) == plain.response


def test_the_stored_romanization_is_taken():
    (example,) = Continuation(script="iso15919").examples(SONG)
    assert example.response == ("THREE", "FOUR")
    assert example.native == ("three", "four")


def test_a_romanization_that_does_not_run_line_for_line_has_no_native_lines():
    song = SONG.replace(romanized=("ONE", "TWO", "THREE"))
    (example,) = Continuation(script="iso15919").examples(song)
    assert example.response == ("THREE",)
    assert example.native is None


def test_songs_that_lack_what_is_needed_give_nothing():
    assert not list(Continuation(prompt_lines=4).examples(SONG))
    bare = SONG.replace(romanized=None)
    assert not list(Continuation(script="iso15919").examples(bare))


def test_other_schemes_are_made_from_the_native_lines():
    (example,) = Continuation(script="readable").examples(TAMIL)
    assert example.response == ("kaadhal",)
    (example,) = Continuation(script="iso15919").examples(TAMIL)
    assert example.response == ("z",)


def test_a_script_of_its_own_for_a_language_goes_first():
    task = Continuation(script="native", scripts=(("ta", "iso15919"),))
    (tamil,) = task.examples(TAMIL)
    (english,) = task.examples(SONG)
    assert tamil.response == ("z",)
    assert english.response == ("three", "four")
    assert from_config(task.to_config()) == task


def test_loss_falls_where_it_is_told_to():
    (example,) = Continuation().examples(SONG)
    assert example.scored == "response"
    (example,) = Continuation(scored="all").examples(SONG)
    assert example.scored == "all"


def test_auto_must_be_decided_first():
    with pytest.raises(ValueError, match="script='auto'"):
        list(Continuation(script="auto").examples(TAMIL))


@pytest.mark.parametrize(
    "settings",
    [{"prompt_lines": 0}, {"prompt_lines": 1.5}, {"scored": "b"}, {"script": "latin"}],
)
def test_wrong_settings_are_named(settings):
    ((name, value),) = settings.items()
    with pytest.raises(ValueError, match=f"{name}={value!r}"):
        Continuation(**settings)


def test_it_round_trips_through_json():
    task = Continuation(prompt_lines=3, script="iso15919", scored="all")
    assert from_config(task.to_config()) == task


def test_sacred_songs_are_learned_from_as_they_stand():
    (example,) = Continuation().examples(SONG.replace(no_alter=True))
    assert example.prompt_text + example.response_text == SONG.text
