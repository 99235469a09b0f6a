"""Is anything of the test songs in training? An independent look at a dataset."""

import itertools
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gemma_keras_ft.preprocessing.splitting.dedup import (
    THRESHOLD,
    LikenessStore,
    candidate_buckets,
    equal_runs,
    jaccard,
)
from gemma_keras_ft.preprocessing.splitting.likeness import (
    VERSE_LINES,
    bare_words,
    measure_likeness,
)
from gemma_keras_ft.preprocessing.spool import ArraySpool, LineSpool
from gemma_keras_ft.records import LyricRecord, to_json_line

# Other permutations than curation drew, so that what its MinHash missed is found.
_SEED = 20_000
_CHUNK = 256
_NAMED = 20


def find_leaks(
    splits: Mapping[str, Iterable[LyricRecord]], *, threshold: float = THRESHOLD
) -> dict[str, Any]:
    """Looks for songs of one split in another, in whatever script or spelling.

    A leak is a pair of songs in different splits that are near duplicates, or that
    share three consecutive lines of at least five different words. Single lines in
    common are counted and named, not counted as leaks: formulae and refrains
    belong to a tradition.

    Example:
        ```python
        leaks = find_leaks({name: dataset.stream(name) for name in SPLITS})
        assert not leaks["pairs"]
        ```

    Args:
        splits: The records of each split.
        threshold: Jaccard similarity of three-word shingles, in (0, 1], from which
            two songs are near duplicates.

    Returns:
        JSON values: `threshold`; `pairs`, each once, with `ids`, `splits`, and what
        it was found by: the `verse` in common, the `similarity`, or both; and
        `shared_lines`: how many different lines stand in several splits, in how
        many songs, and the most frequent ones.
    """
    songs = _Songs(threshold)
    for split, records in splits.items():
        songs.add(split, records)
    found: dict[tuple[int, int], dict[str, Any]] = {}
    for pair in dict.fromkeys(songs.pairs_with_common_verse()):
        found[pair] = {"verse": songs.common(*pair)}
    for pair, similarity in songs.similar_pairs().items():
        found.setdefault(pair, {})["similarity"] = round(similarity, 4)
    return {
        "threshold": threshold,
        "pairs": [songs.describe(*pair, **facts) for pair, facts in found.items()],
        "shared_lines": songs.shared_lines(),
    }


class _Songs:
    """All songs with their likeness and their splits."""

    def __init__(self, threshold: float):
        self._store = LikenessStore(threshold=threshold)
        self._lines = ArraySpool()
        self._records = LineSpool()
        self._splits: list[str] = []
        self._sides = bytearray()

    def add(self, split: str, records: Iterable[LyricRecord]) -> None:
        self._splits.append(split)
        iterator = iter(records)
        while chunk := list(itertools.islice(iterator, _CHUNK)):
            likenesses = measure_likeness(chunk, seed=_SEED)
            for record, likeness in zip(chunk, likenesses, strict=True):
                self._store.append(likeness)
                self._lines.append(likeness.lines)
                self._records.append(to_json_line(record.to_dict()).encode())
                self._sides.append(len(self._splits) - 1)

    def pairs_with_common_verse(self) -> Iterator[tuple[int, int]]:
        for _, songs in self._across_splits(self._store.verses):
            yield from self._pairs_apart(songs)

    def similar_pairs(self) -> dict[tuple[int, int], float]:
        """Measures the candidates that stand in different splits."""
        shingles = self._store.shingles
        measured: dict[tuple[int, int], float] = {}
        for bucket in candidate_buckets(self._store):
            for left, right in self._pairs_apart(bucket):
                if (left, right) not in measured:
                    similarity = jaccard(shingles[left], shingles[right])
                    measured[left, right] = similarity
        return {
            pair: similarity
            for pair, similarity in measured.items()
            if similarity >= self._store.threshold
        }

    def shared_lines(self) -> dict[str, Any]:
        """Counts the lines that stand in several splits, and names the commonest."""
        firsts: dict[int, int] = {}
        counts: Counter[int] = Counter()
        in_songs: set[int] = set()
        for line_hash, songs in self._across_splits(self._lines):
            firsts[line_hash] = songs[0]
            counts[line_hash] = len(songs)
            in_songs.update(songs)
        return {
            "distinct": len(counts),
            "songs": len(in_songs),
            "most_common": [
                {"line": self._sung(firsts[line_hash])[line_hash], "songs": count}
                for line_hash, count in counts.most_common(_NAMED)
            ],
        }

    def describe(self, left: int, right: int, **found: Any) -> dict[str, Any]:
        return {
            "ids": [self._record(song).id for song in (left, right)],
            "splits": [self._splits[self._sides[song]] for song in (left, right)],
            **found,
        }

    def common(self, left: int, right: int) -> list[str]:
        """Returns the first lines of one song that stand in the other too."""
        ours, theirs = self._sung(left), self._sung(right)
        return [line for found, line in ours.items() if found in theirs][:VERSE_LINES]

    def _across_splits(self, spool: ArraySpool) -> Iterator[tuple[int, list[int]]]:
        """Yields the hashes that songs of several splits hold, with these songs."""
        values = spool.flat()
        owners = np.repeat(np.arange(len(spool)), np.diff(spool.borders()))
        for places in equal_runs(values):
            songs = np.unique(owners[places]).tolist()
            if len({self._sides[song] for song in songs}) > 1:
                yield int(values[places[0]]), songs

    def _pairs_apart(self, songs: Sequence[int]) -> Iterator[tuple[int, int]]:
        for left, right in itertools.combinations(songs, 2):
            if self._sides[left] != self._sides[right]:
                yield left, right

    def _record(self, song: int) -> LyricRecord:
        return LyricRecord.from_dict(json.loads(self._records[song]))

    def _sung(self, song: int) -> dict[int, str]:
        """Returns a song's lines by their hashes."""
        sung = [line for line in self._record(song).lines if bare_words(line)]
        return dict(zip(self._lines[song].tolist(), sung, strict=True))
