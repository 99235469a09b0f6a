"""A reader's decision about a song, as one line of JSON."""

import dataclasses
import datetime
import hashlib
import json
import os
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import regex

from gemma_keras_ft.records import to_json_line

DECISIONS = "decisions.jsonl"
VERDICTS = ("accept", "edit", "exclude")
SPAN_FIELDS = ("title", "lines", "translation")

_HASH = regex.compile(r"[0-9a-f]{64}")
_LETTER = regex.compile(r"\p{L}")
_WRITING = threading.Lock()


class BadDecision(ValueError):
    """A row that is no decision, with a short reason to count by."""

    def __init__(self, reason: str, detail: str):
        super().__init__(detail)
        self.reason = reason


@dataclasses.dataclass(frozen=True, kw_only=True)
class Decision:
    """What one reader decided about one song, or about one span of it.

    Args:
        record_id: The song.
        lines_sha256: `lines_sha256` of the lines that the reader saw.
        decision: `"accept"`, `"edit"` or `"exclude"`.
        span: The flagged span it is about: `field`, `line`, `start`, `end`. None for
            the whole song. An edit or exclusion holds for the whole song anyway.
        lines: All lines as they shall be; for an edit alone.
        note: Why.
        reviewer: Who decided.
        time: When, in ISO 8601 with a time zone.

    Raises:
        BadDecision: If a value is not as it should be.
    """

    record_id: str
    lines_sha256: str
    decision: str
    span: Mapping[str, Any] | None = None
    lines: tuple[str, ...] | None = None
    note: str = ""
    reviewer: str = ""
    time: str = ""

    def __post_init__(self):
        texts = ("record_id", "lines_sha256", "decision", "note", "reviewer", "time")
        for name in texts:
            if not isinstance(getattr(self, name), str):
                raise BadDecision("bad_field", f"`{name}` must be a string.")
        if not self.record_id:
            raise BadDecision("no_record_id", "`record_id` must not be empty.")
        if not _HASH.fullmatch(self.lines_sha256):
            raise BadDecision("bad_hash", "`lines_sha256` must be 64 hex digits.")
        if self.decision not in VERDICTS:
            raise BadDecision(
                "bad_decision", f"`decision` must be one of {list(VERDICTS)}."
            )
        if not self.reviewer.strip():
            raise BadDecision("no_reviewer", "`reviewer` must say who decided.")
        if not _is_time(self.time):
            raise BadDecision("bad_time", "`time` must be ISO 8601 with a time zone.")
        self._check_span()
        self._check_lines()

    def _check_span(self) -> None:
        if self.span is None:
            return
        if not _is_span(self.span):
            raise BadDecision("bad_span", "`span` must name field, line, start, end.")
        kept = {name: self.span.get(name) for name in ("field", "line", "start", "end")}
        object.__setattr__(self, "span", kept)

    def _check_lines(self) -> None:
        if self.decision != "edit":
            if self.lines is not None:
                raise BadDecision("bad_lines", "`lines` belong to an edit alone.")
            return
        lines = self.lines
        if not isinstance(lines, list | tuple) or not all(map(_is_line, lines)):
            raise BadDecision("bad_lines", "`lines` must be a list of lines.")
        if not _LETTER.search("".join(lines)):
            raise BadDecision("bad_lines", "`lines` must hold words; or exclude it.")
        object.__setattr__(self, "lines", tuple(lines))

    @classmethod
    def from_row(cls, row: Any) -> "Decision":
        """Builds a decision from JSON values; further fields are passed over.

        Raises:
            BadDecision: If the row is no decision.
        """
        if not isinstance(row, Mapping):
            raise BadDecision("not_an_object", "A decision must be a JSON object.")
        names = [field.name for field in dataclasses.fields(cls)]
        missing = [name for name in names[:3] if name not in row]
        if missing:
            raise BadDecision("missing_field", f"`{missing[0]}` must be given.")
        return cls(**{name: row[name] for name in names if name in row})

    def to_row(self) -> dict[str, Any]:
        """Returns JSON values."""
        row = dataclasses.asdict(self)
        return {**row, "lines": None if self.lines is None else list(self.lines)}

    @property
    def key(self) -> str:
        """Hash of the whole row: which decision it is."""
        return hashlib.sha256(to_json_line(self.to_row()).encode()).hexdigest()[:16]


def lines_sha256(lines: Sequence[str]) -> str:
    """Returns the hash by which a decision knows the lines that were seen.

    Half a surrogate pair, which UTF-8 can't hold, is hashed as it stands.
    """
    text = "\n".join(lines)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def append_decision(path: str | os.PathLike, decision: Decision) -> None:
    """Appends one decision in one write, and sees it onto the disk.

    A row that an earlier, interrupted write left unfinished is closed off first.
    """
    row = to_json_line(decision.to_row()).encode()
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
    with _WRITING:
        handle = os.open(path, flags, 0o644)
        try:
            size = os.fstat(handle).st_size
            if size and os.pread(handle, 1, size - 1) != b"\n":
                row = b"\n" + row
            written = os.write(handle, row)
            os.fsync(handle)
        finally:
            os.close(handle)
    if written != len(row):
        raise OSError(f"{path} took {written} of {len(row)} bytes. Is the disk full?")


def parse_row(line: bytes) -> Decision:
    """Reads one line of a decisions file.

    Raises:
        BadDecision: If it is no decision.
    """
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise BadDecision("bad_json", f"A decision must be JSON: {error}.") from error
    return Decision.from_row(row)


def _is_line(line: Any) -> bool:
    return isinstance(line, str) and "\n" not in line


def _is_time(text: str) -> bool:
    try:
        return datetime.datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _is_span(span: Any) -> bool:
    if not isinstance(span, Mapping) or span.get("field") not in SPAN_FIELDS:
        return False
    places = [span.get("start"), span.get("end")]
    places += [] if span["field"] == "title" else [span.get("line")]
    if span["field"] == "title" and span.get("line") is not None:
        return False
    return all(type(place) is int and place >= 0 for place in places)
