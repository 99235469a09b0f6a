import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemma_keras_ft.data.loader import Loader
from gemma_keras_ft.data.rows import TokenRows


def bucket(count, length=4, first=0):
    """Rows that are told apart by their token ids, and each by its record."""
    numbers = np.arange(first, first + count, dtype="int32")
    token_ids = numbers[:, None] * np.ones((1, length), "int32")
    return TokenRows(
        arrays={
            "token_ids": token_ids,
            "labels": token_ids + 1,
            "segment_ids": np.ones_like(token_ids),
            "positions": np.broadcast_to(
                np.arange(length, dtype="int32"), (count, length)
            ),
            "sample_weight": np.ones((count, length), "float32"),
        },
        segments=np.stack([np.arange(count), np.ones(count, int), numbers], axis=1),
        record_ids=tuple(f"r{number}" for number in range(first + count)),
    )


def loader(*buckets, **settings):
    return Loader(buckets=buckets, **{"global_batch_size": 8, "seed": 1} | settings)


def served(loader, step, steps):
    """Row numbers with weight, by batch."""
    return [
        x["token_ids"].numpy()[weight.numpy()[:, 0] > 0, 0].tolist()
        for x, _, weight in loader.at(step, steps=steps)
    ]


@pytest.mark.parametrize("count", [1, 7, 8, 9, 100])
def test_each_epoch_serves_every_row_once(count):
    given_rows = loader(bucket(count))
    steps = given_rows.steps_per_epoch
    for epoch in range(3):
        batches = served(given_rows, epoch * steps, steps)
        assert sorted(itertools.chain(*batches)) == list(range(count))


def test_each_epoch_serves_every_row_of_every_bucket_once():
    given_rows = loader(bucket(10, 4), bucket(3, 6, first=10), bucket(20, 8, first=13))
    assert given_rows.steps_per_epoch == 2 + 1 + 3
    for epoch in range(2):
        batches = served(given_rows, epoch * 6, 6)
        assert sorted(itertools.chain(*batches)) == list(range(33))


def test_batches_of_a_bucket_have_its_length_and_come_in_mixed_order():
    given_rows = loader(bucket(64, 4), bucket(64, 8, first=64))
    lengths = [x["token_ids"].shape[1] for x, _, _ in given_rows.at(0, steps=16)]
    assert sorted(lengths) == [4] * 8 + [8] * 8
    assert lengths != sorted(lengths)


@settings(max_examples=25)
@given(st.integers(0, 40), st.integers(1, 3), st.booleans())
def test_any_step_opens_as_it_was_reached_from_the_start(step, count, shuffle):
    buckets = [bucket(13, 4), bucket(9, 6, first=13), bucket(5, 8, first=22)][:count]
    given_rows = loader(*buckets, shuffle=shuffle, global_batch_size=4)
    walked = list(given_rows.at(0, steps=42))
    for opened, reached in zip(
        given_rows.at(step, steps=2), walked[step:], strict=False
    ):
        for left, right in zip(
            (*opened[0].values(), *opened[1:]),
            (*reached[0].values(), *reached[1:]),
            strict=True,
        ):
            np.testing.assert_array_equal(left, right)


def test_a_distant_step_is_the_same_whether_opened_or_computed():
    given_rows = loader(bucket(50))
    step = 10**6
    (batch,) = given_rows.at(step, steps=1)
    np.testing.assert_array_equal(batch[1], given_rows.batch(step)["labels"])
    assert given_rows.position(step)["epoch"] == step // 7


@pytest.mark.parametrize("hosts", [1, 2, 4])
def test_hosts_together_serve_the_batches_of_one(hosts):
    buckets = (bucket(10, 4), bucket(21, 6, first=10))
    whole = loader(*buckets, multiple_of=4)
    shares = [
        loader(*buckets, multiple_of=4, hosts=hosts, host=host) for host in range(hosts)
    ]
    for step in range(10):
        expected = whole.batch(step)
        parts = [share.batch(step) for share in shares]
        for name, values in expected.items():
            joined = np.concatenate([part[name] for part in parts])
            np.testing.assert_array_equal(joined, values)


def test_epochs_and_seeds_differ_in_order():
    first, second = loader(bucket(64)), loader(bucket(64), seed=2)
    assert served(first, 0, 8) != served(first, 8, 8)
    assert served(first, 0, 8) != served(second, 0, 8)


def test_order_is_far_from_arithmetic():
    """With the default rounds of the index shuffle, steps of equal size abound."""
    order = np.array(served(loader(bucket(4096), global_batch_size=4096), 0, 1)[0])
    steps = np.bincount(np.diff(order) % 4096)
    assert steps.max() < 20


def test_batches_have_one_shape_and_x_y_go_together():
    for x, y, weight in loader(bucket(10)).at(0, steps=4):
        assert x["token_ids"].shape == y.shape == weight.shape == (8, 4)
        np.testing.assert_array_equal(x["token_ids"] + 1, y)


@pytest.mark.parametrize(
    ("size", "multiple", "rows"), [(6, 4, 8), (8, 8, 8), (3, 8, 8)]
)
def test_batches_are_filled_up_until_the_devices_share_them(size, multiple, rows):
    given_rows = loader(bucket(10), global_batch_size=size, multiple_of=multiple)
    found = []
    for step in range(given_rows.steps_per_epoch):
        batch = given_rows.batch(step)
        assert all(len(values) == rows for values in batch.values())
        real = batch["sample_weight"][:, 0] > 0
        assert real.sum() <= size
        assert not batch["segment_ids"][~real].any()
        found += batch["token_ids"][real, 0].tolist()
    assert sorted(found) == list(range(10))


def test_without_shuffle_rows_come_in_order():
    given_rows = loader(bucket(10), global_batch_size=4, shuffle=False)
    assert served(given_rows, 0, 3) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_the_records_of_a_batch_are_named():
    given_rows = loader(bucket(10), global_batch_size=4)
    for step in range(3):
        expected = [f"r{row}" for row in served(given_rows, step, 1)[0]]
        assert list(given_rows.records(step)) == expected


def test_the_position_is_a_few_integers_of_json():
    given_rows = loader(bucket(10))
    position = given_rows.position(5)
    assert json.loads(json.dumps(position)) == position
    assert position == {"seed": 1, "step": 5, "epoch": 2, "batch": 1}


def test_wrong_settings_are_named():
    with pytest.raises(ValueError, match="global_batch_size=0"):
        loader(bucket(4), global_batch_size=0)
    with pytest.raises(ValueError, match="global_batch_size=2097152"):
        loader(bucket(4), global_batch_size=2**21)
    with pytest.raises(ValueError, match="at least one"):
        loader(bucket(0))
    with pytest.raises(ValueError, match="seed=-1"):
        loader(bucket(4), seed=-1)
    with pytest.raises(ValueError, match="host=2"):
        loader(bucket(4), hosts=2, host=2)
    with pytest.raises(ValueError, match="multiple of hosts=3"):
        loader(bucket(4), hosts=3)
