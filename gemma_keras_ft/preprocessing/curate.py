"""Runs a recipe over records; every record is kept or set aside, with a reason."""

import functools
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gemma_keras_ft.config import from_config
from gemma_keras_ft.preprocessing.augmentation.augment import Protected, augment_split
from gemma_keras_ft.preprocessing.augmentation.base import Augmentation
from gemma_keras_ft.preprocessing.base import Preprocessor
from gemma_keras_ft.preprocessing.culture.decisions import Decisions
from gemma_keras_ft.preprocessing.culture.protection import Guard
from gemma_keras_ft.preprocessing.prepare import prepare_records
from gemma_keras_ft.preprocessing.recipe import (
    check_recipe,
    default_recipe,
    recipe_to_config,
)
from gemma_keras_ft.preprocessing.road import Prepared, Road, Trail, complete_group
from gemma_keras_ft.preprocessing.splitting.dealing import Dealt, Ledger, copy_of
from gemma_keras_ft.preprocessing.splitting.likeness import hash_text
from gemma_keras_ft.preprocessing.splitting.split import SPLITS, Split
from gemma_keras_ft.preprocessing.spool import LineSpool
from gemma_keras_ft.preprocessing.summary import Summary
from gemma_keras_ft.records import LyricRecord, SetAside, to_json_line

_EXAMPLES = 3
# Stands beside the places in SPLITS, for what was set aside after all.
_ASIDE = 255


class Curation:
    """What became of every record; the records themselves stand on disk.

    Args:
        recipe: The configuration of the steps, and of the split.
    """

    def __init__(self, recipe: Mapping[str, Any]):
        self.recipe = recipe
        self._changed: Counter[str] = Counter()
        self._undone: Counter[str] = Counter()
        self._examples: dict[str, list[list[str]]] = {}
        self._kept = LineSpool()
        # What steps did to each kept record: counted once it stays kept.
        self._trails = LineSpool()
        self._set_aside = LineSpool()
        self._completed: dict[int, bytes] = {}
        self._children = LineSpool()
        self._augmented: dict[str, Any] = {}
        self._decisions = Decisions()
        self._replayed: dict[str, Any] = {}
        self._sides = np.array([], np.uint8)

    def take(self, prepared: Prepared) -> None:
        """Takes what came out of the recipe."""
        if prepared.likeness is None:
            self._set_aside.append(prepared.line)
            return
        self._kept.append(prepared.line)
        trail = [prepared.changed, prepared.undone]
        self._trails.append(json.dumps(trail).encode())

    def settle(self, dealt: Dealt, road: Road) -> None:
        """Deals the kept records out, completes them, and sets copies aside after all.

        Args:
            dealt: Which record is a copy, and on which side each of the others is.
            road: What a completed record has to pass again.
        """
        self._sides = dealt.sides
        for copy, kept in dealt.copies:
            name = json.loads(self._kept[kept])["id"]
            self._drop(copy, copy_of(json.loads(self._kept[copy]), name))
        for copy, name in dealt.barred:
            record = json.loads(self._kept[copy])
            self._drop(copy, copy_of(record, name, excluded=True))
        trails: dict[int, Trail] = {}
        for group in dealt.groups:
            versions = [
                LyricRecord.from_dict(json.loads(self._kept[index])) for index in group
            ]
            found = complete_group(versions, road)
            for index, walked in zip(group, found, strict=True):
                if walked is None:
                    continue
                result, trails[index] = walked
                if isinstance(result, SetAside):
                    self._drop(index, result)
                else:
                    line = to_json_line(result.to_dict()).encode()
                    self._completed[index] = line
        self._count_changes(trails)

    def _drop(self, index: int, item: SetAside) -> None:
        self._sides[index] = _ASIDE
        self._set_aside.append(to_json_line(item.to_dict()).encode())

    def _count_changes(self, trails: Mapping[int, Trail]) -> None:
        """Counts what steps did to the records that are kept, each step once a record.

        Args:
            trails: What steps did to records that were completed, afterwards.
        """
        for index in np.flatnonzero(self._sides != _ASIDE).tolist():
            changed, undone = json.loads(self._trails[index])
            again = trails.get(index, Trail())
            self._undone.update({*undone, *again.undone})
            seen = set()
            for name, before, after in (*changed, *again.rows()):
                if name in seen:
                    continue
                seen.add(name)
                self._changed[name] += 1
                examples = self._examples.setdefault(name, [])
                if len(examples) < _EXAMPLES:
                    examples.append([before, after])

    def note(self, decisions: Decisions, orphans: int) -> None:
        """Notes what readers decided, and what of it could not be replayed.

        Args:
            decisions: What readers decided.
            orphans: Songs decided on that the corpus no longer has.
        """
        self._decisions = decisions
        self._replayed = {
            "rows": len(decisions.rows),
            "unreadable": decisions.bad_reasons,
            "songs_missing": orphans,
        }

    def __len__(self) -> int:
        """Returns how many records are kept."""
        return int((self._sides != _ASIDE).sum())

    def augment(
        self, augmentations: Sequence[Augmentation], *, seed: int, protected: Protected
    ) -> None:
        """Adds variations of training songs, behind the originals.

        Args:
            augmentations: What to do with each song; see `augment_split`.
            seed: Seed of the variations.
            protected: Phrases that every variation must keep.
        """
        result = augment_split(
            self.stream("train"), augmentations, seed=seed, protected=protected
        )
        self._augmented = result.report()
        for child in result.records[self._augmented["originals"] :]:
            self._children.append(to_json_line(child.to_dict()).encode())

    def stream(self, split: str) -> Iterator[LyricRecord]:
        """Yields the records of a split, one at a time, in their order."""
        for index in np.flatnonzero(self._sides == SPLITS.index(split)).tolist():
            line = self._completed.get(index) or self._kept[index]
            yield LyricRecord.from_dict(json.loads(line))
        if split == "train":
            for line in self._children:
                yield LyricRecord.from_dict(json.loads(line))

    def stream_set_aside(self) -> Iterator[SetAside]:
        """Yields what was not kept, one at a time."""
        for line in self._set_aside:
            yield SetAside(**json.loads(line))

    @property
    def splits(self) -> dict[str, tuple[LyricRecord, ...]]:
        """The records of every split, in memory."""
        return {name: tuple(self.stream(name)) for name in SPLITS}

    @property
    def set_aside(self) -> tuple[SetAside, ...]:
        """What was not kept, in memory."""
        return tuple(self.stream_set_aside())

    @functools.cached_property
    def _report(self) -> dict[str, Any]:
        summary = Summary(self._decisions)
        for split in SPLITS:
            for record in self.stream(split):
                summary.add(record, split)
        reasons = Counter(item.reason for item in self.stream_set_aside())
        report = summary.report()
        split = from_config(self.recipe["split"])
        return {
            "read": summary.songs - len(self._children) + len(self._set_aside),
            "kept": summary.songs - len(self._children),
            "set_aside": len(self._set_aside),
            "set_aside_reasons": dict(sorted(reasons.items())),
            **report,
            "changed": dict(sorted(self._changed.items())),
            "undone": dict(sorted(self._undone.items())),
            "examples": self._examples,
            "augmentation": self._augmented,
            "decisions": self._replayed,
            "warnings": split.warnings(report["counts"]["split"]),
        }

    def report(self) -> dict[str, Any]:
        """Returns counts as JSON values: kept, set aside, by kind, by reason."""
        return self._report


