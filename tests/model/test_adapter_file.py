import json
import struct
import tracemalloc

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from gemma_keras_ft.model.fingerprint import preset_fingerprint
from gemma_keras_ft.model.lora import (
    Adapter,
    adapter_settings,
    adapter_variables,
    enable_adapter,
    load_adapter,
    merge_adapter,
    read_adapter,
    save_adapter,
)
from gemma_keras_ft.model.preset import load_preset

ADAPTER = Adapter(rank=3, alpha=5.0, targets=("query", "ffw_linear"))


@pytest.fixture
def saved(small_model, tmp_path, fill):
    """A model with a filled adapter, saved; and the base's fingerprint."""
    fingerprint = preset_fingerprint(small_model)
    enable_adapter(small_model, ADAPTER)
    fill(small_model)
    path = tmp_path / "adapter.safetensors"
    save_adapter(small_model, path, ADAPTER, base="small", fingerprint=fingerprint)
    return small_model, path, fingerprint


def rewrite(path, change=lambda values: None, **facts):
    """Writes an adapter file again, with other values or other settings."""
    with safe_open(str(path), framework="numpy") as file:
        metadata = json.loads(file.metadata()["gemma_keras_ft"])
    values = load_file(str(path))
    change(values)
    metadata["adapter"] |= facts
    save_file(values, str(path), metadata={"gemma_keras_ft": json.dumps(metadata)})


def write_header(path, header, size=0):
    """Writes a safetensors file with any header, and `size` bytes of holes."""
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text)
    with path.open("r+b") as file:
        file.truncate(8 + len(text) + size)


def test_saved_adapter_loads_with_equal_logits(saved, small_preset, logits):
    model, path, fingerprint = saved
    fresh = load_preset(small_preset)
    assert load_adapter(fresh, path, fingerprint=fingerprint) == ADAPTER
    np.testing.assert_array_equal(logits(fresh), logits(model))


def test_a_loaded_adapter_can_learn_on(saved, small_preset):
    """Unlike one from a weights file of Keras, whose factors are all zero."""
    _, path, fingerprint = saved
    fresh = load_preset(small_preset)
    load_adapter(fresh, path, fingerprint=fingerprint)
    assert all(np.all(v.value) for v in adapter_variables(fresh).values())
    assert set(adapter_variables(fresh)) == {
        variable.path for variable in fresh.trainable_variables
    }


def test_all_settings_survive(small_model, small_preset, tmp_path, logits, fill):
    adapter = Adapter(
        rank=2, alpha=3.0, targets="all_linear", rank_stabilized=True, dropout=0.25
    )
    fingerprint = preset_fingerprint(small_model)
    enable_adapter(small_model, adapter)
    fill(small_model)
    path = tmp_path / "adapter.safetensors"
    save_adapter(small_model, path, adapter, base="small", fingerprint=fingerprint)
    fresh = load_preset(small_preset)
    assert load_adapter(fresh, path, fingerprint=fingerprint) == adapter
    assert adapter_settings(fresh) == adapter
    np.testing.assert_array_equal(logits(fresh), logits(small_model))


def test_a_file_without_the_newer_settings_is_read(saved, small_preset):
    _, path, fingerprint = saved
    with safe_open(str(path), framework="numpy") as file:
        metadata = json.loads(file.metadata()["gemma_keras_ft"])
    for name in ("rank_stabilized", "dropout"):
        del metadata["adapter"][name]
    values = load_file(str(path))
    save_file(values, str(path), metadata={"gemma_keras_ft": json.dumps(metadata)})
    fresh = load_preset(small_preset)
    assert load_adapter(fresh, path, fingerprint=fingerprint) == ADAPTER


def test_saving_again_gives_the_same_bytes(saved):
    model, path, fingerprint = saved
    first = path.read_bytes()
    for _ in range(5):
        save_adapter(model, path, ADAPTER, base="small", fingerprint=fingerprint)
        assert path.read_bytes() == first
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_settings_are_read_without_tensors(saved):
    _, path, fingerprint = saved
    found, metadata = read_adapter(path)
    assert found == ADAPTER
    assert metadata["base"] == "small" and metadata["fingerprint"] == fingerprint


def test_an_adapter_on_a_model_is_replaced_by_a_saved_one(
    saved, small_preset, logits, fill
):
    model, path, fingerprint = saved
    other = load_preset(small_preset)
    enable_adapter(other, ADAPTER, seed=3)
    fill(other, seed=3)
    load_adapter(other, path, fingerprint=fingerprint)
    np.testing.assert_array_equal(logits(other), logits(model))


def test_settings_other_than_the_models_are_not_saved(saved):
    model, path, fingerprint = saved
    with pytest.raises(ValueError, match="must be the one on the model"):
        save_adapter(model, path, Adapter(rank=4), base="b", fingerprint=fingerprint)


def test_a_merged_adapter_is_not_saved_as_zeros(saved):
    model, path, fingerprint = saved
    merge_adapter(model)
    with pytest.raises(ValueError, match="must not be merged"):
        save_adapter(model, path, ADAPTER, base="small", fingerprint=fingerprint)


def test_another_base_is_refused(saved, small_preset):
    _, path, _ = saved
    with pytest.raises(ValueError, match="trained on 'small'"):
        load_adapter(load_preset(small_preset), path, fingerprint="0" * 16)


def drop_one(values):
    del values[min(values)]


def add_one(values):
    values["other"] = values[min(values)]


def cut_one(values):
    values[min(values)] = values[min(values)][:1]


