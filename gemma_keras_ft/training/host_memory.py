"""How much of the host's memory is left to this process."""

from collections.abc import Iterator
from pathlib import Path

_MEMORY = Path("/proc/meminfo")
_GROUPS, _MOUNT = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
# What a control group allows and what it has taken, in version 2 and version 1.
_V2 = ("memory.max", "memory.current", "inactive_file ")
_V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file ")


def available_memory() -> int | None:
    """Returns the bytes that this process may still take; None if nobody says.

    The least of what the kernel has, and of what each control group around the
    process (a container's, a batch job's) leaves; file caches count as free.
    """
    found = [
        int(line.split()[1]) * 1024
        for line in _lines(_MEMORY)
        if line.startswith("MemAvailable:")
    ]
    for folder, (limit, used, cache) in _control_groups():
        allowed, taken = (
            "".join(_lines(folder / name)).strip() for name in (limit, used)
        )
        if allowed.isdigit() and taken.isdigit():
            stat = _lines(folder / "memory.stat")
            freed = sum(int(s.split()[1]) for s in stat if s.startswith(cache))
            found.append(max(0, int(allowed) - max(0, int(taken) - freed)))
    return min(found, default=None)


def _control_groups() -> Iterator[tuple[Path, tuple[str, str, str]]]:
    """Yields the folder of each group around this process, and its files' names."""
    for line in _lines(_GROUPS):
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        root = _MOUNT / "memory" if controllers else _MOUNT
        own = root / path.lstrip("/")
        for folder in (own, *own.parents):
            if folder == root or root in folder.parents:
                yield folder, _V1 if controllers else _V2


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError:  # other systems, or a container without it
        return []
