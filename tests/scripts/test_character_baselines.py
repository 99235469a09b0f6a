import collections
import importlib
import math
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

SCRIPTS = Path(__file__).parents[2] / "scripts"

with pytest.MonkeyPatch.context() as _patch:
    _patch.setattr(sys, "path", [str(SCRIPTS), *sys.path])
    baselines = importlib.import_module("character_baselines")

texts = st.lists(st.text("abc\n", max_size=8), min_size=1, max_size=6).filter(any)


def textbook_counts(train, order):
    """Counts of n-grams by length: occurrences, or distinct left neighbors."""
    occurrences = [collections.Counter() for _ in range(order + 1)]
    neighbors = [collections.defaultdict(set) for _ in range(order + 1)]
    for text in train:
        symbols = ("<s>", *text)
        for n in range(1, order + 1):
            for start in range(len(symbols) - n + 1):
                gram = symbols[start : start + n]
                occurrences[n][gram] += 1
                neighbors[n][gram].add(symbols[start - 1])
    del occurrences[1][("<s>",)]
    return [
        {
            gram: count if n == order or gram[0] == "<s>" else len(neighbors[n][gram])
            for gram, count in occurrences[n].items()
        }
        for n in range(order + 1)
    ]


def textbook_discounts(counts):
    of = collections.Counter(counts)
    if all(of[k] for k in (1, 2, 3, 4)):
        y = of[1] / (of[1] + 2 * of[2])
        found = [k - (k + 1) * y * of[k + 1] / of[k] for k in (1, 2, 3)]
        if all(0 < discount <= k for k, discount in enumerate(found, start=1)):
            return found
    return [0.5, 1.0, 1.5]


def textbook_probability(counts, alphabet, context, character):
    """Interpolated modified Kneser-Ney, recursively from its definition."""
    if context is None:
        return 1 / (len(alphabet) + 1)
    level = counts[len(context) + 1]
    shorter = context[1:] if context else None
    lower = textbook_probability(counts, alphabet, shorter, character)
    followers = {g[-1]: count for g, count in level.items() if g[:-1] == context}
    if not followers:
        return lower
    discounts = textbook_discounts(level.values())
    removed = {w: discounts[min(count, 3) - 1] for w, count in followers.items()}
    kept = followers.get(character, 0) - removed.get(character, 0)
    return (kept + sum(removed.values()) * lower) / sum(followers.values())


def test_unigram_adds_one_to_each_character_and_to_the_unknown():
    # a 2, b 1, one each on top, unknown 1: p(a) = 3/6 and p(z) = 1/6.
    bits = baselines.unigram_bits_per_character(["aab"], ["a", "z"])
    assert bits == pytest.approx((1 + math.log2(6)) / 2)


def test_bits_are_the_mean_over_characters_not_texts():
    # p(a) = 3/6, p(b) = 2/6.
    bits = baselines.unigram_bits_per_character(["a", "ab"], ["", "aab"])
    assert bits == pytest.approx((2 * 1 + math.log2(3)) / 3)


def test_kneser_ney_unigram_by_hand():
    # Counts a 2, b 1; discounts 1 and 0.5; 1.5 of 3 go to three uniform symbols.
    model = baselines.KneserNey(["aab"], order=1)
    expected = {None: 1 / 6, "a": 1 / 3 + 1 / 6, "b": 1 / 6 + 1 / 6}
    assert model.next_character("anything") == pytest.approx(expected)


def test_kneser_ney_bigram_by_hand():
    # One left neighbor each: p(a) = p(b) = 0.5/2 + 0.5/3 = 5/12; after "a" and
    # after the start one continuation keeps 0.5 and passes 0.5 on: 17/24.
    bits = baselines.kneser_ney_bits_per_character(["ab"], ["ab"], order=2)
    assert bits == pytest.approx(-math.log2(17 / 24))


def test_starts_of_texts_count_occurrences_at_every_length():
    # After the start: "a" 3 times, p = 1.5/3 + 0.5 * 7/24. After "a" there: "b" 2 of
    # 3, p = 1/3 + 0.5 * (1/4 + 1/2 * 7/24).
    model = baselines.KneserNey(["ab", "ab", "ac"], order=3)
    assert model.next_character("")["a"] == pytest.approx(31 / 48)
    assert model.next_character("a")["b"] == pytest.approx(17 / 32)


