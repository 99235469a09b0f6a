import math

import pytest

from gemma_keras_ft.model.layouts import variable_axes
from gemma_keras_ft.model.mesh import Mesh, parse_mesh
from gemma_keras_ft.model.shapes import SHAPES

NONE, FSDP, MODEL = (), ("fsdp",), ("model",)
ALL = Mesh(batch=2, fsdp=2, model=2)
BLOCK = "decoder_block_3"


def shapes_of(name, rank=8):
    """The variables of the fourth block, with adapters, and of the embedding."""
    shape = SHAPES[name]
    width, head = shape["hidden_dim"], shape["head_dim"]
    heads, kv_heads = shape["num_query_heads"], shape["num_key_value_heads"]
    features = shape["intermediate_dim"] // 2
    kernels = {
        "attention/query": (heads, width, head),
        "attention/key": (kv_heads, width, head),
        "attention/value": (kv_heads, width, head),
        "attention/attention_output": (heads, head, width),
        "ffw_gating": (width, features),
        "ffw_gating_2": (width, features),
        "ffw_linear": (features, width),
    }
    found = {"token_embedding/embeddings": (shape["vocabulary_size"], width)}
    for layer, kernel in kernels.items():
        found[f"{BLOCK}/{layer}/kernel"] = kernel
        found[f"{BLOCK}/{layer}/lora_kernel_a"] = (*kernel[:-1], rank)
        found[f"{BLOCK}/{layer}/lora_kernel_b"] = (rank, kernel[-1])
    return found


def share(path, shape, mesh):
    """Of a variable's axes, by how much each is cut."""
    axes = variable_axes(path, shape, mesh)
    return tuple(math.prod(getattr(mesh, name) for name in axis) for axis in axes)


TWO_B = {
    "token_embedding/embeddings": (("fsdp", "model"), NONE),
    f"{BLOCK}/attention/query/kernel": (MODEL, FSDP, NONE),
    f"{BLOCK}/attention/key/kernel": (MODEL, FSDP, NONE),
    f"{BLOCK}/attention/value/kernel": (MODEL, FSDP, NONE),
    f"{BLOCK}/attention/attention_output/kernel": (MODEL, NONE, FSDP),
    f"{BLOCK}/ffw_gating/kernel": (FSDP, MODEL),
    f"{BLOCK}/ffw_gating_2/kernel": (FSDP, MODEL),
    f"{BLOCK}/ffw_linear/kernel": (MODEL, FSDP),
    # A factor is cut where it meets what its kernel is cut by.
    f"{BLOCK}/attention/query/lora_kernel_a": (MODEL, FSDP, NONE),
    f"{BLOCK}/attention/value/lora_kernel_a": (MODEL, FSDP, NONE),
    f"{BLOCK}/attention/query/lora_kernel_b": (NONE, NONE),
    f"{BLOCK}/attention/attention_output/lora_kernel_b": (NONE, FSDP),
    f"{BLOCK}/ffw_gating_2/lora_kernel_a": (FSDP, NONE),
    f"{BLOCK}/ffw_gating/lora_kernel_b": (NONE, ("model", "fsdp")),
    f"{BLOCK}/ffw_linear/lora_kernel_a": (("model", "fsdp"), NONE),
    f"{BLOCK}/ffw_linear/lora_kernel_b": (NONE, FSDP),
}


@pytest.mark.parametrize("path", TWO_B)
def test_each_variable_is_cut_where_its_kind_is(path):
    shape = shapes_of("gemma2_2b_en")[path]
    assert variable_axes(path, shape, ALL) == TWO_B[path]
    # Wherever the model stands in another one.
    assert variable_axes(f"outer/gemma/{path}", shape, ALL) == TWO_B[path]
    whole = ((),) * len(shape)
    assert variable_axes(path, shape, Mesh(batch=8)) == whole


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        (f"{BLOCK}/pre_attention_norm/scale", (2304,)),
        (f"{BLOCK}/post_ffw_norm/scale", (2304,)),
        ("final_normalization/scale", (2304,)),
        ("lora_kernel_dropout/seed_generator_state", (2,)),
        ("adamw/iteration", ()),
        (f"{BLOCK}/attention/query/kernel_scale", (1, 1, 8, 256)),
        (f"{BLOCK}/ffw_gating/kernel_scale", (1, 1, 9216)),
        (f"{BLOCK}/ffw_linear/g_idx", (9216,)),
        ("dense/kernel", (2304, 9216)),
        ("token_embedding/other", (256_000, 2304)),
        ("my_token_embedding/embeddings", (256_000, 2304)),
        (f"{BLOCK}/attention/query/bias", (8, 256)),
    ],
)
def test_everything_else_is_whole_on_every_device(path, shape):
    assert variable_axes(path, shape, ALL) == ((),) * len(shape)


