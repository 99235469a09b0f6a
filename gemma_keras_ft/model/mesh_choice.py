"""Which mesh suits a model and the devices there are."""

from pathlib import Path

from gemma_keras_ft.model.devices import device_memory
from gemma_keras_ft.model.mesh import AUTO, Mesh, parse_mesh
from gemma_keras_ft.model.precision import choose_precision, held_dtype
from gemma_keras_ft.model.shapes import known_shape
from gemma_keras_ft.model.sizes import weight_bytes

# The base may take this share of a device; the rest is for adapter and step.
_BASE_SHARE = 0.5


def choose_mesh(weights: int | None, *, devices: int, memory: int | None) -> Mesh:
    """Chooses how many devices share a base out, and how many groups of them there are.

    As few share it as the base fits half of, so that the least is gathered; every group
    of those takes its share of the rows. Tensor parallelism is never chosen: it has to
    be asked for.

    Args:
        weights: Bytes of the base; None if not known.
        devices: Number of devices.
        memory: Bytes of one device; None if not known.
    """
    if weights is None or memory is None:
        return Mesh(batch=devices)
    for shards in range(1, devices + 1):
        if devices % shards == 0 and weights <= shards * _BASE_SHARE * memory:
            return Mesh(batch=devices // shards, fsdp=shards)
    return Mesh(fsdp=devices)


def resolve_mesh(
    mesh: Mesh | str | None,
    *,
    preset: str | Path,
    dtype: str | None = None,
) -> Mesh | None:
    """Returns the mesh that is asked for, or suits a preset on the devices there are.

    Args:
        mesh: A mesh, text that `parse_mesh` reads, or `"auto"`; None for none.
        preset: As for `load_preset`.
        dtype: As for `load_preset`. That a base is quantized does not count: it is
            loaded unquantized.

    Returns:
        None for a single device; and for virtual devices of one CPU, which make it no
        quicker, unless a mesh is named.

    Raises:
        ValueError: If it is none, or of another number of devices than there are.
    """
    import jax

    if mesh is None:
        return None
    if isinstance(mesh, str) and mesh != AUTO:
        mesh = parse_mesh(mesh)
    if isinstance(mesh, Mesh):
        return None if mesh.is_single_device() else mesh
    devices = jax.devices()
    alone = devices[0].platform == "cpu" and jax.process_count() == 1
    if len(devices) == 1 or alone:
        return None
    shape = known_shape(preset)
    weights = None
    if shape is not None:
        dtype = held_dtype(dtype or choose_precision().dtype)
        weights = weight_bytes(shape, dtype=dtype)
    return choose_mesh(weights, devices=len(devices), memory=device_memory())
