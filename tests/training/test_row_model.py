"""One step: token-weighted whatever the layout, and never a step of NaN."""

import dataclasses

import keras
import numpy as np
import pytest

from gemma_keras_ft.data.rows import RowPlan
from gemma_keras_ft.data.tasks import Example
from gemma_keras_ft.data.tokenize import tokenize_examples
from gemma_keras_ft.model.lora import Adapter, adapter_variables, enable_adapter
from gemma_keras_ft.model.preset import load_preset
from gemma_keras_ft.training.trainer import Trainer

EXAMPLES = [
    Example(
        record_id=f"song-{n}",
        prompt=(f"line {n} of a song",),
        response=tuple(f"and then {n} {k}" for k in range(1 + n % 4)),
    )
    for n in range(8)
]
STEP = Trainer(
    epochs=1, global_batch_size=8, learning_rate=1e-2, warmup_fraction=0, evaluations=1
)


def adapted(small_preset, **settings):
    model = load_preset(small_preset)
    enable_adapter(model, Adapter(rank=4, **settings), seed=0)
    # Off zero, or the A factors would have no gradient in a first step.
    draw = np.random.default_rng(1)
    for path, variable in adapter_variables(model).items():
        if path.endswith("lora_kernel_b"):
            variable.assign(0.05 * draw.standard_normal(variable.shape))
    return model


def laid_out(model, **settings):
    plan = RowPlan(**{"sequence_length": 96} | settings)
    return plan.build(tokenize_examples(EXAMPLES, model.preprocessor.tokenizer))


def adapter_values(model):
    return {n: np.asarray(v.value) for n, v in adapter_variables(model).items()}


def assert_equal_values(left, right, tolerance):
    for name, value in adapter_values(left).items():
        np.testing.assert_allclose(
            adapter_values(right)[name], value, rtol=tolerance, atol=tolerance
        )


def test_packed_rows_train_as_separate_ones_do(small_preset):
    results, models = [], []
    for layout in ("single", "packed"):
        model = adapted(small_preset)
        rows = laid_out(model, layout=layout)
        results.append(STEP.fit(model, rows))
        models.append(model)
    assert results[0]["steps"] == results[1]["steps"] == 1
    np.testing.assert_allclose(
        results[1]["history"]["loss"], results[0]["history"]["loss"], rtol=1e-5
    )
    assert_equal_values(*models, tolerance=1e-5)


@pytest.mark.parametrize("micro_batches", [pytest.param(2, marks=pytest.mark.long), 4])
def test_micro_batches_take_the_step_of_the_whole_batch(small_preset, micro_batches):
    """Also where one of them has many more tokens to score than another."""
    whole, parts = adapted(small_preset), adapted(small_preset)
    rows = laid_out(whole, layout="single")
    weight = rows.buckets[0].arrays["sample_weight"]
    weight[::2, 20:] = 0
    STEP.fit(whole, rows)
    trainer = Trainer(**{**vars(STEP), "micro_batches": micro_batches})
    trainer.fit(parts, rows)
    assert_equal_values(whole, parts, tolerance=1e-5)
    start = adapter_values(adapted(small_preset))
    moved = adapter_values(parts)
    assert any(np.abs(moved[name] - start[name]).max() > 1e-3 for name in start)


def test_micro_batches_do_not_speed_the_schedule_up(small_preset):
    model = adapted(small_preset)
    trainer = Trainer(epochs=3, global_batch_size=4, micro_batches=2, evaluations=1)
    result = trainer.fit(model, laid_out(model, layout="single"))
    assert result["steps"] == 6


def test_loss_follows_stock_kerashub(small_preset):
    """The same adapter, rows and order, through `GemmaCausalLM.fit` as it comes.

    Gradients are far larger than what they are clipped to.
    """
    import keras_hub

    steps, rate, clip_norm = 50, 2e-3, 0.02
    # Stock's alpha is always its rank.
    ours = adapted(small_preset, alpha=4.0)
    start = adapter_values(ours)
    rows = laid_out(ours, layout="single")
    arrays = rows.buckets[0].arrays
    trainer = Trainer(
        epochs=steps,
        global_batch_size=8,
        learning_rate=rate,
        schedule="constant",
        warmup_fraction=0,
        clip_norm=clip_norm,
        evaluations=steps,
    )
    found = trainer.fit(ours, rows)["history"]["loss"]
    stock = keras_hub.models.GemmaCausalLM.from_preset(
        str(small_preset), dtype="float32"
    )
    stock.backbone.enable_lora(4, target_layer_names=[*Adapter().targets])
    values = {_short(path): value for path, value in start.items()}
    assert {_short(v.path) for v in stock.trainable_variables} == set(values)
    for variable in stock.trainable_variables:
        variable.assign(values[_short(variable.path)])
    stock.preprocessor = None
    stock.compile(
        optimizer=keras.optimizers.AdamW(
            rate, weight_decay=0.0, global_clipnorm=clip_norm
        ),
        loss=keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, reduction="mean_with_sample_weight"
        ),
    )
    inputs = {
        "token_ids": arrays["token_ids"],
        "padding_mask": arrays["segment_ids"],
    }
    history = stock.fit(
        inputs,
        arrays["labels"],
        sample_weight=arrays["sample_weight"],
        batch_size=8,
        epochs=steps,
        shuffle=False,
        verbose=0,
    ).history["loss"]
    np.testing.assert_allclose(found, history, rtol=1e-4)
    assert found[-1] < found[0] - 0.05


