import jax
import keras
import numpy as np
import pytest

from gemma_keras_ft.model.fingerprint import preset_fingerprint
from gemma_keras_ft.model.lora import (
    Adapter,
    adapter_random_state,
    adapter_settings,
    adapter_variables,
    base_only,
    count_adapter_parameters,
    enable_adapter,
    merge_adapter,
)
from gemma_keras_ft.model.lora_enable import adapter_shapes
from gemma_keras_ft.model.preset import load_preset


def values(model):
    return [np.asarray(v.value) for v in adapter_variables(model).values()]


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_fresh_adapter_changes_nothing(small_model, logits, dropout):
    before = logits(small_model)
    enable_adapter(small_model, Adapter(rank=4, dropout=dropout))
    np.testing.assert_array_equal(logits(small_model), before)


def test_only_the_adapter_is_trainable(small_model):
    enable_adapter(small_model, Adapter(rank=4, targets=("query", "value")))
    names = {variable.path for variable in small_model.trainable_variables}
    assert names == set(adapter_variables(small_model))
    # A and B, for two layers in each of two blocks.
    assert len(names) == 8


@pytest.mark.parametrize("targets", ["all_linear", ("key", "ffw_linear")], ids=str)
def test_shapes_are_known_before_anything_is_allocated(small_model, targets):
    adapter = Adapter(rank=3, targets=targets)
    expected = adapter_shapes(small_model, adapter)
    enable_adapter(small_model, adapter)
    found = {n: tuple(v.shape) for n, v in adapter_variables(small_model).items()}
    assert found == expected


def test_parameters_are_counted(small_model):
    enable_adapter(small_model, Adapter(rank=2, targets=("ffw_linear",)))
    # KerasHub's intermediate size counts gate and up together: 64 / 2 wide here.
    assert count_adapter_parameters(small_model) == 2 * (32 * 2 + 2 * 32)


@pytest.mark.parametrize(
    ("settings", "factor"),
    [({"alpha": 8.0}, 2.0), ({"rank_stabilized": True}, 2.0)],
    ids=["alpha", "rank_stabilized"],
)
def test_alpha_and_rank_stabilization_scale_the_update(
    small_preset, fill, settings, factor
):
    updates = []
    inputs = np.random.default_rng(0).normal(size=(1, 5, 32)).astype("float32")
    for more in ({}, settings):
        model = load_preset(small_preset)
        adapter = Adapter(**{"rank": 4, "alpha": 4.0, "targets": "query"} | more)
        enable_adapter(model, adapter)
        fill(model)
        layer = model.backbone.transformer_layers[0].attention.query_dense
        with base_only(model):
            base = np.asarray(layer(inputs))
        updates.append(np.asarray(layer(inputs)) - base)
    np.testing.assert_allclose(updates[1], factor * updates[0], atol=1e-6)
    assert np.abs(updates[0]).max() > 1e-3


def test_base_only_turns_the_adapter_off_and_on(small_model, logits, fill):
    base = logits(small_model)
    enable_adapter(small_model, Adapter(rank=4))
    fill(small_model)
    tuned = logits(small_model)
    assert np.abs(tuned - base).max() > 1e-3
    with pytest.raises(KeyError), base_only(small_model):
        np.testing.assert_array_equal(logits(small_model), base)
        raise KeyError
    np.testing.assert_array_equal(logits(small_model), tuned)


def test_base_only_reaches_functions_that_are_compiled_already(
    small_model, token_ids, fill
):
    enable_adapter(small_model, Adapter(rank=4))
    fill(small_model)
    traced = []

    @jax.jit
    def run(trainable, frozen):
        traced.append(1)
        inputs = {"token_ids": token_ids, "padding_mask": np.ones_like(token_ids)}
        return small_model.stateless_call(trainable, frozen, inputs)[0]

    def logits():
        lists = (small_model.trainable_variables, small_model.non_trainable_variables)
        return np.asarray(run(*([v.value for v in part] for part in lists)))

    tuned = logits()
    with base_only(small_model):
        base = logits()
    np.testing.assert_array_equal(logits(), tuned)
    fresh = load_preset_of(small_model)
    inputs = {"token_ids": token_ids, "padding_mask": np.ones_like(token_ids)}
    np.testing.assert_allclose(base, np.asarray(fresh(inputs)), atol=1e-6)
    assert len(traced) == 1 and np.abs(tuned - base).max() > 1e-3


