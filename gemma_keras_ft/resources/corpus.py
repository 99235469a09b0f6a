"""The embedded corpus: public-domain songs that travel with the package."""

import gzip
import importlib.resources
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from gemma_keras_ft.records import LyricRecord

_SUFFIX = ".jsonl.gz"


def corpus_path() -> Path:
    """Returns the folder of the embedded corpus.

    It holds one gzipped JSONL file per collection, `styles.csv` (which style a
    song was given, and why) and `LICENSES`.
    """
    package = importlib.resources.files("gemma_keras_ft.resources")
    return Path(str(package.joinpath("corpus")))


def embedded_collections() -> list[str]:
    """Returns the sorted names of the embedded collections."""
    return sorted(
        path.name.removesuffix(_SUFFIX) for path in corpus_path().glob(f"*{_SUFFIX}")
    )


def embedded_records(collections: Iterable[str] | None = None) -> Iterator[LyricRecord]:
    """Reads the embedded songs, file by file.

    Example:
        ```python
        chapters = list(embedded_records(["thirukkural"]))  # 133 songs
        ```

    Args:
        collections: Names of collections, read in the order given; None reads
            all of them in alphabetical order.

    Returns:
        Iterator of records, in the order in which each collection holds them.

    Raises:
        ValueError: If `collections` is a bare string or names one that is not
            embedded; raised by the call, not by the first record.
    """
    available = embedded_collections()
    if isinstance(collections, str):
        raise ValueError(
            "`collections` must be a list of names. "
            f"Received: collections={collections!r}. Write [{collections!r}]."
        )
    names = available if collections is None else list(collections)
    for name in names:
        if name not in available:
            raise ValueError(
                "`collections` must name embedded collections. "
                f"Received: collections={names!r}. Available: {available}."
            )
    return _read(names)


def _read(names: list[str]) -> Iterator[LyricRecord]:
    for name in names:
        path = corpus_path() / f"{name}{_SUFFIX}"
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
            for line in lines:
                yield LyricRecord.from_dict(json.loads(line))
