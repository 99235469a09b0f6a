"""The contestants of `training.py`, each in a process of its own.

Every contestant takes a step when it is told to, so that their steps alternate and
a busy moment of the machine falls on all of them.
"""

import os
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from training_setup import ALPHA, LEARNING_RATE, RANK, Setup

import gemma_keras_ft as gkf

# Products from which the machine's peak is taken, and how often one is repeated.
_SIDE, _PRODUCTS = 2048, 3
# More steps than any benchmark takes.
_ENDLESS = 1_000_000


def compete(name: str, setup: Setup, line: Connection) -> None:
    """Runs a contestant until the other end of `line` hangs up."""
    try:
        CONTESTANTS[name](setup, line)
    except (EOFError, BrokenPipeError):
        return
    except BaseException as error:  # told to whoever waits, and raised here too
        line.send({"error": repr(error)})
        raise


def train_ours(setup: Setup, line: Connection) -> None:
    """This package on packed rows."""
    from gemma_keras_ft.model.lora import enable_adapter
    from gemma_keras_ft.training.flops import training_flops
    from gemma_keras_ft.training.step_memory import share_one_heap

    # As the command line does.
    share_one_heap()
    model = setup.build()
    enable_adapter(model, gkf.Adapter(rank=RANK, alpha=ALPHA))
    rows = setup.plan_rows("packed")
    _introduce(line, rows, setup, model, flops=training_flops(model, rows))
    (bucket,) = rows.buckets
    trainer = gkf.Trainer(
        epochs=_ENDLESS,
        max_steps=_ENDLESS,
        evaluations=1,
        global_batch_size=setup.rows,
        learning_rate=LEARNING_RATE,
    )
    pace = _pace(line, lambda _: bucket.sequence_length)
    trainer.fit(model, rows, callbacks=[pace])


def train_stock(setup: Setup, line: Connection, layout: str = "single") -> None:
    """KerasHub as it comes: `GemmaCausalLM.fit`, a song a row."""
    import keras

    model = setup.build()
    model.preprocessor = None
    model.backbone.enable_lora(RANK, target_layer_names=[*gkf.Adapter().targets])
    for layer in model.backbone._flatten_layers(include_self=False):
        if getattr(layer, "lora_enabled", False):
            layer.lora_alpha = ALPHA
    rows = setup.plan_rows(layout)
    _introduce(line, rows, setup, model)
    model.compile(
        optimizer=keras.optimizers.AdamW(LEARNING_RATE, global_clipnorm=1.0),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=[keras.metrics.SparseCategoricalAccuracy()],
    )
    lengths = [bucket.sequence_length for bucket in rows.buckets]
    model.fit(
        _dataset(rows, setup),
        steps_per_epoch=_ENDLESS,
        verbose=0,
        callbacks=[_pace(line, lambda step: lengths[step % len(lengths)])],
    )


def train_bucketed(setup: Setup, line: Connection) -> None:
    """KerasHub on songs sorted by length, as many places a batch as the others."""
    train_stock(setup, line, layout="bucketed")


def train_peft(setup: Setup, line: Connection) -> None:
    """Transformers with PEFT, on packed rows."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import Gemma2Config, Gemma2ForCausalLM

    torch.manual_seed(0)
    torch.set_num_threads(os.cpu_count() or 1)
    config = Gemma2Config(
        vocab_size=setup.vocabulary,
        hidden_size=setup.width,
        intermediate_size=setup.feed_forward,
        num_hidden_layers=setup.layers,
        num_attention_heads=setup.heads,
        num_key_value_heads=setup.heads // 2,
        head_dim=64,
        query_pre_attn_scalar=64,
        sliding_window=4096,
        # The only one that knows Gemma 2's soft cap.
        attn_implementation="eager",
        use_cache=False,
    )
    model: Any = get_peft_model(Gemma2ForCausalLM(config), LoraConfig(**_peft(setup)))
    rows = setup.plan_rows("packed")
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    line.send({**_facts(rows, setup), "parameters": sum(w.numel() for w in trained)})
    optimizer = torch.optim.AdamW(trained, LEARNING_RATE)
    model.train()
    (bucket,) = rows.buckets
    for x, labels, weight in _batches(rows, setup):
        line.recv()
        start = time.perf_counter()
        # Transformers shifts labels itself, and leaves -100 out.
        shifted = np.full_like(labels, -100)
        shifted[:, 1:] = np.where(weight, labels, -100)[:, :-1]
        found = model(
            input_ids=torch.from_numpy(x["token_ids"]).long(),
            # Places that begin again tell the songs of a row apart.
            position_ids=torch.from_numpy(x["positions"]).long(),
            labels=torch.from_numpy(shifted).long(),
        )
        found.loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        _report(line, start, bucket.sequence_length, float(found.loss))


def multiply(setup: Setup, line: Connection) -> None:
    """The machine itself: large float32 products, the fastest of a few."""
    import jax
    import jax.numpy as jnp

    product = jax.jit(jnp.matmul)
    square = jnp.ones((_SIDE, _SIDE), jnp.float32)
    product(square, square).block_until_ready()
    line.send({"flops": 2.0 * _SIDE**3})
    while True:
        line.recv()
        seconds = []
        for _ in range(_PRODUCTS):
            start = time.perf_counter()
            product(square, square).block_until_ready()
            seconds.append(time.perf_counter() - start)
        line.send({"seconds": min(seconds), "length": 0, "loss": 0.0, "peak_mib": 0})


CONTESTANTS: Mapping[str, Callable[[Setup, Connection], None]] = {
    "ours": train_ours,
    "stock": train_stock,
    "stock, bucketed": train_bucketed,
    "transformers + peft": train_peft,
    "matmul": multiply,
}


def _batches(rows: gkf.PlannedRows, setup: Setup) -> Iterator[tuple]:
    """Yields batches without end, of each length in turn."""
    streams = [_stream(bucket, _rows_of(bucket, setup)) for bucket in rows.buckets]
    while True:
        for stream in streams:
            yield next(stream)


def _dataset(rows: gkf.PlannedRows, setup: Setup) -> Any:
    """Returns the batches as `tf.data`, which is all that KerasHub's `fit` takes."""
    import tensorflow as tf

    ids, weight = (tf.TensorSpec((None, None), dtype) for dtype in ("int32", "float32"))

    def batches():
        for x, labels, weight in _batches(rows, setup):
            names = ("token_ids", "padding_mask")
            yield {name: x[name] for name in names}, labels, weight

    signature = ({"token_ids": ids, "padding_mask": ids}, ids, weight)
    return tf.data.Dataset.from_generator(batches, output_signature=signature)


