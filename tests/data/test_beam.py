import json

import pytest

from gemma_keras_ft.data.builder import from_example
from gemma_keras_ft.preprocessing.curate import curate_records, default_recipe
from gemma_keras_ft.preprocessing.prepare import Road
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
        LyricRecord(id="short", lines=("one",)),
        LyricRecord(id="none", lines=("...", "♪", "!!")),
        SetAside(id="bad", reason="bad_json", where="f:3"),
    ]
    return [*songs, *made]


@pytest.mark.parametrize("keep_artists", [False, True])
def test_beam_gives_the_records_and_splits_of_one_machine(
    records, keep_artists, tmp_path
):
    import tensorflow_datasets as tfds

    from gemma_keras_ft.data.beam import stage_records
    from gemma_keras_ft.data.beam_builder import write_tfds_with_beam

    split = Split(seed=3, keep_artists=keep_artists)
    road = Road(steps=default_recipe(), split=split)
    pattern = stage_records(iter(records), tmp_path / "staged")
    write_tfds_with_beam(pattern, road, tmp_path / "tfds", corpus="trial")
    curation = curate_records(records, split=split)
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
