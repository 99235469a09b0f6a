import gc
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma_keras_ft.preprocessing.spool import ArraySpool, LineSpool


@given(st.lists(st.binary(max_size=20).map(lambda line: line + b"\n"), max_size=20))
def test_lines_come_back_in_any_order_while_others_are_added(lines):
    spool = LineSpool()
    for place, line in enumerate(lines):
        spool.append(line)
        assert spool[place // 2] == lines[place // 2]
    assert list(spool) == lines
    assert len(spool) == len(lines)


@given(st.lists(st.lists(st.integers(0, 2**64 - 1), max_size=5), max_size=20))
def test_rows_come_back_as_they_were(rows):
    spool = ArraySpool()
    for row in rows:
        spool.append(np.array(row, np.uint64))
    assert [spool[place].tolist() for place in range(len(spool))] == rows
    assert spool.flat().tolist() == [number for row in rows for number in row]
    assert spool.borders().tolist() == [
        sum(map(len, rows[:place])) for place in range(len(rows) + 1)
    ]


@pytest.mark.long
def test_the_memory_of_a_spool_does_not_grow_with_the_length_of_lines():
    spool = LineSpool()
    tracemalloc.start()
    for _ in range(1000):
        spool.append(b"x" * 10_000)
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 100_000
