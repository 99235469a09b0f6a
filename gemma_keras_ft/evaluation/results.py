"""What a report is made from: plain JSON values of a known shape."""

import math
import numbers
from collections.abc import Mapping, Sequence
from typing import Any

TEXT = "text"
NUMBER = "number"
INTERVAL = "interval"
ANY_KEY = "*"

_METRIC = {"score": NUMBER, "signature": TEXT}
_SCORES = {
    "songs": NUMBER,
    "tokens": NUMBER,
    "nats_per_token": NUMBER,
    "nats_per_word": NUMBER,
    "perplexity_per_token": NUMBER,
    "perplexity_per_word": NUMBER,
    "bits_per_character": NUMBER,
    "token_accuracy": NUMBER,
    "bleu": _METRIC,
    "chrf": _METRIC,
}
_RUN = {
    "name": TEXT,
    "description": TEXT,
    "task": TEXT,
    "script": TEXT,
    "language": TEXT,
    "adapter": {
        "rank": NUMBER,
        "alpha": NUMBER,
        "targets": [TEXT],
        "parameters": NUMBER,
    },
    "training": {
        "epochs": NUMBER,
        "steps": NUMBER,
        "seconds": NUMBER,
        "tokens_per_second": NUMBER,
        "global_batch_size": NUMBER,
        "sequence_length": NUMBER,
        "layout": TEXT,
        "filled": NUMBER,
        "learning_rate": NUMBER,
    },
    "left_out": {ANY_KEY: NUMBER},
    "history": {
        "step": [NUMBER],
        "loss": [NUMBER],
        "validation_step": [NUMBER],
        "validation_loss": [NUMBER],
    },
    "base": _SCORES,
    "tuned": _SCORES,
    "comparison": {
        "songs": NUMBER,
        "difference": NUMBER,
        "difference_interval": INTERVAL,
        "perplexity_ratio": NUMBER,
        "perplexity_ratio_interval": INTERVAL,
        "p_value": NUMBER,
        "accuracy_difference": NUMBER,
        "accuracy_p_value": NUMBER,
        "direction": TEXT,
        "verdict": TEXT,
        "permutations": NUMBER,
        "resamples": NUMBER,
        "seed": NUMBER,
    },
    "songs": [
        {
            "id": TEXT,
            "title": TEXT,
            "base_perplexity": NUMBER,
            "tuned_perplexity": NUMBER,
        }
    ],
}
_SAMPLE = {
    "id": TEXT,
    "title": TEXT,
    "prompt": TEXT,
    "reference": TEXT,
    "base": TEXT,
    "tuned": TEXT,
    "native_reference": TEXT,
    "translation": TEXT,
    "language": TEXT,
    "translation_language": TEXT,
}
_RESULTS = {
    "title": TEXT,
    "summary": TEXT,
    "command": TEXT,
    "seed": NUMBER,
    "environment": {ANY_KEY: TEXT},
    "dataset": {
        "name": TEXT,
        "version": TEXT,
        "kept": NUMBER,
        "set_aside": NUMBER,
        "set_aside_reasons": {ANY_KEY: NUMBER},
        "counts": {ANY_KEY: {ANY_KEY: NUMBER}},
    },
    "base_model": {"name": TEXT, "parameters": NUMBER, "fingerprint": TEXT},
    "runs": [_RUN],
    "romanization": {
        "rows": [
            {
                "script": TEXT,
                "tokens_per_word": NUMBER,
                "base_nats_per_word": NUMBER,
                "tuned_nats_per_word": NUMBER,
            }
        ],
        "note": TEXT,
    },
    "samples": [_SAMPLE],
    "where": {ANY_KEY: TEXT},
    "next": [{"say": TEXT, "command": TEXT}],
}


