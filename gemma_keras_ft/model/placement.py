"""Arrays on a mesh: put there, kept in place within a program, and read back."""

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import keras
import numpy as np

from gemma_keras_ft.model.distribution import current_distribution
from gemma_keras_ft.model.layouts import variable_axes
from gemma_keras_ft.model.loss_chunks import VocabularyShards
from gemma_keras_ft.model.mesh import BATCH, ROW_AXES, row_shards

Axis = Sequence[str] | str | None


def constrain(values: Any, *axes: Axis) -> Any:
    """Keeps an array, inside a program, where its axes are shared out so.

    Args:
        values: An array; as it is, outside of the scope of a mesh.
        axes: Of its first axes, the axes of the mesh; the others are whole.
    """
    distribution = current_distribution()
    if distribution is None:
        return values
    return jax.lax.with_sharding_constraint(values, distribution.sharding(*axes))


def loss_shards(backbone: Any) -> dict[str, Any]:
    """Returns what `token_losses` has to know of the mesh, or of a user's own.

    Args:
        backbone: A `keras_hub.models.GemmaBackbone`.
    """
    distribution = current_distribution()
    if distribution is None:
        return {"row_shards": row_shards()}
    mesh, embedding = distribution.mesh, backbone.token_embedding.embeddings
    axes, _ = variable_axes(embedding.path, embedding.shape, mesh)
    if not axes:
        return {"row_shards": mesh.row_shards}
    shards = VocabularyShards(
        count=math.prod(getattr(mesh, axis) for axis in axes),
        apart=distribution.sharding(ROW_AXES),
        together=distribution.sharding(BATCH),
        logits=distribution.sharding(BATCH, axes),
    )
    return {"row_shards": mesh.batch, "vocabulary_shards": shards}


def put_rows(batch: Mapping[str, np.ndarray]) -> Mapping[str, Any]:
    """Spreads arrays over the devices of the mesh by their rows.

    Args:
        batch: Arrays `(rows, ...)`, the same on every host, whose rows the mesh
            divides. They stay as they are outside of the scope of a mesh.
    """
    distribution = current_distribution()
    if distribution is None:
        return batch
    return {
        name: spread(values, distribution.sharding(ROW_AXES))
        for name, values in batch.items()
    }


def spread(values: Any, sharding: jax.sharding.Sharding) -> jax.Array:
    """Gives each device its part of a host's array; none ever holds it whole."""
    return jax.make_array_from_callback(
        tuple(values.shape), sharding, lambda index: np.asarray(values[index])
    )


def fetch(values: Any) -> np.ndarray:
    """Copies an array to this host, parts on other hosts' devices too.

    All hosts must call it, where there are several.
    """
    distribution = current_distribution()
    if distribution is None or not isinstance(values, jax.Array):
        return np.asarray(values)
    if not values.is_fully_addressable and not values.is_fully_replicated:
        whole = jax.jit(lambda array: array, out_shardings=distribution.sharding())
        values = whole(values)
    return np.asarray(values)


@contextlib.contextmanager
def assigned_in_parts() -> Iterator[None]:
    """Gives each device its part of what a variable is assigned, in a `with` block.

    Keras would first put all of it onto one device. Only arrays of the host are
    treated so, as weights are that come from a file.
    """
    stock = keras.Variable.assign

    def assign(variable, value):
        if isinstance(value, np.ndarray) and value.shape == tuple(variable.shape):
            value = _parts(variable, value)
        return stock(variable, value)

    keras.Variable.assign = assign
    try:
        yield
    finally:
        keras.Variable.assign = stock


def _parts(variable, value: np.ndarray) -> Any:
    kept = variable.value
    if not isinstance(kept.sharding, jax.sharding.NamedSharding):
        return value
    return jax.make_array_from_callback(
        value.shape, kept.sharding, lambda index: value[index].astype(kept.dtype)
    )
