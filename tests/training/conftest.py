"""Rows of random tokens, and models that learn them by heart."""

import keras
import numpy as np
import pytest

from gemma_keras_ft.data.rows import PlannedRows, RowPlan, TokenRows
from gemma_keras_ft.model.lora import Adapter, adapter_variables, enable_adapter
from gemma_keras_ft.model.preset import load_preset


class StopAfter(keras.callbacks.Callback):
    """Ends a run abruptly after so many steps, as a lost machine would."""

    def __init__(self, steps):
        super().__init__()
        self.left = steps

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


@pytest.fixture
def stop_after():
    return StopAfter


@pytest.fixture
def adapted(small_preset):
    """A function that gives a fresh model with a small adapter."""

    def load(**settings):
        model = load_preset(small_preset)
        enable_adapter(model, Adapter(rank=4, **settings), seed=0)
        return model

    return load


@pytest.fixture
def random_rows():
    """The function `build_rows`."""
    return build_rows


def build_rows(count=10, lengths=(16,), seed=0):
    """Returns rows of random tokens, in buckets of some lengths."""
    draw = np.random.default_rng(seed)
    buckets = tuple(_bucket(draw, count, length) for length in lengths)
    return PlannedRows(plan=RowPlan(sequence_length=max(lengths)), buckets=buckets)


def _bucket(draw, count, length):
    ids = draw.integers(8, 100, (count, length + 1)).astype("int32")
    weight = np.ones((count, length), "float32")
    weight[:, :4] = 0
    arrays = {
        "token_ids": ids[:, :-1],
        "segment_ids": np.ones((count, length), "int32"),
        "labels": ids[:, 1:],
        "sample_weight": weight,
    }
    numbers = np.arange(count)
    return TokenRows(
        arrays=arrays,
        segments=np.stack([numbers, np.ones(count, int), numbers], axis=1),
        record_ids=tuple(f"r{number}" for number in numbers),
    )


@pytest.fixture
def values_of():
    """A function that copies a model's adapter, by path."""

    def copy(model):
        return {n: np.asarray(v.value) for n, v in adapter_variables(model).items()}

    return copy
