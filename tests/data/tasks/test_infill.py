import os
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma_keras_ft.config import from_config
from gemma_keras_ft.data.tasks import Infill
from gemma_keras_ft.records import LyricRecord

SONG = LyricRecord(id="song", lines=("a", "b", "", "c", "d", "", "e"))
ALONE = LyricRecord(id="alone", lines=tuple("abcdefghi"))


def left_out(task, song):
    (example,) = task.examples(song)
    return example.response


def test_a_stanza_is_left_out_and_asked_for():
    songs = [SONG.replace(id=str(number)) for number in range(60)]
    found = Counter(left_out(Infill(), song) for song in songs)
    assert set(found) == {("a", "b"), ("c", "d"), ("e",)}
    # 60 draws of one in three.
    assert min(found.values()) > 8


def test_a_prompt_is_drawn_as_documented():
    seed = next(s for s in range(99) if left_out(Infill(seed=s), SONG)[0] == "c")
    (example,) = Infill(seed=seed).examples(SONG)
    assert example.prompt_text == "a\nb\n\n[...]\n\ne\n\n[...]\n"
    assert example.response == ("c", "d")
    assert example.task == "infill"


def test_of_a_single_stanza_a_quarter_from_inside_is_left_out():
    found = {left_out(Infill(seed=seed), ALONE) for seed in range(200)}
    assert found == {tuple("abcdefghi"[i : i + 2]) for i in range(1, 7)}


@given(
    st.from_type(LyricRecord),
    st.integers(0, 2**31 - 1),
    st.sampled_from(["native", "readable"]),
)
def test_the_response_in_the_place_of_the_placeholder_gives_the_song(
    song, seed, script
):
    examples = list(Infill(seed=seed, script=script).examples(song))
    stanzas = [part for part in song.text.split("\n\n") if part]
    enough = len(stanzas) > 1 or len(song.lines) > 2
    assert len(examples) == enough
    for example in examples:
        place = example.prompt.index("[...]")
        assert example.prompt.count("[...]") == 1
        given, after = example.prompt[:place], example.prompt[place + 1 :]
        assert any(given + after)
        native = example.native or example.response
        if script == "native":
            assert given + example.response + after == song.lines
        stop = place + len(native)
        assert song.lines[place:stop] == native
        assert len(given) + len(native) + len(after) == len(song.lines)


def test_a_song_that_has_the_placeholder_gives_nothing():
    song = SONG.replace(lines=(*SONG.lines, "[...]"))
    assert not list(Infill().examples(song))
    assert list(Infill(placeholder="___").examples(song))


@pytest.mark.parametrize("lines", [(), ("a",), ("a", "b"), ("", "a", "b", "")])
def test_songs_too_short_for_a_gap_give_nothing(lines):
    assert not list(Infill().examples(LyricRecord(id="x", lines=lines)))


def test_a_song_without_the_script_gives_nothing():
    assert not list(Infill(script="iso15919").examples(SONG))


def test_the_choice_is_the_same_in_every_process():
    program = (
        "from gemma_keras_ft.data.tasks import Infill\n"
        "from gemma_keras_ft.records import LyricRecord\n"
        "lines = ('a', '', 'b', '', 'c', '', 'd')\n"
        "songs = [LyricRecord(id=f'ü{n}', lines=lines) for n in range(40)]\n"
        "gaps = [e.response[0] for s in songs for e in Infill(seed=3).examples(s)]\n"
        "print(''.join(gaps))"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    # Pinned: a changed draw would change what stored runs were trained on.
    assert printed == {"dacaaccbdcacdaaddbcadbcdddcababbbbcaccdd\n"}


def test_an_id_that_utf_8_cannot_hold_draws_too():
    assert left_out(Infill(), SONG.replace(id="\ud83d"))


@pytest.mark.parametrize(
    "settings",
    [
        {"placeholder": ""},
        {"placeholder": " "},
        {"placeholder": "a\nb"},
        {"placeholder": 3},
        {"seed": -1},
        {"scored": "some"},
        {"script": "latin"},
    ],
)
def test_wrong_settings_are_named(settings):
    with pytest.raises(ValueError, match=f"{next(iter(settings))}="):
        Infill(**settings)


def test_it_round_trips_through_json():
    task = Infill(placeholder="___", seed=4, script="hk", scored="all")
    assert from_config(task.to_config()) == task
