import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma_keras_ft.config import from_config
from gemma_keras_ft.data.tasks import Meaning, PlainText, TitleToLyrics
from gemma_keras_ft.records import LyricRecord

SONG = LyricRecord(
    id="song",
    lines=("மழை", "", "காதல்"),
    title="காதல்\n மழை ",
    author="Anon",
    language="ta",
    style="lyrical",
    romanized=("maḻai", "", "kātal"),
    metadata={"meaning": "Rain is love."},
)
TASKS = [TitleToLyrics, Meaning, PlainText]


def test_what_is_known_stands_before_the_song():
    (example,) = TitleToLyrics().examples(SONG)
    assert example.prompt_text == (
        "title: காதல் மழை\nauthor: Anon\nlanguage: Tamil\nstyle: lyrical\n\n"
    )
    assert example.response == SONG.lines
    assert example.native is None
    assert example.task == "title_to_lyrics"


def test_what_is_not_known_has_no_label():
    bare = SONG.replace(author=None, language=None, style=" ")
    (example,) = TitleToLyrics().examples(bare)
    assert example.prompt_text == "title: காதல் மழை\n\n"


def test_the_title_is_written_in_the_script_of_the_song():
    (example,) = TitleToLyrics(script="iso15919").examples(SONG)
    assert example.lead.startswith("title: kātal maḻai\nauthor: Anon\n")
    assert example.response == SONG.romanized
    assert example.native == SONG.lines


def test_the_labels_stand_apart_so_that_every_row_can_begin_with_them():
    (example,) = TitleToLyrics().examples(SONG)
    assert example.lead.endswith("\n")
    assert not example.prompt
    assert example.context_lines > 0


@pytest.mark.parametrize("title", [None, "", " \t"])
def test_a_song_without_title_gives_no_lyrics_to_it(title):
    assert not list(TitleToLyrics().examples(SONG.replace(title=title)))


@pytest.mark.parametrize(
    ("meaning", "lines"),
    [
        ("Rain is love.", ("Rain is love.",)),
        ("Rain\nis love.\n", ("Rain", "is love.")),
        (["Rain", "", "is love."], ("Rain", "", "is love.")),
        (("Rain\nis", "love."), ("Rain", "is", "love.")),
    ],
)
def test_the_meaning_is_asked_for(meaning, lines):
    song = SONG.replace(metadata={"meaning": meaning})
    (example,) = Meaning().examples(song)
    assert example.prompt_text == "மழை\n\nகாதல்\n\nmeaning: "
    assert example.response == lines
    assert example.native is None
    (romanized,) = Meaning(script="iso15919").examples(song)
    assert romanized.prompt == SONG.romanized
    assert romanized.response == lines


@pytest.mark.parametrize("meaning", [None, "", " \n", [], [""], 7, ["a", 7], {"en": 1}])
def test_a_meaning_that_tells_nothing_is_passed_over(meaning):
    assert not list(Meaning().examples(SONG.replace(metadata={"meaning": meaning})))


@given(st.from_type(LyricRecord))
def test_plain_text_is_the_song_and_nothing_else(song):
    examples = list(PlainText().examples(song))
    assert len(examples) == any(song.lines)
    for example in examples:
        assert example.prompt_text == ""
        assert example.response_text == song.text
        assert example.task == "plain_text"


def test_plain_text_in_another_script_brings_its_native_lines():
    (example,) = PlainText(script="iso15919").examples(SONG)
    assert example.response == SONG.romanized
    assert example.native == SONG.lines


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("lines", [(), ("", "")])
def test_songs_without_text_give_nothing(task, lines):
    assert not list(task().examples(SONG.replace(lines=lines, romanized=None)))
    bare = SONG.replace(romanized=None)
    assert not list(task(script="iso15919").examples(bare))


@pytest.mark.parametrize("task", TASKS)
def test_songs_round_trip_and_wrong_scripts_are_named(task):
    made = task(script="hk", scripts=(("ta", "iso15919"),))
    assert from_config(made.to_config()) == made
    with pytest.raises(ValueError, match="script='latin'"):
        task(script="latin")


@pytest.mark.parametrize("task", [TitleToLyrics, Meaning])
def test_loss_falls_where_it_is_told_to(task):
    (example,) = task(scored="all").examples(SONG)
    assert example.scored == "all"
    with pytest.raises(ValueError, match="scored='some'"):
        task(scored="some")


def test_the_author_is_written_in_the_script_of_the_song():
    song = SONG.replace(author="கவிஞர்")
    (example,) = TitleToLyrics(script="iso15919").examples(song)
    assert "author: kaviñar\n" in example.lead
