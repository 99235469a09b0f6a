import pytest

from gemma_keras_ft.config import from_config
from gemma_keras_ft.data.tasks import Continuation, Translation
from gemma_keras_ft.records import LyricRecord

SONG = LyricRecord(
    id="song",
    lines=("one", "two", "", "three", "four"),
    romanized=("ONE", "TWO", "", "THREE", "FOUR"),
    translation=("eins", "zwei", "", "drei", "vier"),
    language="en",
    translation_language="de",
)


def test_continuation_gives_the_first_lines_and_asks_for_the_rest():
    (example,) = Continuation(prompt_lines=2).examples(SONG)
    assert example.prompt_text == "one\ntwo\n\n"
    assert example.response_text == "three\nfour"


def test_prompt_and_response_join_to_the_song():
    for prompt_lines in (1, 2, 3):
        (example,) = Continuation(prompt_lines=prompt_lines).examples(SONG)
        assert example.prompt_text + example.response_text == SONG.text


def test_continuation_takes_the_romanized_lines():
    (example,) = Continuation(script="iso15919").examples(SONG)
    assert example.response == ("THREE", "FOUR")


def test_songs_that_lack_what_is_needed_give_nothing():
    assert not list(Continuation(prompt_lines=4).examples(SONG))
    bare = SONG.replace(romanized=None, translation=None)
    assert not list(Continuation(script="iso15919").examples(bare))
    assert not list(Translation().examples(bare))


def test_translation_goes_line_by_line_where_lines_run_parallel():
    examples = list(Translation().examples(SONG))
    assert [example.response_text for example in examples] == list(
        line for line in SONG.translation if line
    )
    assert examples[0].prompt_text == "en: one\nde: "


def test_translation_takes_the_whole_song_otherwise():
    (example,) = Translation().examples(SONG.replace(translation=("alles",)))
    assert example.prompt == SONG.lines
    assert example.response == ("alles",)


@pytest.mark.parametrize(
    "task", [Continuation(prompt_lines=3, script="iso15919"), Translation()]
)
def test_tasks_round_trip_through_json(task):
    assert from_config(task.to_config()) == task


def test_wrong_settings_are_named():
    with pytest.raises(ValueError, match="script='latin'"):
        Continuation(script="latin")
    with pytest.raises(ValueError, match="script='latin'"):
        Translation(script="latin")
    with pytest.raises(ValueError, match="prompt_lines=0"):
        Continuation(prompt_lines=0)


def test_translation_without_language_tags_names_the_two_sides():
    bare = SONG.replace(language=None, translation_language=None)
    example = next(Translation().examples(bare))
    assert example.prompt_text == "lyrics: one\ntranslation: "


TAMIL = LyricRecord(
    id="mazhai",
    lines=("மழை வந்தது", "மனம்", "காதல்"),
    language="ta",
    romanized=("x", "y", "z"),
)


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


def test_auto_must_be_decided_first():
    with pytest.raises(ValueError, match="script='auto'"):
        list(Continuation(script="auto").examples(TAMIL))


@pytest.mark.parametrize("scripts", [(("ta", "auto"),), (("ta",),), (("ta", "latin"),)])
def test_wrong_scripts_are_named(scripts):
    with pytest.raises(ValueError, match="`scripts`"):
        Translation(scripts=scripts)
