"""The memory-lean path: it equals the plain one and stores no square of a row."""

import functools
import math
import re

import hypothesis
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gemma_keras_ft.model.attention import segment_attention
from gemma_keras_ft.model.attention_blocks import _first_visible
from gemma_keras_ft.model.attention_plain import AttentionRules

HEADS, KV_HEADS, WIDTH = 4, 2, 8


def packed(rows, length, segment=5, padding=3):
    """Segments of about `segment` places, cut elsewhere in every row."""
    start = np.arange(rows)[:, None] * 2
    ids = (np.arange(length)[None] + start) // segment + 1
    ids[:, length - padding :] = 0
    return jnp.asarray(ids, "int32")


def arrays(rows, length, sharpness=6.0):
    generator = np.random.default_rng(0)

    def draw(heads, factor):
        values = generator.standard_normal((rows, length, heads, WIDTH))
        return jnp.asarray(factor * values, "float32")

    return draw(HEADS, sharpness), draw(KV_HEADS, sharpness), draw(KV_HEADS, 1.0)


def attend(block_size, **rules):
    def run(segments, query, key, value):
        return segment_attention(
            query,
            key,
            value,
            segment_ids=segments,
            scale=WIDTH**-0.5,
            block_size=block_size,
            **rules,
        )

    return run


def output_and_gradients(run):
    def loss(inputs, segments):
        output = run(segments, *inputs)
        aim = jnp.cos(jnp.arange(output.size)).reshape(output.shape)
        return (output * aim).sum(), output

    def both(segments, *inputs):
        gradients, output = jax.grad(loss, has_aux=True)(inputs, segments)
        return output, *gradients

    return both


@functools.cache
def compiled(block_size, **rules):
    return jax.jit(output_and_gradients(attend(block_size, **rules)))


def assert_lean_is_plain(segments, block, **rules):
    rows, length = segments.shape
    inputs = arrays(rows, length)
    plain = compiled(length, **rules)(segments, *inputs)
    lean = compiled(block, **rules)(segments, *inputs)
    for expected, found in zip(plain, lean, strict=True):
        size = max(1.0, float(jnp.abs(expected).max()))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * size)


@pytest.mark.parametrize(
    ("soft_cap", "sliding_window"),
    [(None, None), (50.0, None), (None, 6), (50.0, 9), (50.0, 1)],
)
@pytest.mark.parametrize(("length", "block"), [(37, 8), (32, 8), (21, 20), (7, 1)])
def test_lean_equals_plain(length, block, soft_cap, sliding_window):
    assert_lean_is_plain(
        packed(3, length), block, soft_cap=soft_cap, sliding_window=sliding_window
    )


@hypothesis.settings(max_examples=15)
@hypothesis.given(
    ids=strategies.lists(strategies.integers(0, 3), min_size=12, max_size=12),
    more=strategies.lists(strategies.integers(0, 3), min_size=12, max_size=12),
)
def test_lean_equals_plain_in_whatever_order_segments_come(ids, more):
    assert_lean_is_plain(jnp.asarray([ids, more], "int32"), 4, soft_cap=50.0)


def test_the_block_is_chosen_by_length():
    def loops(length):
        program = jax.make_jaxpr(attend(None))(packed(1, length), *arrays(1, length))
        return str(program).count("while")

    assert loops(64) == 0
    assert loops(65) > 0


def test_logits_far_beyond_float32_exponentials_stay_finite():
    segments = packed(2, 24, segment=24)
    query, key, value = arrays(2, 24, sharpness=200.0)
    both = compiled(4)(segments, query, key, value)
    assert all(np.isfinite(values).all() for values in both)
    plain = compiled(24)(segments, query, key, value)
    np.testing.assert_allclose(both[0], plain[0], rtol=0, atol=1e-5)


def largest_array(program):
    """Elements of the largest array that a compiled program names."""
    shapes = re.findall(r"\b[a-z]+[0-9]+\[([0-9,]+)\]", program.as_text())
    return max(math.prod(map(int, shape.split(","))) for shape in shapes)


