import keras_hub
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from gemma_keras_ft.model.lora import (
    ATTENTION,
    FEED_FORWARD,
    Adapter,
    adapter_settings,
    adapter_variables,
    base_only,
    count_adapter_parameters,
    enable_adapter,
    load_adapter,
    read_adapter,
    save_adapter,
)
from gemma_keras_ft.model.preset import load_preset, preset_fingerprint

IDS = np.random.default_rng(0).integers(8, 500, (2, 16)).astype("int32")


def logits(model):
    inputs = {"token_ids": IDS, "padding_mask": np.ones_like(IDS)}
    return np.asarray(model(inputs))


def fill(model, seed=1):
    generator = np.random.default_rng(seed)
    for _, variable in sorted(adapter_variables(model).items()):
        variable.assign(generator.normal(0, 0.1, variable.shape))


@pytest.fixture
def saved(small_model, tmp_path):
    """A model with a filled adapter, saved; and its settings."""
    adapter = Adapter(rank=3, alpha=5.0, targets=("query", "ffw_linear"))
    fingerprint = preset_fingerprint(small_model)
    enable_adapter(small_model, adapter)
    fill(small_model)
    path = tmp_path / "adapter.safetensors"
    save_adapter(small_model, path, adapter, base="small", fingerprint=fingerprint)
    return small_model, path, adapter, fingerprint


def test_fresh_adapter_changes_nothing(small_model):
    before = logits(small_model)
    enable_adapter(small_model, Adapter(rank=4))
    np.testing.assert_array_equal(logits(small_model), before)


def test_only_the_adapter_is_trainable(small_model):
    enable_adapter(small_model, Adapter(rank=4, targets=("query", "value")))
    names = {variable.path for variable in small_model.trainable_variables}
    assert names == set(adapter_variables(small_model))
    # A and B, for two layers in each of two blocks.
    assert len(names) == 8


def test_parameters_are_counted(small_model):
    enable_adapter(small_model, Adapter(rank=2, targets=("ffw_linear",)))
    # KerasHub's intermediate size counts gate and up together: 64 / 2 wide here.
    assert count_adapter_parameters(small_model) == 2 * (32 * 2 + 2 * 32)


def test_alpha_scales_the_update(small_preset):
    deltas = []
    for alpha in (4.0, 8.0):
        model = load_preset(small_preset)
        enable_adapter(model, Adapter(rank=4, alpha=alpha, targets=("query",)))
        fill(model)
        layer = model.backbone.transformer_layers[0].attention.query_dense
        with base_only(model):
            base = np.asarray(layer.kernel)
        deltas.append(np.asarray(layer.kernel) - base)
    np.testing.assert_allclose(deltas[1], 2 * deltas[0], atol=1e-6)
    assert np.abs(deltas[0]).max() > 1e-3


def test_base_only_turns_the_adapter_off_and_on(small_model):
    base = logits(small_model)
    enable_adapter(small_model, Adapter(rank=4))
    fill(small_model)
    tuned = logits(small_model)
    assert np.abs(tuned - base).max() > 1e-3
    with pytest.raises(KeyError), base_only(small_model):
        np.testing.assert_array_equal(logits(small_model), base)
        raise KeyError
    np.testing.assert_array_equal(logits(small_model), tuned)


def test_an_adapter_drawn_anew_depends_on_the_seed_alone(small_model):
    enable_adapter(small_model, Adapter(rank=4), seed=7)
    first = [np.asarray(v.value) for v in adapter_variables(small_model).values()]
    fill(small_model)
    enable_adapter(small_model, Adapter(rank=4), seed=7)
    again = [np.asarray(v.value) for v in adapter_variables(small_model).values()]
    for left, right in zip(first, again, strict=True):
        np.testing.assert_array_equal(left, right)
    enable_adapter(small_model, Adapter(rank=4), seed=8)
    other = [np.asarray(v.value) for v in adapter_variables(small_model).values()]
    assert any((a != b).any() for a, b in zip(first, other, strict=True))


def test_saved_adapter_loads_with_equal_logits(saved, small_preset):
    model, path, adapter, fingerprint = saved
    fresh = load_preset(small_preset)
    assert load_adapter(fresh, path, fingerprint=fingerprint) == adapter
    np.testing.assert_array_equal(logits(fresh), logits(model))


