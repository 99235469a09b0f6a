"""How devices share the work: rows, weights, and parts of every product."""

import contextlib
import dataclasses
import re
from collections.abc import Sequence
from typing import Any

BATCH, FSDP, MODEL = AXES = ("batch", "fsdp", "model")
# Rows are spread over both of these.
ROW_AXES = (BATCH, FSDP)
AUTO = "auto"
_LARGEST_AXIS = 2**16
_ITEM = re.compile(r"\s*(\w+)\s*=\s*(-?\d+)\s*")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mesh:
    """The number of devices along each axis of a mesh; they multiply.

    Example:
        ```python
        mesh = Mesh(batch=2, model=4)      # or parse_mesh("batch=2,model=4")
        with mesh.scope():
            model = load_preset("gemma2_9b_en")
        ```

    Args:
        batch: Data parallel. Each of them holds the whole model and takes its share
            of the rows; the adapter's gradients are summed at the end of a step.
        fsdp: Fully sharded data parallel. They too share the rows, and besides hold
            only a share of each weight: the others' shares are gathered for one block
            at a time, forward and backward. For models that do not fit otherwise.
        model: Tensor parallel. They share heads, feed-forward and vocabulary, and sum
            activations twice a block. It must divide the query heads. For fewer rows
            than devices, and fast links.

    Raises:
        ValueError: If a number is out of range.

    References:
        Rajbhandari et al., 2020 (fully sharded). https://arxiv.org/abs/1910.02054
        Shoeybi et al., 2019 (tensor parallel). https://arxiv.org/abs/1909.08053
    """

    batch: int = 1
    fsdp: int = 1
    model: int = 1

    def __post_init__(self):
        for name, size in dataclasses.asdict(self).items():
            if not isinstance(size, int) or not 1 <= size <= _LARGEST_AXIS:
                raise ValueError(
                    f"`{name}` of a mesh must be from 1 to {_LARGEST_AXIS}. Received: "
                    f"{name}={size!r}."
                )

    def __str__(self):
        sizes = dataclasses.asdict(self).items()
        return ",".join(f"{n}={size}" for n, size in sizes if size > 1) or "batch=1"

    @property
    def shape(self) -> tuple[int, int, int]:
        """Devices along `AXES`."""
        return self.batch, self.fsdp, self.model

    @property
    def size(self) -> int:
        """Number of devices."""
        return self.batch * self.fsdp * self.model

    @property
    def row_shards(self) -> int:
        """Over how many devices rows are spread."""
        return self.batch * self.fsdp

    def scope(self) -> contextlib.AbstractContextManager:
        """Returns the scope in which models are loaded and used on all devices.

        It does nothing for a mesh of one device, which needs no distribution.
        """
        if self.is_single_device():
            return contextlib.nullcontext()
        return self.distribution().scope()

    def is_single_device(self) -> bool:
        """Returns whether it is one device of a single host; of several it is wrong."""
        import jax

        return self.size == 1 and jax.process_count() == 1

    def distribution(self, devices: Sequence[Any] | None = None) -> Any:
        """Returns the `keras.distribution.ModelParallel` of this mesh.

        A model must be built inside its `scope()` to be laid out so.

        Args:
            devices: `jax.Device`s, as many as the mesh has; all that there are, by
                default.

        Raises:
            ValueError: If there are more devices or fewer.
        """
        from gemma_keras_ft.model.distribution import GemmaParallel

        return GemmaParallel(self, devices)


def parse_mesh(text: str) -> Mesh:
    """Reads a mesh from text such as `"batch=2,model=4"`.

    Raises:
        ValueError: If it names another axis, one twice, or no number.
    """
    sizes: dict[str, int] = {}
    for part in text.split(","):
        found = _ITEM.fullmatch(part)
        if not found or found[1] not in AXES or found[1] in sizes:
            raise ValueError(
                f"`mesh` must be {AUTO!r}, or name axes of {[*AXES]}, each once with "
                f"its number of devices, as in 'batch=2,model=4'. Received: "
                f"mesh={text!r}."
            )
        sizes[found[1]] = int(found[2])
    return Mesh(**sizes)


def mesh_scope(mesh: Mesh | None) -> contextlib.AbstractContextManager:
    """Returns the scope of a mesh over all devices; for None, one that does nothing."""
    return contextlib.nullcontext() if mesh is None else mesh.scope()


def row_shards() -> int:
    """Returns over how many devices rows are spread; 1 without a distribution.

    Of any `keras.distribution`, a user's own too.
    """
    import keras

    distribution = keras.distribution.distribution()
    return 1 if distribution is None else int(distribution.num_model_replicas)
