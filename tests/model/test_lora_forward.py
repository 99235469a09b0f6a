import jax
import jax.numpy as jnp
import keras
import keras_hub
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gemma_keras_ft.model.lora import (
    Adapter,
    adapter_random_state,
    adapter_settings,
    adapter_variables,
    base_only,
    enable_adapter,
)
from gemma_keras_ft.model.lora_forward import install_update, low_rank_product
from gemma_keras_ft.model.preset import load_preset

ADAPTER = Adapter(rank=3, alpha=5.0)
TOKENS = 5
# A query projection: heads, width and head width that no other size here equals.
HEADS, WIDTH, HEAD_WIDTH, RANK = 4, 32, 8, 2


def draw(*shape, seed=0, scale=1.0):
    values = np.random.default_rng(seed).normal(0, scale, shape)
    return jnp.asarray(values, "float32")


def projection(equation="btd,ndh->btnh", *, dtype="float32", ours=True, **settings):
    """A layer with filled LoRA factors, on our forward or on Keras' own."""
    shapes = {
        "btd,ndh->btnh": ((None, HEADS, HEAD_WIDTH), (None, None, WIDTH)),
        "btnh,nhd->btd": ((None, WIDTH), (None, None, HEADS, HEAD_WIDTH)),
        "btd,df->btf": ((None, 24), (None, None, WIDTH)),
        "...x,xy->...y": (24, (None, None, WIDTH)),
    }
    outputs, inputs = shapes[equation]
    keras.utils.set_random_seed(0)
    layer = keras.layers.EinsumDense(equation, outputs, dtype=dtype, **settings)
    layer.build(inputs)
    return adapted(layer, ours=ours)


def adapted(layer, *, ours=True, dropout=0.0, seeds=None):
    layer.enable_lora(RANK, lora_alpha=6.0)
    layer.lora_kernel_b.assign(draw(*layer.lora_kernel_b.shape, seed=1, scale=0.3))
    if ours:
        install_update(layer, dropout=dropout, seeds=seeds, index=0)
    return layer


def factors(layer):
    return [layer.lora_kernel_a, layer.lora_kernel_b]


def gradients(layer, inputs):
    """d sum(outputs * noise), by A, B and the inputs."""

    def loss(given, inputs):
        mapping = zip(factors(layer), given, strict=True)
        with keras.StatelessScope(state_mapping=list(mapping)):
            outputs = layer(inputs)
        noise = draw(*outputs.shape, seed=3).astype(outputs.dtype)
        return (outputs * noise).sum()

    values = [variable.value for variable in factors(layer)]
    return loss, values, jax.grad(loss, (0, 1))


def assert_close(found, expected, tolerance=1e-5):
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def assert_same_gradients(found, expected):
    """Each to a hundred-thousandth of its largest value."""
    assert found.keys() == expected.keys()
    for name, gradient in found.items():
        scale = np.abs(expected[name]).max()
        assert scale > 1e-3
        assert_close(gradient / scale, expected[name] / scale)


def walk(jaxpr):
    """Every equation of a jaxpr, at any depth."""
    for equation in jaxpr.eqns:
        yield equation
        for parameter in jax.tree.leaves(
            list(equation.params.values()),
            is_leaf=lambda p: hasattr(p, "eqns") or hasattr(p, "jaxpr"),
        ):
            if hasattr(parameter, "eqns"):
                yield from walk(parameter)
            elif hasattr(parameter, "jaxpr"):
                yield from walk(parameter.jaxpr)


@pytest.mark.parametrize("heads", [1, 3])
def test_the_product_and_its_gradients_equal_the_definition(heads):
    inputs, noise = draw(TOKENS, 12), draw(TOKENS, heads, 10, seed=3)
    down, up = draw(heads, RANK, 12, seed=1), draw(RANK, 10, seed=2)

    def definition(inputs, down, up):
        return jnp.einsum("tw,hrw,ro->tho", inputs, down, up)

    def gradient(product):
        def loss(*given):
            return (product(*given) * noise).sum()

        return jax.jit(jax.grad(loss, (0, 1, 2)))(inputs, down, up)

    expected = definition(inputs, down, up)
    assert_close(low_rank_product(inputs, down, up), expected)
    for ours, theirs in zip(
        gradient(low_rank_product), gradient(definition), strict=True
    ):
        assert_close(ours, theirs)


