import json
import math

import numpy as np
import pytest

from gemma_keras_ft.evaluation.results import check_results


def test_checked_results_are_strict_json_and_stay_as_they_are(results):
    checked = check_results(results)
    assert json.loads(json.dumps(checked, allow_nan=False)) == checked
    assert checked == results
    assert check_results(checked) == checked


def test_input_is_not_changed(results):
    before = repr(results)
    check_results(results)["runs"][0]["base"]["songs"] = 0
    assert repr(results) == before


def test_numbers_that_json_lacks_become_none():
    history = {"step": [1, 2, 3], "loss": [3.0, math.nan, math.inf]}
    checked = check_results({"title": "t", "runs": [{"history": history}]})
    assert checked["runs"][0]["history"]["loss"] == [3.0, None, None]


def test_array_scalars_and_tuples_become_json_values():
    run = {"training": {"steps": np.int64(4), "seconds": np.float32(0.5)}}
    checked = check_results({"title": "t", "runs": (run,)})
    assert checked["runs"] == [{"training": {"seconds": 0.5, "steps": 4}}]
    assert type(checked["runs"][0]["training"]["steps"]) is int


def test_keys_that_the_page_does_not_know_are_kept():
    checked = check_results({"title": "t", "runs": [{"fidelity": {"rhyme": 0.4}}]})
    assert checked["runs"][0]["fidelity"] == {"rhyme": 0.4}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"title": None}, "`results.title` must be a text"),
        ({"title": ""}, "`results.title` must be a text"),
        ({"title": 5}, "`results.title` must be a text"),
        ({"smaples": []}, r"known sections only.*'smaples'.*'samples'"),
        ({"runs": {}}, "`results.runs` must be a list"),
        ({"runs": ["x"]}, r"`results.runs\[0\]` must be a mapping"),
        ({"seed": "0"}, "`results.seed` must be a number"),
        ({"seed": True}, "`results.seed` must be a number"),
        ({"seed": 2**70}, "`results.seed` must fit 64 bits"),
        ({"environment": {"jax": 1}}, "`results.environment.jax` must be a text"),
        ({"environment": {1: "jax"}}, "`results.environment` must have text keys"),
        ({"where": object()}, "`results.where` must be a JSON value"),
        ({"seed": np.zeros(3)}, "`results.seed` must be a JSON value"),
        (
            {"dataset": {"counts": {"language": {"ta": "many"}}}},
            "`results.dataset.counts.language.ta` must be a number",
        ),
        (
            {"runs": [{"comparison": {"perplexity_ratio_interval": [1, 2, 3]}}]},
            r"perplexity_ratio_interval` must be \[low, high\]",
        ),
        (
            {"runs": [{"history": {"step": [1, 2], "loss": [3.0]}}]},
            r"`results.runs\[0\].history.loss` must be as long as `step`",
        ),
        (
            {"runs": [{"history": {"validation_loss": [3.0]}}]},
            "must be as long as `validation_step`",
        ),
        (
            {"samples": [{"id": "psalm-1", "no_alter": True}]},
            "`results.samples` must not hold `no_alter` records.*psalm-1",
        ),
    ],
)
def test_wrong_shapes_are_refused_with_their_path(changes, message):
    with pytest.raises(ValueError, match=message):
        check_results({"title": "t", **changes})


@pytest.mark.parametrize("value", [None, [], "title", 3])
def test_results_must_be_a_mapping(value):
    with pytest.raises(ValueError, match="`results` must be a mapping"):
        check_results(value)
