"""Which dtype a device gets, and which it never does."""

import types

import pytest

from gemma_keras_ft.model.precision import DTYPES, check_dtype, choose_precision
from gemma_keras_ft.model.preset import load_preset


def device(platform, kind, **facts):
    return types.SimpleNamespace(platform=platform, device_kind=kind, **facts)


@pytest.mark.parametrize(
    ("found", "dtype", "said"),
    [
        (device("cpu", "cpu"), "float32", "more slowly"),
        (device("tpu", "TPU v5 lite"), "bfloat16", "natively"),
        (device("gpu", "NVIDIA H100", compute_capability="9.0"), "bfloat16", "nativ"),
        (device("gpu", "NVIDIA A100", compute_capability="8.0"), "bfloat16", "nativ"),
        (device("gpu", "Tesla T4", compute_capability="7.5"), "bfloat16", "overflows"),
        (device("gpu", "AMD MI300", compute_capability="gfx942"), "bfloat16", "nativ"),
        (device("gpu", "other"), "bfloat16", "natively"),
    ],
)
def test_a_device_gets_what_suits_it(found, dtype, said):
    precision = choose_precision(found)
    assert precision.dtype == dtype
    assert said in precision.reason


def test_this_machine_is_asked_by_default():
    assert choose_precision().dtype == "float32"


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes_that_keep_gemma_2_finite_are_taken(dtype):
    check_dtype(dtype)


@pytest.mark.parametrize("dtype", ["float16", "mixed_float16", "int8", "float64", 16])
def test_other_dtypes_are_refused(dtype):
    with pytest.raises(ValueError, match=r"`dtype` must be one of"):
        check_dtype(dtype)


def test_float16_is_refused_with_the_reason(small_preset):
    with pytest.raises(ValueError, match=r"exceed the range of float16"):
        load_preset(small_preset, dtype="float16")
