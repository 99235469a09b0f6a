"""A curated dataset as a TensorFlow Dataset, which `tfds.load` reads offline."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gemma_keras_ft.backend import hide_accelerators_from_tensorflow
from gemma_keras_ft.preprocessing.splitting.split import SPLITS
from gemma_keras_ft.preprocessing.store import LyricDataset, read_dataset
from gemma_keras_ft.records import LINES_FIELDS, TEXT_FIELDS, LyricRecord

NAME = "lyrics"
_DESCRIPTION = "Song lyrics, curated: each song with its rights, script and style."
RELEASES = {"1.0.0": "Fields as LyricRecord has them; metadata as JSON."}


def write_tfds(dataset: LyricDataset | str | Path, out: str | Path) -> Any:
    """Writes a dataset in TFDS' own format.

    Example:
        ```python
        write_tfds("dataset", "tfds")
        train = tfds.load("lyrics", data_dir="tfds", split="train")
        ```

    Args:
        dataset: A dataset, or the folder of one.
        out: TFDS' `data_dir`; `lyrics/<version of the dataset>/1.0.0` is made in
            it, and stands for that version ever after.

    Returns:
        The `tfds.core.DatasetBuilder`, prepared.
    """
    if not isinstance(dataset, LyricDataset):
        dataset = read_dataset(dataset)
    builder = lyrics_builder(dataset, out)
    prepare(builder)
    return builder


def lyrics_builder(dataset: LyricDataset, out: str | Path) -> Any:
    """Returns the builder of a dataset; see `write_tfds`."""
    tfds = import_tfds()

    class Lyrics(  # pyright: ignore[reportGeneralTypeIssues]
        tfds.core.GeneratorBasedBuilder,
        skip_registration=True,  # pyright: ignore[reportCallIssue]
    ):
        """The songs of one version of a curated dataset."""

        VERSION = tfds.core.Version(max(RELEASES))
        RELEASE_NOTES = RELEASES
        BUILDER_CONFIGS = (tfds.core.BuilderConfig(name=dataset.version),)
        name = NAME

        def _info(self):
            return lyrics_info(self)

        def _split_generators(self, dl_manager):
            return {
                split: self._generate_examples(split)
                for split in SPLITS
                if dataset.report["counts"]["split"][split]
            }

        def _generate_examples(self, split) -> Iterator[tuple[str, dict[str, Any]]]:
            for record in dataset.stream(split):
                yield record.id, to_example(record)

    return Lyrics(data_dir=str(out))


def lyrics_info(builder) -> Any:
    """Returns what TFDS is told of the songs: every field of a record."""
    tfds = import_tfds()
    text = tfds.features.Text
    return tfds.core.DatasetInfo(
        builder=builder,
        description=_DESCRIPTION,
        features=tfds.features.FeaturesDict(
            {
                "id": text(),
                **{name: tfds.features.Sequence(text()) for name in LINES_FIELDS},
                **{name: text() for name in TEXT_FIELDS},
                "no_alter": np.bool_,
                "metadata": text(),
            }
        ),
    )


def to_example(record: LyricRecord) -> dict[str, Any]:
    """Returns a record as TFDS stores it: what is missing is empty.

    So a record without a translation and one with a translation of no lines look
    alike; nothing else is lost.
    """
    return {
        "id": record.id,
        **{name: list(getattr(record, name) or ()) for name in LINES_FIELDS},
        **{name: getattr(record, name) or "" for name in TEXT_FIELDS},
        "no_alter": record.no_alter,
        "metadata": json.dumps(dict(record.metadata), sort_keys=True),
    }


def from_example(example: dict[str, Any]) -> LyricRecord:
    """Returns the record of an example as `tfds.as_numpy` gives it."""
    fields: dict[str, Any] = {"id": example["id"].decode()}
    for name in LINES_FIELDS:
        lines = tuple(line.decode() for line in example[name])
        fields[name] = lines if lines or name == "lines" else None
    for name in TEXT_FIELDS:
        fields[name] = example[name].decode() or None
    fields["no_alter"] = bool(example["no_alter"])
    fields["metadata"] = json.loads(example["metadata"])
    return LyricRecord(**fields)


def prepare(builder: Any, **options: Any) -> None:
    """Writes a builder's files, without asking the network for anything.

    Args:
        builder: A `tfds.core.DatasetBuilder`.
        **options: More arguments of `tfds.download.DownloadConfig`.
    """
    tfds = import_tfds()
    config = tfds.download.DownloadConfig(try_download_gcs=False, **options)
    builder.download_and_prepare(download_config=config)


def import_tfds() -> Any:
    """Imports TensorFlow Datasets, offline and without taking an accelerator."""
    # It would ask the network where it runs.
    os.environ.setdefault("NO_GCE_CHECK", "true")
    hide_accelerators_from_tensorflow()
    import tensorflow_datasets as tfds

    return tfds
