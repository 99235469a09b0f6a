"""What devices send each other, read from a compiled program."""

import collections
import dataclasses
import math
import re
from collections.abc import Iterator, Mapping

OPERATIONS = (
    "all-reduce",
    "all-gather",
    "reduce-scatter",
    "all-to-all",
    "collective-permute",
)
_BITS = {"pred": 8, "bf16": 16}
_ARRAY = re.compile(r"\b([a-z]+\d*\w*)\[([\d,]*)\]")
_COMPUTATION = re.compile(r"^(ENTRY )?%?([\w.\-]+) \(.*\) -> .*\{$")
_COLLECTIVE = re.compile(
    rf"^\s*(?:ROOT )?%?\S+ = (.+?) ({'|'.join(OPERATIONS)})(-start)?\("
)
_CALLED = re.compile(r"(?:body|condition|calls|to_apply)=%?([\w.\-]+)")
_BRANCHES = re.compile(
    r"(?:branch_computations=\{([^}]*)\}|(?:true|false)_computation=%?([\w.\-]+))"
)
_TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"\}')


@dataclasses.dataclass(frozen=True, kw_only=True)
class Collective:
    """An operation by which devices exchange values.

    Args:
        operation: One of `OPERATIONS`.
        bytes: Size of its result on one device; of all results, where it has several.
        largest: Bytes of the largest array among them.
        count: How often a step runs it.
    """

    operation: str
    bytes: int
    largest: int
    count: int


def read_collectives(hlo: str) -> list[Collective]:
    """Reads the collectives of a compiled program, as often as it runs them.

    What stands in a loop counts as often as the loop goes round, where the compiler
    knows that, else once; of branches, all count.

    Args:
        hlo: Text of `jax.stages.Compiled.as_text()`.
    """
    computations, entry = _split(hlo)
    times: collections.Counter[str] = collections.Counter()
    _count(entry, 1, computations, times)
    return [
        dataclasses.replace(found, count=times[name])
        for name, lines in computations.items()
        if times[name]
        for found in _collectives(lines)
    ]


def total_bytes(collectives: list[Collective]) -> Mapping[str, int]:
    """Returns the bytes of a step's collectives by operation."""
    totals: collections.Counter[str] = collections.Counter()
    for found in collectives:
        totals[found.operation] += found.bytes * found.count
    return totals


def _split(hlo: str) -> tuple[dict[str, list[str]], str]:
    """Returns the lines of each computation by name, and the name of the first."""
    computations: dict[str, list[str]] = {}
    entry, lines = "", []
    for line in hlo.splitlines():
        found = _COMPUTATION.match(line)
        if found:
            lines = computations.setdefault(found[2], [])
            entry = found[2] if found[1] else entry
        else:
            lines.append(line)
    return computations, entry


def _count(name: str, times: int, computations, totals) -> None:
    totals[name] += times
    for line in computations.get(name, ()):
        trips = _TRIPS.search(line) if " while(" in line else None
        rounds = times * int(trips[1]) if trips else times
        for called in _called(line):
            _count(called, rounds, computations, totals)


def _called(line: str) -> Iterator[str]:
    if "=" not in line:
        return
    yield from _CALLED.findall(line)
    for several, one in _BRANCHES.findall(line):
        yield from (name.strip(" %") for name in (several or one).split(","))


def _collectives(lines: list[str]) -> Iterator[Collective]:
    for line in lines:
        found = _COLLECTIVE.match(line)
        if found:
            sizes = [_size(*array) for array in _ARRAY.findall(found[1])]
            if found[3] and len(sizes) > 1:  # what it reads, then what it gives
                sizes = sizes[len(sizes) // 2 :]
            yield Collective(
                operation=found[2],
                bytes=sum(sizes),
                largest=max(sizes, default=0),
                count=0,
            )


def _size(dtype: str, dimensions: str) -> int:
    bits = _BITS.get(dtype) or int(re.sub(r"\D.*", "", dtype.lstrip("fsuc")) or 32)
    elements = math.prod(int(size) for size in dimensions.split(",") if size)
    return elements * bits // 8
