"""The curation of `curate_records` as an Apache Beam pipeline.

Where a corpus outgrows one machine, Spark, Flink or Dataflow run this pipeline;
the records, their splits and the reasons are those of `curate_records`.
"""

import dataclasses
import itertools
import json
import operator
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

try:
    import apache_beam as beam  # pyright: ignore[reportMissingImports]
except ImportError as error:
    raise ImportError(
        "`gemma_keras_ft.data.beam` needs `apache-beam`. Install it with "
        "`pip install 'gemma_keras_ft[beam]'`, in an environment of its own: it asks "
        "for older releases of other packages."
    ) from error

from gemma_keras_ft.preprocessing.curate import unique_ids
from gemma_keras_ft.preprocessing.recipe import recipe_from_config, recipe_to_config
from gemma_keras_ft.preprocessing.road import Prepared, Road, complete_group
from gemma_keras_ft.preprocessing.splitting.dealing import copy_of
from gemma_keras_ft.preprocessing.splitting.dedup import (
    THRESHOLD,
    Groups,
    band_hashes,
    band_rows,
    jaccard,
)
from gemma_keras_ft.preprocessing.splitting.likeness import hash_text
from gemma_keras_ft.preprocessing.splitting.split import SPLITS, Split
from gemma_keras_ft.records import LyricRecord, SetAside, to_json_line

_SHARD_RECORDS = 10_000


