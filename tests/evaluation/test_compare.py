import dataclasses
import itertools
import json
import math

import numpy as np
import pytest

from gemma_keras_ft.evaluation.compare import (
    compare_scores,
    format_p_value,
    format_ratios,
)
from gemma_keras_ft.evaluation.metrics import SongScore


def scores_of(nats, *, tokens=100, correct=20):
    return [
        SongScore(
            id=f"song-{place}",
            nats=value,
            tokens=tokens,
            correct=correct,
            words=25,
            characters=200,
        )
        for place, value in enumerate(nats)
    ]


def shifted(differences, *, tokens=100):
    """Two lists whose nats per token differ by `differences`, song by song."""
    base = [300.0] * len(differences)
    tuned = [300.0 + tokens * value for value in differences]
    return scores_of(base, tokens=tokens), scores_of(tuned, tokens=tokens)


def enumerated_p_value(differences):
    """The two-sided sign-flip test, written out: the smaller tail, doubled."""
    differences = np.array(differences)
    signs = np.array(list(itertools.product((1, -1), repeat=len(differences))))
    means = signs @ differences / len(differences)
    observed, slack = differences.mean(), 1e-12
    tails = (means <= observed + slack).mean(), (means >= observed - slack).mean()
    return min(1.0, 2 * min(tails))


@pytest.mark.parametrize("songs", [5, 6, 9, 13])
def test_p_value_equals_every_sign_pattern_written_out(songs):
    differences = np.random.default_rng(songs).normal(-0.1, 0.2, songs)
    found = compare_scores(*shifted(differences))
    assert found.exact
    assert found.permutations == 2**songs
    assert found.p_value == pytest.approx(enumerated_p_value(differences), rel=1e-9)


def test_random_sign_patterns_agree_with_all_of_them():
    differences = np.random.default_rng(3).normal(-0.08, 0.15, 16)
    exact = enumerated_p_value(differences)
    assert 0.01 < exact < 0.5
    found = compare_scores(*shifted(differences))
    assert not found.exact
    assert found.permutations == 10_000
    # Four standard errors of a proportion, doubled for two tails.
    slack = 8 * math.sqrt(exact / 2 * (1 - exact / 2) / 10_000)
    assert found.p_value == pytest.approx(exact, abs=slack)


@pytest.mark.parametrize(
    ("differences", "p_value"),
    [
        ([-1, -1, -1, -1, -1, -1], 2 / 64),
        ([-1, -1, -1, -1, -1, 1], 14 / 64),
        ([-1, 1, -1, 1, -1, 1], 1.0),
        ([-3, -2, -1, -4, -5, -6, -7], 2 / 128),
        # Only the flip of the smallest is as far out as the observed mean.
        ([-3, -2, 1, -4, -5, -6, -7], 4 / 128),
    ],
)
def test_p_value_golden_cases(differences, p_value):
    found = compare_scores(*shifted([value / 10 for value in differences]))
    assert found.p_value == pytest.approx(p_value)


@pytest.mark.parametrize("songs", range(5, 21))
def test_a_clear_gain_is_found_where_it_can_be(songs, make_scores):
    base, tuned = make_scores(3.6, songs=songs), make_scores(2.7, songs=songs)
    found = compare_scores(base, tuned)
    floor = 2 / 2**songs if found.exact else 2 / 10_001
    assert found.p_value == pytest.approx(floor)
    assert found.direction == ("better" if songs > 5 else "undecided")
    low, high = found.perplexity_ratio_interval
    assert low < found.perplexity_ratio < high < 1
    low, high = found.difference_interval
    assert low < found.difference < high < 0


def test_five_songs_can_not_show_anything_and_the_verdict_says_so():
    verdict = compare_scores(*shifted([-1.0] * 5)).verdict
    assert "can be told apart from chance" in verdict
    assert "With 5 songs no result could reach p < 0.05" in verdict


def test_verdict_of_a_gain_reads_plainly():
    found = compare_scores(*shifted([-0.8, -0.9, -0.95, -0.9, -1.0, -0.8] * 2))
    assert found.verdict == (
        "The tuned model predicts the held-out songs better: perplexity 0.41 × base "
        "(95 % interval 0.39–0.43, p < 0.001, 12 songs)."
    )


def test_verdict_names_what_was_compared():
    found = compare_scores(
        *shifted([0.4, 0.5, 0.45, 0.5, 0.6, 0.5, 0.4]),
        base_name="native",
        tuned_name="romanized",
    )
    assert found.direction == "worse"
    assert found.verdict.startswith(
        "The romanized model predicts the held-out songs worse: perplexity 1.61 × "
        "native (95 % interval "
    )


def test_equal_models_can_not_be_told_apart(make_scores):
    base = make_scores(3.0)
    found = compare_scores(base, base)
    assert found.p_value == found.accuracy_p_value == 1
    assert found.perplexity_ratio == 1
    assert found.direction == "undecided"
    assert found.verdict.startswith("No difference can be told apart from chance")


def test_swapping_the_models_mirrors_the_finding(make_scores):
    base, tuned = make_scores(3.6, songs=9), make_scores(2.7, songs=9)
    found, mirrored = compare_scores(base, tuned), compare_scores(tuned, base)
    assert mirrored.direction == "worse"
    assert mirrored.p_value == found.p_value
    assert mirrored.perplexity_ratio == pytest.approx(1 / found.perplexity_ratio)
    low, high = found.perplexity_ratio_interval
    assert mirrored.perplexity_ratio_interval == pytest.approx((1 / high, 1 / low))