def spoil_one(values):
    values[max(values)] = np.full_like(values[max(values)], np.nan)


def halve_one(values):
    values[min(values)] = values[min(values)].astype("float16")


def count_one(values):
    values[min(values)] = values[min(values)].astype("int32")


@pytest.mark.parametrize(
    ("change", "facts", "message"),
    [
        (drop_one, {}, "must match the model.* has no"),
        (add_one, {}, "must match the model. the model has no 'other'"),
        (cut_one, {}, "must have shape"),
        (spoil_one, {}, "must be finite"),
        (halve_one, {}, "must be of dtype F32. Received: F16"),
        (count_one, {}, "must be of dtype F32. Received: I32"),
        (lambda values: None, {"rank": 1024}, r"must have shape .*1024"),
        (lambda values: None, {"targets": ["query"]}, "the model has no"),
        (lambda values: None, {"targets": ["query", "key"]}, "must match the model"),
    ],
    ids=lambda value: getattr(value, "__name__", str(value))[:30],
)
def test_a_damaged_adapter_is_refused_and_the_model_left_alone(
    saved, small_preset, change, facts, message
):
    _, path, fingerprint = saved
    rewrite(path, change, **facts)
    model = load_preset(small_preset)
    before = len(model.variables)
    with pytest.raises(ValueError, match=message):
        load_adapter(model, path, fingerprint=fingerprint)
    assert adapter_settings(model) is None and len(model.variables) == before


def test_files_that_are_no_adapter_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        read_adapter(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        read_adapter(tmp_path)
    junk = tmp_path / "junk"
    for content in (b"", b"not safetensors", b"\xff" * 64):
        junk.write_bytes(content)
        with pytest.raises(ValueError, match="cannot be read"):
            read_adapter(junk)


def facts(**changes):
    adapter = {"type": "adapter", "rank": 3, "targets": ["query"]}
    return {"format": 1, "adapter": adapter, "base": "b", "fingerprint": "f"} | changes


@pytest.mark.parametrize(
    "metadata",
    [
        "no JSON",
        "",
        "[]",
        "7",
        "null",
        '"text"',
        "[" * 100_000,
        facts(format=2),
        facts(format="1"),
        facts(adapter="adapter"),
        facts(adapter=["adapter"]),
        facts(adapter=None),
        facts(adapter={}),
        facts(adapter={"type": "trainer"}),
        facts(adapter={"type": ["adapter"]}),
        facts(adapter={"type": "generator"}),
        facts(adapter={"type": "adapter", "r": 1}),
        facts(adapter={"type": "adapter", "rank": 10**7}),
        facts(adapter={"type": "adapter", "rank": 10**400}),
        facts(adapter={"type": "adapter", "rank": -1}),
        facts(adapter={"type": "adapter", "rank": "8"}),
        facts(adapter={"type": "adapter", "rank": {"type": "adapter"}}),
        facts(adapter={"type": "adapter", "alpha": float("nan")}),
        facts(adapter={"type": "adapter", "alpha": float("inf")}),
        facts(adapter={"type": "adapter", "alpha": "16"}),
        facts(adapter={"type": "adapter", "targets": 5}),
        facts(adapter={"type": "adapter", "targets": [["query"]]}),
        facts(adapter={"type": "adapter", "targets": ["q" * 10**6]}),
        facts(adapter={"type": "adapter", "dropout": "0.1"}),
        facts(adapter={"type": "adapter", "rank_stabilized": "yes"}),
    ],
    ids=lambda value: str(value)[:60],
)
def test_tampered_settings_are_a_clear_error(tmp_path, metadata):
    import gemma_keras_ft.inference.generator  # noqa: F401 - a registered type

    path = tmp_path / "adapter"
    text = metadata if isinstance(metadata, str) else json.dumps(metadata)
    save_file({"a": np.zeros(1)}, str(path), metadata={"gemma_keras_ft": text})
    with pytest.raises(ValueError, match="cannot be read") as error:
        read_adapter(path)
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize("metadata", [None, [], "text", {"gemma_keras_ft": {"a": 1}}])
def test_metadata_of_another_kind_is_a_clear_error(tmp_path, metadata):
    path = tmp_path / "adapter"
    write_header(path, {"__metadata__": metadata})
    with pytest.raises(ValueError, match="cannot be read"):
        read_adapter(path)


def test_a_huge_shape_is_refused_before_anything_is_read(saved, small_preset):
    _, path, fingerprint = saved
    with safe_open(str(path), framework="numpy") as file:
        metadata, names = file.metadata(), sorted(file.keys())
    size = 2**33
    header = {
        "__metadata__": metadata,
        names[0]: {"dtype": "F32", "shape": [size // 4], "data_offsets": [0, size]},
    }
    for name in names[1:]:
        empty = {"dtype": "F32", "shape": [0, 2**40], "data_offsets": [size, size]}
        header[name] = empty
    write_header(path, header, size)
    model = load_preset(small_preset)
    tracemalloc.start()
    with pytest.raises(ValueError, match="must have shape"):
        load_adapter(model, path, fingerprint=fingerprint)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**24 and adapter_settings(model) is None


def test_a_header_that_lies_about_its_data_is_a_clear_error(saved, small_preset):
    _, path, fingerprint = saved
    content = path.read_bytes()
    for cut in (content[:-1], content + b"\0", content[: len(content) // 2]):
        path.write_bytes(cut)
        with pytest.raises(ValueError, match="cannot be read"):
            load_adapter(load_preset(small_preset), path, fingerprint=fingerprint)
