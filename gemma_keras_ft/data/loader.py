"""Batches in an order that is a pure function of (seed, step)."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from gemma_keras_ft.config import check_seed

_SHUFFLE_ROUNDS = 8


@dataclasses.dataclass(frozen=True, kw_only=True)
class Loader:
    """Serves rows in batches; any step opens at once.

    The position in the data is one integer, the step: nothing is skipped over to
    reach it and nothing has to be remembered. Each epoch visits every row once,
    in an order of its own. A last partial batch is filled with rows of zero
    weight, so that every batch has one shape.

    Example:
        ```python
        loader = Loader(rows=rows, global_batch_size=8, seed=0)
        dataset = loader.at(step=120, steps=10)
        ```

    Args:
        rows: Arrays of equal length `(rows, sequence_length)`: `token_ids`,
            `padding_mask` and `labels` int32, `sample_weight` float32.
        global_batch_size: Rows a step, over all devices and hosts.
        seed: Seed of the order.
        shuffle: Whether to shuffle at all; validation does not.

    Raises:
        ValueError: If `rows` is empty, ragged, or a size is not positive.
    """

    rows: Mapping[str, np.ndarray]
    global_batch_size: int
    seed: int = 0
    shuffle: bool = True

    def __post_init__(self):
        sizes = {name: len(values) for name, values in self.rows.items()}
        if len(set(sizes.values())) != 1 or not self.row_count:
            raise ValueError(
                f"`rows` must hold equally many rows, at least one. Received: {sizes}."
            )
        if self.global_batch_size < 1:
            raise ValueError(
                "`global_batch_size` must be positive. Received: "
                f"global_batch_size={self.global_batch_size!r}."
            )
        check_seed(self.seed)

    @property
    def row_count(self) -> int:
        """Number of rows an epoch."""
        return len(self.rows["token_ids"])

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches an epoch, the last partial one included."""
        return -(-self.row_count // self.global_batch_size)

    def rows_before(self, step: int) -> int:
        """Returns how many real rows the batches before `step` hold."""
        epochs, within = divmod(step, self.steps_per_epoch)
        return epochs * self.row_count + within * self.global_batch_size

    def indices(self, step) -> tuple:
        """Returns the row numbers of one batch and which of them are real.

        Args:
            step: Step from 0, an int or an int64 tensor.

        Returns:
            `(int32 (global_batch_size,), bool (global_batch_size,))`.
        """
        import tensorflow as tf

        step = tf.cast(step, tf.int64)
        epoch, within = step // self.steps_per_epoch, step % self.steps_per_epoch
        places = within * self.global_batch_size + tf.range(
            self.global_batch_size, dtype=tf.int64
        )
        real = places < self.row_count
        places = tf.minimum(places, self.row_count - 1)
        if self.shuffle and self.row_count > 1:
            # The default of 4 rounds leaves large sets nearly in sequence.
            places = tf.raw_ops.RandomIndexShuffle(
                index=places,
                seed=tf.stack([tf.constant(self.seed, tf.int64), epoch, 0]),
                max_index=tf.constant(self.row_count - 1, tf.int64),
                rounds=_SHUFFLE_ROUNDS,
            )
        return tf.cast(places, tf.int32), real

    def at(self, step: int, *, steps: int):
        """Opens the data at `step` and serves `steps` batches.

        Returns:
            A `tf.data.Dataset` of `(x, y, sample_weight)` as `keras.Model.fit`
            takes them; `x` holds `token_ids` and `padding_mask`, each
            `(global_batch_size, sequence_length)` int32.
        """
        import tensorflow as tf

        rows = {name: tf.constant(values) for name, values in self.rows.items()}

        def batch(step):
            indices, real = self.indices(step)
            taken = {name: tf.gather(values, indices) for name, values in rows.items()}
            weight = taken["sample_weight"] * tf.cast(real, tf.float32)[:, None]
            x = {name: taken[name] for name in ("token_ids", "padding_mask")}
            return x, taken["labels"], weight

        dataset = tf.data.Dataset.range(step, step + steps)
        return dataset.map(batch, num_parallel_calls=1).prefetch(2)
