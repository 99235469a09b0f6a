"""Which axes of a mesh each variable of a Gemma is sharded over."""

import re
from collections.abc import Sequence

from gemma_keras_ft.model.mesh import FSDP, MODEL, Mesh

# Of each axis of a variable, the axes of the mesh that share it out: the first of the
# mesh outermost.
Axes = tuple[tuple[str, ...], ...]

_WHOLE: tuple[str, ...] = ()
_SHARD, _PART, _BOTH = (FSDP,), (MODEL,), (MODEL, FSDP)
# The variables of layers that read a block's residual stream, and of those that write
# to it, by layer and name. Reading kernels are cut by what they give, writing
# ones by what they take, so that nothing is exchanged between the two; `fsdp` cuts the
# other side, the width. Of adapters the side of the rank is never cut.
_LAYOUTS: dict[tuple[str, str], Axes] = {
    # heads, width, head_dim
    ("query", "kernel"): (_PART, _SHARD, _WHOLE),
    ("query", "lora_kernel_a"): (_PART, _SHARD, _WHOLE),
    ("query", "lora_kernel_b"): (_WHOLE, _WHOLE),
    # heads, head_dim, width
    ("attention_output", "kernel"): (_PART, _WHOLE, _SHARD),
    ("attention_output", "lora_kernel_a"): (_PART, _SHARD, _WHOLE),
    ("attention_output", "lora_kernel_b"): (_WHOLE, _SHARD),
    # width, features
    ("ffw_gating", "lora_kernel_a"): (_SHARD, _WHOLE),
    ("ffw_gating", "lora_kernel_b"): (_WHOLE, _BOTH),
    # features, width
    ("ffw_linear", "lora_kernel_a"): (_BOTH, _WHOLE),
    ("ffw_linear", "lora_kernel_b"): (_WHOLE, _SHARD),
}
_SAME = {"key": "query", "value": "query", "ffw_gating_2": "ffw_gating"}
# Kernels that are matrices: those of the feed-forward; and as int4 all, which Keras
# packs as what is summed over, by half of what is kept, with scales and zeros of
# (groups, what is kept).
_MATRICES: dict[str, Axes] = {
    "query": (_SHARD, _PART),
    "attention_output": (_PART, _SHARD),
    "ffw_gating": (_SHARD, _PART),
    "ffw_linear": (_PART, _SHARD),
}
_GROUPED = ("kernel_scale", "kernel_zero")
_BLOCK = re.compile(r"(?:.*/)?decoder_block_\d+/(?:.*/)?(\w+)/(\w+)")
_EMBEDDING = re.compile(r"(?:.*/)?token_embedding/embeddings")


def variable_axes(path: str, shape: Sequence[int], mesh: Mesh) -> Axes:
    """Returns how a variable of a Gemma 1 or 2 is laid out on a mesh.

    Norms, scales of int8, counts and random states are whole on every device, as is
    whatever is none of Gemma's. Heads of keys and values that `model` does not divide
    are whole on every device of that axis, and each uses those that its queries need.
    Where `fsdp` does not divide a size, it is not cut by it.

    The embedding is cut by vocabulary, over both axes: losses are then formed of a part
    of the vocabulary on each device, and nothing of its size is ever gathered.

    Args:
        path: Of the Keras variable.
        shape: Of the Keras variable.
        mesh: The mesh.

    Raises:
        ValueError: If `model` divides the query heads, the feed-forward width or the
            vocabulary not.
    """
    whole = (_WHOLE,) * len(shape)
    if _EMBEDDING.fullmatch(path):
        wanted: Axes = ((FSDP, MODEL), _WHOLE)
        return _fitted(path, wanted, shape, mesh)
    found = _BLOCK.fullmatch(path)
    if not found:
        return whole
    layer, name = found.groups()
    kind = _SAME.get(layer, layer)
    if name in _GROUPED and len(shape) == 2 and kind in _MATRICES:
        wanted = (_WHOLE, _MATRICES[kind][1])
    elif name == "kernel" and len(shape) == 2 and kind in _MATRICES:
        wanted = _MATRICES[kind]
    else:
        wanted = _LAYOUTS.get((kind, name), whole)
    if len(wanted) != len(shape):
        return whole
    optional = layer in ("key", "value") or name in _GROUPED
    return _fitted(path, wanted, shape, mesh, whole_if_undivided=optional)


def _fitted(path, wanted: Axes, shape, mesh: Mesh, *, whole_if_undivided=False) -> Axes:
    """Drops the axes of the mesh that do not divide a size."""
    sizes = {FSDP: mesh.fsdp, MODEL: mesh.model}
    fitted = []
    for axes, size in zip(wanted, shape, strict=True):
        kept, left = [], size
        for axis in axes:
            if left % sizes[axis]:
                if axis == MODEL and not whole_if_undivided:
                    raise ValueError(
                        f"`model` must divide the query heads, the feed-forward width "
                        f"and the vocabulary of the preset. Received: model="
                        f"{mesh.model}, for {path} of shape {tuple(shape)}. Take "
                        "fewer devices for `model`, and the rest for `batch` or "
                        "`fsdp`."
                    )
                continue
            left //= sizes[axis]
            if sizes[axis] > 1:
                kept.append(axis)
        fitted.append(tuple(kept))
    return tuple(fitted)
