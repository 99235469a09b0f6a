import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma_keras_ft.data.tasks import SCRIPTS, Continuation, Translation
from gemma_keras_ft.data.tasks.languages import language_name, one_line
from gemma_keras_ft.data.tasks.scripts import (
    lines_in_script,
    native_beside,
    stanzas,
    text_in_script,
)
from gemma_keras_ft.records import LyricRecord

TAMIL = LyricRecord(
    id="mazhai",
    lines=("மழை வந்தது", "", "காதல்"),
    language="ta",
    romanized=("x", "", "z"),
)


@pytest.mark.parametrize(
    ("script", "last"),
    [
        ("native", "காதல்"),
        ("iso15919", "z"),  # as curation stored it
        ("iast", "kātal"),
        ("itrans", "kAtal"),
        ("hk", "kAtal"),
        ("readable", "kaadhal"),
    ],
)
def test_lines_come_in_the_script_asked_for(script, last):
    assert lines_in_script(TAMIL, script)[-1] == last
    assert len(lines_in_script(TAMIL, script)) == 3


def test_every_script_has_its_row_above():
    assert SCRIPTS == ("native", "iso15919", "iast", "itrans", "hk", "readable")


def test_another_stored_scheme_is_not_taken_for_iso_15919():
    song = TAMIL.replace(metadata={"romanization": "itrans"})
    assert lines_in_script(song, "iso15919") == ("maḻai vantatu", "", "kātal")
    assert lines_in_script(TAMIL.replace(romanized=None), "iso15919") is None


def test_a_script_of_its_own_for_a_language_goes_first():
    scripts = (("ta", "iso15919"),)
    assert lines_in_script(TAMIL, "native", scripts) == ("x", "", "z")
    other = TAMIL.replace(language="ml")
    assert lines_in_script(other, "native", scripts) == TAMIL.lines


def test_auto_must_be_decided_first():
    with pytest.raises(ValueError, match="script='auto'"):
        lines_in_script(TAMIL, "auto")
    assert lines_in_script(TAMIL, "auto", (("ta", "native"),)) == TAMIL.lines


def test_titles_are_written_in_the_script_of_the_song():
    assert text_in_script(TAMIL, "காதல்", "readable") == "kaadhal"
    assert text_in_script(TAMIL, "காதல்", "native") == "காதல்"


def test_native_lines_are_given_where_they_run_beside():
    assert native_beside(TAMIL, TAMIL.romanized) == TAMIL.lines
    assert native_beside(TAMIL, TAMIL.lines) is None
    assert native_beside(TAMIL, ("x z",)) is None


@pytest.mark.parametrize("task", [Continuation, Translation])
@pytest.mark.parametrize("scripts", [(("ta", "auto"),), (("ta",),), (("ta", "latin"),)])
def test_wrong_scripts_are_named(task, scripts):
    with pytest.raises(ValueError, match="script='latin'"):
        task(script="latin")
    with pytest.raises(ValueError, match="`scripts`"):
        task(scripts=scripts)


@given(st.lists(st.sampled_from(["", "a", "b"])))
def test_stanzas_are_the_runs_of_sung_lines(lines):
    found = stanzas(lines)
    covered = [place for start, stop in found for place in range(start, stop)]
    assert covered == [place for place, line in enumerate(lines) if line]
    for start, stop in found:
        assert start < stop
        assert not any(lines[max(start - 1, 0) : start] + lines[stop : stop + 1])


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("ta", "Tamil"),
        ("pa-Guru", "Punjabi"),
        ("PA", "Punjabi"),
        ("lzh", "Literary Chinese"),
        ("zu", "Zulu"),
        ("xx-Latn", "xx-Latn"),
        ("", ""),
        (None, ""),
    ],
)
def test_languages_are_called_by_their_names(tag, name):
    assert language_name(tag) == name


def test_facts_stay_on_one_line():
    assert one_line(" a\n b\t\x85c ") == "a b c"
    assert one_line(" \t") == one_line(None) == ""
