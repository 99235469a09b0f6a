"""Two hosts on one job: processes of this machine, with two devices each."""

import contextlib
import functools
import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from safetensors.numpy import load_file

import gemma_keras_ft as gkf
from gemma_keras_ft.cli import main

SETTINGS = [
    *("--rank", "2", "--sequence-length", "64", "--global-batch-size", "8"),
    *("--learning-rate", "0.005"),
]
PYTHON = [sys.executable, *["-P"] * sys.flags.safe_path]
# Two of them, on a busy machine.
TIMEOUT = 240


class Host:
    """A process that is one of the hosts, and what it says."""

    def __init__(self, stack, folder, command, hosts):
        self.files = [folder / f"{hosts}.{name}" for name in ("out", "err")]
        out, err = (stack.enter_context(path.open("w")) for path in self.files)
        self.process = subprocess.Popen(
            [*PYTHON, *map(str, command), hosts],
            env=os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"},
            stdout=out,
            stderr=err,
        )
        stack.callback(self.process.wait)
        stack.callback(self.process.kill)

    def said(self):
        return self.files[0].read_text()

    def complained(self):
        return self.files[1].read_text()

    def wait(self, seconds=TIMEOUT):
        return self.process.wait(timeout=seconds)


@pytest.fixture
def start(tmp_path):
    """A function: starts two hosts on a command each; none outlives the test."""
    with contextlib.ExitStack() as stack:

        def begin(*commands):
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                address = "{}:{}".format(*free.getsockname())
            return [
                Host(stack, tmp_path, command, f"{address},2,{host}")
                for host, command in enumerate(commands)
                if command
            ]

        yield begin


def command(name, *arguments):
    return ["-m", "gemma_keras_ft", name, *arguments, "--hosts"]


@pytest.fixture(scope="module")
def training(dataset, small_preset):
    """A function: the arguments of a short training."""

    def arguments(out, *others, dataset=dataset, epochs=1):
        common = [dataset, "--out", out, "--preset", small_preset, *SETTINGS]
        return [*common, "--epochs", epochs, *others]

    return arguments


@pytest.fixture(scope="module")
def alone(training, tmp_path_factory):
    """A function: the folder of the run that one process makes, on one device."""

    @functools.cache
    def train(epochs, *options):
        out = tmp_path_factory.mktemp("alone") / "run"
        arguments = training(out, *options, epochs=epochs)
        assert main(["train", *map(str, arguments)]) == 0
        return out

    return train


def curves(folder):
    return gkf.read_run(folder).facts["result"]["history"]


def check_equal(found, expected):
    assert found["step"] == expected["step"]
    assert max(expected["loss"]) > min(expected["loss"]) + 0.01
    for name in ("loss", "validation_loss"):
        assert found[name] == pytest.approx(expected[name], rel=1e-5)


MESHES = ["batch=4", "fsdp=4", "batch=2,model=2", "fsdp=2,model=2", "model=4", "auto"]


@pytest.mark.parametrize(
    ("mesh", "epochs"),
    [
        ("fsdp=2,model=2", 1),
        *(pytest.param(mesh, 6, marks=pytest.mark.long) for mesh in MESHES),
    ],
)
def test_two_hosts_train_as_one_device_does(
    start, training, alone, tmp_path, mesh, epochs
):
    """Over 4 steps, or 24."""
    out, alone = tmp_path / "run", alone(epochs)
    train = command("train", *training(out, "--mesh", mesh, epochs=epochs))
    first, second = start(train, train)
    assert [first.wait(), second.wait()] == [0, 0], second.complained()
    check_equal(curves(out), curves(alone))
    assert curves(out)["step"][-1] == 4 * epochs
    adapters = [load_file(run / "adapter.safetensors") for run in (out, alone)]
    assert adapters[0].keys() == adapters[1].keys()
    for name, expected in adapters[1].items():
        assert expected.any()
        np.testing.assert_allclose(adapters[0][name], expected, rtol=0, atol=1e-5)
    # Beside what JAX itself says of the connections, on either.
    assert f"run in {out}" in first.said() and "training:" in first.complained()
    assert "run" not in second.said() and "training" not in second.complained()
    names = {path.name for path in out.iterdir()}
    assert names == {path.name for path in alone.iterdir()}
    # Written by one host, not by both.
    rows = (out / "metrics.csv").read_text().splitlines()
    assert len(rows) == len((alone / "metrics.csv").read_text().splitlines())