@pytest.mark.parametrize("micro_batches", [pytest.param(1, marks=pytest.mark.long), 4])
def test_mean_gradients_are_clipped_by_their_global_norm(small_preset, micro_batches):
    """Adam's first step hides a gradient's size, but its moments keep it."""
    norms = {}
    for clip_norm in (1e-3, 1e6):
        model = adapted(small_preset)
        arrays = laid_out(model, layout="single").buckets[0].arrays
        trainer = dataclasses.replace(
            STEP, clip_norm=clip_norm, micro_batches=micro_batches
        )
        fitted = trainer.build(model, total_steps=1)
        fitted.train_on_batch(
            {
                "token_ids": arrays["token_ids"],
                "padding_mask": arrays["segment_ids"],
            },
            arrays["labels"],
            arrays["sample_weight"],
        )
        moments = [v for v in fitted.optimizer.variables if "momentum" in v.path]
        squares = [np.square(np.asarray(moment.value)).sum() for moment in moments]
        norms[clip_norm] = 10 * np.sqrt(np.sum(squares))
    np.testing.assert_allclose(norms[1e-3], 1e-3, rtol=1e-4)
    assert norms[1e6] > 0.02


def _short(path):
    """The path of a variable without what differs from model to model."""
    return "/".join(path.split("/")[-4:])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_step_without_a_finite_loss_changes_nothing_and_is_counted(small_preset, bad):
    model, expected = adapted(small_preset), adapted(small_preset)
    rows = laid_out(model, layout="single")
    trainer = Trainer(epochs=1, global_batch_size=4, evaluations=1, seed=0)
    rows.buckets[0].arrays["sample_weight"][3, 30] = bad
    result = trainer.fit(model, rows)
    assert result["skipped"] == 1
    assert np.isfinite(result["history"]["loss"]).all()
    for values in adapter_values(model).values():
        assert np.isfinite(values).all()
    moved, start = adapter_values(model), adapter_values(expected)
    assert any((moved[name] != start[name]).any() for name in start)


def test_a_run_of_skipped_steps_ends_with_the_records_named(small_preset):
    model = adapted(small_preset)
    rows = laid_out(model, layout="single")
    rows.buckets[0].arrays["sample_weight"][:, 30] = np.nan
    trainer = Trainer(epochs=9, global_batch_size=4, evaluations=1)
    with pytest.raises(RuntimeError, match=r"5 steps in a row.*song-") as raised:
        trainer.fit(model, rows)
    assert "up to step 4" in str(raised.value)


def test_a_skipped_step_is_told_apart_from_one_that_failed_long_ago(small_preset):
    """Four in a row are forgiven, and good steps in between start the count anew."""
    model = adapted(small_preset)
    rows = laid_out(model, layout="single")
    rows.buckets[0].arrays["sample_weight"][0, 30] = np.nan
    trainer = Trainer(epochs=6, global_batch_size=4, evaluations=1)
    assert trainer.fit(model, rows)["skipped"] == 6


def test_the_first_gemma_trains_by_the_same_engine():
    """Without caps, window and post-norms, one key and value for all queries."""
    import keras_hub

    keras.utils.set_random_seed(0)
    backbone = keras_hub.models.GemmaBackbone(
        vocabulary_size=300,
        num_layers=2,
        num_query_heads=4,
        num_key_value_heads=1,
        hidden_dim=32,
        intermediate_dim=64,
        head_dim=8,
        dtype="float32",
    )
    model = keras_hub.models.GemmaCausalLM(backbone, None)
    ids = np.random.default_rng(0).integers(8, 300, (4, 24)).astype("int32")
    logits = np.asarray(model({"token_ids": ids, "padding_mask": np.ones_like(ids)}))
    expected = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(
        ids[:, 1:], logits[:, :-1]
    )
    enable_adapter(model, Adapter(rank=2))
    fitted = STEP.build(model, total_steps=4)
    weight = np.ones(ids.shape, "float32")
    weight[:, -1] = 0
    inputs = {"token_ids": ids, "padding_mask": np.ones_like(ids)}
    labels = np.roll(ids, -1, axis=1)
    losses = [
        fitted.train_on_batch(inputs, labels, weight, return_dict=True)["loss"]
        for _ in range(4)
    ]
    assert losses[0] == pytest.approx(float(expected), rel=1e-5)
    assert losses[-1] < losses[0]


def test_micro_batches_must_share_the_batch_evenly():
    with pytest.raises(ValueError, match="micro_batches=3"):
        Trainer(global_batch_size=8, micro_batches=3)
