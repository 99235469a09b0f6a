import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemma_keras_ft.preprocessing.romanization.romanize import Romanize
from gemma_keras_ft.preprocessing.splitting.dedup import duplicate_groups, jaccard
from gemma_keras_ft.preprocessing.splitting.likeness import duplicate_key
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.resources.corpus import embedded_records


def song(*lines):
    return LyricRecord(id="a", lines=lines)


def versions(count, *, words=60, changed=2):
    """Versions of one song, each with a few words of its own."""
    draw = random.Random(0)
    for _ in range(count):
        version = [f"w{number}" for number in range(words)]
        for place in draw.sample(range(words), changed):
            version[place] = f"x{draw.randrange(10**9)}"
        yield song(" ".join(version))


def hashes(numbers):
    return np.array(sorted(numbers), np.uint64)


def partition(groups):
    """Which places fall together, whatever the groups are called."""
    members = {}
    for place, group in enumerate(groups):
        members.setdefault(group, set()).add(place)
    return set(map(frozenset, members.values()))


def test_groups_are_drawn_as_documented():
    records = [song("a b c d"), song("x y z"), song("A b, c d!")]
    assert duplicate_groups(records) == [0, 1, 0]
    assert duplicate_groups([]) == []


def test_a_romanized_copy_falls_together_with_its_song():
    native = list(embedded_records(["thirukkural"]))[:40]
    latin = [
        record.replace(lines=Romanize()(record).romanized, script="Latn")
        for record in native
    ]
    groups = duplicate_groups(native + latin)
    assert groups[:40] == groups[40:]
    assert len(set(groups)) == 40
    assert duplicate_key(native[0]) == duplicate_key(latin[0])


def test_the_threshold_is_kept_exactly():
    words = [f"w{number}" for number in range(40)]
    whole, part = song(" ".join(words)), song(" ".join(words[:30]))
    # 28 of 38 shingles in common.
    assert duplicate_groups([whole, part], threshold=28 / 38) == [0, 0]
    assert duplicate_groups([whole, part], threshold=0.74) == [0, 1]


@pytest.mark.parametrize(
    ("threshold", "shared"), [(0.6, 0.65), (0.4, 0.42), (0.2, 0.22)]
)
def test_pairs_just_above_the_threshold_are_found(threshold, shared):
    pairs, length = 60, 202
    # `common` of 200 shingles each, so that their Jaccard similarity is `shared`.
    common = round(shared * 400 / (1 + shared))
    records = []
    for pair in range(pairs):
        start = [f"p{pair}w{number}" for number in range(common + 2)]
        for side in "st":
            rest = [f"p{pair}{side}{number}" for number in range(length - len(start))]
            records.append(song(" ".join(start + rest)))
    groups = duplicate_groups(records, threshold=threshold)
    found = sum(groups[2 * pair] == groups[2 * pair + 1] for pair in range(pairs))
    assert found >= 0.95 * pairs
    assert len(set(groups)) == 2 * pairs - found


CHAIN = [
    song(" ".join(f"c{number}" for number in range(start, start + 40)))
    for start in (0, 8, 16)
]


def test_groups_are_closed():
    assert duplicate_groups(CHAIN, threshold=0.6) == [0, 0, 0]
    assert duplicate_groups([CHAIN[0], CHAIN[2]], threshold=0.6) == [0, 1]


def test_many_versions_of_a_song_cost_no_pair_by_pair_comparison(monkeypatch):
    measured = []

    def counted(left, right):
        measured.append(1)
        return jaccard(left, right)

    monkeypatch.setattr("gemma_keras_ft.preprocessing.splitting.dedup.jaccard", counted)
    records = [*versions(300), *[song("la la la la")] * 300]
    assert partition(duplicate_groups(records)) == {
        frozenset(range(300)),
        frozenset(range(300, 600)),
    }
    # All pairs would be 300 * 299 / 2 = 44,850.
    assert len(measured) < 2_000


SONGS = [
    *CHAIN,
    *versions(4),
    *versions(3, words=30),
    *versions(2, words=12, changed=1),
]
SONGS += [
    song(""),
    song("♪"),
    song("o"),
    song("o o o"),
    song("मन लागो"),
    song("mana lāgō"),
]


@settings(max_examples=25)
@given(st.permutations(range(len(SONGS))))
def test_the_order_of_the_records_changes_only_the_numbers(order):
    groups = duplicate_groups([SONGS[place] for place in order])
    assert all(groups[group] == group <= place for place, group in enumerate(groups))
    assert {
        frozenset(order[place] for place in part) for part in partition(groups)
    } == (partition(duplicate_groups(SONGS)))


@given(st.sets(st.integers(0, 9)), st.sets(st.integers(0, 9)))
def test_jaccard_is_the_share_in_common(left, right):
    share = jaccard(hashes(left), hashes(right))
    assert share == jaccard(hashes(right), hashes(left))
    assert (share == 1) == (left == right)
    assert (share == 0) == (not left & right and bool(left | right))


def test_jaccard_of_known_sets():
    assert jaccard(hashes({1, 2}), hashes({2, 3})) == 1 / 3
    assert jaccard(hashes(()), hashes(())) == 1.0


@pytest.mark.parametrize("threshold", [0, -1, 1.1, float("nan")])
def test_a_wrong_threshold_is_named(threshold):
    with pytest.raises(ValueError, match="`threshold`"):
        duplicate_groups([], threshold=threshold)
