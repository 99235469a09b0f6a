"""Batches in an order that is a pure function of (seed, step)."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from gemma_keras_ft.config import check_seed
from gemma_keras_ft.data.rows import TokenRows

# The default of 4 rounds leaves large sets nearly in sequence.
_SHUFFLE_ROUNDS = 8
_LARGEST_BATCH = 2**20


@dataclasses.dataclass(frozen=True, kw_only=True)
class Loader:
    """Serves rows in batches; any step opens at once.

    The position in the data is one integer, the step: nothing is skipped over to
    reach it and nothing has to be remembered. Each epoch visits every row once,
    in an order of its own. Rows of several lengths come in batches of one length
    each. A last partial batch is filled with rows of zero weight, so that every
    batch has one number of rows.

    Example:
        ```python
        loader = Loader(buckets=rows.buckets, global_batch_size=8, seed=0)
        dataset = loader.at(step=120, steps=10)
        ```

    Args:
        buckets: Rows, those of each length together.
        global_batch_size: Rows a step, over all devices and hosts.
        seed: Seed of the order.
        shuffle: Whether to shuffle at all; validation does not.
        multiple_of: Devices that a batch is spread over; rows of zero weight make its
            size a multiple of it.
        hosts: Hosts that share each batch; together they serve the same rows whatever
            their number.
        host: Which of them this is, from 0.

    Raises:
        ValueError: If there is no row, or a number is out of range.
    """

    buckets: Sequence[TokenRows]
    global_batch_size: int
    seed: int = 0
    shuffle: bool = True
    multiple_of: int = 1
    hosts: int = 1
    host: int = 0

    def __post_init__(self):
        if not self.row_count:
            raise ValueError("`buckets` must hold at least one row. Received: none.")
        for name in ("global_batch_size", "multiple_of", "hosts"):
            value = getattr(self, name)
            if not isinstance(value, int) or not 1 <= value <= _LARGEST_BATCH:
                raise ValueError(
                    f"`{name}` must be from 1 to {_LARGEST_BATCH}. Received: "
                    f"{name}={value!r}."
                )
        if not isinstance(self.host, int) or not 0 <= self.host < self.hosts:
            raise ValueError(
                f"`host` must be from 0 to {self.hosts - 1}. Received: "
                f"host={self.host!r}."
            )
        if self.batch_rows % self.hosts:
            raise ValueError(
                f"`multiple_of` must be a multiple of hosts={self.hosts}. Received: "
                f"multiple_of={self.multiple_of}, so batches of {self.batch_rows}."
            )
        check_seed(self.seed)

    @property
    def row_count(self) -> int:
        """Number of rows an epoch."""
        return sum(map(len, self.buckets))

    @property
    def batch_rows(self) -> int:
        """Rows of a batch, those of zero weight that fill it up included."""
        return -(-self.global_batch_size // self.multiple_of) * self.multiple_of

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches an epoch, partial ones included."""
        return int(self._batch_ends()[-1])

    def position(self, step: int) -> dict[str, int]:
        """Returns where `step` stands, as JSON integers; `step` alone decides."""
        epoch, batch = divmod(step, self.steps_per_epoch)
        return {"seed": self.seed, "step": step, "epoch": epoch, "batch": batch}

    def indices(self, step) -> tuple[Any, Any, Any]:
        """Returns the bucket of a batch, its rows on all hosts, which of them count.

        Args:
            step: Step from 0, an int or an int64 tensor.

        Returns:
            Tensors: bucket, int64; row numbers in it, int64 `(batch_rows,)`; bool
            `(batch_rows,)`.
        """
        import tensorflow as tf

        step = tf.cast(step, tf.int64)
        steps = tf.constant(self.steps_per_epoch, tf.int64)
        epoch, batch = step // steps, step % steps
        # The rows of a single bucket are shuffled already.
        if len(self.buckets) > 1:
            batch = self._shuffled(batch, steps, epoch, 0)
        ends = tf.constant(self._batch_ends(), tf.int64)
        bucket = tf.searchsorted(ends, batch[None], "right", tf.int64)[0]
        first = tf.where(bucket > 0, tf.gather(ends, tf.maximum(bucket - 1, 0)), 0)
        places = tf.range(self.batch_rows, dtype=tf.int64)
        counts = places < self.global_batch_size
        places += (batch - first) * self.global_batch_size
        size = tf.gather(
            tf.constant([len(rows) for rows in self.buckets], tf.int64), bucket
        )
        counts &= places < size
        rows = self._shuffled(tf.minimum(places, size - 1), size, epoch, 1 + bucket)
        return bucket, rows, counts

    def batch(self, step: int) -> dict[str, np.ndarray]:
        """Returns this host's share of a batch: the arrays of `TokenRows`.

        Rows that only fill the batch up are padding throughout: their `segment_ids`
        and `sample_weight` are zero.
        """
        return self._read(*(value.numpy() for value in self.indices(step)))

    def records(self, step: int) -> tuple[str, ...]:
        """Returns the records whose texts a batch holds, over all hosts."""
        bucket, rows, counts = (value.numpy() for value in self.indices(step))
        found = self.buckets[bucket]
        names = [name for row in rows[counts] for name in found.records_of(int(row))]
        return tuple(dict.fromkeys(names))

    def at(self, step: int, *, steps: int) -> Any:
        """Opens the data at `step` and serves `steps` batches.

        Returns:
            A `tf.data.Dataset` of `(x, y, sample_weight)` as `keras.Model.fit`
            takes them; `x` holds `token_ids` and `padding_mask`, each int32
            `(rows, sequence_length)`. The mask counts the texts of a row from 1.
        """
        import tensorflow as tf

        names = ("token_ids", "segment_ids", "labels", "sample_weight")
        dtypes = (tf.int32, tf.int32, tf.int32, tf.float32)
        lengths = {rows.sequence_length for rows in self.buckets}
        length = lengths.pop() if len(lengths) == 1 else None
        shape = (self.batch_rows // self.hosts, length)

        def read(bucket, rows, counts):
            arrays = self._read(bucket, rows, counts)
            return [arrays[name] for name in names]

        def serve(step):
            # One call of Python a batch, which reads what may only be on disk.
            found = tf.numpy_function(read, self.indices(step), dtypes, stateful=False)
            token_ids, segment_ids, labels, weight = (
                tf.ensure_shape(values, shape) for values in found
            )
            return {"token_ids": token_ids, "padding_mask": segment_ids}, labels, weight

        dataset = tf.data.Dataset.range(step, step + steps)
        return dataset.map(serve, num_parallel_calls=2, deterministic=True).prefetch(2)

    def _read(self, bucket, rows, counts) -> dict[str, np.ndarray]:
        size = self.batch_rows // self.hosts
        mine = slice(self.host * size, (self.host + 1) * size)
        rows, counts = rows[mine], counts[mine, None]
        arrays = {
            name: np.asarray(values[rows])
            for name, values in self.buckets[int(bucket)].arrays.items()
        }
        for name in ("segment_ids", "sample_weight"):
            arrays[name] = arrays[name] * counts.astype(arrays[name].dtype)
        return arrays

    def _batch_ends(self) -> np.ndarray:
        """Returns how many batches an epoch has up to the end of each bucket."""
        sizes = np.array([len(rows) for rows in self.buckets])
        return np.cumsum(-(-sizes // self.global_batch_size))

    def _shuffled(self, places, count, epoch, which):
        """Returns the places of `0..count - 1` in the order of an epoch."""
        import tensorflow as tf

        if not self.shuffle:
            return places
        return tf.raw_ops.RandomIndexShuffle(
            index=places,
            seed=tf.stack([tf.constant(self.seed, tf.int64), epoch, which]),
            max_index=count - 1,
            rounds=_SHUFFLE_ROUNDS,
        )
