"""Exact and near duplicates, found across scripts on the romanized form."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from gemma_keras_ft.preprocessing.normalize import comparison_form
from gemma_keras_ft.preprocessing.romanize import romanize_text
from gemma_keras_ft.records import LyricRecord

SHINGLE_WORDS = 3
_PERMUTATIONS = 128
# Bands of four rows let through pairs from about half the words in common; each
# candidate pair is then measured exactly.
_BAND_ROWS = 4


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
    relation. Takes about 1 KB a record beside its shingles.

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
    parents = list(range(len(records)))
    for left, right in _candidate_pairs(shingles):
        if _find(parents, left) == _find(parents, right):
            continue
        if jaccard(shingles[left], shingles[right]) >= threshold:
            first, second = sorted((_find(parents, left), _find(parents, right)))
            parents[second] = first
    return [_find(parents, index) for index in range(len(records))]


def jaccard(left: set[str], right: set[str]) -> float:
    """Returns the share of `left | right` that both hold; 1.0 for two empty sets."""
    union = len(left | right)
    return len(left & right) / union if union else 1.0


def _shingles(key: str) -> set[str]:
    words = key.split()
    if len(words) <= SHINGLE_WORDS:
        return {key}
    return {
        " ".join(words[start : start + SHINGLE_WORDS])
        for start in range(len(words) - SHINGLE_WORDS + 1)
    }


def _candidate_pairs(shingles: Sequence[set[str]]) -> Iterable[tuple[int, int]]:
    """Yields each pair that agrees in a whole band of its MinHash digests, once."""
    from rensa import RMinHash

    digests = RMinHash.digests_from_token_sets(
        [sorted(tokens) for tokens in shingles], _PERMUTATIONS, 42
    )
    buckets: dict[tuple, list[int]] = defaultdict(list)
    for index, digest in enumerate(digests):
        for band in range(0, _PERMUTATIONS, _BAND_ROWS):
            buckets[(band, *digest[band : band + _BAND_ROWS])].append(index)
    seen: set[tuple[int, int]] = set()
    for members in buckets.values():
        for position, right in enumerate(members):
            for left in members[:position]:
                if (left, right) not in seen:
                    seen.add((left, right))
                    yield left, right


def _find(parents: list[int], index: int) -> int:
    while parents[index] != index:
        parents[index] = parents[parents[index]]
        index = parents[index]
    return index
