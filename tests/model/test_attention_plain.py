"""Attention on arrays: against loops in NumPy that are as plain as the definition."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gemma_keras_ft.model.attention import segment_attention

ROWS, LENGTH, HEADS, KV_HEADS, WIDTH = 2, 13, 4, 2, 8
SEGMENTS = np.array(
    [[1, 1, 1, 1, 2, 2, 3, 3, 3, 3, 3, 0, 0], [0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 0]],
    dtype="int32",
)
SCALE = WIDTH**-0.5
CAP, WINDOW = 50.0, 3
# Sharp enough for the cap to matter: products reach into the hundreds.
SHARPNESS = 8.0
PATHS = pytest.mark.parametrize("block_size", [LENGTH, 4], ids=["plain", "lean"])
RULES = pytest.mark.parametrize(
    "rules",
    [
        {},
        {"soft_cap": CAP},
        {"sliding_window": WINDOW},
        {"soft_cap": CAP, "sliding_window": WINDOW},
    ],
    ids=["bare", "cap", "window", "cap and window"],
)


def arrays(seed=0, dtype="float32"):
    generator = np.random.default_rng(seed)
    shapes = [(ROWS, LENGTH, heads, WIDTH) for heads in (HEADS, KV_HEADS, KV_HEADS)]
    query, key, value = (generator.standard_normal(shape) for shape in shapes)
    return [jnp.asarray(x, dtype) for x in (query * SHARPNESS, key * SHARPNESS, value)]


def attend(query, key, value, *, segments=SEGMENTS, **options):
    return segment_attention(
        query, key, value, segment_ids=jnp.asarray(segments), scale=SCALE, **options
    )


def reference(query, key, value, *, soft_cap=None, sliding_window=None):
    query, key, value = (np.asarray(x, "float64") for x in (query, key, value))
    output = np.zeros_like(query)
    for row, place, head in np.ndindex(ROWS, LENGTH, HEADS):
        segment = SEGMENTS[row, place]
        seen = [
            other
            for other in range(place + 1)
            if SEGMENTS[row, other] == segment > 0
            and (sliding_window is None or place - other < sliding_window)
        ]
        if not seen:
            continue
        kv_head = head // (HEADS // KV_HEADS)
        logits = key[row, seen, kv_head] @ query[row, place, head] * SCALE
        if soft_cap is not None:
            logits = soft_cap * np.tanh(logits / soft_cap)
        weights = np.exp(logits - logits.max())
        weights /= weights.sum()
        output[row, place, head] = weights @ value[row, seen, kv_head]
    return output


@PATHS
@RULES
def test_attention_equals_the_loops(rules, block_size):
    inputs = arrays()
    found = attend(*inputs, block_size=block_size, **rules)
    np.testing.assert_allclose(found, reference(*inputs, **rules), atol=1e-5)


def test_cap_and_window_matter_in_these_tests():
    inputs = arrays()
    bare, capped = reference(*inputs), reference(*inputs, soft_cap=CAP)
    windowed = reference(*inputs, sliding_window=WINDOW)
    assert np.abs(bare - capped).max() > 0.1
    assert np.abs(bare - windowed).max() > 0.1


@PATHS
@RULES
def test_gradients_are_those_of_finite_differences(rules, block_size):
    directions = arrays(seed=1)
    aim = np.random.default_rng(2).standard_normal((ROWS, LENGTH, HEADS, WIDTH))

    def loss_of(function, inputs, **options):
        return (function(*inputs, **options, **rules) * aim).sum()

    inputs = arrays()
    gradients = jax.grad(lambda x: loss_of(attend, x, block_size=block_size))(inputs)
    # The loops are moved in float64, where a small step is not rounded away.
    exact = [np.asarray(x, "float64") for x in inputs]
    for index, direction in enumerate(directions):
        slope = float((gradients[index] * direction).sum())
        step = 1e-5 * np.asarray(direction, "float64")
        ahead, behind = (
            loss_of(reference, [*exact[:index], moved, *exact[index + 1 :]])
            for moved in (exact[index] + step, exact[index] - step)
        )
        size = max(1.0, float(jnp.abs(gradients[index] * direction).sum()))
        assert abs(slope - (ahead - behind) / 2e-5) < 1e-5 * size


@PATHS
def test_padding_yields_zeros_and_zero_gradients(block_size):
    inputs, padding = arrays(), SEGMENTS == 0
    options = {"soft_cap": CAP, "sliding_window": WINDOW, "block_size": block_size}
    assert not np.asarray(attend(*inputs, **options))[padding].any()

    def loss(inputs):
        return jnp.square(attend(*inputs, **options)).sum()

    for gradient in jax.grad(loss)(inputs):
        assert np.isfinite(gradient).all()
        assert not np.asarray(gradient)[padding].any()
        assert np.abs(gradient).max() > 1e-3


@PATHS
def test_rows_of_padding_only_are_zeros(block_size):
    def loss(inputs):
        output = attend(*inputs, segments=0 * SEGMENTS, block_size=block_size)
        return output.sum(), output

    gradients, output = jax.grad(loss, has_aux=True)(arrays())
    assert not np.asarray(output).any()
    assert not any(np.asarray(gradient).any() for gradient in gradients)


@PATHS
def test_no_segment_sees_another(block_size):
    query, key, value = arrays()
    other = np.random.default_rng(3).standard_normal(key.shape) * 100
    second = (SEGMENTS == 2)[:, :, None, None]
    options = {"soft_cap": CAP, "block_size": block_size}
    before = attend(query, key, value, **options)
    moved = attend(
        query, jnp.where(second, other, key), jnp.where(second, other, value), **options
    )
    elsewhere = SEGMENTS != 2
    np.testing.assert_array_equal(before[elsewhere], moved[elsewhere])
    assert np.abs(np.asarray(before - moved)[SEGMENTS == 2]).max() > 1


@PATHS
def test_bfloat16_is_close_to_float32(block_size):
    low = [x.astype("bfloat16") for x in arrays()]
    options = {"soft_cap": CAP, "sliding_window": WINDOW, "block_size": block_size}

    def loss(inputs):
        output = attend(*inputs, **options)
        return jnp.square(output.astype("float32")).sum(), output

    gradients, output = jax.grad(loss, has_aux=True)(low)
    # The same rounded inputs: what differs is how they are computed with.
    exact = jax.grad(loss, has_aux=True)([x.astype("float32") for x in low])
    for found, expected in zip(
        [*gradients, output], [*exact[0], exact[1]], strict=True
    ):
        assert found.dtype == "bfloat16"
        expected = np.asarray(expected)
        error = np.abs(np.asarray(found, "float32") - expected).max()
        assert 0 < error < 0.02 * np.abs(expected).max()


def test_softmax_is_float32_under_bfloat16():
    text = str(jax.make_jaxpr(lambda *x: attend(*x))(*arrays(dtype="bfloat16")))
    exponentials = [line for line in text.splitlines() if " exp " in line]
    assert exponentials
    assert all("f32[" in line for line in exponentials)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"block_size": 0}, "`block_size` must be at least 1.*block_size=0"),
        ({"sliding_window": 0}, "`sliding_window` must be at least 1"),
        ({"soft_cap": 0.0}, "`soft_cap` must be positive, or None.*soft_cap=0.0"),
        ({"segments": SEGMENTS[:, 1:]}, r"`segment_ids` must be .*\(2, 12\)"),
    ],
)
def test_a_setting_out_of_range_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        attend(*arrays(), **change)


def test_shapes_that_do_not_fit_are_refused():
    query, key, value = arrays()
    with pytest.raises(ValueError, match="`key` and `value` must have one shape"):
        attend(query, key, value[:, 1:])
    with pytest.raises(ValueError, match="`query` must have a multiple of the heads"):
        attend(query[:, :, :3], key, value)