def test_saving_again_gives_the_same_bytes(saved):
    model, path, adapter, fingerprint = saved
    first = path.read_bytes()
    for _ in range(5):
        save_adapter(model, path, adapter, base="small", fingerprint=fingerprint)
        assert path.read_bytes() == first
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_settings_are_read_without_tensors(saved):
    _, path, adapter, fingerprint = saved
    found, metadata = read_adapter(path)
    assert found == adapter
    assert metadata["base"] == "small" and metadata["fingerprint"] == fingerprint


def test_adapter_gives_equal_logits_in_stock_keras_hub(saved, small_preset):
    model, *_ = saved
    stock = keras_hub.models.GemmaCausalLM.from_preset(
        str(small_preset), dtype="float32"
    )
    ours, theirs = (m.backbone.transformer_layers for m in (model, stock))
    for mine, other in zip(ours, theirs, strict=True):
        for name in ("query_dense",):
            source = getattr(mine.attention, name)
            getattr(other.attention, name).kernel.assign(source.kernel)
        other.gating_ffw_2.kernel.assign(mine.gating_ffw_2.kernel)
        other.ffw_linear.kernel.assign(mine.ffw_linear.kernel)
    np.testing.assert_allclose(logits(stock), logits(model), atol=1e-5)


def test_another_base_is_refused(saved, small_preset):
    _, path, *_ = saved
    with pytest.raises(ValueError, match="trained on 'small'"):
        load_adapter(load_preset(small_preset), path, fingerprint="0" * 16)


@pytest.mark.parametrize("fault", ["missing", "extra", "shape", "nan"])
def test_damaged_adapters_are_refused(saved, small_preset, fault):
    from safetensors import safe_open

    _, path, _, fingerprint = saved
    with safe_open(str(path), framework="numpy") as file:
        metadata = file.metadata()
    values = load_file(str(path))
    name = sorted(values)[0]
    if fault == "missing":
        del values[name]
    elif fault == "extra":
        values["other"] = values[name]
    elif fault == "shape":
        values[name] = values[name][:1]
    else:
        values[name] = np.full_like(values[name], np.nan)
    save_file(values, str(path), metadata=metadata)
    with pytest.raises(ValueError, match=r"match the model|shape|finite"):
        load_adapter(load_preset(small_preset), path, fingerprint=fingerprint)


def test_files_that_are_no_adapter_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        read_adapter(tmp_path / "none")
    junk = tmp_path / "junk"
    junk.write_bytes(b"not safetensors")
    with pytest.raises(ValueError, match="cannot be read"):
        read_adapter(junk)
    for metadata in (
        {},
        {"gemma_keras_ft": "no JSON"},
        {"gemma_keras_ft": "[]"},
        {"gemma_keras_ft": '{"format": 2}'},
        {"gemma_keras_ft": '{"format": 1, "adapter": {"type": "trainer"}}'},
        {"gemma_keras_ft": '{"format": 1, "adapter": {"type": "adapter", "r": 1}}'},
    ):
        save_file({"a": np.zeros(1)}, str(junk), metadata=metadata)
        with pytest.raises(ValueError, match="cannot be read"):
            read_adapter(junk)


def test_an_adapter_on_a_model_is_replaced_by_a_saved_one(saved, small_preset):
    model, path, adapter, fingerprint = saved
    other = load_preset(small_preset)
    enable_adapter(other, adapter, seed=3)
    fill(other, seed=3)
    load_adapter(other, path, fingerprint=fingerprint)
    np.testing.assert_array_equal(logits(other), logits(model))


@pytest.mark.parametrize(
    "other",
    [{"rank": 2}, {"alpha": 2.0}, {"targets": ("query",)}],
    ids=["rank", "alpha", "targets"],
)
def test_an_adapter_of_other_settings_is_refused(small_model, other):
    adapter = Adapter(rank=4, alpha=8.0, targets=("value", "query"))
    assert adapter_settings(small_model) is None
    enable_adapter(small_model, adapter)
    assert adapter_settings(small_model) == adapter
    settings = {"rank": 4, "alpha": 8.0, "targets": ("query", "value")} | other
    with pytest.raises(ValueError, match="Load the preset again"):
        enable_adapter(small_model, Adapter(**settings))


@pytest.mark.parametrize(
    "settings",
    [{"rank": 0}, {"rank": 2.5}, {"alpha": 0}, {"targets": ("q",)}, {"targets": ()}],
)
def test_wrong_settings_are_named(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        Adapter(**settings)


def test_default_targets_are_all_linear_layers():
    assert Adapter().targets == ATTENTION + FEED_FORWARD
