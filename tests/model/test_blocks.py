import collections
import contextlib
import functools
import io
import math
import re

import jax
import numpy as np
import pytest
from jax.ad_checkpoint import print_saved_residuals

from gemma_keras_ft.model.blocks import arranged_blocks
from gemma_keras_ft.model.lora import Adapter, adapter_variables, enable_adapter
from gemma_keras_ft.model.mesh import mesh_scope, parse_mesh
from gemma_keras_ft.model.placement import put_rows
from gemma_keras_ft.model.preset import load_preset
from gemma_keras_ft.training.trainer import Trainer

DRAW = np.random.default_rng(0)
COUNT, LENGTH = 8, 24
ROWS = {
    "token_ids": DRAW.integers(8, 500, (COUNT, LENGTH)).astype("int32"),
    "padding_mask": np.tile(np.repeat([1, 2, 0], 8), (COUNT, 1)).astype("int32"),
    "labels": DRAW.integers(8, 500, (COUNT, LENGTH)).astype("int32"),
    "sample_weight": (DRAW.random((COUNT, LENGTH)) > 0.3).astype("float32"),
}
MESHES = ["batch=4", "fsdp=4", "model=2", "batch=2,fsdp=2,model=2"]
# Numbers in the residual stream of a batch; all kernels are smaller, by far.
ACTIVATIONS = COUNT * LENGTH * 32
EXCHANGE = re.compile(r"= (.+?) (all-gather|all-to-all|all-reduce)(?:-start)?\(")
SHAPE = re.compile(r"\w+\[([\d,]+)\]")


def scope(mesh):
    if mesh is None:
        return mesh_scope(None)
    mesh = parse_mesh(mesh)
    return mesh.distribution(jax.devices()[: mesh.size]).scope()


def build(preset, *, remat="none", **loaded):
    """What a trainer fits, with dropout, and an adapter that does something."""
    model = load_preset(preset, **loaded)
    enable_adapter(model, Adapter(rank=2, dropout=0.3), seed=0)
    draw = np.random.default_rng(1)
    for _, variable in sorted(adapter_variables(model).items()):
        variable.assign(draw.normal(0, 0.1, variable.shape))
    return Trainer(remat=remat).build(model, total_steps=1)


def loss_of(fitted):
    """The loss as a function, and what it is a function of, trained values first."""

    def loss(trainable, frozen, rows):
        return fitted._sums(trainable, frozen, rows, training=True)[0]

    groups = (fitted.trainable_variables, fitted.non_trainable_variables)
    values = ([variable.value for variable in group] for group in groups)
    return loss, (*values, put_rows(ROWS))


class Step:
    """A compiled step on a mesh: what it gives, and what its devices exchange."""

    def __init__(self, preset, mesh):
        with scope(mesh):
            fitted = build(preset)
            loss, values = loss_of(fitted)
            compiled = jax.jit(jax.value_and_grad(loss)).lower(*values).compile()
            total, gradients = compiled(*values)
        self.total = float(total)
        self.gradients = [np.asarray(gradient) for gradient in gradients]
        self.shapes = {v.path: tuple(v.shape) for v in fitted.backbone.variables}
        self.exchanged = [
            (match[2], tuple(map(int, shape.split(","))))
            for line in str(compiled.as_text()).splitlines()
            if (match := EXCHANGE.search(line))
            for shape in SHAPE.findall(match[1])
        ]

    def sizes(self, kind):
        return [math.prod(shape) for name, shape in self.exchanged if name == kind]


@pytest.fixture(scope="module")
def step_on(small_preset):
    """A function: the step on a mesh, compiled once."""
    return functools.cache(functools.partial(Step, small_preset))


@pytest.mark.parametrize("mesh", MESHES)
def test_gradients_are_those_of_one_device(step_on, mesh):
    """With dropout, too: what is drawn does not depend on the mesh."""
    found, alone = step_on(mesh), step_on(None)
    assert found.total == pytest.approx(alone.total, rel=1e-6)
    for gradient, expected in zip(found.gradients, alone.gradients, strict=True):
        scale = np.abs(expected).max()
        np.testing.assert_allclose(gradient, expected, atol=1e-5 * scale)


@pytest.mark.parametrize("mesh", MESHES)
def test_nothing_larger_than_activations_is_exchanged(step_on, mesh):
    """Those of the rows of one index of `batch`; never the embedding, nor logits."""
    step = step_on(mesh)
    largest = max(math.prod(shape) for _, shape in step.exchanged)
    assert largest <= ACTIVATIONS / parse_mesh(mesh).batch
    assert ACTIVATIONS < math.prod(step.shapes["token_embedding/embeddings"]) / 8


def test_data_parallel_devices_exchange_gradients_alone(step_on):
    """And which chunks of a row hold a place to score."""
    step = step_on("batch=4")
    assert sum(step.sizes("all-gather")) < ACTIVATIONS / 4
    trained = sum(gradient.size for gradient in step.gradients)
    assert trained <= sum(step.sizes("all-reduce")) < trained + ACTIVATIONS / 4


