"""Two models on the same songs: how far apart, and could it be chance?"""

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np

from gemma_keras_ft.evaluation.metrics import SongScore

MINIMUM_SONGS = 5
SIGNIFICANCE_LEVEL = 0.05

# Songs x resamples held in memory at a time; 1,000 songs take 8 MB.
_BATCH = 1_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Comparison:
    """What a paired comparison found; differences are tuned less base.

    Args:
        songs: Songs that both models scored.
        difference: Mean over songs of the difference in nats per token; below 0
            where tuned predicts better. Every song weighs the same.
        difference_interval: Its 95 % bootstrap interval, or None.
        perplexity_ratio: Corpus perplexity of tuned over that of base. Every
            token weighs the same.
        perplexity_ratio_interval: Its 95 % bootstrap interval, or None.
        p_value: Of `difference`, two-sided; never 0. None for too few songs.
        accuracy_difference: Mean over songs of the difference in token accuracy.
        accuracy_p_value: Of `accuracy_difference`, likewise.
        direction: `"better"`, `"worse"` or `"undecided"`.
        verdict: The finding in a plain sentence.
        permutations: Sign patterns that the p values rest on.
        exact: Whether these were all there are.
        resamples: Bootstrap resamples.
        seed: Seed of the resampling.
    """

    songs: int
    difference: float
    difference_interval: tuple[float, float] | None
    perplexity_ratio: float
    perplexity_ratio_interval: tuple[float, float] | None
    p_value: float | None
    accuracy_difference: float
    accuracy_p_value: float | None
    direction: str
    verdict: str
    permutations: int
    exact: bool
    resamples: int
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values; intervals are lists."""
        values = dataclasses.asdict(self)
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
        }


def compare_scores(
    base: Iterable[SongScore],
    tuned: Iterable[SongScore],
    *,
    seed: int = 0,
    resamples: int = 10_000,
    base_name: str = "base",
    tuned_name: str = "tuned",
) -> Comparison:
    """Compares two models on the same songs under the same tokenizer.

    Songs, not tokens, are drawn: tokens of one song are not independent. The p
    values come from flipping the sign of each song's difference (approximate
    randomization), over all sign patterns where `resamples` allows it, else over
    that many random ones, counted as (k + 1) / (n + 1). The intervals are
    percentile bootstraps over songs, which run a little narrow for few songs; so
    a difference is claimed only where test and interval agree.

    Args:
        base: Scores of the model to compare with.
        tuned: Scores of the other; the same ids and token counts, in any order.
        seed: Seed of the resampling.
        resamples: Bootstrap resamples, and the most sign patterns to try.
        base_name: What the verdict calls the first model.
        tuned_name: What the verdict calls the second.

    Returns:
        A `Comparison`; with fewer than 5 songs it holds no p value or interval.

    Raises:
        ValueError: If ids repeat, differ or are missing, a song's token counts
            differ, or `resamples` is too small.

    References:
        Riezler and Maxwell, 2005. https://aclanthology.org/W05-0908
        Phipson and Smyth, 2010. https://doi.org/10.2202/1544-6115.1585
    """
    if resamples < 100:
        raise ValueError(
            f"`resamples` must be at least 100. Received: resamples={resamples!r}."
        )
    pairs = _pair(base, tuned)
    tokens = np.array([ours.tokens for ours, _ in pairs], dtype=float)
    nats = np.array([theirs.nats - ours.nats for ours, theirs in pairs])
    correct = np.array([theirs.correct - ours.correct for ours, theirs in pairs])
    found: dict[str, Any] = {
        "songs": len(pairs),
        "difference": float(np.mean(nats / tokens)),
        "perplexity_ratio": float(_ratio(nats, tokens, axis=0)),
        "accuracy_difference": float(np.mean(correct / tokens)),
        "resamples": resamples,
        "seed": seed,
        **_resample(nats, correct, tokens, resamples, seed),
    }
    found["direction"] = _direction(found)
    found["verdict"] = _verdict(found, base_name, tuned_name)
    return Comparison(**found)


def _pair(base, tuned) -> list[tuple[SongScore, SongScore]]:
    """Returns pairs in the order of their ids, so that input order is no matter."""
    by_id = {"base": _index(base, "base"), "tuned": _index(tuned, "tuned")}
    alone = sorted(set(by_id["base"]) ^ set(by_id["tuned"]))
    if alone or not by_id["base"]:
        raise ValueError(
            "`base` and `tuned` must hold the same songs, at least one. Received: "
            f"{len(by_id['base'])} and {len(by_id['tuned'])} songs; in one only: "
            f"{alone[:5]}. Score both models on the same split."
        )
    pairs = [(by_id["base"][key], by_id["tuned"][key]) for key in sorted(by_id["base"])]
    for ours, theirs in pairs:
        if ours.tokens != theirs.tokens:
            raise ValueError(
                f"`tokens` must be equal for both models. Received: {ours.tokens} and "
                f"{theirs.tokens} for song {ours.id!r}. Nats per token of different "
                "tokenizers or scripts can't be compared; compare bits per character."
            )
    return pairs


def _index(scores, name: str) -> dict[str, SongScore]:
    index = {}
    for score in scores:
        if score.id in index:
            raise ValueError(
                f"`{name}` must hold each song once. Received: id={score.id!r} twice."
            )
        index[score.id] = score
    return index


def _mean(values, axis):
    return np.mean(values, axis=axis)


def _ratio(nats, tokens, axis):
    return np.exp(np.sum(nats, axis=axis) / np.sum(tokens, axis=axis))


def _resample(nats, correct, tokens, resamples: int, seed: int) -> dict[str, Any]:
    """Returns intervals and p values, all None for too few songs."""
    names = ("difference_interval", "perplexity_ratio_interval")
    if len(tokens) < MINIMUM_SONGS:
        empty = dict.fromkeys((*names, "p_value", "accuracy_p_value"))
        return {**empty, "permutations": 0, "exact": False}
    p_value, permutations = _sign_flip_test(nats / tokens, resamples, seed)
    accuracy_p_value, _ = _sign_flip_test(correct / tokens, resamples, seed)
    return {
        "difference_interval": _bootstrap((nats / tokens,), _mean, resamples, seed),
        "perplexity_ratio_interval": _bootstrap(
            (nats, tokens), _ratio, resamples, seed
        ),
        "p_value": p_value,
        "accuracy_p_value": accuracy_p_value,
        "permutations": permutations,
        "exact": 2 ** len(tokens) <= resamples,
    }


def _sign_flip_test(differences, resamples: int, seed: int) -> tuple[float, int]:
    """Returns the two-sided p value of a zero mean, and the patterns it rests on."""
    from scipy.stats import permutation_test

    result = permutation_test(
        (differences,),
        _mean,
        permutation_type="samples",
        n_resamples=resamples,
        vectorized=True,
        batch=_BATCH,
        rng=np.random.default_rng(seed),
    )
    return float(result.pvalue), len(result.null_distribution)


def _bootstrap(data, statistic, resamples: int, seed: int) -> tuple[float, float]:
    from scipy.stats import bootstrap

    result = bootstrap(
        data,
        statistic,
        paired=True,
        n_resamples=resamples,
        vectorized=True,
        batch=_BATCH,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    low, high = result.confidence_interval
    return float(low), float(high)


def _direction(found: dict[str, Any]) -> str:
    if found["p_value"] is None or found["p_value"] >= SIGNIFICANCE_LEVEL:
        return "undecided"
    low, high = found["perplexity_ratio_interval"]
    if found["difference"] < 0 and high < 1:
        return "better"
    if found["difference"] > 0 and low > 1:
        return "worse"
    return "undecided"


def _verdict(found: dict[str, Any], base_name: str, tuned_name: str) -> str:
    interval = found["perplexity_ratio_interval"]
    ratio, *ends = format_ratios([found["perplexity_ratio"], *(interval or ())])
    ratio = f"perplexity {ratio} × {base_name}"
    songs = found["songs"]
    if interval is None:
        return (
            f"Too few songs to tell: {songs} compared, and a paired test needs at "
            f"least {MINIMUM_SONGS} ({ratio} on these)."
        )
    evidence = (
        f"{ratio} (95 % interval {'–'.join(ends)}, "
        f"{format_p_value(found['p_value'])}, {songs} songs)."
    )
    if found["direction"] != "undecided":
        return (
            f"The {tuned_name} model predicts the held-out songs "
            f"{found['direction']}: {evidence}"
        )
    sentence = f"No difference can be told apart from chance: {evidence}"
    if 2 / 2**songs >= SIGNIFICANCE_LEVEL:
        sentence += (
            f" With {songs} songs no result could reach p < {SIGNIFICANCE_LEVEL}; "
            "compare more."
        )
    return sentence


def format_ratios(ratios: list[float]) -> list[str]:
    """Formats to two decimals, or three where two would print a ratio as just 1."""
    digits = 3 if any(abs(ratio - 1) < 0.01 for ratio in ratios) else 2
    return [
        f"{ratio:.2g}" if ratio < 0.1 else f"{ratio:.{digits}f}" for ratio in ratios
    ]


def format_p_value(p_value: float) -> str:
    """Formats a p value; a small one is bounded, not spelled out."""
    if p_value < 0.001:
        return "p < 0.001"
    return f"p = {p_value:.3f}" if p_value < 0.1 else f"p = {p_value:.2f}"
