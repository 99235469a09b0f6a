import itertools

import numpy as np
import pytest

from gemma_keras_ft.data.loader import Loader


def rows(count, length=4):
    token_ids = np.arange(count, dtype="int32")[:, None] * np.ones((1, length), "int32")
    return {
        "token_ids": token_ids,
        "padding_mask": np.ones_like(token_ids),
        "labels": token_ids + 1,
        "sample_weight": np.ones((count, length), "float32"),
    }


def served(loader, step, steps):
    """Row numbers with weight, by batch."""
    return [
        x["token_ids"].numpy()[weight.numpy()[:, 0] > 0, 0].tolist()
        for x, _, weight in loader.at(step, steps=steps)
    ]


@pytest.mark.parametrize("count", [1, 7, 8, 9, 100])
def test_each_epoch_serves_every_row_once(count):
    loader = Loader(rows=rows(count), global_batch_size=8, seed=3)
    for epoch in range(3):
        batches = served(loader, epoch * loader.steps_per_epoch, loader.steps_per_epoch)
        assert sorted(itertools.chain(*batches)) == list(range(count))


def test_any_step_opens_as_it_was_reached_from_the_start():
    loader = Loader(rows=rows(50), global_batch_size=8, seed=1)
    walked = served(loader, 0, 30)
    for step in (1, 6, 7, 13, 29):
        assert served(loader, step, 30 - step) == walked[step:]


def test_epochs_and_seeds_differ_in_order():
    first = Loader(rows=rows(64), global_batch_size=8, seed=1)
    second = Loader(rows=rows(64), global_batch_size=8, seed=2)
    assert served(first, 0, 8) != served(first, 8, 8)
    assert served(first, 0, 8) != served(second, 0, 8)


def test_order_is_far_from_arithmetic():
    """With the default rounds of the index shuffle, steps of equal size abound."""
    loader = Loader(rows=rows(4096), global_batch_size=4096, seed=0)
    order = np.array(served(loader, 0, 1)[0])
    steps = np.bincount(np.diff(order) % 4096)
    assert steps.max() < 20


def test_batches_have_one_shape_and_x_y_go_together():
    loader = Loader(rows=rows(10), global_batch_size=8, seed=0)
    for x, y, weight in loader.at(0, steps=4):
        assert x["token_ids"].shape == y.shape == weight.shape == (8, 4)
        np.testing.assert_array_equal(x["token_ids"] + 1, y)


def test_without_shuffle_rows_come_in_order():
    loader = Loader(rows=rows(10), global_batch_size=4, shuffle=False)
    assert served(loader, 0, 3) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_wrong_settings_are_named():
    with pytest.raises(ValueError, match="global_batch_size=0"):
        Loader(rows=rows(4), global_batch_size=0)
    with pytest.raises(ValueError, match="at least one"):
        Loader(rows=rows(0), global_batch_size=1)
    with pytest.raises(ValueError, match="seed=-1"):
        Loader(rows=rows(4), global_batch_size=1, seed=-1)
    ragged = rows(4) | {"labels": np.zeros((3, 4), "int32")}
    with pytest.raises(ValueError, match="equally many"):
        Loader(rows=ragged, global_batch_size=1)


def test_rows_before_a_step_are_those_that_were_served():
    loader = Loader(rows=rows(10), global_batch_size=4, seed=0)
    batches = served(loader, 0, 7)
    for step in range(8):
        assert loader.rows_before(step) == sum(map(len, batches[:step]))
