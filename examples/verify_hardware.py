"""Checks in five minutes that a TPU, a GPU or a CPU trains Gemma 2 right, and how fast.

    python verify_hardware.py [--preset gemma2_2b_en] [--out hardware.json]

Writes one JSON file with, for this very machine:

- soft cap: attention against NumPy in float64, and how far it would be off without;
- packing: logits of songs that share a row against those of each song alone;
- adapter: saved and loaded again, here and in a plain KerasHub model;
- memory: what was planned for a step against what the device reports;
- speed: real tokens a second, and the share of the matmul peak measured here (MFU).

Each part says whether it holds; the exit status is 1 if one does not. The embedded
tiny model is checked by default; name the preset that you will train, to measure it.
"""

import argparse
import itertools
import json
import sys
import tempfile
import time
from pathlib import Path

import gemma_keras_ft as gkf

SONGS = 3
# Largest difference of two ways to compute the same, over the largest value.
TOLERANCE = {"float32": 1e-4, "bfloat16": 4e-2}


def main(argv=None):
    """Runs every check; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--preset", default="tiny_gemma2")
    parser.add_argument("--sequence-length", type=int, default=256)
    parser.add_argument("--global-batch-size", type=int, default=8)
    parser.add_argument("--steps", type=int, default=16, help="steps that are timed")
    parser.add_argument("--peak-tflops", type=float, help="else measured")
    parser.add_argument("--out", type=Path, default=Path("hardware.json"))
    arguments = parser.parse_args(argv)

    from gemma_keras_ft.workflow.evaluating import environment

    model = gkf.load_preset(arguments.preset)
    dtype = model.backbone.compute_dtype
    found = {
        "machine": {**environment(), "preset": arguments.preset, "dtype": dtype},
        "soft_cap": check_soft_cap(),
        "packing": check_packing(model, TOLERANCE[dtype]),
        "adapter": check_adapter(arguments.preset, TOLERANCE[dtype]),
        "speed": measure_speed(model, arguments),
    }
    found["memory"] = found["speed"].pop("memory")
    for name, part in found.items():
        print(name, json.dumps(part, indent=1, ensure_ascii=False))
    arguments.out.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    failed = [name for name, part in found.items() if part.get("holds") is False]
    print(f"written: {arguments.out}; failed: {', '.join(failed) or 'none'}")
    return int(bool(failed))


def check_soft_cap():
    """Compares attention on the device with NumPy, on logits that the cap bends."""
    import jax
    import numpy as np

    from gemma_keras_ft.model.attention import segment_attention

    rows, length, heads, size, cap = 2, 192, 4, 64, 50.0
    generator = np.random.default_rng(0)
    query = generator.normal(0, 4, (rows, length, heads, size)).astype("float32")
    key, value = generator.normal(0, 4, (2, rows, length, heads, size)).astype(
        "float32"
    )
    segments = np.ones((rows, length), "int32")
    attend = jax.jit(
        lambda *inputs: segment_attention(
            *inputs, segment_ids=segments, scale=size**-0.5, soft_cap=cap
        )
    )
    with jax.default_matmul_precision("highest"):
        ours = np.asarray(attend(query, key, value), "float64")
    exact, uncapped = (_attention(query, key, value, c) for c in (cap, None))
    error = _difference(ours, exact)
    return {
        "error": error,
        "error_without_the_cap": _difference(uncapped, exact),
        "holds": error < TOLERANCE["float32"],
    }


def _attention(query, key, value, cap):
    """Causal attention in float64."""
    import numpy as np

    query, key, value = (a.astype("float64") for a in (query, key, value))
    logits = np.einsum("rqhd,rkhd->rhqk", query, key) * query.shape[-1] ** -0.5
    if cap is not None:
        logits = cap * np.tanh(logits / cap)
    length = logits.shape[-1]
    logits = np.where(np.tri(length, dtype=bool), logits, -np.inf)
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    return np.einsum("rhqk,rkhd->rqhd", weights, value)


def check_packing(model, tolerance):
    """Compares hidden states of songs in one row with those of each song alone."""
    import numpy as np

    from gemma_keras_ft.model.attention import attends_in_segments, replace_attention

    if not attends_in_segments(model):
        replace_attention(model)
    songs = [example_ids(model, song) for song in gkf.own_songs()[:SONGS]]
    packed = np.concatenate(songs)[None]
    numbers = [np.full(len(song), n + 1) for n, song in enumerate(songs)]
    together = hidden_states(model, packed, np.concatenate(numbers)[None])[0]
    alone = [
        hidden_states(model, song[None], np.ones_like(song)[None])[0] for song in songs
    ]
    mixed = hidden_states(model, packed, np.ones_like(packed))[0]
    alone = np.concatenate(alone)
    error = _difference(together, alone)
    return {
        "songs": SONGS,
        "error": error,
        "error_if_songs_saw_each_other": _difference(mixed, alone),
        "holds": error < tolerance,
    }


def example_ids(model, song):
    """Returns a song's first tokens, the same number for every song."""
    import numpy as np

    return np.asarray(model.preprocessor.tokenizer(song.text))[:32].astype("int32")


