"""The main job as it is; the command itself is run by .ci/run."""

import pytest

import gemma_keras_ft as gkf

pytestmark = pytest.mark.long

MEASURED = ("base", "tuned", "comparison", "songs", "history")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return [
        gkf.quickstart(tmp_path_factory.mktemp("quickstart"), seed=0) for _ in range(2)
    ]


def test_the_same_seed_gives_the_same_numbers(results):
    first, second = results
    for ours, theirs in zip(first["runs"], second["runs"], strict=True):
        assert {name: ours[name] for name in MEASURED} == {
            name: theirs[name] for name in MEASURED
        }
    assert first["samples"] == second["samples"]


def test_the_tuned_model_is_better_and_not_by_luck(results):
    for run in results[0]["runs"]:
        assert run["comparison"]["perplexity_ratio"] <= 0.8
        assert run["comparison"]["p_value"] < 0.01
        assert run["tuned"]["token_accuracy"] > run["base"]["token_accuracy"]


def test_no_scripture_is_shown_and_the_base_writes_nothing(results):
    assert results[0]["samples"]
    for sample in results[0]["samples"]:
        assert sample["id"].startswith("kural-")
        assert sample["base"] is None
