"""Decoder blocks computed again in the backward pass, instead of being kept."""

import contextlib
from collections.abc import Iterator
from typing import Any

import jax

from gemma_keras_ft.training.calls import replaced_calls


@contextlib.contextmanager
def rematerialized_blocks(backbone: Any) -> Iterator[None]:
    """Keeps no more of each block than its inputs, inside a `with` block.

    What a block computes is computed once more when its gradients are formed: a
    quarter more work, for the memory of all blocks but one. On a CPU, where XLA
    would rather save time, it saves memory under `schedule_for_memory` alone.

    Args:
        backbone: A `keras_hub.models.GemmaBackbone`.
    """
    with contextlib.ExitStack() as stack:
        for block in backbone.transformer_layers:
            stack.enter_context(replaced_calls(block, _rematerialized))
        yield


def _rematerialized(stock):
    def call(x, padding_mask=None, **options):
        def compute(x, padding_mask):
            return stock(x, padding_mask=padding_mask, **options)

        return jax.checkpoint(compute)(x, padding_mask)

    return call
