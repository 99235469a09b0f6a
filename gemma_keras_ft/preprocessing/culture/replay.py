"""Follows a record through its readers' decisions, the oldest first."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from gemma_keras_ft.preprocessing.culture.decision_rows import Decision, lines_sha256
from gemma_keras_ft.preprocessing.culture.flags import flags_of
from gemma_keras_ft.preprocessing.culture.protection import Guard
from gemma_keras_ft.records import LyricRecord

REVIEW = "review"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Review:
    """Where a song stands in the review.

    Args:
        state: `"open"` (nothing decided, or not all of it), `"accepted"`, `"edited"`,
            `"excluded"`, `"stale"` (decided on other lines than it has now) or
            `"refused"` (an edit that may not be made).
        decision: The decision that says so; None where there is none.
        lines: The lines as decided.
        accepted: Spans of these lines that were accepted one by one.
        seen: Hashes of all lines that the decisions were about, the present one last.
        edit: Key of the last edit that was made.
        why: What stands against a refused edit.
    """

    state: str
    lines: tuple[str, ...]
    decision: Decision | None = None
    accepted: frozenset[tuple] = frozenset()
    seen: tuple[str, ...] = ()
    edit: str | None = None
    why: str = ""


class Replay:
    """One record and the decisions about it, taken one by one.

    Args:
        record: The record as curation made it.
        guard: Knows the protected phrases; None where there are none.
    """

    def __init__(self, record: LyricRecord, guard: Guard | None):
        self._record, self._guard = record, guard
        before = record.metadata.get(REVIEW)
        before = before if isinstance(before, Mapping) else {}
        seen, edit = before.get("seen"), before.get("edit")
        self._edit = edit if isinstance(edit, str) else None
        self._lines = record.lines
        seen = seen if isinstance(seen, list | tuple) else ()
        self._seen = [text for text in seen if isinstance(text, str)]
        self._seen.append(lines_sha256(record.lines))
        # By the span they are about; None is the whole song.
        self._verdicts: dict[tuple | None, Decision] = {}
        self._ignored: tuple[str, Decision, str] | None = None

    def resume(self, rows: Sequence[Decision]) -> int:
        """Returns which decision comes next on a record that was edited before.

        Steps that ran after the edit may have tidied its lines, so it is known by its
        key and not by them.
        """
        for place in reversed(range(len(rows) if self._edit else 0)):
            if rows[place].key == self._edit:
                for row in rows[:place]:
                    if row.lines_sha256 in self._seen and _outlives_edits(row):
                        self._settle(row)
                self._settle(rows[place])
                return place + 1
        self._edit = None
        del self._seen[:-1]
        return 0

    def take(self, row: Decision) -> None:
        """Takes the next decision."""
        if row.lines_sha256 not in self._seen:
            self._take_other(row)
        elif row.decision == "edit":
            self._take_edit(row)
        else:
            self._settle(row)

    def result(self) -> Review:
        """Returns where the record stands."""
        state, decision, why = self._state()
        return Review(
            state=state,
            lines=self._lines,
            decision=decision,
            accepted=frozenset(self._accepted()),
            seen=tuple(dict.fromkeys(self._seen)),
            edit=self._edit,
            why=why,
        )

    def _state(self) -> tuple[str, Decision | None, str]:
        if self._ignored is not None:
            return self._ignored
        verdicts = [*self._verdicts.values()]
        excluding = [row for row in verdicts if row.decision == "exclude"]
        if excluding:
            return "excluded", excluding[-1], ""
        whole = self._verdicts.get(None)
        if whole is not None:
            return ("edited" if whole.decision == "edit" else "accepted"), whole, ""
        flags = {place_of(flag) for flag in flags_of(self._record)}
        if flags and flags <= self._accepted():
            return "accepted", verdicts[-1], ""
        return "open", None, ""

    def _accepted(self) -> set[tuple]:
        return {
            place
            for place, row in self._verdicts.items()
            if place is not None and row.decision == "accept"
        }

    def _take_other(self, row: Decision) -> None:
        if row.lines is not None and lines_sha256(row.lines) == self._seen[-1]:
            # The source itself has come to read as the reader wanted it.
            self._settle(row)
        elif not self._verdicts:
            self._ignored = "stale", row, ""

    def _take_edit(self, row: Decision) -> None:
        assert row.lines is not None  # `Decision` checks it
        why = edit_problem(self._record, self._lines, row.lines, self._guard)
        if why:
            self._ignored = "refused", row, why
            return
        self._lines, self._edit = row.lines, row.key
        self._seen.append(lines_sha256(row.lines))
        self._settle(row)

    def _settle(self, row: Decision) -> None:
        self._ignored = None
        whole = row.span is None or row.decision == "edit"
        place = None if whole else place_of(row.span or {})
        if whole:
            # An edit leaves title and translation, and what was said of them.
            self._verdicts = {
                place: old
                for place, old in self._verdicts.items()
                if row.decision == "edit" and _outlives_edits(old)
            }
        # The last one wins, and comes last.
        self._verdicts.pop(place, None)
        self._verdicts[place] = row


def edit_problem(
    record: LyricRecord,
    before: Sequence[str],
    after: Sequence[str],
    guard: Guard | None,
) -> str:
    """Returns why lines may not be edited so; nothing where they may.

    Args:
        record: The record.
        before: Its lines.
        after: The lines as a reader wants them.
        guard: Knows the protected phrases; None where there are none.
    """
    if record.no_alter:
        return "The song is marked no_alter: accept or exclude it."
    lost = guard.lost(before, after) if guard is not None else ()
    if lost:
        return f"Protected phrases would be lost: {', '.join(lost)}."
    return ""


def _outlives_edits(row: Decision) -> bool:
    outside = row.span is not None and row.span["field"] != "lines"
    return outside and row.decision == "accept"


def place_of(span: Mapping[str, Any]) -> tuple:
    """Returns a span, or a flag, as the place it stands in."""
    return span["field"], span["line"], span["start"], span["end"]
