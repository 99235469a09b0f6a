import math

import pytest

from gemma_keras_ft.config import from_config
from gemma_keras_ft.model.lora_settings import ATTENTION, FEED_FORWARD, Adapter


def test_default_targets_are_all_linear_layers():
    assert Adapter().targets == ATTENTION + FEED_FORWARD
    assert Adapter(targets="all_linear") == Adapter()
    assert Adapter(targets=("all_linear", "query")) == Adapter()


def test_targets_have_one_order_and_no_doubles():
    assert Adapter(targets=["value", "query", "value"]).targets == ("query", "value")
    assert Adapter(targets="value").targets == ("value",)


@pytest.mark.parametrize(
    ("stabilized", "scale"), [(False, 6.0 / 9), (True, 6.0 / 3)], ids=str
)
def test_updates_are_scaled_by_alpha_over_the_rank_or_its_root(stabilized, scale):
    adapter = Adapter(rank=9, alpha=6.0, rank_stabilized=stabilized)
    assert math.isclose(adapter.scale, scale)


def test_settings_survive_json():
    adapter = Adapter(
        rank=3, alpha=2.5, targets="key", rank_stabilized=True, dropout=0.1
    )
    assert from_config(adapter.to_config()) == adapter


def test_settings_without_the_newer_fields_are_read():
    old = {"type": "adapter", "rank": 4, "alpha": 8.0, "targets": ["query"]}
    assert from_config(old) == Adapter(rank=4, alpha=8.0, targets=("query",))


@pytest.mark.parametrize(
    "settings",
    [
        {"rank": 0},
        {"rank": 2.5},
        {"rank": 10**7},
        {"alpha": 0},
        {"alpha": float("nan")},
        {"alpha": float("inf")},
        {"alpha": "16"},
        {"targets": ("q",)},
        {"targets": ()},
        {"targets": ""},
        {"targets": 5},
        {"targets": ({"query": 1},)},
        {"rank_stabilized": 1},
        {"dropout": 1.0},
        {"dropout": -0.1},
        {"dropout": True},
    ],
    ids=str,
)
def test_wrong_settings_are_named(settings):
    with pytest.raises(ValueError, match=f"`{next(iter(settings))}` must"):
        Adapter(**settings)
