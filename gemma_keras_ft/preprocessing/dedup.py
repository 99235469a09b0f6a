"""Exact and near duplicates, found across scripts on the romanized form."""

from collections.abc import Iterator, Sequence, Set

from gemma_keras_ft.preprocessing.normalize import comparison_form
from gemma_keras_ft.preprocessing.romanize import romanize_text
from gemma_keras_ft.records import LyricRecord

SHINGLE_WORDS = 3
_PERMUTATIONS = 128
# How surely a pair that is just at the threshold is looked at; every pair that is
# looked at is then measured exactly.
_RECALL = 0.98


def duplicate_key(record: LyricRecord) -> str:
    """Returns the text in which duplicates are equal: romanized, bare words.

    Case, punctuation, spacing, line breaks and script differences vanish, so a
    song and its own romanized copy have one key.
    """
    return comparison_form(" ".join(romanize_text(line) for line in record.lines))


def duplicate_groups(
    records: Sequence[LyricRecord], *, threshold: float = 0.6
) -> list[int]:
    """Numbers the records so that near duplicates share a number.

    Two records are near duplicates when their sets of three-word shingles have a
    Jaccard similarity of at least `threshold`; groups are closed under that
    relation. MinHash proposes the pairs: one that is just at the threshold is
    missed once in 50 times, a more similar one hardly ever. 17,000 songs take some
    six seconds, and about 1 KB a record beside its shingles.

    Example:
        in:   "a b c d", "x y z", "A b, c d!"
        out:  [0, 1, 0]

    Args:
        records: The records, in any scripts.
        threshold: Jaccard similarity between 0 and 1.

    Returns:
        One group number a record: the index of the group's first record.

    Raises:
        ValueError: If `threshold` is not in (0, 1].

    References:
        Broder, 1997. On the resemblance and containment of documents.
    """
    if not 0 < threshold <= 1:
        raise ValueError(
            f"`threshold` must be in (0, 1]. Received: threshold={threshold!r}."
        )
    shingles = [_shingles(duplicate_key(record)) for record in records]
    groups = _Groups(len(records))
    first: dict[frozenset[str], int] = {}
    for index, tokens in enumerate(shingles):
        groups.join(first.setdefault(tokens, index), index)
    distinct = list(first.values())
    rows = _band_rows(threshold)
    for bucket in _buckets([shingles[index] for index in distinct], rows):
        _join_similar(
            [distinct[place] for place in bucket], shingles, groups, threshold
        )
    return [groups.find(index) for index in range(len(records))]


def jaccard(left: Set[str], right: Set[str]) -> float:
    """Returns the share of `left | right` that both hold; 1.0 for two empty sets."""
    union = len(left | right)
    return len(left & right) / union if union else 1.0


def _shingles(key: str) -> frozenset[str]:
    words = key.split()
    if len(words) <= SHINGLE_WORDS:
        return frozenset({key})
    return frozenset(
        " ".join(words[start : start + SHINGLE_WORDS])
        for start in range(len(words) - SHINGLE_WORDS + 1)
    )


def _band_rows(threshold: float) -> int:
    """Returns the longest band that still lets through pairs at the threshold."""
    for rows in (8, 4, 2):
        bands = _PERMUTATIONS // rows
        if 1 - (1 - threshold**rows) ** bands >= _RECALL:
            return rows
    return 1


def _buckets(shingles: Sequence[Set[str]], band_rows: int) -> Iterator[list[int]]:
    """Yields the places of sets that agree in a whole band of MinHash digests."""
    import numpy as np
    from rensa import RMinHash  # pyright: ignore[reportAttributeAccessIssue]

    digests = RMinHash.digests_from_token_sets(
        [sorted(tokens) for tokens in shingles], _PERMUTATIONS, 42
    )
    table = np.array(digests, dtype=np.uint64).reshape(-1, _PERMUTATIONS)
    for band in range(0, _PERMUTATIONS, band_rows):
        rows = table[:, band : band + band_rows]
        # Equal rows stand side by side once sorted.
        order = np.lexsort(rows.T)
        differs = (rows[order[1:]] != rows[order[:-1]]).any(axis=1)
        starts = np.concatenate([[0], np.flatnonzero(differs) + 1])
        ends = np.append(starts[1:], len(order))
        shared = ends - starts > 1
        for start, end in zip(starts[shared], ends[shared], strict=True):
            yield order[start:end].tolist()


def _join_similar(
    bucket: Sequence[int],
    shingles: Sequence[Set[str]],
    groups: "_Groups",
    threshold: float,
) -> None:
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
                jaccard(shingles[left], shingles[right]) >= threshold
                for left in members
            ):
                groups.join(members[0], right)
        merged = {groups.find(right): [right]}
        for members in apart.values():
            merged.setdefault(groups.find(members[0]), []).extend(members)
        apart = merged


class _Groups:
    """Disjoint sets of indices; a group's name is its smallest index."""

    def __init__(self, count: int):
        self._parents = list(range(count))

    def find(self, index: int) -> int:
        parents = self._parents
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return index

    def join(self, left: int, right: int) -> None:
        first, second = sorted((self.find(left), self.find(right)))
        self._parents[second] = first
