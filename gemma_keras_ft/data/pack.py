"""Short parts share a row: best fit within a bounded window."""

import numpy as np

_WINDOW = 16384


def pack_lengths(
    lengths: np.ndarray, *, sequence_length: int, window: int = _WINDOW
) -> np.ndarray:
    """Assigns parts to rows so that few places stay empty.

    Best fit, decreasing: of `window` parts at a time the longest is placed first, into
    the open row that it leaves least room in. Rows that stay open take parts of later
    windows; at most `window` of them do. No part is cut.

    Example:
        in:   lengths [4, 3, 2, 5], sequence_length=6
        out:  rows    [2, 1, 2, 0]... the 4 and the 2 share a row

    Args:
        lengths: Places of each part, integers `(parts,)`, each at least 1.
        sequence_length: Places in a row.
        window: Parts considered together, and most rows that are open at once.

    Returns:
        The row of each part, int64 `(parts,)`; rows are numbered from 0.

    Raises:
        ValueError: If a part is empty or longer than a row.

    References:
        Krell et al., 2021. https://arxiv.org/abs/2107.02027
    """
    lengths = np.asarray(lengths)
    if len(lengths) and not 1 <= lengths.min() <= lengths.max() <= sequence_length:
        raise ValueError(
            f"`lengths` must be from 1 to sequence_length={sequence_length}. Received: "
            f"from {lengths.min()} to {lengths.max()}. Cut the examples first."
        )
    rows = np.empty(len(lengths), "int64")
    opened = _OpenRows(sequence_length)
    for start in range(0, len(lengths), window):
        given = lengths[start : start + window]
        for place in np.argsort(-given, kind="stable").tolist():
            rows[start + place] = opened.take(int(given[place]))
        opened.close_fullest(keep=window)
    return rows


class _OpenRows:
    """Rows by the room that is left in them; finding the best is one bit scan."""

    def __init__(self, sequence_length: int):
        self.sequence_length = sequence_length
        self.count = 0
        self.by_room: dict[int, list[int]] = {}
        # Bit r is set where a row has exactly r places left.
        self.rooms = 0

    def take(self, length: int) -> int:
        """Returns the row that `length` places go into."""
        fitting = self.rooms >> length
        if not fitting:
            row, room = self.count, self.sequence_length
            self.count += 1
        else:
            room = length + (fitting & -fitting).bit_length() - 1
            row = self.by_room[room].pop()
            if not self.by_room[room]:
                self.rooms &= ~(1 << room)
        self._open(row, room - length)
        return row

    def close_fullest(self, *, keep: int) -> None:
        """Forgets the fullest rows until `keep` are open."""
        surplus = sum(map(len, self.by_room.values())) - keep
        for room in sorted(self.by_room):
            if surplus <= 0:
                return
            closed = self.by_room[room][:surplus]
            del self.by_room[room][:surplus]
            if not self.by_room[room]:
                self.rooms &= ~(1 << room)
            surplus -= len(closed)

    def _open(self, row: int, room: int) -> None:
        if room:
            self.by_room.setdefault(room, []).append(row)
            self.rooms |= 1 << room
