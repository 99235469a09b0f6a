"""Rows and number formats of the report's page."""

import re
from collections.abc import Mapping
from typing import Any

from gemma_keras_ft.evaluation.compare import SIGNIFICANCE_LEVEL, format_ratios
from gemma_keras_ft.evaluation.metrics import USABLE_BLEU

MISSING = "–"

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_NUMBER_SPACES = re.compile(r"(?<=\d) (?=[%×])|(?<=\bp) (?=[=<])|(?<=\bp [=<]) ")
_NUMBER_DASHES = re.compile(r"(?<=\d)–(?=\d)")
_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}")


def format_number(value: float | None) -> str:
    """Formats to the digits that matter: 0.0123, 4.56, 164.0, 1,234, 1.2 × 10⁹."""
    if value is None:
        return MISSING
    if value and not 1e-4 <= abs(value) < 1e6:
        mantissa, exponent = f"{value:.1e}".split("e")
        power = str(int(exponent)).translate(_SUPERSCRIPTS)
        return f"{_minus(mantissa)} × 10{power}"
    for floor, pattern in ((1000, ",.0f"), (100, ".1f"), (1, ".2f")):
        if abs(value) >= floor:
            return _minus(f"{value:{pattern}}")
    return _minus(f"{value:.3g}")


def format_count(value: float | None) -> str:
    """Formats a count, with the thousands apart: 98,304."""
    return MISSING if value is None else _minus(f"{value:,.0f}")


def format_plain(value: float | None) -> str:
    """Formats a setting as its author wrote it: 0.0003, 16."""
    return MISSING if value is None else _minus(f"{value:,g}")


def format_percent(value: float | None) -> str:
    """Formats a fraction between 0 and 1: 31.2 %."""
    return MISSING if value is None else _minus(f"{100 * value:.1f} %")


def format_score(metric: Mapping[str, Any] | None) -> str:
    """Formats the score of a BLEU or chrF++ entry: 21.4."""
    score = (metric or {}).get("score")
    return MISSING if score is None else f"{score:.1f}"


def format_seconds(value: float | None) -> str:
    """Formats a duration in seconds: 42 s, 3 min 20 s, 2 h 05 min."""
    if value is None:
        return MISSING
    seconds = round(value)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"


def hold_together(text: str) -> str:
    """Keeps 95 %, 0.41 ×, p = 0.02 and 0.38–0.44 each on one line."""
    text = _NUMBER_SPACES.sub("\u00a0", text)
    return _NUMBER_DASHES.sub("\u2060–\u2060", text)


def language_tag(language: str | None, *, romanized: bool = False) -> str:
    """Returns a BCP 47 tag for a `lang` attribute; empty, for unknown, if unfit."""
    if not language or not _LANGUAGE_TAG.fullmatch(language):
        return ""
    return f"{language.split('-')[0]}-Latn" if romanized else language


def _minus(text: str) -> str:
    return text.replace("-", "−")


def _signed(text: str) -> str:
    return text if text.startswith("−") else f"+{text}"


def metric_rows(run: Mapping[str, Any]) -> list[dict[str, str]]:
    """Lays out base against tuned, one row for each metric that the run has.

    A change is called better or worse only where the run's paired test says so;
    BLEU and chrF++ have no test yet, so theirs never is.

    Args:
        run: One of the results' `runs`.

    Returns:
        Rows of `label`, `base`, `tuned`, `change`, and `tone`, which is
        `"better"`, `"worse"` or empty.
    """
    base, tuned = run.get("base") or {}, run.get("tuned") or {}
    comparison = run.get("comparison") or {}
    direction = comparison.get("direction")
    tone = direction if direction in ("better", "worse") else ""
    rows = [
        _row("Perplexity per token", "perplexity_per_token", base, tuned, tone),
        _row("Perplexity per word", "perplexity_per_word", base, tuned, tone),
        _row("Bits per character", "bits_per_character", base, tuned, tone),
        _accuracy_row(base, tuned, comparison),
        *_translation_rows(base, tuned),
    ]
    return [row for row in rows if {row["base"], row["tuned"]} != {MISSING}]


