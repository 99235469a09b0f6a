"""KerasHub's layers with our attention: stock's numbers, and packed as separate."""

import functools

import jax
import keras
import keras_hub
import numpy as np
import pytest

from gemma_keras_ft.model.attention import replace_attention, use_explicit_attention

LENGTH, WINDOW, BLOCK = 24, 8, 10
PATHS = pytest.mark.parametrize("block_size", [LENGTH, BLOCK], ids=["plain", "lean"])
POST_NORMS = {"use_post_ffw_norm": True, "use_post_attention_norm": True}
SLIDING = {"use_sliding_window_attention": True, "sliding_window_size": WINDOW}
CAPS = {"attention_logit_soft_cap": 50, "final_logit_soft_cap": 30}
# Gemma 3's first global layer is its sixth.
GEMMAS = {
    "gemma": {"num_layers": 2},
    "gemma2": {"num_layers": 2, **POST_NORMS, **SLIDING, **CAPS},
    "gemma3": {"num_layers": 6, **POST_NORMS, **SLIDING, "image_size": 16},
}
# Two packed rows: songs of these lengths, one after the other, then padding.
PACKED = [[13, 5, 4], [9, 14, 1]]
SONGS = sum(map(len, PACKED))


def build(name="gemma2", **options):
    """A small random Gemma: every norm does something, and so does every cap."""
    keras.utils.set_random_seed(0)
    models = keras_hub.models
    backbone_class, model_class = (
        (models.Gemma3Backbone, models.Gemma3CausalLM)
        if name == "gemma3"
        else (models.GemmaBackbone, models.GemmaCausalLM)
    )
    sizes = {
        "vocabulary_size": 97,
        "num_query_heads": 4,
        "num_key_value_heads": 2,
        "hidden_dim": 32,
        "intermediate_dim": 64,
        "head_dim": 8,
        "dtype": "float32",
    }
    backbone = backbone_class(**{**sizes, **GEMMAS[name], **options})
    generator = np.random.default_rng(1)
    for variable in backbone.variables:
        if variable.path.endswith("scale"):
            variable.assign(generator.uniform(-0.5, 0.5, variable.shape))
        if variable.path.endswith("attention/query/kernel"):
            # Sharp enough for the cap to matter, and not so sharp that the layers
            # magnify the rounding of float32 beyond 1e-5.
            variable.assign(variable.value * 2)
    return model_class(backbone=backbone, preprocessor=None)


def replaced(name="gemma2", *, block_size=None, **options):
    model = build(name, **options)
    replace_attention(model, block_size=block_size)
    return model


def explicit(name="gemma2"):
    model = build(name)
    use_explicit_attention(model)
    return model


# For tests that change nothing in the model.
shared = functools.cache(replaced)
stock = functools.cache(explicit)


def songs():
    """Token ids of every song in `PACKED`, in that order."""
    generator = np.random.default_rng(2)
    lengths = [length for row in PACKED for length in row]
    return [generator.integers(1, 97, length).astype("int32") for length in lengths]


def packed_rows(rows=SONGS):
    """Token ids and segments; the rows after those of `PACKED` are padding."""
    token_ids = np.zeros((rows, LENGTH), "int32")
    segment_ids, songs_left = np.zeros_like(token_ids), iter(songs())
    for row, lengths in enumerate(PACKED):
        start = 0
        for segment, length in enumerate(lengths, start=1):
            token_ids[row, start : start + length] = next(songs_left)
            segment_ids[row, start : start + length] = segment
            start += length
    return token_ids, segment_ids


def separate_rows(*, left=False):
    """One song a row, and a mask of 0 and 1."""
    token_ids = np.zeros((SONGS, LENGTH), "int32")
    mask = np.zeros_like(token_ids)
    for row, song in enumerate(songs()):
        places = slice(-len(song), None) if left else slice(0, len(song))
        token_ids[row, places], mask[row, places] = song, 1
    return token_ids, mask