def hidden_states(model, token_ids, segments):
    """Runs the backbone; returns float32 `(rows, length, width)`."""
    import numpy as np

    inputs = {"token_ids": token_ids, "padding_mask": segments.astype("int32")}
    return np.asarray(model.backbone(inputs), "float32")


def check_adapter(preset, tolerance):
    """Saves an adapter, loads it again, and loads it into a plain KerasHub model."""
    import numpy as np

    from gemma_keras_ft.model.lora import (
        adapter_variables,
        enable_adapter,
        load_adapter,
        save_adapter,
    )

    model = gkf.load_preset(preset)
    fingerprint = gkf.preset_fingerprint(model)
    ids = example_ids(model, gkf.own_songs()[0])[None]
    adapter = gkf.Adapter(rank=4)
    enable_adapter(model, adapter)
    before = hidden_states(model, ids, np.ones_like(ids))
    generator = np.random.default_rng(0)
    for _, variable in sorted(adapter_variables(model).items()):
        variable.assign(generator.normal(0, 0.02, variable.shape))
    trained = hidden_states(model, ids, np.ones_like(ids))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "adapter.safetensors")
        save_adapter(model, path, adapter, base=preset, fingerprint=fingerprint)
        del model
        again = gkf.load_preset(preset)
        load_adapter(again, path, fingerprint=fingerprint)
        loaded = hidden_states(again, ids, np.ones_like(ids))
        del again
        stock = gkf.load_preset(preset)
        gkf.load_stock_adapter(stock, path)
        plain = hidden_states(stock, ids, np.ones_like(ids))
    error, plain_error = _difference(loaded, trained), _difference(plain, trained)
    return {
        "error": error,
        "error_in_plain_kerashub": plain_error,
        "error_if_nothing_were_loaded": _difference(before, trained),
        "holds": error < 1e-6 and plain_error < tolerance,
    }


def measure_speed(model, arguments):
    """Trains some steps; returns speed, and planned and actual memory."""
    import keras

    from gemma_keras_ft.model.lora import enable_adapter
    from gemma_keras_ft.training.flops import measure_peak_flops, training_flops
    from gemma_keras_ft.training.meter import peak_memory

    enable_adapter(model, gkf.Adapter(rank=8))
    rows = song_rows(model, arguments.sequence_length)

    ends = []

    class Clock(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            float((logs or {})["loss"])
            ends.append(time.perf_counter())

    before = peak_memory()
    start = time.perf_counter()
    gkf.Trainer(
        epochs=arguments.steps + 2,
        max_steps=arguments.steps + 2,
        global_batch_size=arguments.global_batch_size,
        evaluations=1,
    ).fit(model, rows, callbacks=[Clock()])
    seconds = [b - a for a, b in itertools.pairwise(ends[1:])]
    step = sorted(seconds)[len(seconds) // 2]
    counts = rows.counts()
    tokens = arguments.global_batch_size * counts["tokens"] / counts["rows"]
    peak = 1e12 * (arguments.peak_tflops or 0)
    peak = peak or measure_peak_flops(model.backbone.compute_dtype)
    needed = training_flops(model, rows) / counts["tokens"] * tokens
    return {
        "seconds_to_first_step": ends[0] - start,
        "seconds_a_step": step,
        "tokens_a_step": tokens,
        "tokens_per_second": tokens / step,
        "peak_tflops": peak / 1e12,
        "peak_is_measured": arguments.peak_tflops is None,
        "mfu": needed / step / peak,
        "memory": measured_memory(model, arguments, before, peak_memory()),
    }


def song_rows(model, sequence_length):
    """Packs the library's own songs, often enough for a batch."""
    tokenizer = model.preprocessor.tokenizer
    task = gkf.PlainText()
    examples = [e for song in gkf.own_songs() for e in task.examples(song)]
    plan = gkf.RowPlan(sequence_length=sequence_length)
    return plan.build(gkf.tokenize_examples(examples, tokenizer))


def measured_memory(model, arguments, before, after):
    """Returns the bytes planned for a step, and those in use at the fullest moment."""
    import jax

    from gemma_keras_ft.model.shapes import shape_of
    from gemma_keras_ft.training.planning.compiled import plan_step

    plan = plan_step(
        shape_of(model.backbone),
        adapter=gkf.Adapter(rank=8),
        rows=arguments.global_batch_size,
        sequence_length=arguments.sequence_length,
        dtype=model.backbone.dtype_policy.name,
    )
    kept = all(device.memory_stats() for device in jax.local_devices())
    return {
        "planned_bytes": plan.bytes,
        "planned_state_bytes": plan.state_bytes,
        "planned_temporary_bytes": plan.temporary_bytes,
        "peak_bytes": after if kept else after - before,
        "peak_is_of": "the device" if kept else "the process, its growth in training",
    }


def _difference(left, right):
    """Returns the largest difference over the largest value."""
    import numpy as np

    return float(np.abs(left - right).max() / np.abs(right).max())


if __name__ == "__main__":
    sys.exit(main())