@pytest.mark.long
def test_a_base_in_8_bits_is_shared_by_hosts(start, training, alone, tmp_path):
    out, options = tmp_path / "run", ("--quantize", "int8")
    mesh = ("--mesh", "fsdp=2,model=2")
    train = command("train", *training(out, *options, *mesh, epochs=6))
    first, second = start(train, train)
    assert [first.wait(), second.wait()] == [0, 0], second.complained()
    check_equal(curves(out), curves(alone(6, *options)))
    assert curves(out) != curves(alone(6))


def test_hosts_of_different_settings_both_end_and_name_them(start, training, tmp_path):
    out, mesh = tmp_path / "run", ("--mesh", "batch=4")
    found = start(
        command("train", *training(out, *mesh)),
        command("train", *training(out, *mesh, "--learning-rate", "0.01")),
    )
    assert [host.wait() for host in found] == [2, 2]
    for host in found:
        assert "`trainer" in host.complained()
        assert "must be the same on every host" in host.complained()
        for word in ("learning_rate", "0.005", "0.01"):
            assert word in host.complained()
    assert not out.exists()


@pytest.mark.long
@pytest.mark.parametrize(
    ("field", "differing"),
    [
        ("dataset", []),
        ("mesh", ["--mesh", "fsdp=4"]),
        ("quantize", ["--quantize", "int8"]),
    ],
)
def test_every_difference_is_found_before_weights_are_loaded(
    start, training, dataset, lyrics, tmp_path, field, differing
):
    out, other = tmp_path / "run", dataset
    if field == "dataset":
        other = tmp_path / "other"
        language = ["--language", "ta-Latn", "--test", "0.4"]
        assert main(["curate", str(lyrics), "--out", str(other), *language]) == 0
    first = training(out, "--mesh", "batch=4")
    second = training(out, "--mesh", "batch=4", *differing, dataset=other)
    found = start(command("train", *first), command("train", *second))
    assert [host.wait() for host in found] == [2, 2]
    for host in found:
        assert f"`{field}` must be the same on every host" in host.complained()
    assert not out.exists()


@pytest.mark.long
@pytest.mark.parametrize("mesh", ["batch=8", "batch=1", "model=2", "model=3", "data=4"])
def test_a_mesh_that_does_not_fit_ends_both(start, training, tmp_path, mesh):
    train = command("train", *training(tmp_path / "run", "--mesh", mesh))
    found = start(train, train)
    assert [host.wait() for host in found] == [2, 2]
    for host in found:
        assert "`mesh` must" in host.complained()
        assert f"mesh='{mesh}'" in host.complained()
        assert "Traceback" not in host.complained()


@pytest.mark.long
@pytest.mark.parametrize("mesh", ["fsdp=2,model=2", "batch=4"])
def test_two_hosts_evaluate_as_one_device_does(start, alone, tmp_path, mesh):
    alone = alone(1)
    arguments = [alone, "--samples", "0", "--out"]
    evaluate = command("evaluate", *arguments, tmp_path / "report", "--mesh", mesh)
    first, second = start(evaluate, evaluate)
    assert [first.wait(), second.wait()] == [0, 0], second.complained()
    found = json.loads((tmp_path / "report" / "report.json").read_text())
    (run,), (expected,) = found["runs"], gkf.evaluate(alone, samples=0)["runs"]
    for side in ("base", "tuned"):
        assert run[side] == pytest.approx(expected[side], rel=1e-5)
    assert run["comparison"]["verdict"] == expected["comparison"]["verdict"]
    assert "perplexity" in first.said() and "perplexity" not in second.said()


