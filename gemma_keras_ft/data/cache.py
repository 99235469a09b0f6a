"""Rows on disk, so that a plan is tokenized and packed once."""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gemma_keras_ft.config import from_config
from gemma_keras_ft.data.rows import ARRAYS, PlannedRows, RowPlan, TokenRows
from gemma_keras_ft.data.tasks import Example

FOLDER = "GEMMA_KERAS_FT_CACHE"
_MANIFEST = "rows.json"
_FORMAT = 1
_KEEP = 16
_SEGMENTS = "segments"
# What reading an entry may raise that was cut, changed, or replaced meanwhile.
_DAMAGE = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)


def cache_folder() -> Path:
    """Returns where rows are kept: `$GEMMA_KERAS_FT_CACHE`, or the user's cache."""
    chosen = os.environ.get(FOLDER)
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(chosen) if chosen else Path(home) / "gemma_keras_ft"


def cached_rows(
    build: Callable[[], PlannedRows],
    *,
    key: Mapping[str, Any],
    folder: Path | None = None,
) -> PlannedRows:
    """Returns the rows that were built under `key` before, or builds and keeps them.

    What is read again is mapped into memory, so it may be larger than memory. A
    damaged entry is built anew, and of all entries the last sixteen are kept. Where
    the folder cannot be written the rows stay in memory.

    Args:
        build: Makes the rows.
        key: JSON values on which the rows depend; see `rows_key`.
        folder: Where to keep them; `cache_folder()` by default.
    """
    folder = folder or cache_folder()
    name = hashlib.sha256(_canonical(key)).hexdigest()[:32]
    found = _read(folder / name, key)
    if found is not None:
        return found
    rows = build()
    try:
        _write(folder / name, key, rows)
    except OSError:
        return rows
    return _read(folder / name, key) or rows


def rows_key(
    examples: Iterable[Example],
    *,
    plan: RowPlan,
    tokenizer: Any,
    about: Mapping[str, Any],
) -> dict[str, Any]:
    """Returns everything that rows depend on, as JSON values.

    The examples themselves count, every one, so that a task of one's own is noticed
    by what it makes, in whatever file its code was changed.

    Args:
        examples: What the rows hold.
        plan: How examples become rows.
        tokenizer: The preset's tokenizer.
        about: JSON values for people who look into the cache: dataset, split, task.
    """
    digest = hashlib.sha256()
    for example in examples:
        digest.update(repr(example).encode("utf-8", "surrogatepass"))
    return {
        "format": _FORMAT,
        "about": dict(about),
        "examples": digest.hexdigest(),
        "plan": plan.to_config(),
        "tokenizer": hashlib.sha256(tokenizer.proto).hexdigest(),
        "code": _code_hash(),
    }


def _code_hash() -> str:
    """Hashes this room's own code, which makes rows of examples."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _write(target: Path, key: Mapping[str, Any], rows: PlannedRows) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=".building-", dir=target.parent))
    try:
        hashes = {}
        for number, bucket in enumerate(rows.buckets):
            for name, values in _named(bucket).items():
                path = building / f"{number}.{name}.npy"
                np.save(path, values, allow_pickle=False)
                hashes[path.name] = _file_hash(path)
        manifest = {
            "key": key,
            "plan": rows.plan.to_config(),
            "buckets": len(rows.buckets),
            "record_ids": rows.buckets[0].record_ids,
            "left_out": rows.left_out,
            "left_out_examples": rows.left_out_examples,
            "cut_tokens": rows.cut_tokens,
            "sha256": hashes,
        }
        (building / _MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
        shutil.rmtree(target, ignore_errors=True)
        building.replace(target)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    _forget_oldest(target.parent)


def _read(target: Path, key: Mapping[str, Any]) -> PlannedRows | None:
    """Returns the rows of an entry; None where there is none, or it is not whole."""
    try:
        manifest = json.loads((target / _MANIFEST).read_text(encoding="utf-8"))
        whole = _canonical(manifest["key"]) == _canonical(key) and all(
            _file_hash(target / name) == digest
            for name, digest in manifest["sha256"].items()
        )
        rows = _rows(target, manifest) if whole else None
    except _DAMAGE:
        return None
    with contextlib.suppress(OSError):  # a folder that is only read
        os.utime(target)
    return rows


def _rows(target: Path, manifest: Mapping[str, Any]) -> PlannedRows:
    record_ids = tuple(manifest["record_ids"])
    buckets = []
    for number in range(manifest["buckets"]):
        arrays = {
            name: np.load(
                target / f"{number}.{name}.npy", mmap_mode="r", allow_pickle=False
            )
            for name in (*ARRAYS, _SEGMENTS)
        }
        segments = arrays.pop(_SEGMENTS)
        buckets.append(
            TokenRows(arrays=arrays, segments=segments, record_ids=record_ids)
        )
    return PlannedRows(
        plan=from_config(manifest["plan"]),
        buckets=tuple(buckets),
        left_out=tuple(manifest["left_out"]),
        left_out_examples=tuple(manifest["left_out_examples"]),
        cut_tokens=manifest["cut_tokens"],
    )


def _named(bucket: TokenRows) -> dict[str, np.ndarray]:
    return {**bucket.arrays, _SEGMENTS: bucket.segments}


def _forget_oldest(folder: Path) -> None:
    entries = [path for path in folder.iterdir() if (path / _MANIFEST).is_file()]
    entries.sort(key=lambda path: path.stat().st_mtime)
    for path in entries[:-_KEEP]:
        shutil.rmtree(path, ignore_errors=True)


def _file_hash(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _canonical(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, sort_keys=True, default=list).encode()