def stage_records(
    records: Iterable[LyricRecord | SetAside], directory: str | Path
) -> str:
    """Writes records, numbered in their order, into files that Beam reads at once.

    The numbers make the pipeline's result the same in whatever order it runs.

    Args:
        records: Records and what was set aside on reading.
        directory: Folder to write into, on a file system that every worker sees.

    Returns:
        The pattern of the files' names.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    numbered = enumerate(unique_ids(records))
    shard = 0
    # The first file is written even if it stays empty: a pattern must match.
    while (rows := list(itertools.islice(numbered, _SHARD_RECORDS))) or not shard:
        with open(directory / f"{shard:05}.jsonl", "w", encoding="utf-8") as file:
            for number, item in rows:
                kind = "record" if isinstance(item, LyricRecord) else "set_aside"
                file.write(to_json_line({"number": number, kind: item.to_dict()}))
        shard += 1
    return str(directory / "*.jsonl")


@dataclasses.dataclass(frozen=True)
class Songs:
    """What `curate_lines` gives.

    Args:
        splits: A collection of `(number, line)` for each split, the line being a
            record's JSON in bytes.
        set_aside: A collection of `(number, line)` of set-asides.
    """

    splits: Mapping[str, Any]
    set_aside: Any


def curate_lines(lines: Any, road: Road) -> Songs:
    """Curates what `stage_records` wrote.

    Args:
        lines: Collection of its lines, as `beam.io.ReadFromText` gives them.
        road: The recipe, the split, what is protected and what was decided.

    Returns:
        The records by split, and what was set aside.
    """
    prepared = (
        lines
        | "Batch" >> beam.BatchElements(min_batch_size=64, max_batch_size=256)
        | "Prepare" >> beam.ParDo(_Prepare(road))
    )
    aside = prepared | "Refused" >> beam.Filter(lambda item: item[1].likeness is None)
    kept = prepared | "Kept" >> beam.Filter(lambda item: item[1].likeness is not None)
    # (copy, (number or None, name or None)): the one kept, or one that was excluded.
    copies = (
        prepared
        | "By words" >> beam.FlatMap(_by_words)
        | "Same words" >> beam.GroupByKey()
        | "Find copies" >> beam.FlatMap(_find_copies)
    )
    roots = _roots(kept)
    sides = _sides(kept, copies, roots, road.split)
    completed = _completed(kept, copies, roots, road)
    placed = (
        {"item": kept, "side": sides, "completed": completed}
        | "Join songs" >> beam.CoGroupByKey()
        | "Place" >> beam.FlatMap(_placed)
    )
    refused = aside | "Lines" >> beam.Map(lambda item: (item[0], item[1].line))
    refused_late = (
        completed
        | "Refused when completed" >> beam.Filter(lambda item: item[1][1])
        | "Their lines" >> beam.Map(lambda item: (item[0], item[1][0]))
    )
    set_aside = (refused, refused_late, _copies_aside(kept, copies))
    return Songs(
        splits={
            split: placed
            | f"Side {split}" >> beam.Filter(lambda item, side: item[0] == side, split)
            | f"Songs of {split}" >> beam.Map(operator.itemgetter(1))
            for split in SPLITS
        },
        set_aside=set_aside | beam.Flatten(),
    )


def _completed(kept: Any, copies: Any, roots: Any, road: Road) -> Any:
    """Returns `(number, (line, refused))` of every song that its versions complete."""
    return (
        {"item": kept, "root": roots, "gone": copies}
        | "Join versions" >> beam.CoGroupByKey()
        | "Versions" >> beam.FlatMap(_version)
        | "Group versions" >> beam.GroupByKey()
        | "Complete" >> beam.ParDo(_Complete(road))
    )


def _sides(kept: Any, copies: Any, roots: Any, split: Split) -> Any:
    """Returns `(number, side)` of every song that is no copy."""
    if split.keep_artists:
        roots = _with_authors(kept, roots)
    tickets = (
        {"item": kept, "root": roots, "gone": copies}
        | "Join roots" >> beam.CoGroupByKey()
        | "Without copies" >> beam.FlatMap(_ticket)
    )
    ranked = (
        tickets | "Group members" >> beam.GroupByKey() | "Rank" >> beam.Map(_ranked)
    )
    totals = (
        ranked
        | "Sizes" >> beam.Map(lambda item: (item[0], item[1][2]))
        | "Totals" >> beam.CombinePerKey(sum)
        | "All totals" >> beam.combiners.ToDict()
    )
    sides = (
        ranked
        | "Strata" >> beam.GroupByKey()
        | "Deal" >> beam.FlatMap(_deal, split, beam.pvalue.AsSingleton(totals))
    )
    return (
        {"members": tickets, "side": sides}
        | "Join sides" >> beam.CoGroupByKey()
        | "To songs" >> beam.FlatMap(_sides_of_members)
    )


def _copies_aside(kept: Any, copies: Any) -> Any:
    """Returns `(number, line)` of every copy, set aside with the other's name."""
    firsts = copies | "By the kept" >> beam.FlatMap(
        lambda item: [(item[1][0], item[0])] if item[1][0] is not None else []
    )
    named = (
        {"item": kept, "copies": firsts}
        | "Join the kept" >> beam.CoGroupByKey()
        | "Name the kept" >> beam.FlatMap(_named_copies)
    )
    barred = copies | "Barred" >> beam.FlatMap(
        lambda item: [(item[0], item[1][1])] if item[1][1] is not None else []
    )
    return (
        {"item": kept, "name": named, "barred": barred}
        | "Join copies" >> beam.CoGroupByKey()
        | "Set copies aside" >> beam.FlatMap(_set_aside_copy)
    )


class _WithRoad(beam.DoFn):
    """Takes a road to where it is needed; the steps travel as JSON."""

    def __init__(self, road: Road):
        self._config = recipe_to_config(road.steps)
        self._bare = dataclasses.replace(road, steps=())
        self._road = road

    def __getstate__(self):
        return {"_config": self._config, "_bare": self._bare}

    def setup(self):
        steps = recipe_from_config(self._config)
        self._road = dataclasses.replace(self._bare, steps=steps)


class _Prepare(_WithRoad):
    """Runs the recipe over a batch of lines."""

    def process(self, lines: Sequence[str]) -> Iterator[tuple[int, Prepared]]:
        rows = [json.loads(line) for line in lines]
        items = [
            LyricRecord.from_dict(row["record"])
            if "record" in row
            else SetAside(**row["set_aside"])
            for row in rows
        ]
        for row, prepared in zip(rows, self._road.prepare(items), strict=True):
            yield row["number"], prepared


