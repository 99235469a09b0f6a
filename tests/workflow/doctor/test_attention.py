"""The check of attention: right on this device, and finding out one that is wrong."""

import types

import jax
import numpy as np
import pytest
from keras_hub.src.models.gemma.gemma_attention import CachedGemmaAttention

from gemma_keras_ft.model import attention
from gemma_keras_ft.workflow.doctor import attention as doctor_attention
from gemma_keras_ft.workflow.doctor.attention import (
    SHAPE,
    TOLERANCE,
    check_attention,
    difference,
    gemma2_logits,
)


def statuses():
    return {finding.check: finding.status for finding in check_attention()}


@pytest.fixture
def segment_attention(monkeypatch):
    """A function: puts another in the place of `segment_attention`."""
    stock = attention.segment_attention

    def replace(change):
        def changed(*inputs, **options):
            return change(stock, *inputs, **options)

        monkeypatch.setattr(attention, "segment_attention", changed)

    return replace


@pytest.fixture
def weights():
    generator = np.random.default_rng(0)
    model = doctor_attention._build()
    return {
        variable.path: generator.normal(0, 0.3, variable.shape)
        for variable in model.variables
    }


def test_this_device_attends_as_numpy_does():
    weights, runs = doctor_attention._run_model()
    songs = doctor_attention._songs()
    exact = np.concatenate([gemma2_logits(weights, song) for song in songs])
    assert len(runs) == 2
    for run in runs:
        for found in run.values():
            assert found.shape == exact.shape
            # Far closer than the check asks of a device that rounds otherwise.
            assert difference(found, exact) < 1e-5
    assert statuses() == {"soft cap": "ok", "packing": "ok"}


def test_what_is_checked_would_show(weights):
    song = doctor_attention._songs()[0]
    exact = gemma2_logits(weights, song)
    assert exact.shape == (len(song), SHAPE["vocabulary_size"])
    assert difference(gemma2_logits(weights, song, soft_cap=None), exact) > 0.1
    together = np.concatenate(doctor_attention._songs())
    alone = [gemma2_logits(weights, song) for song in doctor_attention._songs()]
    mixed = difference(gemma2_logits(weights, together), np.concatenate(alone))
    assert mixed > 0.1 > 100 * TOLERANCE


def test_a_dropped_cap_is_found_out(segment_attention):
    def drop(stock, *inputs, soft_cap, **options):
        return stock(*inputs, soft_cap=None, **options)

    segment_attention(drop)
    assert statuses() == {"soft cap": "error", "packing": "error"}


def test_songs_that_see_each_other_are_found_out(segment_attention):
    def mix(stock, *inputs, segment_ids, **options):
        return stock(*inputs, segment_ids=(segment_ids > 0).astype("int32"), **options)

    segment_attention(mix)
    assert statuses() == {"soft cap": "ok", "packing": "error"}


def test_a_window_that_is_not_kept_is_found_out(segment_attention):
    def widen(stock, *inputs, sliding_window, **options):
        return stock(*inputs, sliding_window=None, **options)

    segment_attention(widen)
    assert statuses() == {"soft cap": "error", "packing": "error"}


def test_either_way_to_attend_counts(segment_attention):
    def break_blocks(stock, *inputs, block_size, soft_cap, **options):
        cap = soft_cap if block_size == 28 else None
        return stock(*inputs, block_size=block_size, soft_cap=cap, **options)

    segment_attention(break_blocks)
    assert statuses()["soft cap"] == "error"


def test_logits_that_are_no_numbers_are_found_out(segment_attention):
    def overflow(stock, *inputs, **options):
        return stock(*inputs, **options) * np.nan

    segment_attention(overflow)
    found = list(check_attention())
    assert [finding.status for finding in found] == ["error", "error"]
    assert all("Do not train on this device" in finding.remedy for finding in found)


def test_stock_on_a_tpu_would_be_found_out(monkeypatch):
    """KerasHub's own attention, and Keras' own, on the branches they take on a TPU."""
    monkeypatch.setattr(attention, "replace_attention", lambda *_, **__: None)
    # On this device stock keeps the cap; it knows no segments.
    assert statuses() == {"soft cap": "ok", "packing": "error"}
    monkeypatch.setattr(
        CachedGemmaAttention, "_use_fused_attention_op", lambda layer: True
    )
    tpu = types.SimpleNamespace(platform="tpu")
    monkeypatch.setattr(jax, "devices", lambda *_: [tpu])
    assert statuses() == {"soft cap": "error", "packing": "error"}


def test_the_figures_are_told():
    cap, packing = check_attention()
    assert "off NumPy's; without it, " in cap.found
    assert "if songs saw each other, " in packing.found
