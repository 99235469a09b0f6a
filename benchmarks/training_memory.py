"""What XLA keeps beside weights: for the loss, for a step, and as rows grow."""

import concurrent.futures
import multiprocessing
import statistics
import time
from typing import Any

from training_setup import ALPHA, LENGTH, RANK, Setup

import gemma_keras_ft as gkf

LENGTHS = (256, 512, 1_024, 2_048, 4_096)
_ROUNDS = 3
_MIB = 2**20


def measure_memory(setup: Setup) -> dict[str, Any]:
    """Returns XLA's temporaries in MiB, of the loss and of forward and backward pass.

    Compiled for the contestants' batch, not run.
    """
    found = _alone(_memory, setup)
    return {
        **found,
        "stock_temporaries_over_ours": found["loss_temporaries_mib_stock"]
        / found["loss_temporaries_mib_ours"],
    }


def measure_growth(setup: Setup) -> dict[str, Any]:
    """Returns time and temporaries a token as rows of one song grow longer.

    For each length, of the forward and backward pass over as many places: seconds a
    token, the attention's own GFLOP a token, what each of these takes over the
    shortest row, and temporaries for a single row.
    """
    found = _alone(_growth, setup)
    print("growth: rows of one song, forward and backward")
    for length, row in found.items():
        cells = "  ".join(f"{name} {value:,.4g}" for name, value in row.items())
        print(f"  {length:>5}  {cells}", flush=True)
    return found


def _alone(measure, setup: Setup) -> dict[str, Any]:
    """Measures in a process that ends, so that its memory is free again."""
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(measure, setup).result()


def _memory(setup: Setup) -> dict[str, float]:
    import jax

    hidden = jax.ShapeDtypeStruct((setup.rows, LENGTH, setup.width), "float32")
    embedding = jax.ShapeDtypeStruct((setup.vocabulary, setup.width), "float32")
    labels = jax.ShapeDtypeStruct((setup.rows, LENGTH), "int32")
    weight = jax.ShapeDtypeStruct((setup.rows, LENGTH), "float32")
    inputs = (hidden, embedding, labels, weight)
    found = {
        f"loss_temporaries_mib_{name}": _temporaries(loss, inputs)
        for name, loss in (("ours", _our_loss), ("stock", _stock_loss))
    }
    for name in ("ours", "stock"):
        step, state = _pass(setup, stock=name == "stock")
        batch = {"token_ids": labels, "padding_mask": labels}
        found[f"step_temporaries_mib_{name}"] = _temporaries(
            step, (*state, batch, labels, weight)
        )
    return found


def _growth(setup: Setup) -> dict[int, dict[str, float]]:
    import jax
    import numpy as np

    step, state = _pass(setup, stock=False)
    generator = np.random.default_rng(0)
    compiled, seconds = {}, {length: [] for length in LENGTHS}
    batches, single = {}, {}
    for length in LENGTHS:
        for rows in (1, LENGTHS[-1] // length):
            ids = generator.integers(8, setup.vocabulary, (rows, length), "int32")
            batch = {"token_ids": ids, "padding_mask": np.ones_like(ids)}
            inputs = (*state, batch, ids, np.ones(ids.shape, "float32"))
            done = _compiled(step, inputs)
            if rows == 1:
                single[length] = done.memory_analysis().temp_size_in_bytes / _MIB
        compiled[length], batches[length] = done, inputs
    for number in range(_ROUNDS + 1):
        for length in LENGTHS:
            start = time.perf_counter()
            jax.block_until_ready(compiled[length](*batches[length]))
            if number:
                seconds[length].append(time.perf_counter() - start)
    found: dict[int, dict[str, float]] = {}
    first = None
    for length in LENGTHS:
        cost = statistics.median(seconds[length]) / LENGTHS[-1]
        # Two products forwards, five backwards, over half the places on average.
        attention = 7 * length * setup.heads * 64 * setup.layers / 1e9
        first = first or (cost, attention)
        row = {
            "microseconds_a_token": 1e6 * cost,
            "attention_gflop_a_token": attention,
            "temporaries_mib": single[length],
            "temporaries_kib_a_token": single[length] * 1024 / length,
        }
        if length != LENGTHS[0]:
            more = (cost - first[0]) / (attention - first[1])
            row["more_seconds_per_more_attention_tflop"] = 1e3 * more
        found[length] = row
    return found


def _pass(setup: Setup, *, stock: bool) -> tuple[Any, tuple]:
    """Returns a function that forms loss and gradients, and its first arguments."""
    from gemma_keras_ft.model.attention import replace_attention
    from gemma_keras_ft.model.lora import enable_adapter

    model = setup.build()
    if stock:
        model.backbone.enable_lora(RANK, target_layer_names=[*gkf.Adapter().targets])
    else:
        replace_attention(model)
        enable_adapter(model, gkf.Adapter(rank=RANK, alpha=ALPHA))
    backbone = model.backbone
    place = [v.path for v in backbone.non_trainable_variables].index(
        "token_embedding/embeddings"
    )

    def loss(trainable, frozen, batch, labels, weight):
        called: Any = backbone.stateless_call(trainable, frozen, batch, training=True)
        compute = _stock_loss if stock else _our_loss
        return compute(called[0], frozen[place], labels, weight)

    state = (
        [v.value for v in backbone.trainable_variables],
        [v.value for v in backbone.non_trainable_variables],
    )
    return loss, state


def _our_loss(hidden, embedding, labels, weight):
    from gemma_keras_ft.model.loss import token_losses, weighted_mean

    found = token_losses(hidden, embedding, labels, soft_cap=30.0, sample_weight=weight)
    return weighted_mean(found.objective, weight), weighted_mean(found.correct, weight)


def _stock_loss(hidden, embedding, labels, weight):
    """What `GemmaCausalLM` computes: logits of the tied embedding, Keras' loss."""
    import keras

    ops = keras.ops
    logits = ops.matmul(hidden, ops.transpose(embedding))
    logits = ops.tanh(logits / 30.0) * 30.0
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    matches = keras.metrics.sparse_categorical_accuracy(labels, logits)
    return loss(labels, logits, weight), ops.mean(matches)


def _compiled(function, inputs) -> Any:
    import jax

    differentiated = jax.value_and_grad(function, has_aux=True)
    return jax.jit(differentiated).lower(*inputs).compile()


def _temporaries(function, inputs) -> float:
    return _compiled(function, inputs).memory_analysis().temp_size_in_bytes / _MIB