def _stream(bucket, size: int) -> Iterator[tuple]:
    generator = np.random.default_rng(0)
    while True:
        order = generator.permutation(len(bucket))
        for start in range(0, len(order) - size + 1, size):
            taken = {
                name: values[order[start : start + size]]
                for name, values in bucket.arrays.items()
            }
            x = {
                "token_ids": taken["token_ids"],
                "padding_mask": taken["segment_ids"],
                "positions": taken["positions"],
            }
            yield x, taken["labels"], taken["sample_weight"]


def _rows_of(bucket, setup: Setup) -> int:
    """Returns rows of a batch: shorter ones are more, so that places are the same."""
    return setup.places // bucket.sequence_length


def _facts(rows: gkf.PlannedRows, setup: Setup) -> dict[str, Any]:
    """Returns what an epoch holds, by the length of its rows."""
    kinds = {
        bucket.sequence_length: {
            "batches": len(bucket) / _rows_of(bucket, setup),
            "tokens": int((bucket.arrays["segment_ids"] > 0).sum()),
        }
        for bucket in rows.buckets
    }
    return {"kinds": kinds, "filled": rows.counts()["filled"]}


def _introduce(
    line: Connection, rows: gkf.PlannedRows, setup: Setup, model, flops: float = 0.0
) -> None:
    trained = sum(int(np.prod(v.shape)) for v in model.backbone.trainable_variables)
    tokens = rows.counts()["tokens"]
    line.send(
        {
            **_facts(rows, setup),
            "parameters": trained,
            "flops_per_token": flops / tokens,
        }
    )


def _pace(line: Connection, length_of: Callable[[int], int]) -> Any:
    """Returns a Keras callback that waits for leave before every step."""
    import keras

    class Pace(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            line.recv()
            self.start = time.perf_counter()

        def on_train_batch_end(self, batch, logs=None):
            # To read the loss is to wait for it.
            loss = float((logs or {})["loss"])
            _report(line, self.start, length_of(batch), loss)

    return Pace()


def _report(line: Connection, start: float, length: int, loss: float) -> None:
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    line.send({"seconds": seconds, "length": length, "loss": loss, "peak_mib": peak})


def _peft(setup: Setup) -> dict[str, Any]:
    """Returns the settings of `LoraConfig` that train as many numbers as Keras'.

    Keras gives every head of a query, key or value projection a first factor of its
    own and all of them one second factor; PEFT has one of each, which spans as much
    with rank `heads * r`. As many numbers has a lower rank, of which the broken part
    is shared out over the layers.
    """
    ranks = {}
    for name, heads in (("q", setup.heads), ("k", setup.heads // 2)):
        numbers = RANK * (heads * setup.width + 64) / (setup.width + heads * 64)
        for layer in range(setup.layers):
            rank = int(numbers * (layer + 1)) - int(numbers * layer)
            for part in ("q",) if name == "q" else ("k", "v"):
                ranks[f"layers.{layer}.self_attn.{part}_proj"] = rank
    names = "q_proj k_proj v_proj o_proj gate_proj up_proj down_proj"
    return {
        "r": RANK,
        "lora_alpha": ALPHA,
        "rank_pattern": ranks,
        # The scale stays alpha / r.
        "alpha_pattern": {key: ALPHA * rank / RANK for key, rank in ranks.items()},
        "target_modules": names.split(),
        "task_type": "CAUSAL_LM",
    }