def check_results(results: Mapping[str, Any]) -> dict[str, Any]:
    """Copies results into strict JSON values and checks their shape.

    Every section but `title` is optional, and None stands for a value that is not
    there. NaN and infinities become None, so that a diverged run still gets its
    report. Keys inside a section that the page does not know are kept.

    Args:
        results: The results of one evaluation.

    Returns:
        A copy that `json.dumps(..., allow_nan=False)` can write.

    Raises:
        ValueError: If a value is not JSON, has the wrong type, `title` is missing,
            a section is unknown, a history's columns differ in length, or a sample
            carries a true `no_alter`.
    """
    if not isinstance(results, Mapping):
        raise ValueError(
            f"`results` must be a mapping. Received: {results!r:.80}. "
            "Pass what the evaluation returned, or read it with `read_report`."
        )
    copy = _to_json_value(results, "results")
    _check_sections(copy)
    _check_shape(copy, _RESULTS, "results")
    _check_samples(copy.get("samples") or ())
    for place, run in enumerate(copy.get("runs") or ()):
        _check_history((run or {}).get("history") or {}, f"results.runs[{place}]")
    return copy


def _check_sections(results: dict[str, Any]) -> None:
    unknown = sorted(set(results) - set(_RESULTS))
    if unknown:
        raise ValueError(
            f"`results` must have known sections only. Received: {unknown[0]!r}. "
            f"Available: {sorted(_RESULTS)}."
        )
    if not results.get("title"):
        raise ValueError(
            f"`results.title` must be a text. Received: {results.get('title')!r}. "
            "Name what was trained, such as 'Thirukkural on the tiny Gemma 2'."
        )


def _check_samples(samples: Sequence[dict[str, Any] | None]) -> None:
    for sample in samples:
        if sample and sample.get("no_alter"):
            raise ValueError(
                "`results.samples` must not hold `no_alter` records. Received: "
                f"id={sample.get('id')!r}. Sacred texts are scored, never generated."
            )


def _to_json_value(value: Any, path: str) -> Any:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, numbers.Integral):
        # Beyond 64 bits other readers of JSON lose digits, and formatting can fail.
        if abs(int(value)) >= 2**63:
            raise ValueError(f"`{path}` must fit 64 bits. Received: an integer above.")
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise ValueError(
                    f"`{path}` must have text keys. Received: {key!r:.80}."
                )
        # Sorted as the file is, so that a page made from it again is the same page.
        return {
            key: _to_json_value(value[key], f"{path}.{key}") for key in sorted(value)
        }
    if isinstance(value, list | tuple):
        return [
            _to_json_value(item, f"{path}[{place}]") for place, item in enumerate(value)
        ]
    raise ValueError(
        f"`{path}` must be a JSON value. Received: {value!r:.80}. "
        "Turn arrays into lists and objects into mappings first."
    )


def _check_shape(value: Any, shape: Any, path: str) -> None:
    if value is None:
        return
    if isinstance(shape, dict):
        _require(isinstance(value, dict), path, "a mapping", value)
        for key, item in value.items():
            _check_shape(item, shape.get(key, shape.get(ANY_KEY)), f"{path}.{key}")
    elif isinstance(shape, list):
        _require(isinstance(value, list), path, "a list", value)
        for place, item in enumerate(value):
            _check_shape(item, shape[0], f"{path}[{place}]")
    elif shape == TEXT:
        _require(isinstance(value, str), path, "a text", value)
    elif shape == NUMBER:
        _require(_is_number(value), path, "a number", value)
    elif shape == INTERVAL:
        pair = isinstance(value, list) and len(value) == 2
        _require(pair and all(map(_is_number, value)), path, "[low, high]", value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _require(holds: bool, path: str, rule: str, value: Any) -> None:
    if not holds:
        raise ValueError(f"`{path}` must be {rule}. Received: {value!r:.80}.")


def _check_history(history: dict[str, Any], path: str) -> None:
    for steps, losses in (("step", "loss"), ("validation_step", "validation_loss")):
        lengths = [len(history.get(name) or ()) for name in (steps, losses)]
        _require(
            lengths[0] == lengths[1],
            f"{path}.history.{losses}",
            f"as long as `{steps}`",
            lengths,
        )