def compile_both(length, block_size):
    program = compiled(block_size, soft_cap=50.0, sliding_window=99)
    return program.lower(packed(1, length), *arrays(1, length)).compile()


def test_no_array_is_the_square_of_the_length():
    length = 512
    assert largest_array(compile_both(length, 32)) < length**2 / 4
    assert largest_array(compile_both(length, length)) >= length**2 * HEADS


def test_memory_grows_with_the_length_only():
    def temporaries(length, block_size):
        program = compile_both(length, block_size)
        return program.memory_analysis().temp_size_in_bytes

    assert temporaries(2048, 32) < 2.2 * temporaries(1024, 32)
    assert temporaries(2048, 2048) > 3.5 * temporaries(1024, 1024)


def test_blocks_that_no_row_can_see_are_left_out():
    ids = [[1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 0, 0], [1] * 6 + [2] * 4 + [0] * 4]
    segments = jnp.asarray(ids, "int32").reshape(2, 7, 2).swapaxes(0, 1)
    bare, windowed = (
        AttentionRules(scale=1.0),
        AttentionRules(scale=1.0, sliding_window=2),
    )
    # Block 6 is padding in both rows: it does not even see itself.
    assert _first_visible(segments, bare).tolist() == [0, 0, 0, 2, 2, 4, 7]
    assert _first_visible(segments, windowed).tolist() == [0, 0, 1, 2, 3, 4, 7]


def test_left_out_blocks_are_not_computed():
    segments = jnp.repeat(jnp.asarray([[1, 2, 3]], "int32"), 8, axis=1)
    query, key, value = arrays(1, 24)
    # A block that is computed and then hidden would still multiply NaN by zero.
    poisoned = value.at[:, :8].set(jnp.nan)
    both = compiled(4)(segments, query, key, poisoned)
    clean = compiled(4)(segments, query, key, value)
    for found, expected in zip(both, clean, strict=True):
        np.testing.assert_array_equal(found[:, 8:], expected[:, 8:])
    assert np.isnan(both[0][:, :8]).all()


def test_remat_gives_the_same_gradients():
    run, segments, inputs = attend(8, soft_cap=50.0), packed(2, 30), arrays(2, 30)
    expected = jax.jit(output_and_gradients(run))(segments, *inputs)
    found = jax.jit(output_and_gradients(jax.checkpoint(run)))(segments, *inputs)
    for left, right in zip(found, expected, strict=True):
        np.testing.assert_allclose(left, right, rtol=0, atol=1e-5)


@pytest.mark.parametrize("block_size", [8, 32], ids=["lean", "plain"])
def test_rows_stay_on_their_devices(block_size):
    run = compiled(block_size, soft_cap=50.0, sliding_window=9)
    arguments = packed(8, 32), *arrays(8, 32)
    mesh = Mesh(np.array(jax.devices()), ("batch",))
    by_row = NamedSharding(mesh, PartitionSpec("batch"))
    spread = jax.device_put(arguments, by_row)
    program = run.lower(*spread).compile()
    # The rows are never brought together; which blocks to visit is agreed upon.
    assert not re.search("all-gather|all-to-all|collective-permute", program.as_text())
    for found, expected in zip(program(*spread), run(*arguments), strict=True):
        assert found.sharding.is_equivalent_to(by_row, found.ndim)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_heads_stay_on_their_devices():
    run, segments, inputs = compiled(8, soft_cap=50.0), packed(4, 32), arrays(4, 32)
    mesh = Mesh(np.array(jax.devices()).reshape(4, 2), ("batch", "model"))
    by_head = NamedSharding(mesh, PartitionSpec("batch", None, "model"))
    spread = jax.device_put(inputs, by_head)
    expected = run(segments, *inputs)
    for found, wanted in zip(run(segments, *spread), expected, strict=True):
        assert found.sharding.is_equivalent_to(by_head, found.ndim)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)