def _row(label: str, name: str, base, tuned, tone: str) -> dict[str, str]:
    before, after = base.get(name), tuned.get(name)
    change = ""
    if before and after is not None:
        change = f"{format_ratios([after / before])[0]} ×"
    return {
        "label": label,
        "base": format_number(before),
        "tuned": format_number(after),
        "change": change,
        "tone": tone,
    }


def _accuracy_row(base, tuned, comparison) -> dict[str, str]:
    before, after = base.get("token_accuracy"), tuned.get("token_accuracy")
    change, tone = "", ""
    if before is not None and after is not None:
        change = _signed(_minus(f"{100 * (after - before):.1f}")) + " points"
    p_value = comparison.get("accuracy_p_value")
    if p_value is not None and p_value < SIGNIFICANCE_LEVEL:
        gain = comparison.get("accuracy_difference") or 0
        tone = "better" if gain > 0 else "worse" if gain < 0 else ""
    return {
        "label": "Token accuracy",
        "base": format_percent(before),
        "tuned": format_percent(after),
        "change": change,
        "tone": tone,
    }


def _translation_rows(base, tuned) -> list[dict[str, str]]:
    unusable = is_unusable(tuned)
    rows = []
    for label, name in (("BLEU", "bleu"), ("chrF++", "chrf")):
        before = (base.get(name) or {}).get("score")
        after = (tuned.get(name) or {}).get("score")
        change = ""
        if unusable:
            change = "not usable as a translation" if name == "bleu" else ""
        elif before is not None and after is not None:
            change = _signed(_minus(f"{after - before:.1f}"))
        rows.append(
            {
                "label": label,
                "base": format_score(base.get(name)),
                "tuned": format_score(tuned.get(name)),
                "change": change,
                "tone": "",
            }
        )
    return rows


def left_out_note(run: Mapping[str, Any]) -> str | None:
    """Returns what to say of examples that no row could hold; None without any."""
    counts = run.get("left_out") or {}
    parts = [
        f"{format_count(count)} of {name}" for name, count in counts.items() if count
    ]
    if not parts:
        return None
    return f"Left out, as a line is longer than a row of tokens: {', '.join(parts)}."


def is_unusable(scores: Mapping[str, Any]) -> bool:
    """Tells whether BLEU is so low that no one could use the translations."""
    score = (scores.get("bleu") or {}).get("score")
    return score is not None and score < USABLE_BLEU


def interval_marks(comparison: Mapping[str, Any]) -> dict[str, float] | None:
    """Places the perplexity ratio and its interval on a line, in percent of it.

    Args:
        comparison: What `Comparison.to_dict` returned.

    Returns:
        `low`, `ratio`, `high` and `one` (no difference), or None without interval.
    """
    ratio = comparison.get("perplexity_ratio")
    interval = comparison.get("perplexity_ratio_interval")
    if ratio is None or interval is None:
        return None
    low, high = interval
    scale = 100 / max(1.25, 1.05 * high)
    places = {"low": low, "ratio": ratio, "high": high, "one": 1.0}
    return {
        name: round(min(100.0, max(0.0, value * scale)), 2)
        for name, value in places.items()
    }


def facets(counts: Mapping[str, Mapping[str, float] | None]) -> list[dict[str, Any]]:
    """Lays out the dataset's counts: known facets first, the largest value first.

    Args:
        counts: Facet to value to number of songs.

    Returns:
        Facets of `name` and `rows`; a row has `label`, `count` and `share` (percent
        of the facet's largest count, for a bar).
    """
    order = ["language", "script", "style", "license", "split"]
    names = sorted(
        counts, key=lambda name: (name not in order, (*order, name).index(name), name)
    )
    return [
        {"name": name, "rows": bars(counts[name])} for name in names if counts[name]
    ]


def bars(counts: Mapping[str, float] | None) -> list[dict[str, Any]]:
    """Sorts counts, largest first, with each one's share of the largest in percent."""
    known = {label: count for label, count in (counts or {}).items() if count}
    rows = sorted(known.items(), key=lambda item: (-item[1], item[0]))
    return [
        {
            "label": label,
            "count": format_count(count),
            "share": round(100 * count / rows[0][1], 1),
        }
        for label, count in rows
    ]