class _Complete(_WithRoad):
    """Completes the versions of a song from each other."""

    def process(self, item: tuple[int, Iterable[tuple[int, bytes]]]) -> Iterator:
        versions = sorted(item[1])
        records = [LyricRecord.from_dict(json.loads(line)) for _, line in versions]
        completed = complete_group(records, self._road)
        for (number, _), walked in zip(versions, completed, strict=True):
            if walked is not None:
                result, _ = walked
                line = to_json_line(result.to_dict()).encode()
                yield number, (line, isinstance(result, SetAside))


def _by_words(item: tuple[int, Prepared]) -> Iterator[tuple[bytes, tuple]]:
    """Yields what a record is compared by, if it is kept or was excluded."""
    number, prepared = item
    if prepared.likeness is not None:
        yield prepared.likeness.copy, (number, prepared.rank, None)
    elif prepared.excluded is not None:
        yield prepared.excluded, (number, 0, json.loads(prepared.line)["id"])


def _find_copies(item: tuple[bytes, Iterable[tuple]]) -> Iterator[tuple[int, tuple]]:
    """Yields every record of the same words as a better one, or as an excluded one."""
    members = sorted(item[1])
    excluded = [name for _, _, name in members if name is not None]
    kept = sorted((-rank, number) for number, rank, name in members if name is None)
    if excluded:
        yield from ((number, (None, excluded[0])) for _, number in kept)
    else:
        (_, best), *others = kept
        yield from ((number, (best, None)) for _, number in others)


def _roots(kept: Any) -> Any:
    """Returns `(number, root)` of every song that stands in a group with others."""
    rows = band_rows(THRESHOLD)
    # Songs with equal shingles are one song here, so that a song sung by thousands
    # is measured once.
    alike = (
        kept
        | "By shingles"
        >> beam.Map(
            lambda item: (
                item[1].likeness.shingles.tobytes(),
                (item[0], item[1].likeness),
            )
        )
        | "Same shingles" >> beam.GroupByKey()
        | "In order"
        >> beam.Map(lambda item: sorted(item[1], key=operator.itemgetter(0)))
    )
    equal = alike | "Equal" >> beam.FlatMap(lambda songs: _star(n for n, _ in songs))
    firsts = alike | "Firsts" >> beam.Map(operator.itemgetter(0))
    candidates = (
        firsts
        | "Bands"
        >> beam.FlatMap(
            lambda song: (
                ((band, int(value)), song[0])
                for band, value in enumerate(band_hashes(song[1].digest, rows))
            )
        )
        | "Same band" >> beam.GroupByKey()
        | "Pairs"
        >> beam.FlatMap(lambda item: itertools.combinations(sorted(item[1]), 2))
        | "Once" >> beam.Distinct()
    )
    similar = _similar(candidates, firsts)
    verses = (
        kept
        | "Verses"
        >> beam.FlatMap(
            lambda item: ((int(verse), item[0]) for verse in item[1].likeness.verses)
        )
        | "Same verse" >> beam.GroupByKey()
        | "Verse edges" >> beam.FlatMap(lambda item: _star(item[1]))
    )
    return (equal, similar, verses) | "Edges" >> _Connect()


def _with_authors(kept: Any, roots: Any) -> Any:
    """Joins the groups of songs by one author."""
    authors = (
        kept
        | "Authors"
        >> beam.FlatMap(
            lambda item: (
                [(hash_text(item[1].author), item[0])] if item[1].author else []
            )
        )
        | "Same author" >> beam.GroupByKey()
        | "Author edges" >> beam.FlatMap(lambda item: _star(item[1]))
    )
    return (roots, authors) | "Author groups" >> _Connect()


class _Connect(beam.PTransform):
    """Edges between songs -> `(number, root)` of every song that has one."""

    def expand(self, edges):
        return (
            edges | beam.Flatten() | beam.combiners.ToList() | beam.FlatMap(_connected)
        )


