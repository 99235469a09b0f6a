import dataclasses
import types

import jax
import pytest

from gemma_keras_ft.model.devices import (
    DEVICE_KINDS,
    GIB,
    device_memory,
    parse_devices,
)


@pytest.mark.parametrize(
    ("text", "count", "name"),
    [
        ("8xTPUv5e", 8, "TPUv5e"),
        ("2xT4", 2, "T4"),
        ("H100", 1, "H100"),
        (" 256 x tpuv5E ", 256, "TPUv5e"),
        ("4×a100-80gb", 4, "A100-80GB"),
        ("1xL4", 1, "L4"),
    ],
)
def test_devices_are_read_from_text(text, count, name):
    assert parse_devices(text) == (count, DEVICE_KINDS[name])


@pytest.mark.parametrize(
    "text",
    ["", "8", "0xT4", "-1xT4", "65537xT4", "2xTPU", "xT4", "T4x2", "2xT4,1xL4", "2 T4"],
)
def test_devices_of_no_known_kind_are_refused(text):
    with pytest.raises(ValueError, match="`devices` must be a number") as raised:
        parse_devices(text)
    assert all(name in str(raised.value) for name in DEVICE_KINDS)
    assert f"Received: devices={text!r}" in str(raised.value)


def test_kinds_of_ones_own_are_read_too():
    own = {"Big": dataclasses.replace(DEVICE_KINDS["H100"], name="Big")}
    assert parse_devices("2xbig", own) == (2, own["Big"])
    with pytest.raises(ValueError, match=r"of \['Big'\]"):
        parse_devices("2xH100", own)


@pytest.mark.parametrize("name", DEVICE_KINDS)
def test_kinds_are_in_the_units_that_they_are_told_in(name):
    kind = DEVICE_KINDS[name]
    assert kind.name == name
    assert kind.platform in ("tpu", "gpu")
    assert 8 * GIB < kind.memory_bytes < 256 * GIB
    assert 1e12 < kind.peak_flops < 1e16
    assert 1e11 < kind.memory_bandwidth < 1e13
    assert 1e9 < kind.link_bandwidth < kind.memory_bandwidth
    assert kind.host_devices in (4, 8)


@pytest.mark.parametrize(
    ("memories", "expected"),
    [
        ((11 * GIB, 10 * GIB), 10 * GIB),
        ((11 * GIB, None), 11 * GIB),
        ((None, None), None),
        ((0,), None),
    ],
)
def test_memory_is_that_of_the_smallest_device_that_tells(
    monkeypatch, memories, expected
):
    devices = [
        types.SimpleNamespace(
            memory_stats=lambda memory=memory: memory and {"bytes_limit": memory}
        )
        for memory in memories
    ]
    monkeypatch.setattr(jax, "local_devices", lambda: devices)
    assert device_memory() == expected


def test_a_cpu_tells_nothing_of_its_memory():
    assert device_memory() is None
