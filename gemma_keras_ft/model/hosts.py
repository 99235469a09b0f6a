"""Several machines on one job: joined, in agreement, each with its own rows."""

import json
import re
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

AUTO = "auto"
_HOSTS = re.compile(r"\s*([^,\s]+:\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*")
_MARK = ".hosts"


def join_hosts(
    hosts: str = AUTO, *, wait_seconds: int = 300, dead_after_seconds: int = 100
) -> None:
    """Joins this process with those of the other hosts; all must call it first.

    Afterwards JAX sees the devices of all of them. A host that gives no sign of life
    for `dead_after_seconds` ends the others, with an error and a status other than 0;
    one that ends with an error does so after twice that.

    Args:
        hosts: `"auto"` on Cloud TPU, SLURM, Open MPI and Kubernetes, which tell; else
            address and port of the first host, number of hosts, and which of them this
            is, from 0: `"10.0.0.1:1234,2,0"`.
        wait_seconds: How long to wait for the others to come. If one does not, JAX
            ends this process, with a status other than 0.
        dead_after_seconds: After how long without a sign a host counts as dead.

    Raises:
        ValueError: If `hosts` cannot be read, or nothing here tells which they are.
        RuntimeError: If JAX has run already.
    """
    import jax
    import keras

    options: dict[str, Any] = {}
    if hosts != AUTO:
        options = _parse_hosts(hosts)
    try:
        jax.distributed.initialize(
            **options,
            initialization_timeout=wait_seconds,
            heartbeat_timeout_seconds=dead_after_seconds,
            # A host that ends with an error waits for the others so long, and seems
            # alive to them meanwhile.
            shutdown_timeout_seconds=dead_after_seconds,
        )
    except ValueError as error:
        raise ValueError(
            "`hosts` must name the hosts where nothing else does. Received: hosts="
            f"{hosts!r}: {error} Give the first one's address and port, their number, "
            "and which this is: '10.0.0.1:1234,2,0'."
        ) from error
    except RuntimeError as error:
        raise RuntimeError(
            f"All hosts must be joined before JAX runs, within {wait_seconds} s. "
            f"Received: hosts={hosts!r}: {error!s:.300}. Start every host with the "
            "same address and number, each with a number of its own."
        ) from error
    # What is drawn at random before weights are loaded must be the same everywhere.
    keras.utils.set_random_seed(0)


def _parse_hosts(text: str) -> dict[str, Any]:
    found = _HOSTS.fullmatch(text)
    if not found or not int(found[3]) < int(found[2]):
        raise ValueError(
            f"`hosts` must be {AUTO!r}, or ADDRESS:PORT,NUMBER,INDEX with an index "
            f"from 0 below the number, as in '10.0.0.1:1234,2,0'. Received: hosts="
            f"{text!r}."
        )
    return {
        "coordinator_address": found[1],
        "num_processes": int(found[2]),
        "process_id": int(found[3]),
        # Without it, JAX asks the surroundings whatever else is given.
        "cluster_detection_method": "deactivate",
    }


def is_first_host() -> bool:
    """Returns whether this is the host that writes logs and results."""
    import jax

    return jax.process_index() == 0


def wait_for_hosts(reason: str) -> None:
    """Waits until all hosts have come here; for a single one, not at all."""
    import jax
    from jax.experimental import multihost_utils

    if jax.process_count() > 1:
        multihost_utils.sync_global_devices(reason)


def check_hosts_agree(facts: Mapping[str, Any]) -> None:
    """Checks that all hosts are about to do the same.

    All hosts must call it, and all raise the same error: none waits for one that gave
    up.

    Args:
        facts: JSON values by name.

    Raises:
        ValueError: If they differ on one.
    """
    import jax

    if jax.process_count() == 1:
        return
    # Compared as they are shown.
    told = [
        dict(_flat(json.loads(text)))
        for text in _gather_text(json.dumps(facts, default=str))
    ]
    for name in sorted({name for found in told for name in found}):
        values = [json.dumps(found.get(name), sort_keys=True) for found in told]
        differing = next((n for n, v in enumerate(values) if v != values[0]), None)
        if differing is not None:
            raise ValueError(
                f"`{name}` must be the same on every host. Received: {values[0]:.300} "
                f"on host 0, {values[differing]:.300} on host {differing}. Start all "
                "of them with the same arguments, dataset and versions."
            )


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yields what mappings within mappings hold, under names with dots."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def check_shared_folder(folder: Path) -> None:
    """Checks that all hosts see one folder under a name.

    Raises:
        ValueError: If they do not.
    """
    import jax

    if jax.process_count() == 1:
        return
    mark = secrets.token_hex(8)
    path = folder / _MARK
    if is_first_host():
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(mark, encoding="utf-8")
    # Gathering waits for the first host to have written.
    mark = _gather_text(mark)[0]
    seen = path.is_file() and path.read_text(encoding="utf-8") == mark
    blind = [n for n, text in enumerate(_gather_text(str(seen))) if text != "True"]
    if is_first_host():
        path.unlink(missing_ok=True)
    if blind:
        raise ValueError(
            f"`out` must be a folder that all hosts share. Received: out="
            f"{str(folder)!r}, which hosts {blind} do not see. Name one on a network "
            "file system."
        )


def share_of_rows() -> tuple[int, int]:
    """Returns into how many parts hosts divide a batch, and which is this host's.

    Hosts whose devices hold the same rows, parts of a model between them, take the
    same part.

    Raises:
        ValueError: If the rows of a host's devices do not follow one another.
    """
    import jax
    import keras

    distribution: Any = keras.distribution.distribution()
    if distribution is None or jax.process_count() == 1:
        return 1, 0
    shards = int(distribution.num_model_replicas)
    layout = distribution.get_data_layout((shards,)).backend_layout
    rows: dict[int, set[int]] = {}
    for device, (index, *_) in layout.devices_indices_map((shards,)).items():
        held = range(shards)[index]
        rows.setdefault(device.process_index, set()).update(held)
    parts = sorted({tuple(sorted(held)) for held in rows.values()})
    size = shards // len(parts)
    even = [tuple(range(n * size, (n + 1) * size)) for n in range(len(parts))]
    if parts != even:
        raise ValueError(
            "The mesh must give every host rows that follow one another. Received: "
            f"{ {host: sorted(held) for host, held in sorted(rows.items())} } of "
            f"{shards} parts. Order its devices by host."
        )
    mine = tuple(sorted(rows[jax.process_index()]))
    return len(parts), parts.index(mine)


def _gather_text(text: str) -> list[str]:
    """Returns the texts of all hosts."""
    from jax.experimental import multihost_utils

    encoded = np.frombuffer(text.encode("utf-8", "surrogatepass"), "uint8")
    lengths = multihost_utils.process_allgather(np.array([encoded.size], "int32"))
    lengths = np.asarray(lengths).reshape(-1)
    padded = np.zeros(max(int(lengths.max()), 1), "uint8")
    padded[: encoded.size] = encoded
    rows = np.asarray(multihost_utils.process_allgather(padded))
    rows = rows.reshape(len(lengths), -1)
    return [
        bytes(row[:length]).decode("utf-8", "surrogatepass")
        for row, length in zip(rows, lengths, strict=True)
    ]
