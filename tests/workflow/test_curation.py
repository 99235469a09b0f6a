import json

import pytest

import gemma_keras_ft as gkf
from gemma_keras_ft.preprocessing import store
from gemma_keras_ft.preprocessing.cleaning.clean import Clean
from gemma_keras_ft.preprocessing.culture.decision_rows import (
    DECISIONS,
    Decision,
    append_decision,
    lines_sha256,
)
from gemma_keras_ft.preprocessing.culture.exclusions import ExclusionList
from gemma_keras_ft.preprocessing.culture.flags import ExcludeFlagged, FlagSpans
from gemma_keras_ft.preprocessing.store import PROTECTED

LINES = (
    "The river runs along the quiet mountain road",
    "And every lantern burns above the silver sea",
    "We carry water home before the morning light",
)
OWN = ExclusionList(name="own", entries=(("wretchword", "slur", "high"),))


def test_equal_names_in_two_sources_are_both_kept(tmp_path):
    for place, folder in enumerate(("one", "two")):
        (tmp_path / folder).mkdir()
        for number in range(6):
            text = "\n".join(f"{folder} {number} {line} {place}" for line in range(4))
            (tmp_path / folder / f"{number}.txt").write_text(text)
    sources = [tmp_path / "one", tmp_path / "two"]
    dataset = gkf.curate(sources, tmp_path / "dataset", language="en")
    ids = [record.id for records in dataset.splits.values() for record in records]
    assert len(ids) == len(set(ids)) == 12


@pytest.mark.parametrize("name", ["", "songs.jsonl"])
def test_a_dataset_never_takes_the_place_of_its_source(tmp_path, name):
    text = '{"lines": ["one line", "another line"]}\n'
    (tmp_path / "songs.jsonl").write_text(text)
    with pytest.raises(FileExistsError, match="must not hold the sources"):
        gkf.curate(tmp_path / name, tmp_path)
    assert (tmp_path / "songs.jsonl").read_text() == text


def test_a_dataset_comes_in_every_format_that_is_asked_for(tmp_path):
    dataset = gkf.curate(
        "embedded:thirukkural", tmp_path / "d", formats=("csv", "parquet", "tfds")
    )
    expected = sorted(record.id for record in dataset.splits["test"])
    for ending in ("csv", "parquet"):
        path = dataset.directory / ending / f"test.{ending}"
        assert sorted(record.id for record in gkf.read_records(path)) == expected
    assert (dataset.directory / "tfds" / "lyrics" / dataset.version).is_dir()
    assert gkf.curate("embedded:thirukkural", tmp_path / "d").version == dataset.version
    assert not (dataset.directory / "csv").exists()


def write_songs(folder, *songs):
    """Writes songs in JSONL, and returns the file."""
    rows = [{"language": "en", **song} for song in songs]
    path = folder / "songs.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def write_list(path, phrase, category="slur"):
    path.write_text(f"phrase,category,severity\n{phrase},{category},high\n")
    return path


def flagging_steps(curated):
    manifest = json.loads((curated.directory / store.MANIFEST).read_text())
    return [
        step for step in manifest["recipe"]["steps"] if step["type"] == "flag_spans"
    ]


@pytest.fixture
def rude(tmp_path):
    """A song with two words that lists name, and one without."""
    return write_songs(
        tmp_path,
        {"id": "rude", "lines": [*LINES, "the wretchword sings, the zorblax hums"]},
        {"id": "fine", "lines": [f"Oh {line}" for line in reversed(LINES)]},
    )


def test_a_list_of_flags_is_added_to_those_of_the_recipe(tmp_path, rude):
    more = write_list(tmp_path / "more.csv", "zorblax", "caste")
    own = FlagSpans(lists=(OWN,), allow=("lantern",), search_no_alter=True)
    dataset = gkf.curate(rude, tmp_path / "d", recipe=[Clean(), own], flag_lists=[more])
    flags = [
        flag["text"]
        for records in dataset.splits.values()
        for record in records
        for flag in record.metadata.get("flags", ())
    ]
    assert flags == ["wretchword", "zorblax"]
    (step,) = flagging_steps(dataset)
    assert [item["name"] for item in step["lists"]] == ["own", "more.csv"]
    assert step["allow"] == ["lantern"] and step["search_no_alter"]