@pytest.mark.parametrize(
    "equation", ["btd,ndh->btnh", "btnh,nhd->btd", "btd,df->btf", "...x,xy->...y"]
)
def test_a_layer_equals_keras_merged_forward(equation):
    shape = (2, TOKENS, HEADS, HEAD_WIDTH) if "btnh,n" in equation else (2, 5, WIDTH)
    inputs = draw(*shape, seed=2)
    ours, merged = projection(equation), projection(equation, ours=False)
    assert_close(ours(inputs), merged(inputs))
    assert np.abs(ours(inputs) - merged(inputs)).max() > 0
    _, values, gradient = gradients(ours, inputs)
    *_, merged_gradient = gradients(merged, inputs)
    found, expected = gradient(values, inputs), merged_gradient(values, inputs)
    jax.tree.map(assert_close, found, expected)
    assert np.abs(expected[0][0]).max() > 0.1


def test_a_dense_layer_with_a_bias_equals_keras_merged_forward():
    outputs = []
    for ours in (True, False):
        keras.utils.set_random_seed(0)
        layer = keras.layers.Dense(24, bias_initializer="ones")
        layer.build((None, None, WIDTH))
        outputs.append(adapted(layer, ours=ours)(draw(2, TOKENS, WIDTH)))
    assert_close(*outputs)


def test_no_product_has_the_size_of_a_kernel():
    inputs = draw(1, TOKENS, WIDTH)
    kernel = HEADS * WIDTH * HEAD_WIDTH

    def products(layer):
        loss, values, _ = gradients(layer, inputs)
        program = jax.make_jaxpr(jax.grad(loss, (0, 1)))(values, inputs)
        return [
            equation.outvars[0].aval.size
            for equation in walk(program.jaxpr)
            if equation.primitive.name == "dot_general"
        ]

    assert kernel in products(projection(ours=False))
    assert max(products(projection())) == HEADS * RANK * WIDTH < kernel


def test_all_layers_equal_keras_merged_forward(small_model, stock_model, logits, fill):
    enable_adapter(small_model, ADAPTER)
    for layer in stock_model.backbone._flatten_layers(include_self=False):
        if layer.name in ADAPTER.targets:
            layer.enable_lora(ADAPTER.rank, lora_alpha=ADAPTER.alpha)
    for model in (small_model, stock_model):
        fill(model)
    assert_close(logits(small_model), logits(stock_model))
    found, expected = (model_gradients(m) for m in (small_model, stock_model))
    assert len(found) == 2 * 7 * 2
    assert_same_gradients(found, expected)


def loss_function(model, *, training=False):
    """A loss as a function of the adapter's values and ids; and those values."""
    variables = adapter_variables(model)

    def loss(given, ids):
        mapping = [(variables[name], value) for name, value in given.items()]
        with keras.StatelessScope(state_mapping=mapping):
            inputs = {"token_ids": ids, "padding_mask": jnp.ones_like(ids)}
            hidden = model.backbone(inputs, training=training)
        return jnp.sin(hidden).sum()

    return loss, {name: variable.value for name, variable in variables.items()}


