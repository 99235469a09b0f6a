import html
import importlib
import itertools
import sys
from pathlib import Path

import pytest

from gemma_keras_ft.preprocessing.curate import default_recipe
from gemma_keras_ft.preprocessing.text.normalize import comparison_form
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.resources.own_songs import own_songs

with pytest.MonkeyPatch.context() as _patch:
    _patch.setattr(sys, "path", [str(Path(__file__).parent), *sys.path])
    noise = importlib.import_module("noise")

SEEDS = range(3)
NAMES = sorted(noise.NOISES)
# Change characters of the song, or take some away.
REWRITING = {"markup", "mojibake", "repeat_marks"}


def clean_songs(name, seed):
    if name == "repeat_marks":
        return [noise.double_lines(song, seed) for song in own_songs()]
    return own_songs()


def visible(text):
    return "".join(text.split())


def dirty_copies(name):
    for seed in SEEDS:
        for song in clean_songs(name, seed):
            dirty, injected = noise.inject(song, name, seed)
            if injected:
                yield song, dirty, injected


@pytest.mark.parametrize("name", NAMES)
def test_noise_is_seeded_and_real(name):
    copies = list(dirty_copies(name))
    assert len(copies) >= 90
    for song, dirty, _ in copies:
        assert dirty.lines != song.lines
        assert dirty == song.replace(lines=dirty.lines)
    song = clean_songs(name, 0)[0]
    assert noise.inject(song, name, 5) == noise.inject(song, name, 5)
    lines = {noise.inject(song, name, seed)[0].lines for seed in range(30)}
    assert len(lines) > 1 or name == "mojibake"


@pytest.mark.parametrize("name", [name for name in NAMES if name not in REWRITING])
def test_noise_is_accounted_for(name):
    for song, dirty, injected in dirty_copies(name):
        text = visible(dirty.text)
        for piece in injected:
            assert visible(piece) in text, (song.id, piece)
        count = sum(len(visible(piece)) for piece in injected)
        assert len(text) == len(visible(song.text)) + count, song.id
        remaining = iter(text)
        assert all(char in remaining for char in visible(song.text)), song.id


def test_misread_text_can_be_read_back():
    for song, dirty, _ in dirty_copies("mojibake"):
        assert tuple(map(noise.read_back, dirty.lines)) == song.lines
        assert song.language not in ("en", "hi-Latn")
    assert noise.misread("दिल") == "à¤¦à¤¿à¤²"


def test_marked_lines_are_those_sung_twice():
    for song, dirty, injected in dirty_copies("repeat_marks"):
        expanded = []
        for line in dirty.lines:
            bare = line.removesuffix(injected[0])
            expanded += [bare] * (1 if bare == line else 2)
        assert tuple(expanded) == song.lines


def test_a_page_holds_the_song():
    for song, dirty, injected in dirty_copies("markup"):
        (text,) = dirty.lines
        for piece in injected:
            assert piece in text
            text = text.replace(piece, "", 1)
        bare = "".join(song.lines)
        assert html.unescape(text) == bare, song.id


def run(record):
    for step in default_recipe():
        record = step(record)
        assert isinstance(record, LyricRecord), record
    return record


def split_labels(lines, sections):
    """Parts the labels that curation keeps, as `[verse 1]`, from what is sung."""
    known = {f"[{name}]" for name in sections}
    sung = tuple(line for line in lines if line not in known)
    return [line for line in lines if line in known], sung


@pytest.mark.parametrize("name", NAMES)
def test_the_default_recipe_recovers_the_song(name):
    failures = []
    for song, dirty, injected in dirty_copies(name):
        sections = song.metadata["sections"]
        labels, found = split_labels(run(dirty).lines, sections)
        # A label is kept in one form or taken out: all of them, or none.
        assert labels in ([], [f"[{section}]" for section in sections]), song.id
        expected = run(song).lines
        if found != expected:
            pairs = itertools.zip_longest(expected, found)
            pair = next((a, b) for a, b in pairs if a != b)
            failures.append((song.id, injected[:3], pair))
    assert not failures, (len(failures), failures[:5])


def test_the_default_recipe_keeps_every_word_of_clean_songs():
    for song in own_songs():
        found = run(song)
        assert comparison_form(found.text) == comparison_form(song.text), song.id
        assert [not line for line in found.lines] == [not line for line in song.lines]