def test_lower_orders_count_neighbors_not_occurrences():
    # "n" is frequent but only ever follows "a"; "o" is rarer with three neighbors.
    train = ["ananananan", "bo", "co", "do"]
    unseen_context = baselines.KneserNey(train, order=2).next_character("z")
    assert unseen_context["o"] > unseen_context["n"]
    occurrences = baselines.KneserNey(train, order=1).next_character("z")
    assert occurrences["n"] > occurrences["o"]


def test_discounts_are_estimated_where_counts_allow():
    # 8, 4, 2, 1 characters occur 1, 2, 3, 4 times: discounts 0.5, 1.25 and 2, so 15
    # of 26 is passed to the uniform distribution over 15 characters and unknown.
    names = "abcdefghijklmno"
    times = [1] * 8 + [2] * 4 + [3] * 2 + [4]
    text = "".join(name * count for name, count in zip(names, times, strict=True))
    found = baselines.KneserNey([text], order=1).next_character("")
    floor = 15 / 26 / 16
    assert found[None] == pytest.approx(floor)
    assert found["a"] == pytest.approx(0.5 / 26 + floor)
    assert found["i"] == pytest.approx(0.75 / 26 + floor)
    assert found["o"] == pytest.approx(2 / 26 + floor)


@given(train=texts, text=st.text("abcz\n", max_size=7), order=st.integers(1, 6))
def test_probabilities_are_positive_and_sum_to_one(train, text, order):
    found = baselines.KneserNey(train, order=order).next_character(text)
    assert set(found) == {None, *"".join(train)}
    assert min(found.values()) > 0
    assert sum(found.values()) == pytest.approx(1, abs=1e-12)


@given(train=texts, text=st.text("abcz\n", max_size=7), order=st.integers(1, 5))
def test_probabilities_are_those_of_the_definition(train, text, order):
    found = baselines.KneserNey(train, order=order).next_character(text)
    counts = textbook_counts(train, order)
    alphabet = set("".join(train))
    context = ("<s>", *text)[-(order - 1) :] if order > 1 else ()
    for character, probability in found.items():
        expected = textbook_probability(counts, alphabet, context, character)
        assert probability == pytest.approx(expected, rel=1e-9)


def test_bits_of_a_text_are_those_of_its_characters_one_by_one():
    model = baselines.KneserNey(["abcab", "cab", "bca"], order=3)
    text = "cabz"
    keys = ["c", "a", "b", None]  # "z" is unknown
    bits = [
        -math.log2(model.next_character(text[:place])[key])
        for place, key in enumerate(keys)
    ]
    assert model.bits_per_character([text]) == pytest.approx(sum(bits) / 4)


def test_no_ngram_crosses_from_one_text_to_the_next():
    apart = baselines.KneserNey(["ab", "cd"], order=2)
    together = baselines.KneserNey(["abcd"], order=2)
    after_b = [model.next_character("ab")["c"] for model in (apart, together)]
    assert after_b[0] < after_b[1]


def test_a_longer_context_predicts_a_pattern_better():
    train, held_out = ["abcabd" * 50], ["abcabd" * 5]
    bits = [
        baselines.kneser_ney_bits_per_character(train, held_out, order=order)
        for order in (1, 2, 4)
    ]
    assert bits == sorted(bits, reverse=True)
    assert bits[-1] < 0.2 < 1.5 < bits[0]


def test_characters_of_any_plane_and_lone_surrogates_are_characters():
    held_out = ["𝄞\ud800அ"]
    bits = baselines.kneser_ney_bits_per_character(held_out * 200, held_out)
    assert bits < 0.1


@pytest.mark.parametrize(
    ("train", "held_out", "name"),
    [
        ([], ["a"], "train_texts"),
        ([""], ["a"], "train_texts"),
        ("abc", ["a"], "train_texts"),
        (["a"], ["", ""], "held_out_texts"),
        (["a"], "abc", "held_out_texts"),
    ],
)
@pytest.mark.parametrize(
    "measure", ["unigram_bits_per_character", "kneser_ney_bits_per_character"]
)
def test_lists_without_characters_and_bare_strings_are_refused(
    measure, train, held_out, name
):
    with pytest.raises(ValueError, match=rf"{name}` must .* Received: "):
        getattr(baselines, measure)(train, held_out)


def test_an_order_below_one_is_refused():
    with pytest.raises(ValueError, match="`order` must be at least 1"):
        baselines.KneserNey(["a"], order=0)