def model_gradients(model, token_ids=None, **options):
    if token_ids is None:
        token_ids = np.random.default_rng(1).integers(8, 500, (2, 12)).astype("int32")
    loss, values = loss_function(model, **options)
    return jax.jit(jax.grad(loss))(values, jnp.asarray(token_ids))


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_rematerialized_blocks_have_the_same_gradients(small_preset, fill, dropout):
    found = []
    blocks = ["decoder_block_0", "decoder_block_1"]
    for mode in (None, "list_of_layers"):
        with keras.RematScope(mode=mode, layer_names=blocks):
            model = load_preset(small_preset)
        enable_adapter(model, Adapter(rank=2, dropout=dropout))
        fill(model)
        found.append(model_gradients(model, training=True))
        loss, values = loss_function(model)
        ids = jnp.ones((1, 4), "int32")
        equations = walk(jax.make_jaxpr(jax.grad(loss))(values, ids).jaxpr)
        names = {equation.primitive.name for equation in equations}
        assert bool(names & {"checkpoint", "remat2"}) == (mode is not None)
    assert_same_gradients(*found)


def test_cached_generation_continues_as_the_full_forward(small_model, fill):
    enable_adapter(small_model, ADAPTER)
    fill(small_model)
    prompt = np.random.default_rng(2).integers(8, 500, (1, 6)).astype("int32")
    ids = np.zeros((1, 16), "int32")
    ids[:, :6] = prompt
    small_model.preprocessor = None
    small_model.compile(sampler="greedy")
    inputs = {"token_ids": ids, "padding_mask": (ids > 0).astype("int32")}
    generated = small_model.generate(inputs, stop_token_ids=None)["token_ids"]
    expected = list(prompt[0])
    while len(expected) < 16:
        # Of one length, so that operations are compiled once.
        row = np.zeros((1, 16), "int32")
        row[0, : len(expected)] = expected
        inputs = {"token_ids": row, "padding_mask": (row > 0).astype("int32")}
        expected.append(int(small_model(inputs)[0, len(expected) - 1].argmax()))
    np.testing.assert_array_equal(generated[0], expected)


def test_a_small_update_survives_a_large_bfloat16_kernel():
    """The kernel is 1 everywhere and the update 0.001: less than half its last bit."""
    outputs = []
    # The base's own output is 0.
    inputs = jnp.ones((1, 1, WIDTH)).at[..., ::2].set(-1.0)
    for ours in (True, False):
        layer = projection("btd,df->btf", dtype="bfloat16", ours=ours)
        layer._kernel.assign(jnp.ones(layer._kernel.shape))
        signs = inputs[0].T * jnp.ones((1, RANK))
        layer.lora_kernel_a.assign(signs)
        layer.lora_kernel_b.assign(jnp.full((RANK, 24), 0.001 / 3 / RANK))
        outputs.append(np.asarray(layer(inputs), "float32"))
    assert_close(outputs[0], np.full((1, 1, 24), 0.001 * WIDTH), tolerance=2**-8)
    # Pins what is worked around: Keras rounds the update away.
    np.testing.assert_array_equal(outputs[1], 0)


@pytest.mark.parametrize("dtype", ["bfloat16", "mixed_bfloat16"])
def test_gradients_of_float32_factors_are_not_rounded_to_bfloat16(dtype):
    inputs = draw(2, 64, WIDTH).astype("bfloat16")
    layer = projection(dtype=dtype)
    _, values, gradient = gradients(layer, inputs)
    exact = projection()
    exact.lora_kernel_a.assign(layer.lora_kernel_a)
    exact.lora_kernel_b.assign(layer.lora_kernel_b)
    *_, exact_gradient = gradients(exact, inputs.astype("float32"))
    found, _ = gradient(values, inputs)
    expected, _ = exact_gradient(values, inputs.astype("float32"))
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.dtype == jnp.float32
        assert (ours.astype("bfloat16").astype("float32") != ours).mean() > 0.9
        # Roundings of a factor, the narrow product and the noise: 2**-9 each.
        scale = np.abs(theirs).max()
        assert_close(ours / scale, theirs / scale, tolerance=0.01)