def run(model, token_ids, mask):
    """Returns the logits at the real places, one song after the other."""
    values = {variable.path: variable.value for variable in model.variables}
    return forward(model)(values, token_ids, mask)[np.nonzero(mask)]


def run_with_gradients(model, token_ids, mask, *, names=(), remat=False):
    """Also returns gradients: of the projections, and of variables `names`.

    The loss weighs the logits at the real places, alike however they are laid out.
    """
    values = {variable.path: variable.value for variable in model.variables}
    projections = [name for name in values if name.endswith("kernel")]
    # Seven in each block.
    assert len(projections) == 7 * len(model.backbone.transformer_layers)
    chosen = {name: values[name] for name in (*projections, *names)}
    real = np.nonzero(mask)
    aim = np.zeros((*mask.shape, 97), "float32")
    aim[real] = np.random.default_rng(3).standard_normal((len(real[0]), 97))
    gradients, logits = backward(model, remat)(chosen, values, token_ids, mask, aim)
    return logits[real], {name: np.asarray(g) for name, g in gradients.items()}


@functools.cache
def forward(model):
    return jax.jit(functools.partial(logits_of, model))


@functools.cache
def backward(model, remat):
    run = functools.partial(logits_of, model)

    def loss(chosen, values, token_ids, mask, aim):
        function = jax.checkpoint(run) if remat else run
        logits = function({**values, **chosen}, token_ids, mask)
        return (logits * aim).sum(), logits

    return jax.jit(jax.grad(loss, has_aux=True))


def logits_of(model, values, token_ids, mask):
    mapping = [(variable, values[variable.path]) for variable in model.variables]
    with keras.StatelessScope(state_mapping=mapping):
        logits = model({"token_ids": token_ids, "padding_mask": mask})
    return logits.astype("float32")


def assert_close(found, expected):
    """To 1e-5 of the largest value; only gradients are larger than the logits."""
    size = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * size)


def assert_all_close(found, expected):
    np.testing.assert_allclose(found[0], expected[0], rtol=0, atol=1e-5)
    assert found[1].keys() == expected[1].keys()
    for name, gradient in expected[1].items():
        assert np.abs(gradient).max() > 1e-2, name
        assert_close(found[1][name], gradient)


def uncapped(block_size=None):
    return shared(block_size=block_size, attention_logit_soft_cap=None)


@PATHS
@pytest.mark.parametrize("left", [False, True], ids=["padded right", "padded left"])
def test_logits_and_gradients_equal_stock_on_unpacked_rows(left, block_size):
    rows = separate_rows(left=left)
    found = run_with_gradients(shared(block_size=block_size), *rows)
    assert_all_close(found, run_with_gradients(stock(), *rows))


@PATHS
def test_packed_equals_separate(block_size):
    model = shared(block_size=block_size)
    separate = run_with_gradients(model, *separate_rows())
    assert_all_close(run_with_gradients(model, *packed_rows()), separate)


@pytest.mark.parametrize("name", ["gemma", "gemma3"])
def test_other_gemmas_fit(name):
    model = shared(name, block_size=BLOCK)
    separate = run_with_gradients(model, *separate_rows())
    assert_all_close(run_with_gradients(model, *packed_rows()), separate)
    assert_close(separate[0], run(stock(name), *separate_rows()))


def test_packing_without_segments_is_another_model():
    token_ids, segment_ids = packed_rows()
    naive = run(shared(), token_ids, np.minimum(segment_ids, 1))
    assert np.abs(naive - run(shared(), token_ids, segment_ids)).max() > 0.1


@PATHS
def test_cap_and_window_are_read_from_the_layers(block_size):
    rows = packed_rows()
    logits = run(shared(block_size=block_size), *rows)
    assert np.abs(logits - run(uncapped(block_size), *rows)).max() > 1e-2
    wide = shared(block_size=block_size, sliding_window_size=99)
    assert np.abs(logits - run(wide, *rows)).max() > 1e-2


