"""What a step takes by formula: at once, and to check what a compiler says."""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any

from gemma_keras_ft.model.layouts import variable_axes
from gemma_keras_ft.model.lora_settings import Adapter
from gemma_keras_ft.model.mesh import FSDP, Mesh
from gemma_keras_ft.model.precision import held_dtype
from gemma_keras_ft.model.sizes import base_variables, kernel_shapes

# Numbers in a group of int4 values, which share a scale and a zero.
_GROUP = 128
_ATTENTION_READS = ("attention/query", "attention/key", "attention/value")
# A chunk of logits, and what stands beside it; see `token_losses`.
_CHUNK_BYTES, _CHUNK_TOKENS, _CHUNK_COPIES = 2**28, 512, 2.3


@dataclasses.dataclass(frozen=True, kw_only=True)
class StepSettings:
    """What a step is planned for.

    Args:
        shape: Arguments of `keras_hub.models.GemmaBackbone`.
        adapter: The adapter.
        rows: Rows of a batch, on all devices.
        sequence_length: Places of a row.
        dtype: Of the base, a Keras dtype policy.
        quantize: Of the base: `"int8"`, `"int4"` or None.
        micro_batches: As in `Trainer`.
        remat: As in `Trainer`.
        mesh: How devices share the work.
    """

    shape: Mapping[str, Any]
    adapter: Adapter
    rows: int
    sequence_length: int
    dtype: str = "bfloat16"
    quantize: str | None = None
    micro_batches: int = 1
    remat: str = "none"
    mesh: Mesh = dataclasses.field(default_factory=Mesh)

    @property
    def tokens(self) -> int:
        """Places that a device computes at a time, those of one micro-batch."""
        shards = self.mesh.row_shards * self.micro_batches
        return self.rows // shards * self.sequence_length

    @property
    def item(self) -> int:
        """Bytes of an activation."""
        return 4 if self.dtype == "float32" else 2


def base_bytes(settings: StepSettings) -> int:
    """Returns the bytes of the base on one device."""
    item = 4 if held_dtype(settings.dtype) == "float32" else 2
    total = 0
    for path, shape in base_variables(settings.shape):
        quantized = settings.quantize if path.endswith("/kernel") else None
        if quantized is None:
            total += _part(path, shape, settings.mesh) * item
        else:
            total += _quantized_bytes(path, shape, settings, item)
    return total


def adapter_numbers(settings: StepSettings, *, whole: bool = False) -> int:
    """Returns how many trained numbers one device holds, or all together."""
    mesh = Mesh() if whole else settings.mesh
    return sum(_part(*found, mesh) for found in _adapter_variables(settings))


def activation_bytes(settings: StepSettings) -> int:
    """Returns about what all blocks keep for their gradients, on one device."""
    shape, parts = settings.shape, settings.mesh.model
    kept = shape["num_layers"] * shape["hidden_dim"]
    if settings.remat == "none":
        kept = shape["num_layers"] * _block_numbers(shape, parts)
    return settings.tokens * settings.item * kept


