"""Finds the files to read: one file, or a folder's, always in the same order."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from gemma_keras_ft.records import SetAside
from gemma_keras_ft.sources.rows import SourceFile

_PLAIN_KINDS = (".csv", ".json", ".jsonl", ".lrc", ".ndjson", ".tsv", ".txt")
READABLE_KINDS = (
    *_PLAIN_KINDS,
    ".parquet",
    *(f"{kind}.gz" for kind in _PLAIN_KINDS),
)
"""The endings of files that can be read."""
# Text that lies beside songs; in a folder nobody means it as one.
_NOT_SONGS = ("readme", "licence", "licences", "license", "licenses", "copying")


def find_file(path: Path) -> SourceFile:
    """Returns the file at `path`, which the caller named.

    Raises:
        ValueError: If it is no regular file or has an unknown ending.
        OSError: If it may not be read.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError(
            f"`path` must be a regular file or a folder. Received: path={str(path)!r}, "
            "a device, pipe or socket. Write its content to a file first."
        )
    file = _source_file(path, path.name)
    if file is None:
        raise ValueError(
            f"`path` must end in a known way. Received: path={str(path)!r}. "
            f"Available: {sorted(READABLE_KINDS)}."
        )
    try:
        path.open("rb").close()
    except PermissionError as error:
        raise PermissionError(
            f"`path` must be readable. Received: path={str(path)!r}, which this user "
            "may not read. Change its permissions or copy it."
        ) from error
    return file


def find_files(root: Path) -> Iterator[SourceFile | SetAside]:
    """Yields the files of a folder and those below it, sorted by name.

    Hidden files and folders are left out. What can't be read, is reached a
    second time through a link, or has an unknown ending is a set-aside.
    """
    seen: set[tuple[int, int]] = set()
    waiting = [root]
    while waiting:
        path = waiting.pop()
        name = _name_below(root, path)
        try:
            status = path.stat()
            if not stat.S_ISDIR(status.st_mode):
                yield _listed_file(path, name, status)
                continue
            place = (status.st_dev, status.st_ino)
            if place in seen:
                yield set_aside_file(
                    name, "repeated_folder", "A link to a folder read."
                )
                continue
            seen.add(place)
            entries = [entry for entry in os.listdir(path) if entry[0] != "."]
        except OSError as error:
            yield unreadable(name, error)
            continue
        waiting.extend(path / entry for entry in sorted(entries, reverse=True))


def _name_below(root: Path, path: Path) -> str:
    name = path.relative_to(root).as_posix() if path != root else root.resolve().name
    # A file's name is bytes; what is not UTF-8 in it is shown as \xff.
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _listed_file(
    path: Path, name: str, status: os.stat_result
) -> SourceFile | SetAside:
    if not stat.S_ISREG(status.st_mode):
        return set_aside_file(name, "unreadable", "A device, pipe or socket.")
    file = _source_file(path, name)
    if file is None:
        return set_aside_file(
            name, "unknown_extension", f"Known are {', '.join(sorted(READABLE_KINDS))}."
        )
    if file.kind == ".txt" and re.split(r"[./]", file.stem.lower())[-1] in _NOT_SONGS:
        return set_aside_file(name, "not_a_song", "Named like a note on the files.")
    return file


def _source_file(path: Path, name: str) -> SourceFile | None:
    base = name[:-3] if (gzipped := name.lower().endswith(".gz")) else name
    stem, kind = os.path.splitext(base)
    if f"{kind.lower()}{'.gz' if gzipped else ''}" not in READABLE_KINDS:
        return None
    return SourceFile(
        path=path, name=name, stem=stem, kind=kind.lower(), gzipped=gzipped
    )


def unreadable(name: str, error: OSError) -> SetAside:
    """Returns the set-aside of a file that the system can't read."""
    return set_aside_file(name, "unreadable", f"{error.strerror or error}.")


def set_aside_file(name: str, reason: str, detail: str, line: int = 1) -> SetAside:
    """Returns a set-aside for a whole file, or for all of it from `line` on."""
    where = f"{name}:{line}"
    return SetAside(id=where, reason=reason, detail=detail, where=where)
