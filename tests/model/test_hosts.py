"""Hosts: what each serves and writes; and two of them, processes of this machine."""

import contextlib
import dataclasses
import json
import os
import socket
import subprocess
import sys
import types

import jax
import keras
import pytest

from gemma_keras_ft.model import hosts
from gemma_keras_ft.model.hosts import (
    check_hosts_agree,
    check_shared_folder,
    is_first_host,
    join_hosts,
    share_of_rows,
    wait_for_hosts,
)
from gemma_keras_ft.model.mesh import mesh_scope, parse_mesh
from gemma_keras_ft.training.trainer import Trainer


@pytest.mark.parametrize(
    "text",
    [
        *("10.0.0.1:1234", "10.0.0.1,2,0", "10.0.0.1:1234,2", "10.0.0.1:1234,2,2"),
        *("10.0.0.1:1234,0,0", "10.0.0.1:1234,2,-1", "10.0.0.1:port,2,0"),
        *("", "2,0", ":1234,2,0", "10.0.0.1:1234,2,0,", "a b:1234,2,0"),
    ],
)
def test_text_that_names_no_hosts_is_refused(text):
    with pytest.raises(ValueError, match="`hosts` must be 'auto', or ADDR") as raised:
        join_hosts(text)
    assert f"Received: hosts={text!r}" in str(raised.value)
    assert jax.process_count() == 1


def test_hosts_join_before_jax_runs():
    assert jax.devices()
    with pytest.raises(RuntimeError, match="joined before JAX runs") as raised:
        join_hosts("127.0.0.1:1,2,0")
    assert "Received: hosts='127.0.0.1:1,2,0'" in str(raised.value)


def test_a_single_host_waits_for_nobody_and_writes(tmp_path):
    assert is_first_host()
    wait_for_hosts("nothing")
    check_hosts_agree({"seed": 0})
    check_shared_folder(tmp_path / "new")
    assert not (tmp_path / "new").exists()
    with mesh_scope(parse_mesh("batch=8")):
        assert share_of_rows() == (1, 0)
    assert share_of_rows() == (1, 0)


@dataclasses.dataclass(eq=False)
class Device:
    """A device of some host."""

    process_index: int


@pytest.fixture
def hosts_of(monkeypatch):
    """A function: gives the devices of a mesh to hosts, of which this is one."""

    def give(mesh, owners, host):
        distribution = parse_mesh(mesh).distribution()
        devices = jax.devices()

        def indices(shape):
            layout = stock(shape).backend_layout
            return {
                Device(owners[devices.index(device)]): index
                for device, index in layout.devices_indices_map(shape).items()
            }

        def layout(shape):
            indices_of = types.SimpleNamespace(devices_indices_map=indices)
            return types.SimpleNamespace(backend_layout=indices_of)

        stock = distribution.get_data_layout
        monkeypatch.setattr(distribution, "get_data_layout", layout)
        monkeypatch.setattr(keras.distribution, "distribution", lambda: distribution)
        monkeypatch.setattr(jax, "process_count", lambda: len({*owners}))
        monkeypatch.setattr(jax, "process_index", lambda: host)
        return share_of_rows()

    return give


FOUR = [0, 0, 1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize(
    ("mesh", "owners", "expected"),
    [
        ("batch=8", FOUR, [(4, 0), (4, 1), (4, 2), (4, 3)]),
        ("batch=2,fsdp=4", FOUR, [(4, 0), (4, 1), (4, 2), (4, 3)]),
        ("batch=4,model=2", FOUR, [(4, 0), (4, 1), (4, 2), (4, 3)]),
        # Two hosts share a model, and with it the rows.
        ("batch=2,model=4", FOUR, [(2, 0), (2, 0), (2, 1), (2, 1)]),
        ("fsdp=2,model=4", FOUR, [(2, 0), (2, 0), (2, 1), (2, 1)]),
        ("model=8", FOUR, [(1, 0)] * 4),
        ("batch=8", [1, 1, 1, 1, 0, 0, 0, 0], [(2, 1), (2, 0)]),
    ],
)
def test_each_host_serves_the_rows_of_its_devices(hosts_of, mesh, owners, expected):
    found = [hosts_of(mesh, owners, host) for host in range(len(expected))]
    assert found == expected


@pytest.mark.parametrize(
    ("mesh", "owners"),
    [
        ("batch=8", [0, 1, 0, 1, 0, 1, 0, 1]),
        ("batch=8", [0, 0, 0, 1, 1, 1, 1, 1]),
        ("batch=4,model=2", [0, 0, 0, 1, 1, 1, 1, 1]),
    ],
)
def test_rows_that_do_not_follow_one_another_are_refused(hosts_of, mesh, owners):
    with pytest.raises(ValueError, match="rows that follow one another") as raised:
        hosts_of(mesh, owners, 0)
    assert "Order its devices by host" in str(raised.value)


@pytest.fixture
def told(monkeypatch):
    """A function: lets hosts tell of these facts; the first is this one."""

    def tell(*facts):
        monkeypatch.setattr(jax, "process_count", lambda: len(facts))
        texts = [json.dumps(found) for found in facts]
        monkeypatch.setattr(hosts, "_gather_text", lambda text: texts)
        check_hosts_agree(facts[0])

    return tell


def test_hosts_that_agree_go_on(told):
    told({"seed": 1, "mesh": None}, {"mesh": None, "seed": 1})


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (({"a": 1, "seed": 1}, {"a": 1, "seed": 2}), "1 on host 0, 2 on host 1"),
        (({"seed": 1}, {"seed": 1}, {"seed": 2}), "1 on host 0, 2 on host 2"),
        (({"seed": 1}, {}), "1 on host 0, null on host 1"),
        (({}, {"seed": "ā"}), 'null on host 0, "\\u0101" on host 1'),
    ],
)
def test_what_hosts_differ_on_is_named_with_both_values(told, facts, said):
    with pytest.raises(ValueError, match="`seed` must be the same on every") as raised:
        told(*facts)
    assert f"Received: {said}." in str(raised.value)


