import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma_keras_ft.data.pack import pack_lengths

LENGTHS = st.lists(st.integers(1, 48), max_size=200)


def room_left(lengths, rows, sequence_length):
    used = np.bincount(rows, weights=lengths) if len(rows) else np.zeros(0)
    return sequence_length - used


@given(LENGTHS, st.integers(1, 40))
def test_no_row_is_overfull_and_every_row_is_used(lengths, window):
    rows = pack_lengths(np.array(lengths, int), sequence_length=48, window=window)
    assert len(rows) == len(lengths)
    room = room_left(lengths, rows, 48)
    assert (room >= 0).all() and (room < 48).all()


@given(LENGTHS)
def test_two_rows_that_would_fit_into_one_do_not_stay_apart(lengths):
    rows = pack_lengths(np.array(lengths, int), sequence_length=48)
    used = 48 - room_left(lengths, rows, 48)
    assert len(used) < 2 or np.sort(used)[:2].sum() > 48


def test_the_row_that_leaves_least_room_is_taken():
    # 6 and 5 open two rows; 3 fits both and fills the first but for one place.
    assert pack_lengths(np.array([6, 5, 3]), sequence_length=10).tolist() == [0, 1, 0]
    assert pack_lengths(np.array([6, 7, 3]), sequence_length=10).tolist() == [1, 0, 0]


def test_the_longest_of_a_window_comes_first():
    rows = pack_lengths(np.array([2, 3, 7, 8]), sequence_length=10)
    assert rows.tolist() == [0, 1, 1, 0]
    rows = pack_lengths(np.array([2, 3, 7, 8]), sequence_length=10, window=2)
    assert rows.tolist() == [0, 0, 2, 1]


def test_open_rows_are_bounded_by_the_window():
    # Each 6 opens a row; only two stay open for the 4s that come after.
    lengths = np.array([6, 6, 6, 6, 4, 4, 4, 4])
    rows = pack_lengths(lengths, sequence_length=10, window=2)
    assert rows.max() + 1 == 4 + 1


def test_what_cannot_be_placed_is_refused():
    with pytest.raises(ValueError, match="from 1 to 11"):
        pack_lengths(np.array([1, 11]), sequence_length=10)
    with pytest.raises(ValueError, match="from 0 to 3"):
        pack_lengths(np.array([0, 3]), sequence_length=10)


def test_nothing_needs_no_row():
    assert pack_lengths(np.zeros(0, int), sequence_length=10).tolist() == []


def test_lyric_like_lengths_fill_rows_nearly_whole():
    lengths = np.random.default_rng(0).lognormal(4.2, 0.6, 5000).astype(int) + 8
    lengths = np.minimum(lengths, 512)
    rows = pack_lengths(lengths, sequence_length=512)
    assert lengths.sum() / ((rows.max() + 1) * 512) > 0.995