def _similar(candidates: Any, firsts: Any) -> Any:
    """Keeps the pairs of songs that are similar, measured exactly."""
    left = (
        {"song": firsts, "others": candidates}
        | "Join left" >> beam.CoGroupByKey()
        | "With left" >> beam.FlatMap(_with_left)
    )
    return (
        {"song": firsts, "lefts": left}
        | "Join right" >> beam.CoGroupByKey()
        | "Measure" >> beam.FlatMap(_measured)
    )


def _with_left(item: tuple[int, Mapping[str, Any]]) -> Iterator[tuple[int, Any]]:
    number, joined = item
    for likeness in joined["song"]:
        for other in joined["others"]:
            yield other, (number, likeness.shingles)


def _measured(item: tuple[int, Mapping[str, Any]]) -> Iterator[tuple[int, int]]:
    number, joined = item
    for likeness in joined["song"]:
        for left, shingles in joined["lefts"]:
            if jaccard(shingles, likeness.shingles) >= THRESHOLD:
                yield left, number


def _star(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yields the first with each of the others."""
    first, *others = sorted(numbers)
    yield from ((first, other) for other in others)


def _connected(edges: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yields the root of every song with an edge: the smallest it is joined to."""
    names = np.unique(np.array(edges, np.int64).reshape(-1, 2))
    groups = Groups(len(names))
    for left, right in np.searchsorted(names, np.array(edges).reshape(-1, 2)):
        groups.join(int(left), int(right))
    yield from zip(names.tolist(), names[groups.numbers()].tolist(), strict=True)


def _ticket(item: tuple[int, Mapping[str, Any]]) -> Iterator[tuple[int, Any]]:
    """Yields `(root, (number, ticket, stratum))` of a song that is no copy."""
    number, joined = item
    if not list(joined["gone"]):
        for prepared in joined["item"]:
            (root,) = list(joined["root"]) or [number]
            yield root, (number, prepared.draw.ticket, prepared.draw.stratum)


def _version(item: tuple[int, Mapping[str, Any]]) -> Iterator[tuple[int, Any]]:
    """Yields `(root, (number, line))` of a song with other versions."""
    number, joined = item
    if not list(joined["gone"]):
        for root in joined["root"]:
            for prepared in joined["item"]:
                yield root, (number, prepared.line)


def _ranked(item: tuple[int, Iterable[tuple]]) -> tuple[tuple, tuple[int, int, int]]:
    root, members = item
    members = list(members)
    counts = Counter(stratum for _, _, stratum in members)
    stratum = min(counts, key=lambda kind: (-counts[kind], kind))
    return tuple(stratum), (min(ticket for _, ticket, _ in members), root, len(members))


def _deal(
    item: tuple[tuple, Iterable[tuple]], split: Split, totals: Mapping[tuple, int]
) -> Iterator:
    drawn = sorted(item[1])
    quota = split.quotas(totals)[item[0]]
    sides = split.fill([size for _, _, size in drawn], quota)
    for (_, root, _), side in zip(drawn, sides, strict=True):
        yield root, SPLITS[side]


def _sides_of_members(item: tuple[int, Mapping[str, Any]]) -> Iterator:
    for side in item[1]["side"]:
        for number, _, _ in item[1]["members"]:
            yield number, side


def _placed(item: tuple[int, Mapping[str, Any]]) -> Iterator:
    number, joined = item
    for side in joined["side"]:
        for prepared in joined["item"]:
            (found,) = list(joined["completed"]) or [(prepared.line, False)]
            line, refused = found
            if not refused:
                yield side, (number, line)


def _named_copies(item: tuple[int, Mapping[str, Any]]) -> Iterator:
    for prepared in item[1]["item"]:
        for copy in item[1]["copies"]:
            yield copy, json.loads(prepared.line)["id"]


def _set_aside_copy(item: tuple[int, Mapping[str, Any]]) -> Iterator:
    number, joined = item
    named = [(name, False) for name in joined["name"]]
    for name, excluded in (*named, *((name, True) for name in joined["barred"])):
        for prepared in joined["item"]:
            aside = copy_of(json.loads(prepared.line), name, excluded=excluded)
            yield number, to_json_line(aside.to_dict()).encode()
