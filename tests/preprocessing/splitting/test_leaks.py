import itertools

import pytest

from gemma_keras_ft.preprocessing.curate import curate_records
from gemma_keras_ft.preprocessing.romanization.romanize import romanize_text
from gemma_keras_ft.preprocessing.splitting.dedup import duplicate_groups
from gemma_keras_ft.preprocessing.splitting.leaks import find_leaks
from gemma_keras_ft.preprocessing.splitting.split import SPLITS
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.resources.corpus import embedded_records


def song(name, *lines):
    return LyricRecord(id=name, lines=lines)


RAIN = ("rain on the tin roof", "tea in a chipped cup", "who knocks at the door")
ROAD = ("a road beyond the hill", "dust upon my shoes", "one lamp far away")


@pytest.fixture(scope="module")
def kural():
    curation = curate_records(embedded_records(["thirukkural"]))
    return {name: list(curation.stream(name)) for name in SPLITS}


def test_a_curated_collection_has_no_leak(kural):
    leaks = find_leaks(kural)
    assert leaks["pairs"] == []
    assert leaks["threshold"] == 0.6


@pytest.mark.parametrize("scheme", ["iso15919", "readable"])
def test_a_romanized_copy_of_a_test_song_in_train_is_caught(kural, scheme):
    planted = kural["test"][0]
    latin = tuple(
        romanize_text(line, scheme=scheme, language="ta") for line in planted.lines
    )
    copy = planted.replace(id="planted", lines=latin, script="Latn", romanized=None)
    leaks = find_leaks({**kural, "train": [*kural["train"], copy]})
    (pair,) = {tuple(pair["ids"]) for pair in leaks["pairs"]}
    assert pair == ("planted", planted.id)
    assert {tuple(pair["splits"]) for pair in leaks["pairs"]} == {("train", "test")}
    assert max(pair.get("similarity", 0) for pair in leaks["pairs"]) > 0.6


def test_three_lines_in_common_are_a_leak_and_are_quoted():
    train = song("a", "ohne dich kein morgen", *RAIN, *ROAD, "and so the day goes by")
    test = song("b", *(line.upper() for line in RAIN), "quite another ending", "to it")
    (pair,) = find_leaks({"train": [train], "test": [test]})["pairs"]
    assert pair == {
        "ids": ["a", "b"],
        "splits": ["train", "test"],
        "verse": list(RAIN),
    }


def test_two_lines_in_common_are_counted_and_named_and_no_leak():
    train = song("a", *RAIN[:2], *ROAD)
    test = song("b", "quite another opening", *RAIN[:2], "and its end", "and on")
    leaks = find_leaks({"train": [train], "test": [test]})
    assert leaks["pairs"] == []
    shared = leaks["shared_lines"]
    assert (shared["distinct"], shared["songs"]) == (2, 2)
    assert {row["line"] for row in shared["most_common"]} == set(RAIN[:2])
    assert {row["songs"] for row in shared["most_common"]} == {2}


def test_vocables_in_common_are_no_leak():
    vocables = ("la la la", "la la lo", "lo lo la")
    train, test = song("a", *vocables, *ROAD), song("b", *vocables, *RAIN)
    assert find_leaks({"train": [train], "test": [test]})["pairs"] == []


def test_copies_within_a_split_are_no_leak():
    assert find_leaks({"train": [song("a", *RAIN), song("b", *RAIN)]})["pairs"] == []
    assert find_leaks({})["pairs"] == []


def pair_at_the_threshold(number):
    """Two songs that have 21 of 39 three-word shingles in common."""
    shared = " ".join(f"c{number}w{place}" for place in range(23))
    return [
        song(side, shared, " ".join(f"p{number}{side}{place}" for place in range(9)))
        for side in "ab"
    ]


def test_a_pair_that_curation_missed_is_found():
    threshold = 0.535
    # Of the first pairs this one is missed; others are where MinHash draws otherwise.
    missed = next(
        pair
        for pair in map(pair_at_the_threshold, itertools.count(2595))
        if duplicate_groups(pair, threshold=threshold) == [0, 1]
    )
    train, test = missed
    (found,) = find_leaks({"train": [train], "test": [test]}, threshold=threshold)[
        "pairs"
    ]
    assert found["similarity"] == round(21 / 39, 4)
