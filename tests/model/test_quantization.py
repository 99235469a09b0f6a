"""A frozen base in 8 or 4 bits: the same model nearly, trained on exactly."""

import inspect
import subprocess
import sys

import jax
import numpy as np
import pytest

from gemma_keras_ft.data.rows import RowPlan
from gemma_keras_ft.data.tasks import Example
from gemma_keras_ft.data.tokenize import tokenize_examples
from gemma_keras_ft.model.adapter_file import load_adapter, save_adapter
from gemma_keras_ft.model.fingerprint import preset_fingerprint
from gemma_keras_ft.model.lora import Adapter, adapter_variables, enable_adapter
from gemma_keras_ft.model.preset import load_preset
from gemma_keras_ft.model.quantization import (
    count_base_parameters,
    quantization_of,
    quantize_base,
)
from gemma_keras_ft.training.trainer import Trainer

# Of the logits' own spread.
CLOSE = {"int8": 0.02, "int4": 0.4}


def kernels(model):
    return {
        variable.path: variable
        for variable in model.backbone.variables
        if variable.path.endswith("/kernel")
    }


@pytest.fixture(scope="module", params=["int8", "int4"])
def quantized(request, small_preset):
    """A quantized base, and its mode."""
    return load_preset(small_preset, quantize=request.param), request.param


def test_logits_stay_close(quantized, small_model, logits):
    model, mode = quantized
    expected = logits(small_model)
    error = np.abs(logits(model) - expected).mean() / expected.std()
    assert 0 < error < CLOSE[mode]


def test_all_kernels_of_blocks_and_nothing_else_get_smaller(quantized, small_model):
    model, mode = quantized
    found = kernels(model)
    assert len(found) == 14
    assert {v.dtype for v in found.values()} == {"int8"}
    share = {"int8": 1, "int4": 2}[mode]
    for path, variable in kernels(small_model).items():
        assert np.prod(found[path].shape) == np.prod(variable.shape) / share
    others = [v for v in model.backbone.variables if "kernel" not in v.path]
    assert {v.dtype for v in others} == {"float32"}
    assert any("embeddings" in v.path for v in others)
    assert quantization_of(model) == mode


def test_a_base_has_as_many_numbers_however_they_are_held(quantized, small_model):
    expected = small_model.backbone.count_params()
    assert count_base_parameters(quantized[0]) == expected
    enable_adapter(small_model, Adapter(rank=2))
    assert count_base_parameters(small_model) == expected


def test_activations_are_not_quantized(quantized):
    block = quantized[0].backbone.transformer_layers[0]
    assert block.ffw_linear.inputs_quantizer is None
    assert block.attention.query_dense.inputs_quantizer is None


def test_a_base_is_not_quantized_twice(quantized):
    model, mode = quantized
    with pytest.raises(ValueError, match=rf"must not be quantized twice.*{mode}"):
        quantize_base(model, "int8")


@pytest.mark.parametrize(
    ("mode", "dtype"),
    [
        ("int8", "float32"),
        pytest.param("int4", "bfloat16", marks=pytest.mark.long),
        pytest.param("int8", "bfloat16", marks=pytest.mark.long),
        pytest.param("int4", "float32", marks=pytest.mark.long),
    ],
)
def test_gradients_are_those_of_the_kernels_it_holds(
    small_preset, fill, token_ids, mode, dtype
):
    """Against a base whose kernels are the quantized ones, written out."""
    model = load_preset(small_preset, quantize=mode, dtype=dtype)
    plain = load_preset(small_preset, dtype=dtype)
    write_out(model, plain)
    for base in (model, plain):
        enable_adapter(base, Adapter(rank=2))
        fill(base)
    found, expected = gradients(model, token_ids), gradients(plain, token_ids)
    tolerance = {"float32": 1e-4, "bfloat16": 0.1}[dtype]
    for path, value in expected.items():
        assert found[path].dtype == np.float32
        scale = np.abs(value).max()
        np.testing.assert_allclose(found[path], value, atol=tolerance * scale)


def write_out(quantized, plain):
    """Gives the kernels of `plain` the values that `quantized` computes with.

    A kernel is what its layer makes of unit vectors, whatever way it is kept.
    """
    layers = zip(block_layers(quantized), block_layers(plain), strict=True)
    for layer, other in layers:
        shape = other._kernel.shape
        heads_first = layer.name in ("query", "key", "value")
        inputs = shape[1:2] if heads_first else shape[:-1]
        units = np.eye(int(np.prod(inputs)), dtype="float32")
        found = np.asarray(layer(units.reshape(1, -1, *inputs))[0]).astype("float32")
        if heads_first:
            found = found.swapaxes(0, 1)
        other._kernel.assign(found.reshape(shape))


def block_layers(model):
    for block in model.backbone.transformer_layers:
        for layer in block._flatten_layers(include_self=False):
            if hasattr(layer, "_kernel"):
                yield layer


