"""How much memory is left, whoever sets the bound."""

import pytest

from gemma_keras_ft.training import host_memory
from gemma_keras_ft.training.host_memory import available_memory

GIB = 2**30


def set_limits(monkeypatch, folder, *, available, membership="", files=None):
    """Writes what the kernel and control groups would say, in bytes."""
    memory = folder / "meminfo"
    memory.write_text(
        f"MemTotal: 99 kB\nMemAvailable:  {available // 1024} kB\nMemFree: 1 kB\n"
    )
    (folder / "cgroup").write_text(membership)
    for name, value in (files or {}).items():
        path = folder / "mount" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")
    monkeypatch.setattr(host_memory, "_MEMORY", memory)
    monkeypatch.setattr(host_memory, "_GROUPS", folder / "cgroup")
    monkeypatch.setattr(host_memory, "_MOUNT", folder / "mount")


@pytest.mark.parametrize(
    ("membership", "files", "expected"),
    [
        ("", {}, 8),
        ("0::/", {"memory.max": 5 * GIB, "memory.current": 2 * GIB}, 3),
        ("0::/", {"memory.max": 20 * GIB, "memory.current": 2 * GIB}, 8),
        ("0::/", {"memory.max": "max", "memory.current": 2 * GIB}, 8),
        ("0::/", {"memory.max": 2 * GIB, "memory.current": 3 * GIB}, 0),
        # File caches give way.
        (
            "0::/",
            {
                "memory.max": 5 * GIB,
                "memory.current": 4 * GIB,
                "memory.stat": f"anon 1\ninactive_file {2 * GIB}\nfile 3",
            },
            3,
        ),
        # A job within a slice, of which the outer one is the tighter.
        (
            "0::/slice/job",
            {
                "slice/job/memory.max": 7 * GIB,
                "slice/job/memory.current": GIB,
                "slice/memory.max": 5 * GIB,
                "slice/memory.current": GIB,
            },
            4,
        ),
        (
            "5:cpu:/x\n4:memory:/job\n0::/",
            {
                "memory/job/memory.limit_in_bytes": 6 * GIB,
                "memory/job/memory.usage_in_bytes": 5 * GIB,
                "memory/job/memory.stat": f"total_inactive_file {GIB}",
            },
            2,
        ),
    ],
)
def test_a_container_leaves_less_than_the_machine(
    monkeypatch, tmp_path, membership, files, expected
):
    limits = {"membership": membership, "files": files}
    set_limits(monkeypatch, tmp_path, available=8 * GIB, **limits)
    assert available_memory() == expected * GIB


def test_nobody_says_how_much_is_left(monkeypatch, tmp_path):
    monkeypatch.setattr(host_memory, "_MEMORY", tmp_path / "none")
    monkeypatch.setattr(host_memory, "_GROUPS", tmp_path / "none")
    assert available_memory() is None
