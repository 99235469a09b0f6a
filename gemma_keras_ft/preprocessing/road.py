"""One record's way through the recipe."""

import dataclasses
import itertools
from collections.abc import Sequence

from gemma_keras_ft.preprocessing.base import CleaningPreprocessor, Preprocessor
from gemma_keras_ft.preprocessing.culture.decisions import (
    EXCLUDED,
    Decisions,
    awaits_review,
)
from gemma_keras_ft.preprocessing.culture.flags import is_cleared
from gemma_keras_ft.preprocessing.culture.protection import Guard
from gemma_keras_ft.preprocessing.culture.replay import REVIEW
from gemma_keras_ft.preprocessing.filling.fill_copies import complete_from_copies
from gemma_keras_ft.preprocessing.splitting.dedup import copy_rank
from gemma_keras_ft.preprocessing.splitting.likeness import Likeness, measure_likeness
from gemma_keras_ft.preprocessing.splitting.split import Draw, Split
from gemma_keras_ft.records import LyricRecord, SetAside, to_json_line

_EXCERPT = 200
# A song that cleaning still changes after so many rounds is no song but a trap.
_ROUNDS = 10
# Of a song with more versions than this, the first ones complete the others.
_VERSIONS_ASKED = 32


@dataclasses.dataclass(frozen=True, kw_only=True)
class Prepared:
    """What became of one record in the recipe.

    Args:
        line: Its JSON, kept or set aside, as a line of bytes.
        likeness: What it is compared by; None for what is set aside.
        draw: Its ticket in the split; None for what is set aside.
        author: Its author.
        rank: Which of several copies is kept; see `copy_rank`.
        excluded: `Likeness.copy` of a record that a reader has excluded, whose
            copies may not take its place; None for any other.
        changed: For each step that changed its lines: the step's name, and the
            first such line before and after.
        undone: Names of steps that were undone, since they would have changed a
            protected phrase.
    """

    line: bytes
    likeness: Likeness | None = None
    draw: Draw | None = None
    author: str | None = None
    rank: int = 0
    excluded: bytes | None = None
    changed: tuple[tuple[str, str, str], ...] = ()
    undone: tuple[str, ...] = ()


@dataclasses.dataclass
class Trail:
    """What steps did to one record; each is named once, however often it ran."""

    changed: dict[str, tuple[str, str]] = dataclasses.field(default_factory=dict)
    undone: dict[str, None] = dataclasses.field(default_factory=dict)

    def note(self, name: str, before: LyricRecord, after: LyricRecord) -> None:
        """Notes the first line that a step changed."""
        pairs = itertools.zip_longest(before.lines, after.lines)
        old, new = next((old, new) for old, new in pairs if old != new)
        self.changed.setdefault(name, ((old or "")[:_EXCERPT], (new or "")[:_EXCERPT]))

    def rows(self) -> tuple[tuple[str, str, str], ...]:
        """Returns name, line before and line after of each step that changed lines."""
        return tuple((name, *lines) for name, lines in self.changed.items())


