"""Trains a random Gemma for a few steps; prints what memory the steps took.

    python benchmarks/planning_run.py < settings.json

A process of its own, as `planning.py` starts it.
"""

import ctypes
import gc
import json
import sys

import jax
import keras
import keras_hub
import numpy as np

import gemma_keras_ft as gkf
from gemma_keras_ft.data.rows import PlannedRows, RowPlan, TokenRows
from gemma_keras_ft.model.lora import enable_adapter
from gemma_keras_ft.training.compilation import schedule_for_memory

_STEPS = 4


def main() -> None:
    """Prints, in bytes, what arrays take and what a step adds to them."""
    request = json.load(sys.stdin)
    if request["remat"] != "none":
        schedule_for_memory()
    rows = _rows(request)
    backbone = keras_hub.models.GemmaBackbone(**request["shape"], dtype="float32")
    model = keras_hub.models.GemmaCausalLM(backbone)
    enable_adapter(model, gkf.Adapter(rank=request["rank"]))
    peak = _Peak()
    trainer = gkf.Trainer(
        max_steps=_STEPS,
        evaluations=1,
        global_batch_size=request["rows"],
        remat=request["remat"],
        micro_batches=request["micro_batches"],
    )
    trainer.fit(model, rows, callbacks=[peak])
    print(json.dumps({"arrays": peak.arrays, "step": peak.step}))


class _Peak(keras.callbacks.Callback):
    """Measures the last step, in which nothing is compiled."""

    arrays = before = step = 0

    def on_train_batch_begin(self, batch, logs=None):
        if batch < _STEPS - 1:
            return
        # What compiling left behind is none of a step's.
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")  # the peak, from now on
        self.before = _resident("VmRSS")
        self.arrays = sum(array.nbytes for array in jax.live_arrays())

    def on_train_batch_end(self, batch, logs=None):
        jax.block_until_ready([v.value for v in self.model.trainable_variables])
        self.step = _resident("VmHWM") - self.before


def _resident(name: str) -> int:
    with open("/proc/self/status") as file:
        line = next(line for line in file if line.startswith(name))
    return int(line.split()[1]) * 1024


def _rows(request) -> PlannedRows:
    count, length = request["rows"] * _STEPS, request["sequence_length"]
    draw = np.random.default_rng(0)
    ids = draw.integers(8, request["shape"]["vocabulary_size"], (count, length))
    numbers = np.arange(count)
    arrays = {
        "token_ids": ids.astype("int32"),
        "segment_ids": np.ones((count, length), "int32"),
        "labels": np.roll(ids, -1, axis=1).astype("int32"),
        "sample_weight": np.ones((count, length), "float32"),
    }
    bucket = TokenRows(
        arrays=arrays,
        segments=np.stack([numbers, np.ones(count, int), numbers], axis=1),
        record_ids=tuple(map(str, numbers)),
    )
    return PlannedRows(plan=RowPlan(sequence_length=length), buckets=(bucket,))


if __name__ == "__main__":
    main()