@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_a_quantized_base_gets_the_same_update(mode):
    inputs = draw(2, TOKENS, WIDTH)
    layers = []
    for ours in (True, False):
        keras.utils.set_random_seed(0)
        layer = keras.layers.EinsumDense("btd,ndh->btnh", (None, HEADS, HEAD_WIDTH))
        layer.build((None, None, WIDTH))
        layer.quantize(mode)
        layers.append(adapted(layer, ours=ours))
    ours, stock = layers
    assert_close(ours(inputs), stock(inputs))
    _, values, gradient = gradients(ours, inputs)
    *_, stock_gradient = gradients(stock, inputs)
    jax.tree.map(assert_close, gradient(values, inputs), stock_gradient(values, inputs))
    update = np.asarray(ours(inputs))
    ours.lora_kernel_b.assign(jnp.zeros(ours.lora_kernel_b.shape))
    assert np.abs(update - ours(inputs)).max() > 0.1


def dropped(share=0.25, *, quantized=None):
    """A layer that passes on what its update's dropout leaves, times 3."""
    layer = keras.layers.Dense(WIDTH, use_bias=False, kernel_initializer="zeros")
    layer.build((None, None, WIDTH))
    if quantized:
        layer.quantize(quantized)
    layer.enable_lora(WIDTH, lora_alpha=3.0 * WIDTH)
    for factor in factors(layer):
        factor.assign(jnp.eye(WIDTH))
    seeds = keras.random.SeedGenerator(0)
    install_update(layer, dropout=share, seeds=seeds, index=0)
    return layer


@pytest.mark.parametrize("quantized", [None, "int8"])
def test_dropout_drops_inputs_of_the_update_and_keeps_their_mean(quantized):
    inputs = jnp.ones((4, 100, WIDTH))
    layer = dropped(0.25, quantized=quantized)
    outputs = np.asarray(layer(inputs, training=True))
    kept = outputs[outputs != 0]
    assert_close(kept, np.full(kept.shape, 3 / 0.75))
    # 12,800 draws: the share is known to 0.004.
    assert abs((outputs == 0).mean() - 0.25) < 0.015
    np.testing.assert_array_equal(layer(inputs), np.full(inputs.shape, 3.0))


def test_every_layer_and_every_step_has_masks_of_its_own(small_model, token_ids, fill):
    enable_adapter(small_model, Adapter(rank=2, dropout=0.5), seed=3)
    fill(small_model)
    inputs = {"token_ids": token_ids, "padding_mask": np.ones_like(token_ids)}
    backbone = small_model.backbone
    first = np.asarray(backbone(inputs, training=True))
    second = np.asarray(backbone(inputs, training=True))
    assert np.abs(first - second).max() > 1e-3
    assert np.abs(first - backbone(inputs)).max() > 1e-3
    (state,) = adapter_random_state(small_model).values()
    np.testing.assert_array_equal(state.value, [3, 2])
    # What is resumed with its state draws what it would have drawn.
    state.assign(np.array([3, 1], "uint32"))
    np.testing.assert_array_equal(backbone(inputs, training=True), second)
    indices = {
        layer.low_rank_update.index
        for layer in backbone._flatten_layers()
        if hasattr(layer, "low_rank_update")
    }
    assert indices == set(range(14))


def test_layers_of_one_state_draw_different_masks():
    inputs = jnp.ones((4, 100, WIDTH))
    outputs = []
    for index in range(2):
        layer = dropped(0.5)
        seeds = keras.random.SeedGenerator(0)
        install_update(layer, dropout=0.5, seeds=seeds, index=index)
        outputs.append(np.asarray(layer(inputs, training=True)) != 0)
    # Independent masks agree in half of the places.
    assert abs((outputs[0] == outputs[1]).mean() - 0.5) < 0.02


def test_the_state_of_dropout_moves_with_a_stateless_call(small_model, token_ids):
    enable_adapter(small_model, Adapter(rank=2, dropout=0.5), seed=3)
    inputs = {"token_ids": token_ids, "padding_mask": np.ones_like(token_ids)}
    trainable = [v.value for v in small_model.trainable_variables]
    frozen = [v.value for v in small_model.non_trainable_variables]
    (name,) = adapter_random_state(small_model)
    names = [variable.path for variable in small_model.non_trainable_variables]
    for training, count in ((True, 1), (False, 0)):
        _, updated = jax.jit(small_model.stateless_call, static_argnames="training")(
            trainable, frozen, inputs, training=training
        )
        np.testing.assert_array_equal(updated[names.index(name)], [3, count])


