"""Sources -> the versioned dataset."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from gemma_keras_ft.preprocessing.base import Preprocessor
from gemma_keras_ft.preprocessing.curate import curate_records
from gemma_keras_ft.preprocessing.split import Split
from gemma_keras_ft.preprocessing.store import (
    LyricDataset,
    check_dataset_folder,
    write_dataset,
)
from gemma_keras_ft.records import LyricRecord, SetAside
from gemma_keras_ft.resources.corpus import embedded_records
from gemma_keras_ft.sources import read_records

EMBEDDED = "embedded"


def curate(
    sources: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    songs: str = "file",
    recipe: Sequence[Preprocessor] | None = None,
    validation: float = Split.validation,
    test: float = Split.test,
    seed: int = 0,
    progress: Callable[[Iterable], Iterable] = iter,
    **defaults: Any,
) -> LyricDataset:
    """Reads lyrics, curates them, and writes a versioned dataset.

    Example:
        ```python
        dataset = gkf.curate("my_lyrics/", "dataset", language="pa", license="CC0-1.0")
        ```

    Args:
        sources: Files and folders (JSONL, JSON, CSV, Parquet, text, LRC), or
            `"embedded"` for the corpus in the package, or `"embedded:NAME"` for
            one collection of it.
        out: Folder to write the dataset into.
        songs: `"file"` where a text file is one song, `"blank_lines"` where blank
            lines separate the songs of a file.
        recipe: Preprocessors in order; the default recipe if None.
        validation: Share of songs held out to watch the training.
        test: Share of songs held out to judge the result.
        seed: Seed of the split.
        progress: Wraps the stream of records, to show how far it is.
        **defaults: Record fields for records that lack them, such as `language`,
            `style`, `source`, `license` or `no_alter`.

    Returns:
        The dataset; `dataset.report` says what became of every record.

    Raises:
        FileExistsError: If `out` holds anything but a dataset.
        FileNotFoundError: If a source does not exist.
        ValueError: If an argument is out of range, or no song is left.
    """
    if isinstance(sources, str | Path):
        sources = [sources]
    check_dataset_folder(out)
    defaults = {name: value for name, value in defaults.items() if value is not None}
    curation = curate_records(
        progress(_read(sources, songs, defaults)),
        recipe=recipe,
        split=Split(validation=validation, test=test, seed=seed),
    )
    report = curation.report()
    if not report["kept"]:
        raise ValueError(
            f"`sources` must hold songs. Received: {list(map(str, sources))}, of which "
            f"{report['read']} records were read and none kept: "
            f"{report['set_aside_reasons']}."
        )
    return write_dataset(curation, out)


def _read(
    sources: Sequence[str | Path], songs: str, defaults: dict[str, Any]
) -> Iterator[LyricRecord | SetAside]:
    for source in sources:
        name, _, collection = str(source).partition(":")
        if name == EMBEDDED:
            yield from embedded_records([collection] if collection else None)
        else:
            yield from read_records(source, defaults=defaults, songs=songs)
