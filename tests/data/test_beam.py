import json

import pytest

from gemma_keras_ft.data.builder import from_example
from gemma_keras_ft.preprocessing.culture.decision_rows import Decision, lines_sha256
from gemma_keras_ft.preprocessing.culture.decisions import Decisions
from gemma_keras_ft.preprocessing.curate import curate_records, default_recipe
from gemma_keras_ft.preprocessing.road import Road
from gemma_keras_ft.preprocessing.romanization.romanize import romanize_text
from gemma_keras_ft.preprocessing.splitting.split import SPLITS, Split
from gemma_keras_ft.records import LyricRecord, SetAside, to_json_line
from gemma_keras_ft.resources.corpus import embedded_records

pytest.importorskip("apache_beam", reason="needs the extra [beam]")


@pytest.fixture(scope="module")
def records():
    """Songs with copies, romanized copies, versions, twice-used ids, bad rows."""
    collections = ["thirukkural", "psalms_tagalog", "romanised_urdu"]
    songs = [
        record.replace(author=f"poet {place // 4}")
        for place, record in enumerate(embedded_records(collections))
    ]
    made = [
        song.replace(
            id=f"{song.id}-latin",
            lines=tuple(map(romanize_text, song.lines)),
            romanized=None,
            script="Latn",
        )
        for song in songs[:20]
    ]
    made += [song.replace(id=f"{song.id}-copy") for song in songs[5:15]]
    made += [
        song.replace(id=f"{song.id}-version", lines=(*song.lines[:-2], "one more line"))
        for song in songs[10:40]
    ]
    made += [
        song.replace(
            id=f"{song.id}-cut", lines=(*song.lines[:-1], f"{song.lines[-1][:9]}…")
        )
        for song in songs[50:60]
    ]
    made += [
        song.replace(id=f"{song.id}-sacred", no_alter=True) for song in songs[60:65]
    ]
    made += [
        LyricRecord(id="short", lines=("one",)),
        LyricRecord(id="none", lines=("...", "♪", "!!")),
        SetAside(id="bad", reason="bad_json", where="f:3"),
    ]
    return [*songs, *made]


@pytest.fixture(scope="module")
def decisions(records):
    """Exclusions of a song that has a copy, and of one that was completed."""
    curation = curate_records(records)
    seen = {r.id: r for split in SPLITS for r in curation.stream(split)}
    return Decisions(
        tuple(
            Decision(
                record_id=name,
                lines_sha256=lines_sha256(seen[name].lines),
                decision="exclude",
                reviewer="Asha",
                time="2025-01-31T12:00:00+00:00",
            )
            for name in (records[5].id, f"{records[52].id}-cut")
        )
    )


@pytest.mark.parametrize("keep_artists", [False, True])
def test_beam_gives_the_records_and_splits_of_one_machine(
    records, decisions, keep_artists, tmp_path
):
    import tensorflow_datasets as tfds

    from gemma_keras_ft.data.beam import stage_records
    from gemma_keras_ft.data.beam_builder import write_tfds_with_beam

    split = Split(seed=3, keep_artists=keep_artists)
    road = Road(steps=default_recipe(), split=split, decisions=decisions)
    pattern = stage_records(iter(records), tmp_path / "staged")
    write_tfds_with_beam(pattern, road, tmp_path / "tfds", corpus="trial")
    curation = curate_records(records, split=split, decisions=decisions)
    for name in SPLITS:
        read = tfds.load("lyrics/trial", data_dir=str(tmp_path / "tfds"), split=name)
        found = {example["id"].decode(): example for example in tfds.as_numpy(read)}
        expected = {record.id: record for record in curation.stream(name)}
        assert {key: from_example(found[key]) for key in found} == expected
    aside = [
        line
        for path in (tmp_path / "tfds" / "lyrics").glob("trial-set_aside*.jsonl")
        for line in path.read_text().splitlines(keepends=True)
    ]
    expected = [to_json_line(item.to_dict()) for item in curation.stream_set_aside()]
    assert sorted(aside) == sorted(expected)
    reasons = {json.loads(line)["reason"] for line in aside}
    assert {"duplicate", "too_few_lines", "bad_json"} <= reasons
    names = {json.loads(line)["id"]: json.loads(line)["reason"] for line in aside}
    assert names[records[5].id] == names[f"{records[52].id}-cut"] == "review_excluded"
    assert names[f"{records[5].id}-copy"] == names[records[60].id] == "duplicate"