def test_scale_follows_the_layer():
    models = explicit(), replaced()
    for model in models:
        for block in model.backbone.transformer_layers:
            # Of hidden_dim / num_query_heads, here made another than head_dim.
            block.attention.query_head_dim_normalize = False
            block.attention.hidden_dim = 4 * 16
    expected, found = (run(model, *separate_rows()) for model in models)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    assert np.abs(found - run(shared(), *separate_rows())).max() > 1e-2


@PATHS
def test_padding_changes_nothing_and_gets_no_gradient(block_size):
    model, names = shared(block_size=block_size), ["token_embedding/embeddings"]
    token_ids, segment_ids = packed_rows()
    logits, gradients = run_with_gradients(model, token_ids, segment_ids, names=names)
    # Whatever token stands in the places of padding.
    other = np.where(segment_ids == 0, 96, token_ids)
    found, others = run_with_gradients(model, other, segment_ids, names=names)
    np.testing.assert_array_equal(found, logits)
    for name, gradient in gradients.items():
        assert np.isfinite(gradient).all()
        np.testing.assert_array_equal(others[name], gradient)


@PATHS
def test_bfloat16_is_close_to_float32(block_size):
    rows = separate_rows()
    exact = run(stock(), *rows)
    low = run(shared(block_size=block_size, dtype="bfloat16"), *rows)
    # No farther than stock is in bfloat16, which rounds the logits of attention too.
    distance = np.abs(run(shared_stock_in_bfloat16(), *rows) - exact).mean()
    assert 0 < np.abs(low - exact).mean() < 1.1 * distance
    packed = run(shared(block_size=block_size, dtype="bfloat16"), *packed_rows())
    assert 0 < np.abs(packed - exact).mean() < 1.1 * distance


@functools.cache
def shared_stock_in_bfloat16():
    return build(dtype="bfloat16")


@PATHS
def test_remat_gives_the_same_gradients(block_size):
    model = shared(block_size=block_size)
    expected = run_with_gradients(model, *packed_rows())
    assert_all_close(run_with_gradients(model, *packed_rows(), remat=True), expected)


def test_remat_of_keras_gives_the_same_gradients():
    names = [f"decoder_block_{index}" for index in range(2)]
    with keras.RematScope(mode="list_of_layers", layer_names=names):
        model = replaced(block_size=BLOCK)
    assert model.backbone.transformer_layers[0]._remat_mode is not None
    expected = run_with_gradients(shared(block_size=BLOCK), *packed_rows())
    assert_all_close(run_with_gradients(model, *packed_rows()), expected)


@pytest.mark.parametrize("dtype", ["int32", "bool", "float32"])
def test_masks_of_other_types_are_one_segment(dtype):
    model, (token_ids, mask) = shared(), separate_rows()
    embedded = model.backbone.token_embedding(token_ids)
    block = model.backbone.transformer_layers[0]
    expected = block(embedded, padding_mask=mask)
    np.testing.assert_array_equal(block(embedded, mask.astype(dtype)), expected)
    # A row of a single place has no segments to tell apart.
    single = block(embedded[:, :1], padding_mask=5 * mask[:, :1])
    np.testing.assert_allclose(single, expected[:, :1], atol=1e-5)


def test_dropout_of_attention_weights_is_refused():
    with pytest.raises(ValueError, match=r"`dropout` must be 0.*dropout=0.1.*block_0"):
        replace_attention(build(dropout=0.1))


def test_attention_to_what_comes_later_is_refused():
    model = build("gemma3", use_bidirectional_attention=True)
    with pytest.raises(ValueError, match="`use_bidirectional_attention` must be False"):
        replace_attention(model)
    block = shared("gemma3", block_size=BLOCK).backbone.transformer_layers[0]
    ones = np.ones((2, LENGTH), "int32")
    with pytest.raises(ValueError, match=r"`vision_mask` must be None.*\(2, 24\)"):
        block(np.ones((2, LENGTH, 32), "float32"), ones, vision_mask=ones)