def temporary_bytes(settings: StepSettings) -> int:
    """Returns about what is needed besides: of one block, of the loss, of gradients."""
    shape, mesh = settings.shape, settings.mesh
    width, vocabulary = shape["hidden_dim"], shape["vocabulary_size"]
    parts = mesh.fsdp * mesh.model
    together = settings.tokens * mesh.fsdp
    chunk = min(_CHUNK_BYTES // (4 * vocabulary), _CHUNK_TOKENS) * parts
    logits = min(chunk, together) * vocabulary // parts * 4 * _CHUNK_COPIES
    block = settings.tokens * settings.item * _block_numbers(shape, mesh.model)
    # Hidden states, their gradient, and both in float32.
    ends = settings.tokens * width * 3 * (settings.item + 4)
    gradients = 4 * adapter_numbers(settings) * (2 if settings.micro_batches > 1 else 1)
    return int(max(logits, block + gathered_bytes(settings)) + ends + gradients)


def gathered_bytes(settings: StepSettings) -> int:
    """Returns the bytes of a block whose parts are gathered; 0 where none are."""
    return _gathered(settings, tuple(kernel_shapes(settings.shape)))


def step_flops(settings: StepSettings) -> float:
    """Returns the operations of a step on all devices, packed rows of one text each.

    As `training_flops` counts them, and once more forward where blocks are computed
    twice. Of loss and attention alike every place counts.
    """
    shape, length = settings.shape, settings.sequence_length
    tokens = settings.rows * length
    passes = 3 if settings.remat == "block" else 2
    kernels = sum(
        math.prod(size)
        for path, size in base_variables(shape)
        if path.endswith("/kernel")
    )
    flops = 2.0 * passes * kernels + 2 * (passes + 1) * adapter_numbers(
        settings, whole=True
    )
    width = shape["num_query_heads"] * shape["head_dim"]
    window = min(length, shape.get("sliding_window_size") or length)
    seen = (length + 1) / 2 if window == length else window
    flops += 4 * (passes + 1) * shape["num_layers"] * width * seen
    flops += 4 * shape["vocabulary_size"] * shape["hidden_dim"]
    return tokens * flops


def exchanged_bytes(settings: StepSettings) -> dict[str, int]:
    """Returns what a device receives of its collectives in a step, by what they carry.

    Of the results of each, what theory asks for: a compiler may form a sum in parts.

    - `adapter gradients`: summed over all devices that share rows, a micro-batch at a
      time.
    - `gathered weights`: of every block, forward and backward; of the first, its query,
      key and value not again, as nothing asks for the gradient of what they read.
    - `summed activations`: with tensor parallelism, of the two products of a block that
      write, forward; and backward, of each that reads, as XLA sums each on its own, and
      of each adapter that is cut by heads; in the first block, of those behind its
      attention alone.
    - `hidden states`: where the vocabulary is shared out, those looked up, those that
      losses are formed of, and their gradients.
    """
    shape, mesh, micro = settings.shape, settings.mesh, settings.micro_batches
    found = {}
    if mesh.row_shards > 1:
        found["adapter gradients"] = micro * 4 * adapter_numbers(settings)
    states = settings.tokens * shape["hidden_dim"] * settings.item
    if mesh.fsdp > 1:
        block = gathered_bytes(settings)
        first = _gathered(settings, _ATTENTION_READS)
        found["gathered weights"] = micro * (2 * shape["num_layers"] * block - first)
    if mesh.model > 1:
        found["summed activations"] = micro * _sums(settings) * states
    if mesh.fsdp * mesh.model > 1:
        found["hidden states"] = micro * 3 * states * mesh.fsdp
    return found


def _gathered(settings: StepSettings, names: tuple[str, ...]) -> int:
    """Returns the bytes of some kernels of a block, of those that are gathered."""
    alone = dataclasses.replace(settings.mesh, fsdp=1)
    item = {None: settings.item, "int8": 1, "int4": 0.5}[settings.quantize]
    total = 0
    for name, shape in kernel_shapes(settings.shape).items():
        path = f"decoder_block_0/{name}/kernel"
        if name in names and _is_cut(path, shape, settings.mesh):
            total += _part(path, shape, alone) * item
    return int(total)


def _sums(settings: StepSettings) -> int:
    """Returns how often activations are summed over the devices of a model."""
    shape, mesh = settings.shape, settings.mesh
    cut = [
        name
        for name in _ATTENTION_READS
        if _part(f"decoder_block_0/{name}/kernel", kernel_shapes(shape)[name], mesh)
        < math.prod(kernel_shapes(shape)[name]) // mesh.fsdp
    ]
    adapted = [
        name for name in cut if name.rpartition("/")[2] in settings.adapter.targets
    ]
    forward, behind = 2, 2
    layers = shape["num_layers"]
    attention = (layers - 1) * (len(cut) + len(adapted))
    return layers * (forward + behind) + attention


def _block_numbers(shape: Mapping[str, Any], parts: int) -> int:
    """Returns about how many numbers of a token one block keeps."""
    heads = shape["num_query_heads"] + shape["num_key_value_heads"]
    features = shape["intermediate_dim"] // 2
    inner = 3 * 2 * heads * shape["head_dim"] + 5 * features
    return 8 * shape["hidden_dim"] + inner // parts


def _adapter_variables(
    settings: StepSettings,
) -> Iterator[tuple[str, tuple[int, ...]]]:
    rank = settings.adapter.rank
    for number in range(settings.shape["num_layers"]):
        for name, kernel in kernel_shapes(settings.shape).items():
            if name.rpartition("/")[2] in settings.adapter.targets:
                path = f"decoder_block_{number}/{name}"
                yield f"{path}/lora_kernel_a", (*kernel[:-1], rank)
                yield f"{path}/lora_kernel_b", (rank, kernel[-1])


def _part(path: str, shape: tuple[int, ...], mesh: Mesh) -> int:
    """Returns how many numbers of a variable one device holds."""
    axes = variable_axes(path, shape, mesh)
    cuts = math.prod(getattr(mesh, name) for axis in axes for name in axis)
    return math.prod(shape) // cuts


def _is_cut(path: str, shape: tuple[int, ...], mesh: Mesh) -> bool:
    return any(FSDP in axis for axis in variable_axes(path, shape, mesh))


def _quantized_bytes(path: str, shape, settings: StepSettings, item: int) -> int:
    layer = path.split("/")[-2]
    reads = layer not in ("attention_output", "ffw_linear")
    # What is summed over: of reading kernels the width, else all but the width.
    taken = shape[-2] if reads else math.prod(shape[:-1])
    given = math.prod(shape) // taken
    folder = path.rpartition("/")[0]
    if settings.quantize == "int8":
        return _part(path, shape, settings.mesh) + given * item
    mesh = settings.mesh
    groups = -(-taken // _GROUP)
    packed = _part(path, (taken, -(-given // 2)), mesh)
    scales = _part(f"{folder}/kernel_scale", (groups, given), mesh) * item
    zeros = _part(f"{folder}/kernel_zero", (groups, given), mesh)
    # Keras keeps the group of each input as a float32.
    return packed + scales + zeros + 4 * taken
