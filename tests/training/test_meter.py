import jax
import pytest

from gemma_keras_ft.training.meter import Meter, peak_memory


class Clock:
    now = 100.0

    def __call__(self):
        return self.now

    def wait(self, seconds):
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


def test_validation_and_saving_do_not_slow_training_down(clock):
    meter = Meter(10, clock=clock)
    meter.begin()
    clock.wait(4)
    meter.trained()
    clock.wait(60)
    assert meter.measure(1000)["tokens_per_second"] == 250
    meter.begin()
    clock.wait(2)
    assert meter.measure(1000)["tokens_per_second"] == 500


def test_time_left_leaves_compiling_out_and_validation_in(clock):
    meter = Meter(10, clock=clock)
    meter.begin()
    clock.wait(50)
    meter.stepped(1)
    assert meter.seconds_left(1) is None
    clock.wait(3)
    meter.stepped(2)
    meter.trained()
    clock.wait(1)
    assert meter.seconds_left(2) == pytest.approx(4 * 8)
    # A session that continues at step 6 measures its own steps.
    resumed = Meter(10, clock=clock)
    resumed.stepped(7)
    clock.wait(2)
    assert resumed.seconds_left(8) == pytest.approx(4)


def test_utilization_is_the_share_of_the_peak(clock):
    meter = Meter(10, flops_per_token=3e6, peak_flops=1e9, clock=clock)
    meter.begin()
    clock.wait(2)
    # 100 tokens of 3 million operations, in 2 seconds.
    assert meter.measure(100)["utilization"] == pytest.approx(0.15)
    assert "utilization" not in Meter(10, clock=clock).measure(100)


def test_memory_is_that_of_the_fullest_accelerator_or_of_the_process(monkeypatch):
    class Device:
        def __init__(self, stats):
            self.stats = stats

        def memory_stats(self):
            return self.stats

    # Python, JAX and what else was imported take more than 50 MB.
    assert 50e6 < peak_memory() < 1e12
    devices = [Device({"peak_bytes_in_use": bytes_}) for bytes_ in (5, 7)]
    monkeypatch.setattr(jax, "local_devices", lambda: devices)
    assert peak_memory() == 7
