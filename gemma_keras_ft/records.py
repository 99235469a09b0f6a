"""The record: one song as text, with what is known about it."""

import contextlib
import dataclasses
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

TEXT_FIELDS = (
    "title",
    "author",
    "language",
    "script",
    "style",
    "era",
    "source",
    "license",
    "contributor",
    "consent",
    "translation_language",
)
LINES_FIELDS = ("lines", "romanized", "translation")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclasses.dataclass(frozen=True, kw_only=True)
class LyricRecord:
    """One song.

    Example:
        ```python
        LyricRecord(id="kural-1", lines=("அகர முதல", "பகவன் முதற்றே"), language="ta")
        ```

    Args:
        id: Unique name of the record inside its corpus.
        lines: The lines as sung; an empty string is a stanza border.
        title: Title in the song's own script.
        author: Poet, singer or tradition.
        language: BCP 47 tag, such as `"ta"` or `"pa"`.
        script: ISO 15924 code, such as `"Taml"` or `"Guru"`.
        style: `"lyrical"`, `"narrative"`, `"devotional"`, `"didactic"` or the
            user's own word.
        era: When it arose, in the user's own words, such as `"15th century"`.
        source: Where the text came from, exactly enough to find it again.
        license: Under which terms it may be used.
        contributor: Who gave the text to this collection.
        consent: What the contributor or the community agreed to.
        romanized: The lines in Latin letters, one for one.
        translation: The lines in `translation_language`; one for one or free.
        translation_language: BCP 47 tag of `translation`.
        no_alter: Sacred or protected text: never augmented, never generated.
        metadata: Anything else, as JSON values.

    Raises:
        ValueError: If a field is not of its type, or `lines` holds a line break.
    """

    id: str
    lines: tuple[str, ...]
    title: str | None = None
    author: str | None = None
    language: str | None = None
    script: str | None = None
    style: str | None = None
    era: str | None = None
    source: str | None = None
    license: str | None = None
    contributor: str | None = None
    consent: str | None = None
    romanized: tuple[str, ...] | None = None
    translation: tuple[str, ...] | None = None
    translation_language: str | None = None
    no_alter: bool = False
    metadata: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        if not isinstance(self.id, str) or not self.id:
            raise ValueError(f"`id` must be a non-empty string. Received: {self.id!r}.")
        for name in LINES_FIELDS:
            self._check_lines(name)
        for name in TEXT_FIELDS:
            value = getattr(self, name)
            if value is not None and not isinstance(value, str):
                raise ValueError(f"`{name}` must be a string. Received: {value!r:.80}.")
        if not isinstance(self.no_alter, bool):
            raise ValueError(
                f"`no_alter` must be true or false. Received: {self.no_alter!r:.80}."
            )
        if not isinstance(self.metadata, Mapping):
            raise ValueError(
                f"`metadata` must be a mapping. Received: {self.metadata!r:.80}."
            )

    def _check_lines(self, name: str) -> None:
        value = getattr(self, name)
        if value is None and name != "lines":
            return
        if isinstance(value, str) or not isinstance(value, list | tuple):
            raise ValueError(
                f"`{name}` must be a list of lines. Received: {value!r:.80}."
            )
        for line in value:
            if not isinstance(line, str) or "\n" in line:
                raise ValueError(
                    f"`{name}` must hold one string per line. Received: {line!r:.80}."
                )
        object.__setattr__(self, name, tuple(value))

    @property
    def text(self) -> str:
        """The lines joined by line breaks; a stanza border is an empty line."""
        return "\n".join(self.lines)

    def replace(self, **changes: Any) -> "LyricRecord":
        """Returns a copy with `changes` applied and checked."""
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values; fields that say nothing are left out."""
        data = {
            field.name: getattr(self, field.name) for field in dataclasses.fields(self)
        }
        data["metadata"] = dict(self.metadata)
        for name in LINES_FIELDS:
            if data[name] is not None:
                data[name] = list(data[name])
        kept = {"id", "lines"}
        return {
            name: value
            for name, value in data.items()
            if name in kept or value not in (None, False, {})
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "LyricRecord":
        """Builds a record from JSON values; unknown fields become metadata.

        Raises:
            ValueError: If `id` or `lines` is missing or a field has a wrong type.
        """
        for name in ("id", "lines"):
            if name not in data:
                raise ValueError(
                    f"`{name}` must be present. Received: {sorted(map(str, data))}."
                )
        names = {field.name for field in dataclasses.fields(cls)}
        known = {name: value for name, value in data.items() if name in names}
        unknown = {name: value for name, value in data.items() if name not in names}
        metadata = known.get("metadata", {})
        if unknown and isinstance(metadata, Mapping):
            known["metadata"] = {**metadata, **unknown}
        return cls(**known)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SetAside:
    """A record that was not kept, with the reason; nothing is ever lost.

    Args:
        id: The record's id, or its place in the source where it has none.
        reason: A short key to count by, such as `"no_text"`.
        detail: One sentence for a person.
        where: File and line or row, such as `"songs.jsonl:17"`.
        record: The record's JSON values as far as they could be read.
    """

    id: str
    reason: str
    detail: str = ""
    where: str = ""
    record: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values."""
        return dataclasses.asdict(self)


def write_text_atomically(path: str | os.PathLike, text: str) -> None:
    """Writes UTF-8 `text` so that a reader sees the old file or the new one.

    A lone surrogate, which UTF-8 cannot hold, is written as JSON escapes it.
    """
    write_bytes_atomically(path, text.encode("utf-8", "backslashreplace"))


def write_bytes_atomically(path: str | os.PathLike, content: bytes) -> None:
    """Writes `content` so that a reader sees the old file or the new one."""
    with written_atomically(path) as file:
        file.write(content)


@contextlib.contextmanager
def written_atomically(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """Opens a file that appears under `path` only once the block has ended well."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def to_json_line(row: Mapping[str, Any]) -> str:
    """Returns `row` as one line of JSON, line break included.

    A lone surrogate, which UTF-8 cannot hold, is written as a JSON escape.
    """
    line = json.dumps(row, ensure_ascii=False, sort_keys=True)
    if not line.isascii() and _SURROGATE.search(line):
        line = json.dumps(row, sort_keys=True)
    return line + "\n"


def write_jsonl(path: str | os.PathLike, rows: Iterable[Mapping[str, Any]]) -> int:
    """Writes one JSON object a line in UTF-8, atomically; returns the count.

    Streams: one row at a time is held in memory. See `to_json_line`.
    """
    count = 0
    with written_atomically(path) as file:
        for row in rows:
            file.write(to_json_line(row).encode())
            count += 1
    return count
