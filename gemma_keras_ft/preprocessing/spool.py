"""Rows that are written once and read back from disk, one at a time or mapped."""

import mmap
import tempfile
import weakref
from array import array
from collections.abc import Iterator

import numpy as np


class LineSpool:
    """Lines of bytes in a temporary file; 8 bytes of memory a line.

    The file stands where `tempfile` puts it (the environment's TMPDIR) and goes
    with the object.
    """

    def __init__(self):
        self._file = tempfile.TemporaryFile()
        weakref.finalize(self, self._file.close)
        self._ends = array("Q")
        self._size = 0

    def append(self, line: bytes) -> None:
        """Adds a line, its line break included."""
        self._file.seek(self._size)
        self._file.write(line)
        self._size += len(line)
        self._ends.append(self._size)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, index: int) -> bytes:
        start = self._ends[index - 1] if index else 0
        self._file.seek(start)
        return self._file.read(self._ends[index] - start)

    def __iter__(self) -> Iterator[bytes]:
        return map(self.__getitem__, range(len(self)))


class ArraySpool:
    """Rows of numbers in a temporary file, of any lengths; 8 bytes of memory a row.

    Rows are read through a memory map, whose pages the system takes back when
    memory is short.

    Args:
        dtype: Kind of the numbers.
    """

    def __init__(self, dtype: type[np.generic] = np.uint64):
        self._file = tempfile.TemporaryFile()
        weakref.finalize(self, self._file.close)
        self._dtype = np.dtype(dtype)
        self._ends = array("Q", [0])
        self._map: mmap.mmap | None = None

    def append(self, row: np.ndarray) -> None:
        """Adds a row; none can be added once one has been read."""
        self._file.write(row.astype(self._dtype, copy=False).tobytes())
        self._ends.append(self._ends[-1] + len(row))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, index: int) -> np.ndarray:
        return self.flat()[self._ends[index] : self._ends[index + 1]]

    def flat(self) -> np.ndarray:
        """Returns all rows end to end; see `borders`."""
        if not self._ends[-1]:
            return np.array([], self._dtype)
        if self._map is None:
            self._file.flush()
            self._map = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        return np.frombuffer(self._map, self._dtype)

    def borders(self) -> np.ndarray:
        """Returns where each row starts in `flat()`, and where the last one ends."""
        return np.frombuffer(self._ends, np.uint64).astype(np.int64)
