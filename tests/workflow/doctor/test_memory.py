import pytest

from gemma_keras_ft.model import precision
from gemma_keras_ft.workflow.doctor import memory as doctor_memory
from gemma_keras_ft.workflow.doctor.memory import (
    check_host_memory,
    check_weights,
)

GIB = 2**30
TWO_B = "gemma2_2b_en"


@pytest.fixture
def machine(monkeypatch):
    """A function: gives the machine so much memory, and a dtype that suits it."""

    def have(*, host=None, device=None, dtype="bfloat16"):
        monkeypatch.setattr(doctor_memory, "available_memory", lambda: host)
        monkeypatch.setattr(doctor_memory, "device_memory", lambda: device)
        choice = precision.Precision(dtype=dtype, reason="Told so.")
        monkeypatch.setattr(precision, "choose_precision", lambda: choice)

    return have


def only(findings):
    (finding,) = findings
    return finding


# 4.9 GiB in bfloat16, of which 4.7 GiB are needed at the least.
@pytest.mark.parametrize(
    ("memory", "status"), [(4, "error"), (4.8, "error"), (6, "warning"), (7, "ok")]
)
def test_weights_are_compared_with_a_devices_memory(machine, memory, status):
    machine(device=int(memory * GIB), host=1)
    found = only(check_weights("gemma2_2b_en"))
    assert found.status == status
    assert "2,614,341,888 in bfloat16 take 4.9 GiB" in found.found
    assert f"{memory:.1f} GiB on each device" in found.found


def test_remedies_leave_room_for_a_step(machine):
    machine(device=6 * GIB)
    # 0.6 GB of embedding in two bytes, 2.0 GB of kernels in one.
    assert "`--quantize int8` leaves 3.0 GiB" in only(check_weights(TWO_B)).remedy
    machine(device=4 * GIB)
    assert "--dtype" not in only(check_weights(TWO_B)).remedy


def test_on_a_cpu_the_host_holds_them(machine):
    machine(host=8 * GIB, dtype="float32")
    found = only(check_weights(TWO_B))
    assert found.status == "error"
    assert "in float32 take 9.7 GiB, of 8.0 GiB on the host" in found.found
    assert "`--dtype bfloat16`" in found.remedy


def test_nothing_is_claimed_where_nothing_is_known(machine):
    machine()
    assert only(check_weights(TWO_B)).status == "ok"
    machine(device=1)
    found = only(check_weights("hf://someone/songs"))
    assert found.status == "ok" and "once it has been fetched" in found.found


def test_host_memory_is_told(machine):
    machine(host=3 * GIB)
    assert only(check_host_memory()).found == "3.0 GiB available"
    machine()
    assert "nobody tells" in only(check_host_memory()).found