def test_fully_sharded_kernels_are_gathered_forward_and_backward(step_on):
    step = step_on("fsdp=4")
    kernels = {p: s for p, s in step.shapes.items() if p.endswith("/kernel")}
    gathered = collections.Counter(
        shape for kind, shape in step.exchanged if kind == "all-gather"
    )
    expected = collections.Counter(2 * list(kernels.values()))
    # Nothing is trained before the first block that would need their gradients.
    for name in ("query", "key", "value"):
        expected[kernels[f"decoder_block_0/attention/{name}/kernel"]] -= 1
    found = {shape: gathered[shape] for shape in expected}
    assert len(kernels) == 14 and found == dict(expected)


def test_tensor_parallel_kernels_are_never_gathered(step_on):
    step = step_on("model=2")
    assert step.sizes("all-gather") == []
    # Twice a block forward, and as the embedding and the loss are looked up.
    sums = [size for size in step.sizes("all-reduce") if size == ACTIVATIONS]
    assert len(sums) >= 2 * 2 + 2


def pinned(jaxpr):
    """Of each array that a program keeps in place: shape, and axes of the mesh."""
    for equation in jaxpr.eqns:
        if equation.primitive.name == "sharding_constraint":
            spec = equation.params["sharding"].spec
            yield equation.outvars[0].aval.shape, tuple(spec)
        for value in equation.params.values():
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                yield from pinned(inner)


@pytest.mark.parametrize("mesh", ["batch=2,model=2", "fsdp=4"])
def test_rows_and_gathered_kernels_are_kept_in_place(small_preset, mesh):
    """Whatever XLA would rather do."""
    with scope(mesh):
        loss, values = loss_of(build(small_preset))
        found = collections.Counter(pinned(jax.make_jaxpr(loss)(*values).jaxpr))
    # As tokens are looked up, and after that and each of the two blocks.
    assert found[(COUNT, LENGTH), ("batch",)] == 1
    assert found[(COUNT, LENGTH, 32), (("batch", "fsdp"),)] == 3
    gathered = {"batch=2,model=2": 0, "fsdp=4": 4}[mesh]
    # The kernels of queries and outputs of both blocks.
    assert found[(4, 32, 8), (None,) * 3] + found[(4, 8, 32), (None,) * 3] == gathered


def kept(preset, mesh, **settings):
    """Shapes of what the forward pass keeps, but for what it was given."""
    with scope(mesh), contextlib.redirect_stdout(io.StringIO()) as told:
        loss, (trainable, *others) = loss_of(build(preset, **settings))
        print_saved_residuals(lambda values: loss(values, *others), trainable)
    shapes = re.findall(r"^\w+\[([\d,]*)\] output of", told.getvalue(), re.MULTILINE)
    return [tuple(map(int, filter(None, shape.split(",")))) for shape in shapes]


@pytest.mark.parametrize(
    ("mesh", "settings"),
    [
        ("fsdp=2,model=2", {}),
        pytest.param("fsdp=4", {"quantize": "int8"}, marks=pytest.mark.long),
        pytest.param("fsdp=4", {"remat": "block"}, marks=pytest.mark.long),
        pytest.param(
            "fsdp=4",
            {"quantize": "int4"},
            marks=[
                pytest.mark.long,
                pytest.mark.xfail(
                    reason="Keras keeps int4 kernels as it unpacks them, a byte a "
                    "value, for the backward pass.",
                    strict=True,
                ),
            ],
        ),
    ],
)
def test_no_gathered_kernel_is_kept_for_the_backward_pass(small_preset, mesh, settings):
    """What is kept belongs to rows and their places, or is as small as a norm."""
    shapes = kept(small_preset, mesh, **settings)
    of_rows = {COUNT, LENGTH, COUNT * LENGTH}
    others = [shape for shape in shapes if not of_rows & {*shape}]
    assert any(math.prod(shape) == ACTIVATIONS for shape in shapes)
    assert all(math.prod(shape) <= 32 for shape in others), others


@pytest.mark.parametrize(
    "mesh", [None, "fsdp=2,model=2", pytest.param("batch=4", marks=pytest.mark.long)]
)
def test_remat_keeps_little_more_than_the_inputs_of_blocks(small_preset, mesh):
    large = [
        shape
        for shape in kept(small_preset, mesh, remat="block")
        if math.prod(shape) >= ACTIVATIONS
    ]
    # Those of two blocks, of the final norm and of the loss.
    assert 2 <= len(large) <= 5


def test_without_mesh_and_remat_nothing_is_replaced(small_model):
    backbone = small_model.backbone
    layers = [backbone.token_embedding, *backbone.transformer_layers]
    with arranged_blocks(backbone):
        assert not any("call" in vars(layer) for layer in layers)


def test_layers_are_left_as_they_were_when_something_fails(small_preset):
    with scope("fsdp=4"):
        backbone = load_preset(small_preset).backbone
        layers = [backbone.token_embedding, *backbone.transformer_layers]
        with pytest.raises(KeyError), arranged_blocks(backbone, remat=True):
            assert all("call" in vars(layer) for layer in layers)
            raise KeyError
        assert not any("call" in vars(layer) for layer in layers)