@dataclasses.dataclass(frozen=True, kw_only=True)
class Road:
    """All that happens to one record by itself.

    Args:
        steps: The recipe.
        split: Draws the record's ticket.
        guard: Keeps protected phrases; None where there are none.
        decisions: What readers decided; None where nobody has.
    """

    steps: tuple[Preprocessor, ...]
    split: Split
    guard: Guard | None = None
    decisions: Decisions | None = None

    def walk(
        self, item: LyricRecord | SetAside
    ) -> tuple[LyricRecord | SetAside, Trail]:
        """Runs the recipe, then applies what readers decided, until nothing is left.

        What is set aside is the record as it came, before any step changed it; only
        one that waits for a reader is kept as the reader is to see it. That a record
        was reviewed is for decisions to say: what its source claims is dropped.
        """
        trail = Trail()
        result = self._run(_unreviewed(item), trail)
        while (decided := self._decided(result)) is not None:
            same = isinstance(result, LyricRecord) and (
                isinstance(decided, SetAside) or decided.lines == result.lines
            )
            if same or isinstance(decided, SetAside):
                result = decided
                break
            # An edited or readmitted song is romanized and flagged anew; each edit
            # uses up one decision, so this ends.
            result = self._run(decided, trail)
        if (
            isinstance(result, SetAside)
            and isinstance(item, LyricRecord)
            and not awaits_review(result)
        ):
            result = dataclasses.replace(result, record=item.to_dict())
        return result, trail

    def _decided(self, result: LyricRecord | SetAside) -> LyricRecord | SetAside | None:
        """Returns what readers made of a song; None where they said nothing."""
        if self.decisions is None:
            return None
        if isinstance(result, LyricRecord):
            return self.decisions.apply(result)
        if not awaits_review(result) or result.record is None:
            return None
        decided = self.decisions.apply(LyricRecord.from_dict(result.record))
        if isinstance(decided, SetAside) or is_cleared(decided):
            return decided
        return None

    def _run(
        self, item: LyricRecord | SetAside, trail: Trail
    ) -> LyricRecord | SetAside:
        for cleans, steps in itertools.groupby(self.steps, _cleans):
            run = self._clean if cleans else self._take_each
            if isinstance(item, LyricRecord):
                item = run(tuple(steps), item, trail)
        return item

    def _take_each(
        self, steps: Sequence[Preprocessor], record: LyricRecord, trail: Trail
    ) -> LyricRecord | SetAside:
        """Takes steps in their order, each once."""
        item: LyricRecord | SetAside = record
        for step in steps:
            if isinstance(item, LyricRecord):
                item = self._take(step, item, trail)
        return item

    def _clean(
        self, steps: Sequence[Preprocessor], record: LyricRecord, trail: Trail
    ) -> LyricRecord | SetAside:
        """Takes steps in turn, each at least once, until none changes anything."""
        # Steps in a row that found nothing, since the last one that did.
        calm = 0
        before = record
        for place in range(_ROUNDS * len(steps)):
            # The one that found something finds no more in its own result.
            if place >= len(steps) and calm >= len(steps) - 1:
                return before
            item = self._take(steps[place % len(steps)], before, trail)
            if isinstance(item, SetAside):
                return item
            calm = calm + 1 if item == before else 0
            before = item
        return SetAside(
            id=record.id,
            reason="never_clean",
            detail=f"Cleaning still changed it in round {_ROUNDS}.",
            record=record.to_dict(),
        )

    def _take(
        self, step: Preprocessor, record: LyricRecord, trail: Trail
    ) -> LyricRecord | SetAside:
        """Takes one step."""
        undone = False
        if self.guard is None:
            item = step(record)
        else:
            item, undone = self.guard.run(step, record)
        if undone:
            trail.undone[step.config_name] = None
        if isinstance(item, LyricRecord) and item.lines != record.lines:
            trail.note(step.config_name, record, item)
        return item

    def prepare(self, items: Sequence[LyricRecord | SetAside]) -> list[Prepared]:
        """Walks a chunk of records and measures what is kept or was excluded."""
        walked = [self.walk(item) for item in items]
        compared = [self._compared(result) for result, _ in walked]
        likenesses = iter(measure_likeness([one for one in compared if one]))
        return [
            self._prepared(result, next(likenesses) if one else None, trail)
            for (result, trail), one in zip(walked, compared, strict=True)
        ]

    def _compared(self, result: LyricRecord | SetAside) -> LyricRecord | None:
        """Returns the record to measure, if there is one."""
        if isinstance(result, LyricRecord):
            return result
        # A source may not claim an exclusion either: only decisions make one.
        if self.decisions is None or result.reason != EXCLUDED or not result.record:
            return None
        return LyricRecord.from_dict(result.record)

    def _prepared(
        self,
        result: LyricRecord | SetAside,
        likeness: Likeness | None,
        trail: Trail,
    ) -> Prepared:
        line = to_json_line(result.to_dict()).encode()
        if isinstance(result, SetAside):
            return Prepared(line=line, excluded=likeness.copy if likeness else None)
        assert likeness is not None  # `_compared` returns every kept record
        return Prepared(
            line=line,
            likeness=likeness,
            draw=self.split.draw(result, likeness.words),
            author=result.author,
            rank=copy_rank(result),
            changed=trail.rows(),
            undone=tuple(trail.undone),
        )


def _unreviewed(item: LyricRecord | SetAside) -> LyricRecord | SetAside:
    if isinstance(item, SetAside) or REVIEW not in item.metadata:
        return item
    others = {name: item.metadata[name] for name in item.metadata if name != REVIEW}
    return item.replace(metadata=others)


def _cleans(step: Preprocessor) -> bool:
    return isinstance(step, CleaningPreprocessor)


def complete_group(
    versions: Sequence[LyricRecord], road: Road
) -> list[tuple[LyricRecord | SetAside, Trail] | None]:
    """Completes last lines that were cut off from other versions of the song.

    What a reader has accepted or edited stays as the reader wants it. What is
    completed goes the whole road again: so it is flagged and filtered as it now
    reads, and what readers decided on the completed lines holds.

    Args:
        versions: Versions of one song, as they came from the road.
        road: The road.

    Returns:
        For each version what became of it, and what steps did to it on the way;
        None where nothing was missing.
    """
    asked = versions[:_VERSIONS_ASKED]
    found = []
    for version in versions:
        new = version if is_cleared(version) else complete_from_copies(version, asked)
        found.append(road.walk(new) if new is not version else None)
    return found
