"""Curves of a run on disk: a CSV, and event files for TensorBoard."""

import csv
import dataclasses
import importlib.util
import io
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gemma_keras_ft.records import write_text_atomically

CSV = "metrics.csv"
EVENTS = "tensorboard"
# A `SummaryMetadata` of the scalar dashboard: the plugin's name in field 1 of field 1,
# and the data class, 1 for scalars, in field 4.
_SCALAR = b"\x0a\x09\x0a\x07scalars\x20\x01"


def tensorboard_is_there() -> bool:
    """Returns whether the package `tensorboard` is installed, which shows events."""
    return importlib.util.find_spec("tensorboard") is not None


@dataclasses.dataclass
class MetricsFiles:
    """Keeps `metrics.csv`, and `tensorboard/` where that package is installed.

    Both are made from the curves that each checkpoint holds, never from what stands
    in them already: a run that continues begins them anew, so that no step is missing
    and none stands there twice.

    Args:
        directory: Where to write.
        events: Whether to write event files; by default where `tensorboard` can be
            imported. Writing them needs TensorFlow alone.
    """

    directory: Path
    events: bool = dataclasses.field(default_factory=tensorboard_is_there)
    _writer: Any = None

    def start(self, columns: Mapping[str, Sequence]) -> None:
        """Replaces what stands there by the evaluations so far.

        Args:
            columns: A list for each name; `step` is that of each evaluation.
        """
        write_text_atomically(self.directory / CSV, _to_csv(columns))
        folder = self.directory / EVENTS
        shutil.rmtree(folder, ignore_errors=True)
        if self.events:
            import tensorflow as tf

            self._writer = tf.summary.create_file_writer(str(folder))
            for place in range(len(columns.get("step", ()))):
                self._write_event(columns, place)

    def add(self, columns: Mapping[str, Sequence]) -> None:
        """Adds the last evaluation of `columns`."""
        write_text_atomically(self.directory / CSV, _to_csv(columns))
        if self.events:
            self._write_event(columns, -1)

    def close(self) -> None:
        """Closes the event file."""
        if self._writer is not None:
            self._writer.close()

    def _write_event(self, columns: Mapping[str, Sequence], place: int) -> None:
        import tensorflow as tf

        step = int(columns["step"][place])
        with self._writer.as_default():
            for name, values in columns.items():
                if name != "step" and values[place] is not None:
                    # `tf.summary.scalar` itself needs the package `tensorboard`.
                    tf.summary.write(
                        name, tf.constant(values[place]), step, metadata=_SCALAR
                    )
        self._writer.flush()


def _to_csv(columns: Mapping[str, Sequence]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for values in zip(*columns.values(), strict=True):
        # Steps and bytes are whole numbers.
        writer.writerow(map(_shortest, values))
    return text.getvalue()


def _shortest(value: float | None) -> float | str:
    if value is None:
        return ""
    return int(value) if value == int(value) else value
