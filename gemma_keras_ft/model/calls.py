"""Layers that compute something else for a while."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

_ABSENT = object()


@contextlib.contextmanager
def replaced_calls(
    layer: Any, wrap: Callable[[Any], Any], names: Sequence[str] = ("call",)
) -> Iterator[None]:
    """Replaces what Keras calls of a layer, inside a `with` block.

    The layer itself, and with it the model's list of layers, stays as it was.

    Args:
        layer: A Keras layer.
        wrap: From a method of the layer to what is called in its stead.
        names: Names of the methods.
    """
    before = {name: vars(layer).get(name, _ABSENT) for name in names}
    for name in names:
        setattr(layer, name, wrap(getattr(layer, name)))
    try:
        yield
    finally:
        for name, call in before.items():
            if call is _ABSENT:
                delattr(layer, name)
            else:
                setattr(layer, name, call)