@pytest.mark.long
@pytest.mark.parametrize("mesh", ["fsdp=2,model=2", "batch=4"])
def test_two_hosts_write_what_one_device_does(start, alone, mesh):
    alone = alone(1)
    arguments = [alone, "ilai malar", "--count", "3", "--max-new-tokens", "8"]
    generate = command("generate", *arguments, "--temperature", "0", "--mesh", mesh)
    first, second = start(generate, generate)
    assert [first.wait(), second.wait()] == [0, 0], second.complained()
    greedy = gkf.Generator(temperature=0, max_new_tokens=8)
    (text,) = gkf.generate(alone, ["ilai malar\n"], generator=greedy)
    assert text.strip() and first.said().count(text.strip("\n")) == 3
    assert "ilai malar" not in second.said()


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "arguments", "field"),
    [
        ("generate", ["ilai", "--count", "2"], "prompts"),
        ("generate", ["ilai", "--seed", "5"], "generator"),
        ("evaluate", ["--split", "validation"], "split"),
    ],
)
def test_hosts_that_are_to_use_a_run_otherwise_end(
    start, alone, tmp_path, name, arguments, field
):
    out = ["--out", tmp_path / "report"] if name == "evaluate" else []
    common = [alone(1), *out, "--mesh", "batch=4", "--host-timeout", "10"]
    first = [word for word in arguments if word == "ilai"]
    found = start(command(name, *common, *first), command(name, *common, *arguments))
    assert [host.wait() for host in found] == [2, 2]
    for host in found:
        assert f"`{field}" in host.complained()
        assert "must be the same on every host" in host.complained()


LONG = 40  # epochs, of which one host is to see but a few


def wait_until(holds, seconds):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.2)


@pytest.fixture
def halted(start, training, tmp_path):
    """A function: a long run of two hosts, one of which is stopped in its midst."""

    def halt(victim, how):
        out = tmp_path / "run"
        options = ["--mesh", "fsdp=2,model=2", "--host-timeout", "10"]
        train = command("train", *training(out, *options, epochs=LONG))
        found = start(train, train)
        saved = out / "checkpoints"
        wait_until(lambda: any(saved.glob("[0-9]*/commit_success.txt")), TIMEOUT)
        found[victim].process.send_signal(how)
        return found[1 - victim], out

    return halt


@pytest.mark.long
@pytest.mark.parametrize(
    ("victim", "how"),
    [(1, signal.SIGKILL), (0, signal.SIGKILL), (1, signal.SIGSTOP)],
    ids=["second", "first", "hanging"],
)
def test_a_dead_host_ends_the_other(halted, victim, how):
    survivor, out = halted(victim, how)
    assert survivor.wait(60) not in (0, None)
    assert not (out / "run.json").exists()
    assert "task" in survivor.complained()


@pytest.mark.long
@pytest.mark.parametrize("mesh", [None, "batch=2,model=2"])
def test_what_a_dead_host_leaves_is_continued(
    halted, start, training, alone, tmp_path, mesh
):
    """By one device, or by two hosts on another mesh."""
    survivor, out = halted(1, signal.SIGKILL)
    survivor.wait(60)
    resumed = training(out, "--resume", epochs=LONG)
    if mesh:
        again = command("train", *resumed, "--mesh", mesh)
        assert [host.wait() for host in start(again, again)] == [0, 0]
    else:
        assert main(["train", *map(str, resumed)]) == 0
    check_equal(curves(out), curves(alone(LONG)))
    assert gkf.read_run(out).facts["result"]["first_step"] > 0


JOIN = """
import sys

from gemma_keras_ft.model.hosts import join_hosts

join_hosts(sys.argv[1], wait_seconds=5)
"""


@pytest.mark.long
@pytest.mark.parametrize("commands", [(["-c", JOIN], None), (None, ["-c", JOIN])])
def test_a_host_does_not_wait_for_ever(start, commands):
    (waiting,) = start(*commands)
    assert waiting.wait(60) != 0
    assert "DEADLINE_EXCEEDED" in waiting.complained()


FAIL = """
import sys

import keras

import gemma_keras_ft as gkf
from gemma_keras_ft.model.hosts import join_hosts

dataset, out, preset, hosts = sys.argv[1:]
join_hosts(hosts, dead_after_seconds=10)


class Fail(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if hosts.endswith("1"):
            raise OSError("No space left on device.")


gkf.train(dataset, out, preset=preset, mesh="fsdp=2,model=2", callbacks=[Fail()])
"""


@pytest.mark.long
def test_a_host_that_fails_ends_the_other(start, dataset, small_preset, tmp_path):
    fail = ["-c", FAIL, dataset, tmp_path / "run", small_preset]
    first, second = start(fail, fail)
    wait_until(lambda: "No space left" in second.complained(), TIMEOUT)
    assert first.wait(60) != 0