@pytest.mark.parametrize("flags", [(), (FlagSpans(lists=(OWN,)),)])
def test_flags_still_exclude_beside_a_list_of_flags(tmp_path, rude, flags):
    more = write_list(tmp_path / "more.csv", "zorblax" if not flags else "nothing")
    recipe = [Clean(), *flags, ExcludeFlagged()]
    dataset = gkf.curate(rude, tmp_path / "d", recipe=recipe, flag_lists=[more])
    assert dataset.report["set_aside_reasons"] == {"flagged_slur": 1}
    assert len(flagging_steps(dataset)) == 1


def test_a_recipe_that_flags_nothing_flags_what_is_asked_for(tmp_path, rude):
    more = write_list(tmp_path / "more.csv", "zorblax")
    plain = gkf.curate(rude, tmp_path / "plain", recipe=[Clean()])
    assert plain.report["flagged"] == 0 and not flagging_steps(plain)
    flagged = gkf.curate(rude, tmp_path / "d", recipe=[Clean()], flag_lists=[more])
    assert flagged.report["flagged"] == 1


@pytest.mark.parametrize("recipe", [None, [Clean(), FlagSpans(lists=(OWN,))]])
def test_a_protected_phrase_is_not_flagged_as_offensive(tmp_path, rude, recipe):
    slurs = write_list(tmp_path / "slurs.csv", "wretchword")
    phrases = tmp_path / "phrases.txt"
    phrases.write_text("Wretchword\n")
    options = {"recipe": recipe, "flag_lists": [slurs]}
    assert gkf.curate(rude, tmp_path / "a", **options).report["flagged"] == 1
    spared = gkf.curate(rude, tmp_path / "b", protect=[phrases], **options)
    assert spared.report["flagged"] == 0


def test_who_spares_no_protected_phrase_still_spares_none(tmp_path, rude):
    phrases = tmp_path / "phrases.txt"
    phrases.write_text("wretchword\n")
    recipe = [FlagSpans(lists=(OWN,), protected=None)]
    dataset = gkf.curate(rude, tmp_path / "d", recipe=recipe, protect=[phrases])
    assert dataset.report["flagged"] == 1


def test_an_edit_that_drops_a_protected_phrase_is_refused_here_and_in_the_review(
    tmp_path,
):
    lines = ("Call me at 98450 00000 Zorblax Mata", *LINES)
    songs = write_songs(tmp_path, {"id": "a", "lines": lines})
    phrases = tmp_path / "phrases.txt"
    phrases.write_text("Zorblax Mata\n")
    out = tmp_path / "d"
    gkf.curate(songs, out, protect=[phrases])
    (item,) = gkf.review_queue(out)
    edit = Decision(
        record_id="a",
        lines_sha256=lines_sha256(item.record.lines),
        decision="edit",
        lines=("Call me tonight", *LINES),
        reviewer="Asha",
        time="2025-01-31T12:00:00+00:00",
    )
    append_decision(out / DECISIONS, edit)
    again = gkf.curate(songs, out, protect=[phrases])
    assert again.report["reviewed"] == {"refused": 1}
    (item,) = gkf.review_queue(out)
    assert item.review.state == "refused" and "Zorblax Mata" in item.review.why
    assert item.record.lines == lines
    # Who protects the phrase no longer can edit the line.
    free = gkf.curate(songs, out)
    assert free.report["reviewed"] == {"edited": 1}
    assert not (out / PROTECTED).exists()
    (item,) = gkf.review_queue(out, decided=True)
    assert item.review.state == "edited"


def test_a_license_is_judged_before_anything_else(tmp_path):
    songs = write_songs(
        tmp_path,
        {"id": "empty", "lines": ["..."], "license": "all rights reserved"},
        {"id": "free", "lines": LINES, "license": "CC0-1.0"},
    )
    plain = gkf.curate(songs, tmp_path / "plain")
    assert plain.report["set_aside_reasons"] == {"no_letters": 1}
    judged = gkf.curate(songs, tmp_path / "judged", allow_licenses=["CC0-1.0"])
    (reason,) = judged.report["set_aside_reasons"]
    assert "license" in reason
