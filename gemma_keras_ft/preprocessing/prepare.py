"""Walks records through the recipe, in this process or in several."""

import collections
import concurrent.futures
import dataclasses
import itertools
import multiprocessing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from gemma_keras_ft.preprocessing.recipe import recipe_from_config, recipe_to_config
from gemma_keras_ft.preprocessing.road import Prepared, Road
from gemma_keras_ft.records import LyricRecord, SetAside

_CHUNK = 256


def prepare_records(
    items: Iterable[LyricRecord | SetAside], road: Road, *, processes: int = 1
) -> Iterator[Prepared]:
    """Prepares records in their order, in one process or in several.

    A bounded number of chunks is on its way at any time, so memory does not grow
    with the corpus.

    Args:
        items: Records, and what was set aside on reading.
        road: What to do with each.
        processes: How many worker processes; 1 works in this one. Steps must be
            importable by the others: defined in a module or in a recipe file.

    Raises:
        RuntimeError: If a worker process dies, as for want of memory.
    """
    chunks = iter(lambda: list(itertools.islice(iterator, _CHUNK)), [])
    iterator = iter(items)
    if processes == 1:
        for chunk in chunks:
            yield from road.prepare(chunk)
        return
    with concurrent.futures.ProcessPoolExecutor(
        processes,
        # Forking a process that runs JAX's threads may hang it.
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start,
        initargs=(recipe_to_config(road.steps), dataclasses.replace(road, steps=())),
    ) as pool:
        waiting: collections.deque[concurrent.futures.Future] = collections.deque()
        try:
            for chunk in chunks:
                waiting.append(pool.submit(_prepare_chunk, chunk))
                if len(waiting) > 2 * processes:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        except concurrent.futures.process.BrokenProcessPool as error:
            raise RuntimeError(
                "A worker process ended before its work was done; the system may have "
                f"been short of memory. Received: {error}. Use fewer `processes`."
            ) from error
        finally:
            for future in waiting:
                future.cancel()


_road: Road | None = None


def _start(config: Mapping[str, Any], road: Road) -> None:
    """Gives a worker process the road, its steps rebuilt from JSON."""
    global _road
    _road = dataclasses.replace(road, steps=recipe_from_config(config))


def _prepare_chunk(chunk: Sequence[LyricRecord | SetAside]) -> list[Prepared]:
    assert _road is not None  # set by `_start`
    return _road.prepare(chunk)
