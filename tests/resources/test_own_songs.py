import collections
import gzip
import importlib
import sys
import unicodedata
from pathlib import Path

import pytest
import regex

from gemma_keras_ft.preprocessing.cleaning.labels import LabelSections
from gemma_keras_ft.preprocessing.filling.missing import detect_script
from gemma_keras_ft.preprocessing.text.normalize import normalize_text
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.resources.corpus import embedded_collections
from gemma_keras_ft.resources.own_songs import own_songs, own_songs_path

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(scope="module")
def script():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(SCRIPTS), *sys.path])
        yield importlib.import_module("own_songs")


def stanzas(song):
    return [part.split("\n") for part in song.text.split("\n\n")]


def test_forty_songs_in_eleven_languages_and_writings():
    songs = own_songs()
    counts = collections.Counter(song.language for song in songs)
    assert sum(counts.values()) == 40
    assert {"hi", "pa", "bn", "ta", "te", "mr", "ur", "en"} <= {*counts}
    assert min(counts[name] for name in ("hi", "pa", "bn", "ta", "te", "mr")) >= 4
    assert counts["hi-Latn"] == counts["pa-Latn"] == counts["ta-Latn"] == 1
    assert len({song.id for song in songs}) == len({song.text for song in songs}) == 40


def test_every_song_says_that_it_is_ours_and_free():
    for song in own_songs():
        assert song.source == "written for gemma_keras_ft"
        assert song.license == "CC0-1.0"
        assert song.id.startswith("own-")
        assert not song.no_alter
        for field in ("title", "author", "era", "style", "contributor", "consent"):
            assert getattr(song, field), (song.id, field)
        assert song.metadata["title_en"]


def test_songs_are_short_and_every_stanza_has_a_label():
    for song in own_songs():
        assert 4 <= sum(map(bool, song.lines)) <= 16, song.id
        names = song.metadata["sections"], song.metadata["section_labels"]
        assert len(stanzas(song)) == len(names[0]) == len(names[1]), song.id
        assert all(all(stanza) for stanza in stanzas(song)), song.id
        kinds = {name.split()[0] for name in names[0]}
        assert kinds & {"chorus", "refrain", "sthayi", "pallavi"}, song.id
        assert kinds & {"verse", "antara", "charanam"}, song.id


def test_sections_are_named_as_curation_names_them():
    for song in own_songs():
        labels = [f"[{label}]" for label in song.metadata["section_labels"]]
        lines = [
            line
            for label, stanza in zip(labels, stanzas(song), strict=True)
            for line in (label, *stanza, "")
        ]
        found = LabelSections()(song.replace(lines=lines)).lines
        named = [line for line in found if line.startswith("[")]
        assert named == [f"[{name}]" for name in song.metadata["sections"]], song.id


def test_text_is_normalized_as_it_stands():
    for song in own_songs():
        for line in (song.title, *song.lines):
            assert normalize_text(line, song.language).strip() == line, song.id
            assert unicodedata.is_normalized("NFC", line), song.id


def test_declared_scripts_are_those_of_the_letters():
    for song in own_songs():
        latin = regex.search(r"\p{Latin}", song.text)
        if song.script == "Latn" or not latin:
            assert detect_script(song.text) == song.script, song.id
        else:
            native = regex.sub(r"\p{Latin}", "", song.text)
            assert detect_script(native) == song.script, song.id
            assert song.metadata["code_mixed"], song.id


def test_what_is_special_occurs_in_the_song():
    found = collections.Counter()
    for song in own_songs():
        for kind in ("idioms", "vocables"):
            for phrase in song.metadata.get(kind, ()):
                assert phrase.lower() in song.text.lower(), (song.id, phrase)
                found[kind] += 1
        found["code_mixed"] += "code_mixed" in song.metadata
        found["backing"] += any(line.startswith("(") for line in song.lines)
        found["elision"] += bool(regex.search(r"(?<=\p{M}|\p{L})'|'\p{L}", song.text))
        found["refrain"] += len({*song.lines} - {""}) < sum(map(bool, song.lines))
    assert found["idioms"] >= 10
    assert found["vocables"] >= 15
    assert found["code_mixed"] == 6
    assert found["backing"] >= 35
    assert found["elision"] >= 8
    assert found["refrain"] >= 15


def test_our_own_songs_are_no_part_of_the_embedded_corpus():
    assert "own_songs" not in embedded_collections()


def test_the_file_holds_what_the_sheet_says(script, tmp_path, monkeypatch, capsys):
    out = tmp_path / "songs.jsonl.gz"
    monkeypatch.setattr(sys, "argv", ["own_songs.py", "--out", str(out)])
    script.main()
    assert "40 songs" in capsys.readouterr().out
    # The packed bytes depend on the zlib at hand, what they hold does not.
    assert gzip.decompress(out.read_bytes()) == gzip.decompress(
        own_songs_path().read_bytes()
    )


def test_a_sheet_is_read_as_it_says(script):
    sheet = """
== en-two | en | Latn | Two | Deux
idioms: a b; c
[Verse 1]
one
two
[Chorus]
la
[Verse 2]
three
[Chorus]
…
"""
    (song,) = script.read_sheet(sheet)
    assert song == LyricRecord(
        id="own-en-two",
        lines=("one", "two", "", "la", "", "three", "", "la"),
        title="Two",
        author="The gemma_keras_ft authors",
        language="en",
        script="Latn",
        style="lyrical",
        era="2020s",
        source="written for gemma_keras_ft",
        license="CC0-1.0",
        contributor="The gemma_keras_ft authors",
        consent="Given to the public domain by those who wrote it.",
        metadata={
            "title_en": "Deux",
            "idioms": ["a b", "c"],
            "section_labels": ["Verse 1", "Chorus", "Verse 2", "Chorus"],
            "sections": ["verse 1", "chorus", "verse 2", "chorus"],
        },
    )


def test_an_unknown_label_is_named(script):
    with pytest.raises(ValueError, match="Received: 'Ritornello'"):
        list(script.read_sheet("\n== a | en | Latn | A | A\n[Ritornello]\nla\n"))
