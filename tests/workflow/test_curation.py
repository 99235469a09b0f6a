import pytest

import gemma_keras_ft as gkf


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
