import pytest

from gemma_keras_ft.data.builder import from_example, write_tfds
from gemma_keras_ft.preprocessing.curate import curate_records
from gemma_keras_ft.preprocessing.splitting.split import SPLITS
from gemma_keras_ft.preprocessing.store import write_dataset
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.resources.corpus import embedded_records


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    bare = LyricRecord(
        id="bare", lines=("one line", "", "another line"), metadata={"n": [1, None]}
    )
    records = [*embedded_records(["thirukkural", "shijing"]), bare]
    return write_dataset(curate_records(records), tmp_path_factory.mktemp("d") / "d")


def test_tfds_reads_every_record_as_it_was_from_files_alone(dataset, tmp_path):
    import tensorflow_datasets as tfds

    write_tfds(dataset, tmp_path)
    for split in SPLITS:
        read = tfds.load("lyrics", data_dir=str(tmp_path), split=split)
        found = sorted(map(from_example, tfds.as_numpy(read)), key=lambda r: r.id)
        assert found == sorted(dataset.splits[split], key=lambda record: record.id)


def test_the_version_of_the_dataset_names_its_folder(dataset, tmp_path):
    builder = write_tfds(str(dataset.directory), tmp_path)
    assert (tmp_path / "lyrics" / dataset.version / "1.0.0").is_dir()
    counts = {name: split.num_examples for name, split in builder.info.splits.items()}
    assert counts == dataset.report["counts"]["split"]