def test_masks_do_not_depend_on_the_number_of_devices(small_model, fill):
    enable_adapter(small_model, Adapter(rank=2, dropout=0.5))
    fill(small_model)
    ids = np.random.default_rng(1).integers(8, 500, (8, 12)).astype("int32")
    alone = model_gradients(small_model, ids, training=True)
    mesh = Mesh(np.array(jax.devices()), ("batch",))
    spread = jax.device_put(ids, NamedSharding(mesh, PartitionSpec("batch")))
    shared = model_gradients(small_model, spread, training=True)
    assert_same_gradients(shared, alone)


@pytest.mark.parametrize("sharded", ["heads", "width"])
def test_a_sharded_kernel_needs_no_gathered_activations(sharded):
    inputs = draw(8, TOKENS, WIDTH)
    layer = projection()
    loss, values, _ = gradients(layer, inputs)
    mesh = Mesh(np.array(jax.devices()).reshape(4, 2), ("batch", "model"))

    def place(array, *axes):
        return jax.device_put(array, NamedSharding(mesh, PartitionSpec(*axes)))

    axes = ("model", None, None) if sharded == "heads" else (None, "model", None)
    spread = [place(values[0], *axes), place(values[1])]
    arguments = (spread, place(inputs, "batch"))
    kernel = layer._kernel.value
    layer._kernel.assign(place(kernel, *axes))
    gradient = jax.jit(jax.grad(loss))
    jax.tree.map(assert_close, gradient(*arguments), gradient(values, inputs))
    program = gradient.lower(*arguments).compile().as_text()
    assert "all-to-all" not in program
    if sharded == "heads":
        assert "all-gather" not in program


def test_keras_saves_the_same_kernel_that_we_compute_with(small_model, tmp_path, fill):
    """Pins what is worked around: a weights file is merged, and zeroes A and B."""
    adapter = Adapter(rank=4, alpha=6.0, rank_stabilized=True)
    enable_adapter(small_model, adapter)
    fill(small_model)
    inputs = draw(1, TOKENS, WIDTH)
    layer = small_model.backbone.transformer_layers[0].gating_ffw
    outputs = layer(inputs)
    small_model.save_weights(tmp_path / "merged.weights.h5")
    small_model.load_weights(tmp_path / "merged.weights.h5")
    assert not any(np.any(v.value) for v in adapter_variables(small_model).values())
    assert_close(layer(inputs), outputs)


@pytest.mark.parametrize(
    ("equation", "outputs", "inputs"),
    [
        ("abc,cd->adb", (6, 4), (3, 4, 5)),
        ("abc,bd->acd", (5, 6), (3, 4, 5)),
        ("abc,cbd->abd", (4, 6), (3, 4, 5)),
    ],
)
def test_an_equation_that_is_no_projection_is_refused(equation, outputs, inputs):
    layer = keras.layers.EinsumDense(equation, outputs)
    layer.build(inputs)
    layer.enable_lora(2)
    with pytest.raises(ValueError, match="`equation` must multiply the last axes"):
        install_update(layer, dropout=0.0, seeds=None, index=0)


def test_a_layer_with_an_activation_is_refused():
    with pytest.raises(ValueError, match=r"`activation` of .* must be None"):
        projection(activation="relu")


def test_the_embedded_preset_computes_with_all_its_adapters(logits, fill):
    model = load_preset()
    base = logits(model)
    enable_adapter(model, ADAPTER)
    fill(model)
    assert adapter_settings(model) == ADAPTER
    assert np.abs(logits(model) - base).max() > 0.1
    with base_only(model):
        np.testing.assert_array_equal(logits(model), base)
    assert isinstance(model, keras_hub.models.GemmaCausalLM)