def gradients(model, token_ids):
    """Gradients of a sum of squares of the hidden states, by the adapter."""
    backbone = model.backbone
    inputs = {"token_ids": token_ids, "padding_mask": np.ones_like(token_ids)}
    frozen = [variable.value for variable in backbone.non_trainable_variables]

    def loss(trainable):
        hidden, _ = backbone.stateless_call(trainable, frozen, inputs)
        return (hidden.astype("float32") ** 3).mean()

    values = [variable.value for variable in backbone.trainable_variables]
    found = jax.jit(jax.grad(loss))(values)
    paths = [variable.path for variable in backbone.trainable_variables]
    assert set(paths) == set(adapter_variables(model))
    return {p: np.asarray(g) for p, g in zip(paths, found, strict=True)}


def test_an_adapter_moves_between_the_base_and_its_quantized_self(
    small_preset, fill, tmp_path
):
    model = load_preset(small_preset, quantize="int8")
    plain = load_preset(small_preset)
    fingerprint = preset_fingerprint(plain)
    assert preset_fingerprint(model) == fingerprint
    enable_adapter(model, Adapter(rank=2))
    fill(model)
    file = tmp_path / "adapter.safetensors"
    save_adapter(model, file, Adapter(rank=2), base="small", fingerprint=fingerprint)
    load_adapter(plain, file, fingerprint=fingerprint)
    for path, variable in adapter_variables(plain).items():
        expected = adapter_variables(model)[path].value
        np.testing.assert_array_equal(np.asarray(variable.value), expected)


def test_an_adapter_comes_after_quantization(small_model):
    enable_adapter(small_model, Adapter(rank=2))
    with pytest.raises(ValueError, match=r"before it gets an adapter"):
        quantize_base(small_model, "int8")


@pytest.mark.parametrize("mode", ["int2", "float8", 8])
def test_unknown_modes_are_refused(small_model, mode):
    with pytest.raises(ValueError, match=r"`quantize` must be one of"):
        quantize_base(small_model, mode)


MESH = """
import sys
import jax, keras
from gemma_keras_ft.data.rows import RowPlan
from gemma_keras_ft.data.tasks import Example
from gemma_keras_ft.data.tokenize import tokenize_examples
from gemma_keras_ft.model.lora import Adapter, enable_adapter
from gemma_keras_ft.model.preset import load_preset
from gemma_keras_ft.training.trainer import Trainer

preset, kind, mode = sys.argv[1:]
distribution = keras.distribution
if kind == "data":
    distribution.set_distribution(distribution.DataParallel(devices=jax.devices()[:4]))
if kind == "model":
    mesh = distribution.DeviceMesh((2, 2), ("batch", "model"), jax.devices()[:4])
    layout = distribution.LayoutMap(mesh)
    layout[".*(query|key|value).kernel"] = ("model", None, None)
    layout[".*attention_output.kernel"] = ("model", None, None)
    layout[".*ffw_gating.*kernel"] = (None, "model")
    layout[".*ffw_linear.kernel"] = ("model", None)
    distribution.set_distribution(
        distribution.ModelParallel(layout_map=layout, batch_dim_name="batch")
    )
"""
REPORT = """
losses, kernel = losses_and_kernel(preset, mode)
print(*losses)
print(kernel)
"""


def losses_and_kernel(preset, mode):
    """Trains; returns losses, and a kernel's dtype and number of different shards."""
    model = load_preset(preset, quantize=mode)
    enable_adapter(model, Adapter(rank=2), seed=0)
    examples = [
        Example(record_id=f"song-{n}", prompt=(f"line {n}",), response=("on",) * 3)
        for n in range(8)
    ]
    rows = RowPlan(sequence_length=64, layout="single").build(
        tokenize_examples(examples, model.preprocessor.tokenizer)
    )
    trainer = Trainer(epochs=3, learning_rate=1e-2, warmup_fraction=0, evaluations=3)
    losses = trainer.fit(model, rows)["history"]["loss"]
    kernel = model.backbone.transformer_layers[0].ffw_linear._kernel.value
    shards = {str(shard.index) for shard in kernel.addressable_shards}
    return losses, f"{kernel.dtype} {len(shards)}"


def trained(preset, kind, mode):
    script = MESH + inspect.getsource(losses_and_kernel) + REPORT
    safe_path = ["-P"] * sys.flags.safe_path
    found = subprocess.run(
        [sys.executable, *safe_path, "-c", script, str(preset), kind, mode],
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stderr[-2000:]
    losses, kernel = found.stdout.strip().split("\n")
    return np.array(losses.split(), "float64"), kernel


@pytest.mark.parametrize(
    ("kind", "shards"),
    [("model", 2), ("data", 1)],
)
@pytest.mark.long
def test_a_mesh_trains_as_a_single_device_does(small_preset, kind, shards):
    alone, kernel = losses_and_kernel(small_preset, "int8")
    assert kernel == "int8 1"
    found, kernel = trained(small_preset, kind, "int8")
    np.testing.assert_allclose(found, alone, rtol=1e-5)
    assert kernel == f"int8 {shards}"


def test_int4_is_refused_where_kernels_are_sharded(small_preset):
    with pytest.raises(AssertionError, match=r"must not be 'int4' where a .* shards"):
        trained(small_preset, "model", "int4")
