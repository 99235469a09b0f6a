"""A mesh as Keras knows it: where variables and batches are kept."""

from collections.abc import Sequence
from typing import Any

import jax
import keras
import numpy as np

from gemma_keras_ft.model.layouts import variable_axes
from gemma_keras_ft.model.mesh import AXES, BATCH, ROW_AXES, Mesh


class GemmaParallel(keras.distribution.ModelParallel):
    """The distribution of a mesh: `variable_axes` says where a variable is kept.

    A rule for each variable, and not a `LayoutMap`: that knows neither shapes, so not
    what divides them, nor variables that several axes of the mesh share out.

    Args:
        mesh: The mesh.
        devices: `jax.Device`s, all by default.

    Raises:
        ValueError: If there are more devices than the mesh has, or fewer.
    """

    def __init__(self, mesh: Mesh, devices: Sequence[Any] | None = None):
        devices = jax.devices() if devices is None else list(devices)
        if len(devices) != mesh.size:
            raise ValueError(
                f"`mesh` must have as many devices as there are, {len(devices)}. "
                f"Received: mesh={str(mesh)!r}, of {mesh.size}."
            )
        arranged = np.array(_arranged(mesh, devices), dtype=object)
        device_mesh = keras.distribution.DeviceMesh(mesh.shape, list(AXES), arranged)
        super().__init__(
            layout_map=keras.distribution.LayoutMap(device_mesh),
            batch_dim_name=BATCH,
            # The loader serves each host its own rows.
            auto_shard_dataset=False,
        )
        self.mesh = mesh

    @property
    def num_model_replicas(self) -> int:
        """Over how many devices rows are spread."""
        # Keras asks for it while the mesh is not known yet.
        return int(np.prod(self.device_mesh.shape[: len(ROW_AXES)]))

    def get_variable_layout(self, variable) -> jax.sharding.NamedSharding:
        """Returns where a Keras variable is kept."""
        axes = variable_axes(variable.path, variable.shape, self.mesh)
        return self.sharding(*axes)

    def get_data_layout(self, data_shape) -> keras.distribution.TensorLayout:
        """Returns where a batch is kept: its rows over `batch` and `fsdp`."""
        del data_shape
        return _Rows(self.sharding(ROW_AXES))

    def get_tensor_layout(self, path) -> None:
        """Leaves what layers return where it is."""
        del path

    def sharding(self, *axes: Sequence[str] | str | None) -> jax.sharding.NamedSharding:
        """Returns the sharding of an array by the mesh axes of each of its axes."""
        parts = [axis if isinstance(axis, str) else tuple(axis or ()) for axis in axes]
        spec = jax.sharding.PartitionSpec(*(part or None for part in parts))
        return jax.sharding.NamedSharding(self.device_mesh.backend_mesh, spec)


class _Rows(keras.distribution.TensorLayout):
    """A layout that Keras' iterator takes, over two axes of the mesh at once."""

    def __init__(self, sharding):
        super().__init__(axes=())
        self._backend_layout = sharding


def current_distribution() -> GemmaParallel | None:
    """Returns the distribution of the mesh in whose scope this is called."""
    distribution = keras.distribution.distribution()
    return distribution if isinstance(distribution, GemmaParallel) else None


def _arranged(mesh: Mesh, devices: Sequence[Any]) -> list[Any]:
    """Orders devices so that neighbors on the hardware are neighbors on the mesh."""
    if devices[0].platform != "tpu":
        return list(devices)
    from jax.experimental import mesh_utils

    arranged = mesh_utils.create_device_mesh(
        # An axis may be a part of one of the hardware's.
        mesh.shape,
        devices,
        allow_split_physical_axes=True,
    )
    return list(arranged.flat)
