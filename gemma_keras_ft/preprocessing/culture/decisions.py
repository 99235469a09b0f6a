"""Readers' decisions, replayed on every curation."""

import dataclasses
import functools
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from gemma_keras_ft.preprocessing.culture.decision_rows import (
    BadDecision,
    Decision,
    parse_row,
)
from gemma_keras_ft.preprocessing.culture.flags import FLAGGED, FLAGS, flags_of
from gemma_keras_ft.preprocessing.culture.protection import Guard
from gemma_keras_ft.preprocessing.culture.replay import REVIEW, Replay, Review, place_of
from gemma_keras_ft.preprocessing.edits import aligned_lists
from gemma_keras_ft.records import LyricRecord, SetAside

# Why a song that a reader has excluded is set aside.
EXCLUDED = "review_excluded"
DECIDED = ("accepted", "edited", "excluded")


@dataclasses.dataclass(frozen=True)
class Decisions:
    """Readers' decisions, in the order in which they were made.

    A decision is about a record id and the lines that the reader saw. On other lines
    it is stale: it is kept and counted, and the song waits for a reader again. The
    last one wins. An edit may not touch a protected phrase, nor any `no_alter`
    record: it is refused, and the song waits.

    Example:
        ```python
        decisions = Decisions.read("dataset/decisions.jsonl", Guard(phrases))
        record = decisions.apply(record)
        ```

    Args:
        rows: The decisions.
        guard: Knows the protected phrases; None where there are none.
        bad: Line number, reason and detail of each row of a file that is no decision.
    """

    rows: tuple[Decision, ...] = ()
    guard: Guard | None = None
    bad: tuple[tuple[int, str, str], ...] = ()

    @classmethod
    def read(cls, path: str | os.PathLike, guard: Guard | None = None) -> "Decisions":
        """Reads a decisions file; one that isn't there holds no decisions.

        A row that is no decision is counted with its reason and passed over: nothing
        that a person or a torn write left there makes the rest unreadable.
        """
        rows, bad = [], []
        path = Path(path)
        content = path.read_bytes() if path.exists() else b""
        for number, line in enumerate(content.split(b"\n"), start=1):
            if not line.strip():
                continue
            try:
                rows.append(parse_row(line))
            except BadDecision as error:
                bad.append((number, error.reason, str(error)))
        return cls(tuple(rows), guard, tuple(bad))

    @functools.cached_property
    def _by_id(self) -> dict[str, list[Decision]]:
        by_id: dict[str, list[Decision]] = {}
        for row in self.rows:
            by_id.setdefault(row.record_id, []).append(row)
        return by_id

    def of(self, record_id: str) -> Sequence[Decision]:
        """Returns the decisions about one song, the oldest first."""
        return self._by_id.get(record_id, ())

    @property
    def record_ids(self) -> Iterable[str]:
        """The songs that decisions are about."""
        return self._by_id.keys()

    @property
    def bad_reasons(self) -> dict[str, int]:
        """How many rows are no decisions, by reason."""
        return dict(sorted(Counter(reason for _, reason, _ in self.bad).items()))

    def review(self, record: LyricRecord) -> Review:
        """Says where a record stands, without changing it."""
        rows = self.of(record.id)
        replay = Replay(record, self.guard)
        for row in rows[replay.resume(rows) :]:
            replay.take(row)
        return replay.result()

    def apply(self, record: LyricRecord) -> LyricRecord | SetAside:
        """Returns the record as decided; see `apply_decisions`."""
        if not self.of(record.id):
            return record
        review = self.review(record)
        if review.state == "open":
            return record
        decision = review.decision
        assert decision is not None  # every other state comes from one
        if review.state == "excluded":
            return SetAside(
                id=record.id,
                reason=EXCLUDED,
                detail=f"Excluded by {decision.reviewer} on {decision.time}"
                + (f": {decision.note}" if decision.note else "."),
                record=record.to_dict(),
            )
        return _decided(record, review, decision)


def apply_decisions(
    record: LyricRecord, decisions: Decisions
) -> LyricRecord | SetAside:
    """Returns a record as its readers decided.

    `metadata["review"]` says what came of it: `state`, `reviewer`, `time`, `note`.
    Where lines were edited, the romanization and the flags are dropped, since they
    are made anew from the lines; a translation stays. If their number changed, the
    metadata's lists of one value a line go too. Applied again it does no more.

    Args:
        record: The record as curation made it.
        decisions: What readers decided.

    Returns:
        The record, or a `SetAside` with the reason `"review_excluded"`.
    """
    return decisions.apply(record)


def awaits_review(item: SetAside) -> bool:
    """Says whether a reader can bring back what was set aside.

    Of such a song the record as it was when it was flagged must be kept, not as it
    came: its lines are what a decision is about.
    """
    return item.reason.startswith(FLAGGED) or item.reason == EXCLUDED


def open_flags(record: LyricRecord, review: Review) -> list[dict[str, Any]]:
    """Returns the flags of a record that nobody has decided on.

    An edit decides on the lines; flags in the title and the translation, which it
    doesn't reach, stay open until they are accepted or the song is excluded.
    """
    if review.state in ("accepted", "excluded"):
        return []
    return [
        flag
        for flag in flags_of(record)
        if place_of(flag) not in review.accepted
        and not (review.state == "edited" and flag["field"] == "lines")
    ]


def _decided(record: LyricRecord, review: Review, decision: Decision) -> LyricRecord:
    metadata = dict(record.metadata)
    said: dict[str, Any] = {"state": review.state}
    for name in ("reviewer", "time", "note"):
        if getattr(decision, name):
            said[name] = getattr(decision, name)
    if review.why:
        said["why"] = review.why
    if review.edit:
        said |= {"edit": review.edit, "seen": list(review.seen)}
    metadata[REVIEW] = said
    if review.lines == record.lines:
        return record.replace(metadata=metadata)
    metadata.pop(FLAGS, None)
    if len(review.lines) != len(record.lines):
        for name in aligned_lists(record):
            del metadata[name]
    return record.replace(lines=review.lines, romanized=None, metadata=metadata)
