import pytest

from gemma_keras_ft.preprocessing.dedup import (
    duplicate_groups,
    duplicate_key,
    jaccard,
)
from gemma_keras_ft.preprocessing.romanize import Romanize
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.resources.corpus import embedded_records


def song(*lines):
    return LyricRecord(id="a", lines=lines)


def test_groups_are_drawn_as_documented():
    records = [song("a b c d"), song("x y z"), song("A b, c d!")]
    assert duplicate_groups(records) == [0, 1, 0]


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
    assert duplicate_groups([whole, part], threshold=0.73) == [0, 0]
    assert duplicate_groups([whole, part], threshold=0.74) == [0, 1]


def test_groups_are_closed():
    words = [f"w{number}" for number in range(60)]
    chain = [song(" ".join(words[start : start + 40])) for start in (0, 8, 16)]
    assert duplicate_groups(chain, threshold=0.6) == [0, 0, 0]
    assert duplicate_groups([chain[0], chain[2]], threshold=0.6) == [0, 1]


def test_jaccard_is_the_share_in_common():
    assert jaccard({"a", "b"}, {"b", "c"}) == 1 / 3
    assert jaccard(set(), set()) == 1.0


@pytest.mark.parametrize("threshold", [0, -1, 1.1])
def test_a_wrong_threshold_is_named(threshold):
    with pytest.raises(ValueError, match="`threshold`"):
        duplicate_groups([], threshold=threshold)
