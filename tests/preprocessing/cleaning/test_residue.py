import pytest

from gemma_keras_ft.preprocessing.cleaning.cues import is_cue
from gemma_keras_ft.preprocessing.cleaning.residue import StripResidue
from gemma_keras_ft.records import LyricRecord


def stripped(*lines, **fields):
    return StripResidue()(LyricRecord(id="a", lines=lines, **fields))


@pytest.mark.parametrize(
    ("before", "after", "removed"),
    [
        ("मैं तो तेरे पास में3Embed", "मैं तो तेरे पास में", ["3Embed"]),
        ("one\nla la!12.5KEmbed", "one\nla la!", ["12.5KEmbed"]),
        ("la1Embed2MEmbed", "la", ["1Embed2MEmbed"]),
        ("ਪਾਣੀ।Embed", "ਪਾਣੀ।", ["Embed"]),
        (
            "27 ContributorsTranslationsEspañolहिन्दीनदी Lyrics[Verse 1]\nla",
            "[Verse 1]\nla",
            ["27 ContributorsTranslationsEspañolहिन्दीनदी Lyrics"],
        ),
        (
            "1 Contributorगीत Lyricsपहली\n(Music)\nदूसरी3Embed",
            "पहली\nदूसरी",
            ["1 Contributorगीत Lyrics", "3Embed", "(Music)"],
        ),
    ],
)
def test_residue_moves_to_the_metadata(before, after, removed):
    found = stripped(*before.split("\n"), metadata={"raag": "x"})
    assert found.text == after
    assert found.metadata == {"raag": "x", "removed": removed}


@pytest.mark.parametrize(
    "text",
    [
        f"3 Contributors{'x' * 300} Lyricsla",
        "one\n3 Contributorsगीत Lyricsपहली",
        "one3Embed\ntwo",
        "(Embed",
        "EMBED",
    ],
)
def test_what_only_looks_like_residue_stays(text):
    found = stripped(*text.split("\n"))
    assert (found.text, found.metadata) == (text, {})


def test_guests_are_performers_in_lines_and_titles():
    found = stripped(
        "Tune (feat. Jo & Al)", "la", title="Tune [ft. Asha] (Official Video)"
    )
    assert (found.lines, found.title) == (("Tune", "la"), "Tune")
    assert found.metadata["performers"] == ["Jo & Al", "Asha"]


def test_a_title_is_never_emptied():
    assert stripped("la", title="(Official Video)").title == "(Official Video)"


@pytest.mark.parametrize(
    "line",
    ["(Music)", "[Instrumental Break]", "*applause*", "♪ music playing ♪", "【संगीत】"],
)
def test_cues_are_set_off(line):
    assert is_cue(line)
    assert not is_cue(line.strip("()[]*♪【】 "))
    assert not is_cue(f"la {line}")


def test_cues_stay_where_there_is_nothing_else():
    assert stripped("(Music)", "[Instrumental]").lines == ("(Music)", "[Instrumental]")