def test_chance_alone_is_rarely_called_a_difference():
    noise = np.random.default_rng(0)
    found = [
        compare_scores(*shifted(noise.normal(0, 0.2, 12)), resamples=500)
        for _ in range(60)
    ]
    assert sum(each.direction != "undecided" for each in found) <= 6


def test_no_claim_where_test_and_interval_disagree():
    # Most songs gain a little, one long song loses a lot: tokens say worse.
    base = scores_of([300.0] * 11)
    tuned = scores_of([290.0] * 11)
    long = {"words": 1, "characters": 1, "tokens": 100_000, "correct": 0}
    base.append(SongScore(id="long", nats=1e5, **long))
    tuned.append(SongScore(id="long", nats=1.05e5, **long))
    found = compare_scores(base, tuned)
    assert found.p_value < 0.05
    assert found.difference < 0 < found.perplexity_ratio - 1
    assert found.direction == "undecided"


def test_songs_are_resampled_whole():
    # Every song gains half a nat per token, so no drawing of songs, long and short,
    # can move the ratio; nats drawn apart from their tokens would.
    lengths = [10, 400, 35, 900, 120, 60, 75]
    base = [scores_of([3.0 * n], tokens=n, correct=1)[0] for n in lengths]
    tuned = [scores_of([2.5 * n], tokens=n, correct=1)[0] for n in lengths]
    for scores in (base, tuned):
        for place, score in enumerate(scores):
            scores[place] = dataclasses.replace(score, id=f"song-{place}")
    found = compare_scores(base, tuned)
    assert found.perplexity_ratio == pytest.approx(math.exp(-0.5))
    assert found.perplexity_ratio_interval == pytest.approx([math.exp(-0.5)] * 2)


def test_interval_equals_resampling_written_out():
    noise = np.random.default_rng(2)
    differences = noise.normal(-0.2, 0.3, 15)
    drawn = noise.choice(differences, size=(20_000, 15)).mean(axis=1)
    found = compare_scores(*shifted(differences))
    low, high = np.percentile(drawn, [2.5, 97.5])
    assert found.difference_interval == pytest.approx((low, high), abs=0.01)
    ratios = (math.exp(low), math.exp(high))
    assert found.perplexity_ratio_interval == pytest.approx(ratios, abs=0.01)


def test_accuracy_is_tested_by_itself():
    base = scores_of([300.0] * 8, correct=10)
    tuned = scores_of([300.0] * 8, correct=30)
    found = compare_scores(base, tuned)
    assert found.accuracy_difference == pytest.approx(0.2)
    assert found.accuracy_p_value == pytest.approx(2 / 256)
    assert found.p_value == 1


def test_input_order_does_not_matter_and_the_seed_decides(make_scores):
    base, tuned = make_scores(3.6, songs=20), make_scores(3.5, songs=20)
    found = compare_scores(base, tuned, seed=4)
    assert found == compare_scores(base[::-1], tuned, seed=4)
    other = compare_scores(base, tuned, seed=5)
    assert found.difference_interval != other.difference_interval
    assert found.p_value != other.p_value


@pytest.mark.parametrize("songs", range(1, 5))
def test_too_few_songs_give_a_sentence_and_no_p_value(songs):
    found = compare_scores(*shifted([-0.5] * songs))
    assert found.p_value is None
    assert found.accuracy_p_value is None
    assert found.perplexity_ratio_interval is None
    assert found.direction == "undecided"
    assert found.verdict == (
        f"Too few songs to tell: {songs} compared, and a paired test needs at least 5 "
        "(perplexity 0.61 × base on these)."
    )


def test_dictionary_is_strict_json(make_scores):
    found = compare_scores(make_scores(3.6), make_scores(2.7))
    values = found.to_dict()
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert set(values) == {field.name for field in dataclasses.fields(found)}


def test_songs_must_be_the_same():
    base, tuned = shifted([-0.1] * 6)
    with pytest.raises(ValueError, match=r"same songs.*'song-5'"):
        compare_scores(base, tuned[:-1])
    with pytest.raises(ValueError, match="same songs"):
        compare_scores([], [])
    with pytest.raises(ValueError, match=r"`tuned` must hold each song once"):
        compare_scores(base, [*tuned, tuned[0]])


def test_tokens_of_different_tokenizers_are_not_compared():
    base, tuned = shifted([-0.1] * 6)
    tuned[2] = dataclasses.replace(tuned[2], tokens=90)
    with pytest.raises(ValueError, match="compare bits per character"):
        compare_scores(base, tuned)


def test_resamples_must_suffice():
    with pytest.raises(ValueError, match="`resamples` must be at least 100"):
        compare_scores(*shifted([-0.1] * 6), resamples=10)


def test_p_values_and_ratios_keep_the_digits_that_matter():
    assert format_p_value(0.0002) == "p < 0.001"
    assert format_p_value(0.0488) == "p = 0.049"
    assert format_p_value(0.2) == "p = 0.20"
    assert format_ratios([0.412, 0.38, 0.44]) == ["0.41", "0.38", "0.44"]
    assert format_ratios([0.996, 0.991, 0.999]) == ["0.996", "0.991", "0.999"]
    assert format_ratios([0.0123]) == ["0.012"]