# Two values a byte, over what is kept of the product; with groups of 128 inputs.
@pytest.mark.parametrize(
    ("layer", "kernel", "scale"),
    [
        ("attention/query", (FSDP, MODEL), (NONE, MODEL)),
        ("attention/value", (FSDP, MODEL), (NONE, MODEL)),
        ("attention/attention_output", (MODEL, FSDP), (NONE, FSDP)),
        ("ffw_gating_2", (FSDP, MODEL), (NONE, MODEL)),
        ("ffw_linear", (MODEL, FSDP), (NONE, FSDP)),
    ],
)
def test_packed_kernels_are_cut_as_those_that_they_hold(layer, kernel, scale):
    assert variable_axes(f"{BLOCK}/{layer}/kernel", (2304, 1024), ALL) == kernel
    for name in ("kernel_scale", "kernel_zero"):
        assert variable_axes(f"{BLOCK}/{layer}/{name}", (18, 2048), ALL) == scale


@pytest.mark.parametrize("name", SHAPES)
def test_fully_sharded_every_kernel_is_shared_out_evenly(name):
    mesh = Mesh(fsdp=8)
    for path, shape in shapes_of(name).items():
        if path.endswith(("kernel", "embeddings")):
            assert math.prod(share(path, shape, mesh)) == 8, path


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("parts", [2, 4, 8])
def test_keys_and_values_are_whole_where_their_heads_are_not_divided(name, parts):
    mesh = Mesh(model=parts)
    divided = SHAPES[name]["num_key_value_heads"] % parts == 0
    for path, shape in shapes_of(name).items():
        expected = parts
        if "/key/" in path or "/value/" in path:
            expected = parts if divided else 1
        if path.endswith(("kernel", "embeddings")):
            assert math.prod(share(path, shape, mesh)) == expected, path


def test_heads_that_are_whole_are_still_fully_sharded():
    """4 heads of keys and values on 8 parts; and the single one of Gemma 1 2B."""
    meshes = {"gemma2_2b_en": "fsdp=2,model=8", "gemma_2b_en": "fsdp=2,model=2"}
    for name, mesh in meshes.items():
        shape = shapes_of(name)[f"{BLOCK}/attention/key/kernel"]
        path = f"{BLOCK}/attention/key/kernel"
        assert variable_axes(path, shape, parse_mesh(mesh)) == (NONE, FSDP, NONE)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("text", ["batch=8,fsdp=8", "fsdp=256", "fsdp=64,model=4"])
def test_every_cut_is_even(name, text):
    mesh = parse_mesh(text)
    for path, shape in shapes_of(name).items():
        cuts = share(path, shape, mesh)
        assert all(size % cut == 0 for size, cut in zip(shape, cuts, strict=True))
        named = [axis for axes in variable_axes(path, shape, mesh) for axis in axes]
        assert len(named) == len(set(named))


def test_sizes_that_fsdp_does_not_divide_are_not_cut_by_it():
    mesh = Mesh(fsdp=7, model=2)
    path = f"{BLOCK}/ffw_gating/kernel"
    assert variable_axes(path, (2304, 9216), mesh) == (NONE, MODEL)
    path = "token_embedding/embeddings"
    assert variable_axes(path, (256_000, 2304), mesh) == (MODEL, NONE)


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        (f"{BLOCK}/attention/query/kernel", (8, 2304, 256)),
        (f"{BLOCK}/attention/attention_output/kernel", (8, 256, 2304)),
        (f"{BLOCK}/ffw_gating/kernel", (2304, 9217)),
        (f"{BLOCK}/ffw_linear/kernel", (9217, 2304)),
        ("token_embedding/embeddings", (255_999, 2304)),
    ],
)
def test_what_model_must_divide_is_named_with_a_remedy(path, shape):
    with pytest.raises(ValueError, match="`model` must divide") as raised:
        variable_axes(path, shape, Mesh(model=16))
    message = str(raised.value)
    assert f"Received: model=16, for {path} of shape {shape}" in message
    assert "fewer devices for `model`" in message
