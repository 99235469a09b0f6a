"""Noise on the embeddings of what is trained on (NEFTune)."""

import contextlib
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import keras

from gemma_keras_ft.model.calls import replaced_calls

# What Keras calls, of a layer as it comes and of one whose weights are quantized.
_CALLS = ("call", "quantized_call")


def draw_noise(segment_ids, *, width: int, alpha: float, seeds) -> Any:
    """Draws uniform noise in `±alpha / sqrt(length * width)`, a text at a time.

    Args:
        segment_ids: int32 `(rows, length)`: the text of each place, 0 for padding,
            which gets no noise. The length that counts is that of a place's text, so
            packed texts get what they would get in rows of their own.
        width: Size of an embedding.
        alpha: How much noise: 5 to 15 in the paper.
        seeds: A `keras.random.SeedGenerator`, whose state moves on.

    Returns:
        float32 `(rows, length, width)`.

    References:
        Jain et al., 2023. https://arxiv.org/abs/2310.05914
    """
    lengths = jax.vmap(_places_of_own_segment)(segment_ids)
    scale = jnp.where(segment_ids > 0, alpha / jnp.sqrt(lengths * width), 0.0)
    shape = (*segment_ids.shape, width)
    noise: Any = keras.random.uniform(shape, -1.0, 1.0, dtype="float32", seed=seeds)
    return noise * scale[..., None]


@contextlib.contextmanager
def noisy_embedding(embedding, noise) -> Iterator[None]:
    """Adds noise to what an embedding looks up inside a `with` block.

    Gemma multiplies embeddings by `sqrt(width)` afterwards, and the noise with them.

    Args:
        embedding: A `ReversibleEmbedding`.
        noise: As `draw_noise` gives it.
    """
    with replaced_calls(embedding, lambda stock: _with_noise(stock, noise), _CALLS):
        yield


def _with_noise(stock, noise):
    def call(inputs, reverse=False):
        outputs = stock(inputs, reverse=reverse)
        return outputs if reverse else outputs + noise.astype(outputs.dtype)

    return call


def _places_of_own_segment(segments):
    """Counts, for each place of a row, the places of its text."""
    return jnp.bincount(segments, length=segments.shape[0] + 1)[segments]
