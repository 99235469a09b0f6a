"""Songs written for this project: short, modern, in ten languages and mixtures."""

import gzip
import importlib.resources
import json
from pathlib import Path

from gemma_keras_ft.records import LyricRecord


def own_songs_path() -> Path:
    """Returns the file of our own songs; `scripts/own_songs.py` writes it."""
    package = importlib.resources.files("gemma_keras_ft.resources")
    return Path(str(package.joinpath("own_songs.jsonl.gz")))


def own_songs() -> tuple[LyricRecord, ...]:
    """Reads the songs that were written for this project, for tests and examples.

    They are in the public domain (CC0-1.0) and no part of the embedded corpus:
    nothing is trained on them unless you say so. Each has stanzas with section
    labels in the metadata (`sections`, and `section_labels` as they are written in
    the song's language, one a stanza), and where it has them `idioms`, `vocables`
    and `code_mixed`.

    Example:
        ```python
        tamil = [song for song in own_songs() if song.language == "ta"]
        ```
    """
    with gzip.open(own_songs_path(), "rt", encoding="utf-8", newline="\n") as lines:
        return tuple(LyricRecord.from_dict(json.loads(line)) for line in lines)
