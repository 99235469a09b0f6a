"""The curated dataset on disk: JSONL splits, manifest, data card."""

import dataclasses
import hashlib
import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gemma_keras_ft.preprocessing.culture.decision_rows import DECISIONS
from gemma_keras_ft.preprocessing.curate import Curation
from gemma_keras_ft.preprocessing.output.card import data_card
from gemma_keras_ft.preprocessing.output.card_plots import card_plots
from gemma_keras_ft.preprocessing.provenance.rights import rights_csv
from gemma_keras_ft.preprocessing.splitting.leaks import find_leaks
from gemma_keras_ft.preprocessing.splitting.split import SPLITS
from gemma_keras_ft.records import (
    LyricRecord,
    write_bytes_atomically,
    write_jsonl,
    write_text_atomically,
)

MANIFEST = "dataset.json"
SET_ASIDE = "set_aside.jsonl"
RIGHTS = "rights.csv"
CARD = "README.md"
PLOTS = "plots"
# The user's own protected phrases, kept with the dataset that they were asked for.
PROTECTED = "protected.json"
EXPORTS = ("csv", "parquet", "tfds")
_FORMAT = 2
_SPLIT_FILES = tuple(f"{name}.jsonl" for name in SPLITS)
_FILES = (MANIFEST, CARD, SET_ASIDE, RIGHTS, PROTECTED, *_SPLIT_FILES)
_OURS = (*_FILES, PLOTS, *EXPORTS)
# What `written_atomically` leaves of our files where the process was killed.
_LEFTOVER = re.compile(rf"\.(?:{'|'.join(map(re.escape, _FILES))})\.[a-z0-9_]{{8}}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class LyricDataset:
    """A curated dataset on disk; a split is read when it is first asked for.

    Args:
        directory: Where it stands.
        version: Hash of the records of all splits: equal texts, equal version.
        report: Counts as `Curation.report` gives them.
        leaks: What `find_leaks` found.
        splits: Records by `"train"`, `"validation"` and `"test"`, as tuples.
    """

    directory: Path
    version: str
    report: Mapping[str, Any]
    leaks: Mapping[str, Any]
    splits: Mapping[str, tuple[LyricRecord, ...]]

    def stream(self, split: str, **fields: str | None) -> Iterator[LyricRecord]:
        """Yields the records of a split, from disk one at a time.

        Splits that stand in memory instead, since they were replaced, are taken.

        Args:
            split: `"train"`, `"validation"` or `"test"`.
            **fields: Record fields and wanted values, as `select` takes them.

        Raises:
            ValueError: If the split is unknown.
        """
        _check_split(split)
        if isinstance(self.splits, _Splits):
            records: Iterable[LyricRecord] = _stream(self.directory / f"{split}.jsonl")
        else:
            records = self.splits[split]
        return (record for record in records if _has(record, fields))

    def select(self, split: str, **fields: str | None) -> list[LyricRecord]:
        """Returns the records of a split whose fields equal those given.

        Example:
            ```python
            dataset.select("test", language="ta", style=None)
            ```

        Args:
            split: `"train"`, `"validation"` or `"test"`.
            **fields: Record fields and wanted values; None accepts any.

        Raises:
            ValueError: If the split is unknown.
        """
        _check_split(split)
        return [record for record in self.splits[split] if _has(record, fields)]


def write_dataset(
    curation: Curation, directory: Path | str, *, protected: str | None = None
) -> LyricDataset:
    """Writes the splits, what was set aside, the ledger of rights, card and manifest.

    The manifest is written last: until then the folder holds no dataset.

    Args:
        curation: What to write.
        directory: Folder to write into; made if missing. A dataset that stands
            there is replaced; what readers decided (`decisions.jsonl`) stays.
        protected: Hash of the protected phrases, to keep in the manifest.

    Returns:
        The dataset, as `read_dataset` would read it.

    Raises:
        FileExistsError: If the folder holds anything but a dataset.
    """
    directory = Path(directory)
    check_dataset_folder(directory)
    _clear(directory)
    for name in SPLITS:
        rows = (record.to_dict() for record in curation.stream(name))
        write_jsonl(directory / f"{name}.jsonl", rows)
    aside = (item.to_dict() for item in curation.stream_set_aside())
    write_jsonl(directory / SET_ASIDE, aside)
    hashes = {name: _file_hash(directory / f"{name}.jsonl") for name in SPLITS}
    report = curation.report()
    manifest = {
        "format": _FORMAT,
        "version": _version(hashes),
        "sha256": hashes,
        "recipe": {**curation.recipe, "protected": protected},
        "report": report,
        "leaks": find_leaks({name: curation.stream(name) for name in SPLITS}),
    }
    write_text_atomically(directory / RIGHTS, rights_csv(report["rights"]))
    for name, plot in card_plots(report).items():
        write_bytes_atomically(directory / PLOTS / name, plot)
    write_text_atomically(directory / CARD, data_card(manifest))
    write_text_atomically(
        directory / MANIFEST,
        json.dumps(manifest, ensure_ascii=False, indent=1) + "\n",
    )
    return read_dataset(directory)


def check_dataset_folder(directory: Path | str) -> None:
    """Checks that nobody else's files stand where a dataset is to be written.

    Raises:
        FileExistsError: If `directory` is a file, or holds anything but a dataset.
    """
    directory = Path(directory)
    if not directory.exists():
        return
    if directory.is_dir():
        names = {path.name for path in directory.iterdir()}
        found = {name for name in names if not _LEFTOVER.fullmatch(name)}
        if not found or (MANIFEST in found and found <= {*_OURS, DECISIONS}):
            return
    raise FileExistsError(
        "`out` must be a new or empty folder, or hold a dataset and nothing else. "
        f"Received: out={str(directory)!r}. Choose another folder."
    )


def _clear(directory: Path) -> None:
    """Removes a dataset of another version; a manifest of nothing marks the folder.

    So what a broken-off write leaves is no dataset, and still known as ours.
    """
    directory.mkdir(parents=True, exist_ok=True)
    write_text_atomically(directory / MANIFEST, "{}\n")
    leftover = [p for p in directory.iterdir() if _LEFTOVER.fullmatch(p.name)]
    others = [directory / name for name in _OURS if name != MANIFEST]
    for path in (*leftover, *others):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def read_dataset(directory: Path | str) -> LyricDataset:
    """Reads a dataset and checks that its files are those that were written.

    Raises:
        FileNotFoundError: If the folder holds no dataset.
        ValueError: If a file was changed since it was written.
    """
    directory = Path(directory)
    path = directory / MANIFEST
    if not path.is_file():
        raise FileNotFoundError(
            f"`dataset` must be a folder that `curate` wrote. Received: "
            f"dataset={str(directory)!r}, which has no {MANIFEST}. Run "
            f"`gemma-keras-ft curate SOURCE --out {directory}` first."
        )
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        hashes, version = manifest["sha256"], manifest["version"]
        report, leaks = manifest["report"], manifest["leaks"]
        if manifest["format"] != _FORMAT:
            raise ValueError(f"format {manifest['format']!r}")
        if version != _version(hashes):
            raise ValueError(f"version {version!r}, which is not that of its files")
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} must be a dataset manifest. Received: {error!r}. Curate again."
        ) from error
    for name in SPLITS:
        path = directory / f"{name}.jsonl"
        if not path.is_file() or _file_hash(path) != hashes.get(name):
            raise ValueError(
                f"{path} must be as `curate` wrote it. Received: another or no "
                "content. To edit a dataset, edit its sources and curate again."
            )
    return LyricDataset(
        directory=directory,
        version=version,
        report=report,
        leaks=leaks,
        splits=_Splits(directory),
    )


class _Splits(Mapping[str, tuple[LyricRecord, ...]]):
    """The records of each split, read once they are asked for."""

    def __init__(self, directory: Path):
        self._directory = directory
        self._read: dict[str, tuple[LyricRecord, ...]] = {}

    def __getitem__(self, name: str) -> tuple[LyricRecord, ...]:
        if name not in SPLITS:
            raise KeyError(name)
        if name not in self._read:
            self._read[name] = tuple(_stream(self._directory / f"{name}.jsonl"))
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(SPLITS)

    def __len__(self) -> int:
        return len(SPLITS)


def _stream(path: Path) -> Iterator[LyricRecord]:
    with open(path, encoding="utf-8", newline="\n") as file:
        for line in file:
            yield LyricRecord.from_dict(json.loads(line))


def _has(record: LyricRecord, fields: Mapping[str, str | None]) -> bool:
    return all(
        getattr(record, name) == value
        for name, value in fields.items()
        if value is not None
    )


def _check_split(split: str) -> None:
    if split not in SPLITS:
        raise ValueError(
            f"`split` must be one of {list(SPLITS)}. Received: split={split!r}."
        )


def _file_hash(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _version(hashes: Mapping[str, str]) -> str:
    text = json.dumps(hashes, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
