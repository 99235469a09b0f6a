import collections
import random

import pytest

from gemma_keras_ft.config import from_config
from gemma_keras_ft.preprocessing.splitting.dedup import duplicate_groups
from gemma_keras_ft.preprocessing.splitting.split import SPLITS, Draw, Split
from gemma_keras_ft.records import LyricRecord


def songs(count, style="lyrical", start=0):
    return [
        LyricRecord(
            id=f"{style}-{number}",
            lines=tuple(f"{style} {number} {word} here and there" for word in "abcd"),
            language="xx",
            script="Latn",
            style=style,
        )
        for number in range(start, start + count)
    ]


def assigned(records, split=None):
    names = sides(records, range(len(records)), split or Split())
    return dict(zip((record.id for record in records), names, strict=True))


def sides(records, groups, split):
    return [SPLITS[side] for side in split.assign(map(split.draw, records), groups)]


def test_shares_are_kept_in_every_stratum():
    dealt = assigned(songs(50) + songs(20, "narrative"))
    for style, count in {"lyrical": 50, "narrative": 20}.items():
        found = collections.Counter(
            side for name, side in dealt.items() if name.startswith(style)
        )
        assert found["test"] == count * 0.2
        assert found["validation"] == count * 0.1
        assert found["train"] == count * 0.7


def test_the_order_of_reading_does_not_matter():
    records = songs(40)
    shuffled = random.Random(1).sample(records, len(records))
    assert assigned(records) == assigned(shuffled)


def test_the_seed_does():
    assert assigned(songs(40)) != assigned(songs(40), Split(seed=1))


def test_a_group_of_near_duplicates_stays_on_one_side():
    records = songs(60)
    # Each with a copy in which one line is another.
    covers = [
        record.replace(id=f"{record.id}-cover", lines=(*record.lines[:3], "and so on"))
        for record in records
    ]
    both = records + covers
    groups = duplicate_groups(both, threshold=0.5)
    dealt = sides(both, groups, Split())
    found = collections.defaultdict(set)
    for record, side in zip(both, dealt, strict=True):
        found[record.id.removesuffix("-cover")].add(side)
    assert all(len(side) == 1 for side in found.values())
    assert {side for several in found.values() for side in several} == set(SPLITS)


def test_a_single_song_is_trained_on():
    assert assigned(songs(1)) == {"lyrical-0": "train"}


def test_nothing_is_held_out_where_none_is_asked_for():
    assert set(assigned(songs(9), Split(validation=0, test=0)).values()) == {"train"}


def test_names_do_not_matter():
    renamed = [record.replace(id=f"x{record.id}") for record in songs(40)]
    assert [*assigned(songs(40)).values()] == [*assigned(renamed).values()]


def test_wrong_shares_are_named_and_right_ones_round_trip():
    for shares in (
        {"test": 1.0},
        {"validation": -0.1},
        {"test": 0.6, "validation": 0.5},
    ):
        with pytest.raises(ValueError, match="leave some for training"):
            Split(**shares)
    split = Split(validation=0.2, test=0.3, seed=4)
    assert from_config(split.to_config()) == split


def drawn(strata):
    """Draws that come in the order given, the style of each being its stratum."""
    return [Draw(("xx", "Latn", style), place) for place, style in enumerate(strata)]


def dealt(strata, groups, **shares):
    return [SPLITS[side] for side in Split(**shares).assign(drawn(strata), groups)]


def test_a_group_is_held_out_only_if_all_of_it_is_wanted():
    filled = Split().fill([3, 2, 1, 2, 1, 1], (2, 2))
    assert [SPLITS[side] for side in filled] == [
        *("train", "test", "validation", "train", "validation", "train"),
    ]
    # Two of six are asked for, and the group of three is drawn first.
    sides = dealt("aaaaaa", [0, 0, 0, 3, 4, 5], validation=0, test=1 / 3)
    assert sides == ["train", "train", "train", "test", "test", "train"]


def test_a_group_counts_where_most_of_it_belongs():
    # With three songs of "a" and two of "b", half of each is two and one: the group
    # of three goes to no side of two, and the first of the others is held out.
    sides = dealt("aabbb", [0, 0, 0, 3, 4], validation=0, test=0.5)
    assert sides == ["train", "train", "train", "test", "train"]


def test_a_group_of_two_halves_counts_where_the_first_by_name_belongs():
    for strata in ("babb", "abbb"):
        sides = dealt(strata, [0, 0, 2, 3], validation=0, test=0.5)
        assert sides == ["train", "train", "test", "train"]


def test_the_draw_depends_on_text_and_language_and_seed():
    (song,) = songs(1)
    drawn = Split().draw(song)
    assert drawn.stratum == ("xx", "Latn", "lyrical")
    assert Split().draw(song.replace(id="x", title="One")) == drawn
    for other in (song.replace(language="yy"), song.replace(lines=("an other",))):
        assert Split().draw(other).ticket != drawn.ticket
    assert Split(seed=1).draw(song).ticket != drawn.ticket


def test_a_split_that_was_asked_for_and_is_empty_is_told():
    counts = {"train": 3, "validation": 0, "test": 0}
    assert Split(validation=0, test=0).warnings(counts) == []
    (warning,) = Split(validation=0, test=0.25).warnings(counts)
    assert warning.startswith("The split 'test' is empty, though 25% of 3 songs were")
    names = [warning.split("'")[1] for warning in Split().warnings(counts)]
    assert names == ["validation", "test"]
    assert len(Split().warnings(dict.fromkeys(SPLITS, 0))) == 3
