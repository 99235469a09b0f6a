from gemma_keras_ft.preprocessing.cleaning.timestamps import StripTimestamps
from gemma_keras_ft.records import LyricRecord


def stripped(*lines, **fields):
    return StripTimestamps()(LyricRecord(id="a", lines=lines, **fields))


def test_times_and_tags_move_to_the_metadata():
    found = stripped(
        "[ti:Nadi]",
        "[ar:Asha]",
        "[offset:20]",
        "[00:10.50][01:00.00]la",
        "",
        "[00:20]lo",
    )
    assert found.lines == ("la", "", "lo", "la")
    assert (found.title, found.author) == ("Nadi", "Asha")
    assert found.metadata == {
        "credits": [
            {"role": "title", "name": "Nadi"},
            {"role": "artist", "name": "Asha"},
        ],
        "removed": ["[ti:Nadi]", "[ar:Asha]", "[offset:20]"],
        "line_times_seconds": [10.5, None, 20.0, 60.0],
        "filled": ["title", "author"],
    }


def test_what_is_known_is_not_overwritten():
    found = stripped("[ti:Other]", "[00:01.00]la", title="Nadi")
    assert found.title == "Nadi"
    assert "filled" not in found.metadata


def test_a_translation_follows_its_line():
    found = stripped(
        "[00:10.00][00:30.00]la",
        "[00:20.00]lo",
        romanized=("LA", "[00:20.00]LO"),
        translation=("eins", "zwei"),
    )
    assert found.lines == ("la", "lo", "la")
    assert found.romanized == ("LA", "LO", "LA")
    assert found.translation == ("eins", "zwei", "eins")
