"""Runs a recipe over records; every record is kept or set aside, with a reason."""

import functools
import json
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from gemma_keras_ft.preprocessing.augmentation.augment import Protected, augment_split
from gemma_keras_ft.preprocessing.augmentation.base import Augmentation
from gemma_keras_ft.preprocessing.base import Preprocessor
from gemma_keras_ft.preprocessing.culture.decisions import Decisions
from gemma_keras_ft.preprocessing.culture.protection import Guard
from gemma_keras_ft.preprocessing.filling.fill_copies import complete_from_copies
from gemma_keras_ft.preprocessing.prepare import Prepared, Road, prepare_records
from gemma_keras_ft.preprocessing.recipe import (
    check_recipe,
    default_recipe,
    recipe_to_config,
)
from gemma_keras_ft.preprocessing.splitting.dedup import (
    Groups,
    LikenessStore,
    join_near_duplicates,
)
from gemma_keras_ft.preprocessing.splitting.likeness import hash_text
from gemma_keras_ft.preprocessing.splitting.split import SPLITS, Split
from gemma_keras_ft.preprocessing.spool import LineSpool
from gemma_keras_ft.preprocessing.summary import Summary
from gemma_keras_ft.records import LyricRecord, SetAside, to_json_line

_EXAMPLES = 3
# Of a song with more versions than this, the first ones complete the others.
_VERSIONS_ASKED = 32
# Stands beside the places in SPLITS, for a record that turned out to be a copy.
_COPY = 255


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
        self._set_aside = LineSpool()
        self._completed: dict[int, bytes] = {}
        self._children = LineSpool()
        self._augmented: dict[str, Any] = {}
        self._decisions: dict[str, Any] = {}
        self._sides = np.array([], np.uint8)

    def take(self, prepared: Prepared) -> None:
        """Takes what came out of the recipe."""
        spool = self._set_aside if prepared.likeness is None else self._kept
        spool.append(prepared.line)
        self._undone.update(prepared.undone)
        for name, before, after in prepared.changed:
            self._changed[name] += 1
            examples = self._examples.setdefault(name, [])
            if len(examples) < _EXAMPLES:
                examples.append([before, after])

    def settle(self, dealt: "Dealt") -> None:
        """Deals the kept records out; copies of others are set aside after all."""
        sides = dealt.sides
        for copy, first in dealt.copies:
            sides[copy] = _COPY
            record = json.loads(self._kept[copy])
            name = json.loads(self._kept[first])["id"]
            item = copy_of(record, name)
            self._set_aside.append(to_json_line(item.to_dict()).encode())
        for group in dealt.groups:
            versions = [
                LyricRecord.from_dict(json.loads(self._kept[index])) for index in group
            ]
            for index, record in zip(group, complete_group(versions), strict=True):
                if record is not None:
                    line = to_json_line(record.to_dict()).encode()
                    self._completed[index] = line
        self._sides = sides

    def note(self, decisions: Decisions, orphans: int) -> None:
        """Notes which of the readers' decisions could not be replayed.

        Args:
            decisions: What readers decided.
            orphans: Songs decided on that the corpus no longer has.
        """
        self._decisions = {
            "rows": len(decisions.rows),
            "unreadable": decisions.bad_reasons,
            "songs_missing": orphans,
        }

    def __len__(self) -> int:
        """Returns how many records are kept."""
        return int((self._sides != _COPY).sum())

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
        summary = Summary()
        for split in SPLITS:
            for record in self.stream(split):
                summary.add(record, split)
        reasons = Counter(item.reason for item in self.stream_set_aside())
        return {
            "read": summary.songs - len(self._children) + len(self._set_aside),
            "kept": summary.songs - len(self._children),
            "set_aside": len(self._set_aside),
            "set_aside_reasons": dict(sorted(reasons.items())),
            **summary.report(),
            "changed": dict(sorted(self._changed.items())),
            "undone": dict(sorted(self._undone.items())),
            "examples": self._examples,
            "augmentation": self._augmented,
            "decisions": self._decisions,
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
    ledger = _Ledger()
    orphans = set(decisions.record_ids if decisions else ())

    def told() -> Iterator[LyricRecord | SetAside]:
        for item in unique_ids(records):
            orphans.discard(item.id)
            yield item

    for prepared in prepare_records(told(), road, processes=processes):
        curation.take(prepared)
        if prepared.likeness is not None:
            ledger.enter(prepared)
    curation.settle(ledger.deal(split))
    if decisions:
        curation.note(decisions, len(orphans))
    return curation


class Dealt(NamedTuple):
    """How kept records, by their places, were grouped and split.

    Args:
        sides: The place of each record's side in `SPLITS`, uint8.
        copies: Records that are copies, each with the first of its kind.
        groups: Records that are versions of one song, copies left out.
    """

    sides: np.ndarray
    copies: list[tuple[int, int]]
    groups: list[list[int]]


def complete_group(
    versions: Sequence[LyricRecord],
) -> list[LyricRecord | None]:
    """Completes last lines that were cut off from other versions of the song.

    Returns:
        For each version the completed record, or None where nothing was missing.
    """
    asked = versions[:_VERSIONS_ASKED]
    completed = [complete_from_copies(version, asked) for version in versions]
    return [
        new if new is not version else None
        for new, version in zip(completed, versions, strict=True)
    ]


def copy_of(record: Mapping[str, Any], name: str) -> SetAside:
    """Returns the set-aside of a record that says the same as the one of `name`."""
    return SetAside(
        id=record["id"],
        reason="duplicate",
        detail=f"The same text as {name!r}.",
        record=record,
    )


class _Ledger:
    """What must be known of every kept record to group and split them."""

    def __init__(self):
        self._store = LikenessStore()
        self._copies = array("Q")
        self._tickets = array("Q")
        self._strata = array("i")
        self._strata_names: dict[tuple[str, str, str], int] = {}
        self._authors = array("Q")

    def enter(self, prepared: Prepared) -> None:
        assert prepared.likeness is not None and prepared.draw is not None
        names = self._strata_names
        self._store.append(prepared.likeness)
        self._copies.frombytes(prepared.likeness.copy)
        self._tickets.append(prepared.draw.ticket)
        self._strata.append(names.setdefault(prepared.draw.stratum, len(names)))
        self._authors.append(hash_text(prepared.author) if prepared.author else 0)

    def deal(self, split: Split) -> "Dealt":
        """Groups the records and splits them."""
        groups = Groups(len(self._store))
        join_near_duplicates(self._store, groups)
        copies = self._find_copies()
        real = np.ones(len(self._tickets), bool)
        real[[copy for copy, _ in copies]] = False
        versions = groups.members(real)
        if split.keep_artists:
            authors = np.frombuffer(self._authors, np.uint64)
            named = np.flatnonzero(authors)
            groups.join_equal(authors[named], named)
        sides = np.zeros(len(real), np.uint8)
        sides[real] = split.deal(
            np.frombuffer(self._strata, np.int32)[real],
            np.frombuffer(self._tickets, np.uint64)[real],
            groups.numbers()[real],
            [*self._strata_names],
        )
        return Dealt(sides, copies, versions)

    def _find_copies(self) -> list[tuple[int, int]]:
        """Returns every later record of the same words, script and language."""
        hashes = np.frombuffer(self._copies, np.uint64).reshape(-1, 2)
        order = np.lexsort((hashes[:, 1], hashes[:, 0]))
        same = (hashes[order[1:]] == hashes[order[:-1]]).all(axis=1)
        copies = []
        first = 0
        for place in np.flatnonzero(same).tolist():
            # A run of equals begins where the one before is no copy itself.
            if place == 0 or not same[place - 1]:
                first = int(order[place])
            copies.append((int(order[place + 1]), first))
        return sorted(copies)


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
