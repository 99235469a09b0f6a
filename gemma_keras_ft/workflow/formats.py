"""A dataset in more formats than JSONL."""

from collections.abc import Callable, Sequence
from pathlib import Path

from gemma_keras_ft.data.builder import write_tfds
from gemma_keras_ft.preprocessing.output.exports import (
    import_pyarrow,
    write_csv,
    write_parquet,
)
from gemma_keras_ft.preprocessing.splitting.split import SPLITS
from gemma_keras_ft.preprocessing.store import EXPORTS, LyricDataset


def check_formats(formats: Sequence[str]) -> None:
    """Checks early what would otherwise fail after the work is done.

    Raises:
        ImportError: If a format needs a package that is missing.
        ValueError: If a format is unknown.
    """
    unknown = [name for name in formats if name not in EXPORTS]
    if unknown or isinstance(formats, str):
        raise ValueError(
            f"`formats` must be a list of {list(EXPORTS)}. Received: {formats!r}."
        )
    if "parquet" in formats:
        import_pyarrow()


def write_exports(dataset: LyricDataset, formats: Sequence[str]) -> None:
    """Writes a dataset into a folder of its own for each format."""
    for name in formats:
        if name == "tfds":
            write_tfds(dataset, dataset.directory / name)
            continue
        write: Callable = {"csv": write_csv, "parquet": write_parquet}[name]
        for split in SPLITS:
            write(_path(dataset, name, split), dataset.stream(split))


def _path(dataset: LyricDataset, name: str, split: str) -> Path:
    return dataset.directory / name / f"{split}.{name}"
