"""Groups of near duplicates, found across scripts on the romanized form."""

from collections.abc import Iterator, Sequence

import numpy as np

from gemma_keras_ft.preprocessing.splitting.likeness import (
    PERMUTATIONS,
    Likeness,
    measure_likeness,
)
from gemma_keras_ft.preprocessing.spool import ArraySpool
from gemma_keras_ft.records import LINES_FIELDS, TEXT_FIELDS, LyricRecord

THRESHOLD = 0.6
# How surely a pair that is just at the threshold is looked at; every pair that is
# looked at is then measured exactly.
_RECALL = 0.999


class LikenessStore:
    """The likeness of many records, in temporary files.

    Args:
        threshold: Jaccard similarity in (0, 1] from which two are near duplicates.

    Raises:
        ValueError: If `threshold` is not in (0, 1].
    """

    def __init__(
        self,
        *,
        threshold: float = THRESHOLD,
    ):
        if not 0 < threshold <= 1:
            raise ValueError(
                f"`threshold` must be in (0, 1]. Received: threshold={threshold!r}."
            )
        self.threshold = threshold
        self.band_rows = band_rows(threshold)
        self.shingles = ArraySpool()
        self.verses = ArraySpool()
        self._bands = ArraySpool(np.uint32)

    def __len__(self) -> int:
        return len(self.shingles)

    def append(self, likeness: Likeness) -> None:
        """Adds one record's."""
        self.shingles.append(likeness.shingles)
        self.verses.append(likeness.verses)
        self._bands.append(band_hashes(likeness.digest, self.band_rows))

    def bands(self) -> np.ndarray:
        """Returns the hash of every band of MinHash values, uint32 (records, bands)."""
        return self._bands.flat().reshape(len(self), PERMUTATIONS // self.band_rows)


def duplicate_groups(
    records: Sequence[LyricRecord], *, threshold: float = THRESHOLD
) -> list[int]:
    """Numbers the records so that near duplicates share a number.

    Two records are near duplicates when their sets of three-word shingles have a
    Jaccard similarity of at least `threshold`, or when they share three consecutive
    lines of at least five different words. Words are compared as `skeleton` has
    them, so a romanized copy falls together with its song. Groups are closed under
    that relation. MinHash proposes the pairs: one that is just at the threshold is
    missed once in a thousand times, a more similar one hardly ever.

    Example:
        in:   "ka ta pa ra", "la la la", "Ka ta, pa ra!"
        out:  [0, 1, 0]

    Args:
        records: The records, in any scripts.
        threshold: Jaccard similarity in (0, 1].

    Returns:
        One group number a record: the index of the group's first record.

    Raises:
        ValueError: If `threshold` is not in (0, 1].

    References:
        Broder, 1997. On the resemblance and containment of documents.
    """
    store = LikenessStore(threshold=threshold)
    for likeness in measure_likeness(records):
        store.append(likeness)
    groups = Groups(len(store))
    join_near_duplicates(store, groups)
    return groups.numbers().tolist()


def copy_rank(record: LyricRecord) -> int:
    """Says which of several copies is kept: the one of the highest rank.

    One that is marked `no_alter` goes before all others, so that no text loses its
    protection to a copy; then one with a translation, one with a license, and the
    one that says the most.

    Returns:
        A number from 0 to 127.
    """
    filled = sum(bool(getattr(record, name)) for name in (*TEXT_FIELDS, *LINES_FIELDS))
    translated, licensed = bool(record.translation), bool(record.license)
    return record.no_alter << 6 | translated << 5 | licensed << 4 | filled


def join_near_duplicates(store: LikenessStore, groups: "Groups") -> None:
    """Joins near duplicates, and records with a verse in common; see above."""
    owners = np.repeat(np.arange(len(store)), np.diff(store.verses.borders()))
    groups.join_equal(store.verses.flat(), owners)
    for bucket in candidate_buckets(store):
        _join_similar(bucket, store, groups)


def candidate_buckets(store: LikenessStore) -> Iterator[list[int]]:
    """Yields records that agree in a whole band of MinHash values."""
    bands = store.bands()
    for band in range(bands.shape[1]):
        for bucket in equal_runs(np.ascontiguousarray(bands[:, band])):
            yield bucket.tolist()


def jaccard(left: np.ndarray, right: np.ndarray) -> float:
    """Returns the share of two sorted sets of hashes that both hold.

    1.0 for two empty sets.
    """
    common = np.intersect1d(left, right, assume_unique=True).size
    union = left.size + right.size - common
    return common / union if union else 1.0


def band_hashes(digest: np.ndarray, band_rows: int) -> np.ndarray:
    """Hashes each band of MinHash values, uint32 `(PERMUTATIONS // band_rows,)`."""
    bands = digest.reshape(-1, band_rows).astype(np.uint64)
    mixed = np.zeros(len(bands), np.uint64)
    for column in bands.T:
        mixed = (mixed ^ column) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(32)
    return mixed.astype(np.uint32)


class Groups:
    """Disjoint sets of indices; a group's name is its smallest index.

    Args:
        count: How many indices there are, each a group of its own at first.
    """

    def __init__(self, count: int):
        self._parents = np.arange(count, dtype=np.int64)

    def find(self, index: int) -> int:
        """Returns the name of an index's group."""
        parents = self._parents
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return int(index)

    def join(self, left: int, right: int) -> None:
        """Makes one group of two."""
        first, second = sorted((self.find(left), self.find(right)))
        self._parents[second] = first

    def join_equal(self, values: np.ndarray, owners: np.ndarray) -> None:
        """Joins the owners of equal values."""
        for places in equal_runs(values):
            first, *others = owners[places].tolist()
            for other in others:
                self.join(first, other)

    def numbers(self) -> np.ndarray:
        """Returns the name of every index's group, int64."""
        parents = self._parents
        while not np.array_equal(parents, parents[parents]):
            parents = parents[parents]
        return parents

    def members(self, chosen: np.ndarray) -> list[list[int]]:
        """Returns the groups of several indices, of those chosen by a mask."""
        indices = np.flatnonzero(chosen)
        numbers = self.numbers()[indices]
        return [indices[places].tolist() for places in equal_runs(numbers)]


def band_rows(threshold: float) -> int:
    """Returns how long a band may be and still let pairs at the threshold through."""
    for rows in (6, 3, 2):
        bands = PERMUTATIONS // rows
        if 1 - (1 - threshold**rows) ** bands >= _RECALL:
            return rows
    return 1


def equal_runs(values: np.ndarray) -> Iterator[np.ndarray]:
    """Yields the places of values that occur more than once."""
    # Equal values stand side by side once sorted; stable, so places ascend.
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    borders = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    starts = np.concatenate([[0], borders])
    ends = np.append(borders, len(ordered))
    shared = ends - starts > 1
    for start, end in zip(starts[shared], ends[shared], strict=True):
        yield order[start:end]


def _join_similar(bucket: Sequence[int], store: LikenessStore, groups: Groups) -> None:
    """Joins what is similar; measures no pair that already is in one group.

    So a bucket of a thousand versions of one song costs a thousand measurements,
    not half a million.
    """
    apart: dict[int, list[int]] = {}
    for right in bucket:
        for members in list(apart.values()):
            if groups.find(members[0]) == groups.find(right):
                continue
            if any(
                jaccard(store.shingles[left], store.shingles[right]) >= store.threshold
                for left in members
            ):
                groups.join(members[0], right)
        merged = {groups.find(right): [right]}
        for members in apart.values():
            merged.setdefault(groups.find(members[0]), []).extend(members)
        apart = merged
