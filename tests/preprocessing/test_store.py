import dataclasses
import json

import pytest

from gemma_keras_ft.preprocessing.curate import curate_records
from gemma_keras_ft.preprocessing.store import read_dataset, write_dataset
from gemma_keras_ft.records import LyricRecord, SetAside


def songs(count=10, word="word"):
    return [
        LyricRecord(
            id=f"s{number}",
            lines=(f"{word} {number} one", f"{word} {number} two", "", "three\u2028x"),
            language="en",
            style="lyrical" if number % 2 else "narrative",
            metadata={"n": number},
        )
        for number in range(count)
    ]


@pytest.fixture
def written(tmp_path):
    aside = SetAside(id="bad", reason="bad_json", detail="lone \ud800 surrogate")
    return write_dataset(curate_records([*songs(), aside]), tmp_path / "d")


def test_what_is_read_is_what_was_written(written):
    assert read_dataset(written.directory) == written
    curation = curate_records(songs())
    assert written.splits == curation.splits


def test_equal_texts_give_equal_versions(written, tmp_path):
    again = write_dataset(curate_records(songs()), tmp_path / "again")
    other = write_dataset(curate_records(songs(word="other")), tmp_path / "other")
    assert again.version == written.version != other.version


def test_set_aside_records_are_on_disk(written):
    (line,) = (written.directory / "set_aside.jsonl").read_text().splitlines()
    assert json.loads(line)["reason"] == "bad_json"
    card = (written.directory / "README.md").read_text()
    assert "10 songs kept and 1 set aside, of 11 read" in card


def test_an_edited_file_is_refused(written):
    path = written.directory / "test.jsonl"
    path.write_text(path.read_text().replace("one", "two"))
    with pytest.raises(ValueError, match=r"test\.jsonl must be as `curate` wrote it"):
        read_dataset(written.directory)


def test_a_folder_with_other_files_is_left_alone(tmp_path, written):
    (tmp_path / "README.md").write_text("mine")
    for folder in (tmp_path, tmp_path / "README.md"):
        with pytest.raises(FileExistsError, match="`out`"):
            write_dataset(curate_records(songs()), folder)
    assert (tmp_path / "README.md").read_text() == "mine"
    write_dataset(curate_records(songs(word="other")), written.directory)


def test_a_missing_split_is_refused(written):
    (written.directory / "train.jsonl").unlink()
    with pytest.raises(ValueError, match=r"train\.jsonl"):
        read_dataset(written.directory)


def test_a_folder_without_manifest_is_no_dataset(tmp_path):
    with pytest.raises(FileNotFoundError, match="gemma-keras-ft curate"):
        read_dataset(tmp_path)
    (tmp_path / "dataset.json").write_text("{}")
    with pytest.raises(ValueError, match="manifest"):
        read_dataset(tmp_path)


def test_records_are_selected_by_their_fields(written):
    chosen = written.select("train", style="lyrical", language=None)
    assert chosen and all(record.style == "lyrical" for record in chosen)
    assert written.select("train", language="xx") == []
    with pytest.raises(ValueError, match="split='all'"):
        written.select("all")


def test_a_folder_of_the_users_own_jsonl_is_left_alone(tmp_path):
    (tmp_path / "train.jsonl").write_text("mine")
    with pytest.raises(FileExistsError, match="`out`"):
        write_dataset(curate_records(songs()), tmp_path)
    assert (tmp_path / "train.jsonl").read_text() == "mine"


def test_what_a_broken_off_write_leaves_is_no_dataset_and_can_be_replaced(
    written, monkeypatch
):
    def fail(manifest):
        raise RuntimeError("the power went")

    with monkeypatch.context() as patch:
        patch.setattr("gemma_keras_ft.preprocessing.store.data_card", fail)
        with pytest.raises(RuntimeError, match="power"):
            write_dataset(curate_records(songs()), written.directory)
    with pytest.raises(ValueError, match="manifest"):
        read_dataset(written.directory)
    write_dataset(curate_records(songs()), written.directory)
    assert read_dataset(written.directory).version == written.version


def test_decisions_outlive_a_new_curation(written):
    path = written.directory / "decisions.jsonl"
    path.write_text("kept\n")
    write_dataset(curate_records(songs(word="other")), written.directory)
    assert path.read_text() == "kept\n"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": "0123456789ab"}, "not that of its files"),
        ({"format": 1}, "format 1"),
    ],
)
def test_a_manifest_that_does_not_fit_its_files_is_refused(written, changes, message):
    path = written.directory / "dataset.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(ValueError, match=message):
        read_dataset(written.directory)


def test_a_selection_can_be_streamed(written):
    for fields in ({}, {"style": "lyrical"}, {"style": None}, {"language": "xx"}):
        streamed = list(written.stream("train", **fields))
        assert streamed == written.select("train", **fields)


def test_splits_that_were_replaced_are_the_ones_streamed(written):
    changed = tuple(r.replace(title="new") for r in written.splits["train"])
    other = dataclasses.replace(written, splits={**written.splits, "train": changed})
    assert list(other.stream("train")) == list(changed)
    assert other.select("train") == list(changed)


def test_what_a_killed_write_left_does_not_block_its_own_folder(written):
    leftover = written.directory / ".train.jsonl.8jnsk7mw"
    leftover.write_text("half of a line")
    write_dataset(curate_records(songs()), written.directory)
    assert not leftover.exists()
    (written.directory / ".notes.8jnsk7mw").write_text("mine")
    with pytest.raises(FileExistsError, match="nothing else"):
        write_dataset(curate_records(songs()), written.directory)


def test_a_users_own_file_beside_a_dataset_is_not_cleared(written):
    (written.directory / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="nothing else"):
        write_dataset(curate_records(songs()), written.directory)
    assert (written.directory / "notes.txt").read_text() == "mine"