def load_preset_of(model):
    """A model of the same base weights, without an adapter."""
    fresh = type(model).from_config(model.get_config())
    base = [v for v in model.variables if "lora_kernel" not in v.path]
    for variable, source in zip(fresh.variables, base, strict=True):
        variable.assign(source.value)
    return fresh


def test_an_adapter_drawn_anew_depends_on_the_seed_alone(small_model, fill):
    adapter = Adapter(rank=4, dropout=0.1)
    enable_adapter(small_model, adapter, seed=7)
    first = values(small_model)
    (state,) = adapter_random_state(small_model).values()
    state.assign(state.value + 5)
    fill(small_model)
    enable_adapter(small_model, adapter, seed=7)
    for left, right in zip(first, values(small_model), strict=True):
        np.testing.assert_array_equal(left, right)
    np.testing.assert_array_equal(state.value, [7, 0])
    enable_adapter(small_model, adapter, seed=8)
    others = zip(first, values(small_model), strict=True)
    assert any((a != b).any() for a, b in others)


def test_without_dropout_there_is_no_random_state(small_model):
    enable_adapter(small_model, Adapter(rank=2))
    assert adapter_random_state(small_model) == {}


def test_dropout_leaves_the_fingerprint_alone(small_model):
    before = preset_fingerprint(small_model)
    enable_adapter(small_model, Adapter(rank=2, dropout=0.1))
    assert len(adapter_random_state(small_model)) == 1
    assert preset_fingerprint(small_model) == before


def test_the_rank_need_not_be_alpha_and_stock_enables_once(stock_model):
    """Pins what is worked around: alpha is the rank, and a second call raises."""
    stock_model.backbone.enable_lora(4)
    assert adapter_settings(stock_model) == Adapter(
        rank=4, alpha=4.0, targets=("query", "value")
    )
    with pytest.raises(ValueError, match="only be done once"):
        stock_model.backbone.enable_lora(4)


def test_a_stock_model_with_lora_gets_our_forward(stock_model, logits, fill):
    stock_model.backbone.enable_lora(4)
    fill(stock_model)
    merged = logits(stock_model)
    enable_adapter(stock_model, adapter_settings(stock_model))
    fill(stock_model)
    layer = stock_model.backbone.transformer_layers[0].attention.query_dense
    assert layer.call.__func__ is not type(layer).call
    np.testing.assert_allclose(logits(stock_model), merged, atol=1e-5)


def test_several_ranks_on_one_model_are_refused(stock_model):
    first, second = stock_model.backbone.transformer_layers
    first.attention.query_dense.enable_lora(2)
    second.attention.query_dense.enable_lora(3)
    with pytest.raises(ValueError, match=r"one rank.*\(2, 2\), \(3, 3\)"):
        adapter_settings(stock_model)


@pytest.mark.parametrize(
    "other",
    [
        {"rank": 2},
        {"alpha": 2.0},
        {"targets": ("query",)},
        {"dropout": 0.5},
        {"rank_stabilized": True},
    ],
    ids=lambda other: next(iter(other)),
)
def test_an_adapter_of_other_settings_is_refused(small_model, other):
    adapter = Adapter(rank=4, alpha=8.0, targets=("value", "query"))
    assert adapter_settings(small_model) is None
    enable_adapter(small_model, adapter)
    assert adapter_settings(small_model) == adapter
    settings = {"rank": 4, "alpha": 8.0, "targets": ("query", "value")} | other
    with pytest.raises(ValueError, match="Load the preset again"):
        enable_adapter(small_model, Adapter(**settings))


def test_a_merged_adapter_is_neither_drawn_anew_nor_turned_off(small_model):
    adapter = Adapter(rank=2)
    enable_adapter(small_model, adapter)
    merge_adapter(small_model)
    with pytest.raises(ValueError, match="must not be merged"):
        enable_adapter(small_model, adapter)
    with pytest.raises(ValueError, match="must not be merged"), base_only(small_model):
        raise AssertionError("unreachable")


def test_a_bfloat16_base_halves_and_its_adapter_stays_float32(small_preset):
    model = load_preset(small_preset, dtype="bfloat16")
    enable_adapter(model, Adapter(rank=2))
    assert {v.dtype for v in adapter_variables(model).values()} == {"float32"}
    base = [v for v in model.variables if "lora_kernel" not in v.path]
    assert {v.dtype for v in base} == {"bfloat16"}
    # Pins what is worked around: "mixed_bfloat16" would keep float32 weights.
    mixed = keras.dtype_policies.DTypePolicy("mixed_bfloat16")
    assert mixed.variable_dtype == "float32"