@pytest.mark.parametrize("name", ["weight_decay", "z_loss"])
def test_of_many_settings_the_one_that_differs_is_named(told, name):
    trainer = Trainer().to_config()
    with pytest.raises(ValueError, match="`trainer") as raised:
        told({"trainer": trainer}, {"trainer": trainer | {name: 0.25}})
    assert name in str(raised.value) and "0.25 on host 1" in str(raised.value)


# What each of two hosts does; it prints what it found as a line of JSON.
TWO = """
import json
import sys
from pathlib import Path

from gemma_keras_ft.model.hosts import (
    check_hosts_agree,
    check_shared_folder,
    is_first_host,
    join_hosts,
    share_of_rows,
    wait_for_hosts,
)

hosts, folder = sys.argv[1], Path(sys.argv[2])
join_hosts(hosts, wait_seconds=60, dead_after_seconds=20)

import jax
import keras
import numpy as np

from gemma_keras_ft.model.mesh import mesh_scope, parse_mesh
from gemma_keras_ft.model.placement import fetch, put_rows, spread

host = jax.process_index()


def error(call, *arguments):
    try:
        call(*arguments)
    except ValueError as raised:
        return str(raised)


values = np.arange(32, dtype="float32").reshape(8, 4)
found = {
    "devices": [jax.local_device_count(), jax.device_count()],
    "first": is_first_host(),
    "drawn": float(keras.random.uniform(())),
    "agree": error(check_hosts_agree, {"text": "naïve \\ud800", "seed": 1}),
    "differ": error(check_hosts_agree, {"text": "ā" * host, "seed": 1}),
    "shared": error(check_shared_folder, folder / "shared"),
    "apart": error(check_shared_folder, folder / f"apart-{host}"),
}
with mesh_scope(parse_mesh("fsdp=2,model=2")):
    distribution = keras.distribution.distribution()
    cut = spread(values, distribution.sharding("model", "fsdp"))
    rows = put_rows({"rows": values})["rows"]
    found["whole"] = [cut.is_fully_addressable, rows.is_fully_addressable]
    found["fetched"] = [
        fetch(array).tolist() == values.tolist() for array in (cut, rows)
    ]
    found["share"] = share_of_rows()
wait_for_hosts("all is found")
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def two_hosts(tmp_path_factory):
    """What each of two hosts found, and the folder that they were given."""
    folder = tmp_path_factory.mktemp("hosts")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    command = [sys.executable, *["-P"] * sys.flags.safe_path, "-c", TWO]
    processes = []
    with contextlib.ExitStack() as stack:
        for host in range(2):
            log = stack.enter_context(open(folder / f"errors-{host}", "w"))
            hosts = f"127.0.0.1:{port},2,{host}"
            process = subprocess.Popen(
                [*command, hosts, str(folder)],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            processes.append(process)
        told = [process.communicate(timeout=120)[0] for process in processes]
    errors = [(folder / f"errors-{host}").read_text() for host in range(2)]
    assert [process.returncode for process in processes] == [0, 0], errors
    return [json.loads(text.splitlines()[-1]) for text in told], folder


def test_two_hosts_see_the_devices_of_both(two_hosts):
    found, _ = two_hosts
    assert [host["devices"] for host in found] == [[2, 4]] * 2
    assert [host["first"] for host in found] == [True, False]


def test_two_hosts_draw_the_same_at_random(two_hosts):
    found, _ = two_hosts
    assert found[0]["drawn"] == found[1]["drawn"]


def test_two_hosts_hear_of_the_same_difference(two_hosts):
    found, _ = two_hosts
    assert [host["agree"] for host in found] == [None, None]
    assert found[0]["differ"] == found[1]["differ"]
    assert found[0]["differ"].startswith("`text` must be the same on every host.")
    assert '"" on host 0, "\\u0101" on host 1' in found[0]["differ"]


def test_two_hosts_find_out_whether_a_folder_is_shared(two_hosts):
    found, folder = two_hosts
    assert [host["shared"] for host in found] == [None, None]
    assert list((folder / "shared").iterdir()) == []
    assert all("which hosts [1] do not see" in host["apart"] for host in found)
    assert list((folder / "apart-0").iterdir()) == []
    assert not (folder / "apart-1").exists()


def test_two_hosts_fetch_what_both_hold_parts_of(two_hosts):
    found, _ = two_hosts
    for host in found:
        assert host["whole"] == [False, False]
        assert host["fetched"] == [True, True]
    assert [host["share"] for host in found] == [[2, 0], [2, 1]]