def curate_records(
    records: Iterable[LyricRecord | SetAside],
    *,
    recipe: Sequence[Preprocessor] | None = None,
    split: Split | None = None,
    guard: Guard | None = None,
    decisions: Decisions | None = None,
    processes: int = 1,
) -> Curation:
    """Runs the recipe, sets exact copies aside, and splits what is kept.

    Records stream from their source to disk: memory grows by about a kilobyte a
    record, which `benchmarks/curation.py` measures, whatever the songs' lengths.

    Args:
        records: Records and what was set aside on reading. A second record of one
            id is given an id of its own.
        recipe: Steps in order; `default_recipe()` by default.
        split: How to split; `Split()` by default.
        guard: Keeps protected phrases as they are, whatever a step does.
        decisions: What readers of the language decided on flagged songs.
        processes: Worker processes; see `prepare_records`.

    Returns:
        A `Curation` in which records read = kept + set aside.

    Raises:
        ValueError: If a step is no preprocessor.
    """
    steps = default_recipe() if recipe is None else check_recipe(recipe)
    split = split or Split()
    curation = Curation({**recipe_to_config(steps), "split": split.to_config()})
    road = Road(steps=steps, split=split, guard=guard, decisions=decisions)
    ledger = Ledger()
    orphans = set(decisions.record_ids if decisions else ())

    def told() -> Iterator[LyricRecord | SetAside]:
        for item in unique_ids(records):
            orphans.discard(item.id)
            yield item

    for prepared in prepare_records(told(), road, processes=processes):
        curation.take(prepared)
        if prepared.likeness is not None and prepared.draw is not None:
            ledger.enter(
                prepared.likeness,
                prepared.draw,
                author=prepared.author,
                rank=prepared.rank,
            )
        elif prepared.excluded is not None:
            ledger.exclude(prepared.excluded, json.loads(prepared.line)["id"])
    curation.settle(ledger.deal(split), road)
    if decisions:
        curation.note(decisions, len(orphans))
    return curation


def unique_ids(
    items: Iterable[LyricRecord | SetAside],
) -> Iterator[LyricRecord | SetAside]:
    """Gives a second record of one id, from another source, an id of its own."""
    seen: set[int] = set()
    # How far the numbers of a name that came again have got.
    counts: dict[str, int] = {}
    for item in items:
        if isinstance(item, LyricRecord):
            name = item.id
            while hash_text(name) in seen:
                counts[item.id] = counts.get(item.id, 1) + 1
                name = f"{item.id}#{counts[item.id]}"
            seen.add(hash_text(name))
            item = item if name == item.id else item.replace(id=name)
        yield item
