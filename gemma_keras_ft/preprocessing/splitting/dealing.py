"""Groups all kept records, names the copies among them, and deals out the rest."""

from array import array
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from gemma_keras_ft.preprocessing.splitting.dedup import (
    Groups,
    LikenessStore,
    join_near_duplicates,
)
from gemma_keras_ft.preprocessing.splitting.likeness import Likeness, hash_text
from gemma_keras_ft.preprocessing.splitting.split import Draw, Split
from gemma_keras_ft.records import SetAside


class Dealt(NamedTuple):
    """How kept records, by their places, were grouped and split.

    Args:
        sides: The place of each record's side in `SPLITS`, uint8.
        copies: Records that are copies, each with the one that is kept.
        barred: Records that are copies of one that a reader excluded, each with
            its id.
        groups: Records that are versions of one song, copies left out.
    """

    sides: np.ndarray
    copies: list[tuple[int, int]]
    barred: list[tuple[int, str]]
    groups: list[list[int]]


class Ledger:
    """What must be known of every kept record to group and split them."""

    def __init__(self):
        self._store = LikenessStore()
        self._copies = array("Q")
        self._ranks = array("B")
        self._tickets = array("Q")
        self._strata = array("i")
        self._strata_names: dict[tuple[str, str, str], int] = {}
        self._authors = array("Q")
        self._excluded: dict[bytes, str] = {}

    def enter(
        self, likeness: Likeness, draw: Draw, *, author: str | None, rank: int
    ) -> None:
        """Enters a record that is kept.

        Args:
            likeness: What it is compared by.
            draw: Its ticket.
            author: Its author.
            rank: Which of several copies is kept; see `copy_rank`.
        """
        names = self._strata_names
        self._store.append(likeness)
        self._copies.frombytes(likeness.copy)
        self._ranks.append(rank)
        self._tickets.append(draw.ticket)
        self._strata.append(names.setdefault(draw.stratum, len(names)))
        self._authors.append(hash_text(author) if author else 0)

    def exclude(self, copy: bytes, name: str) -> None:
        """Bars all copies of a record that a reader excluded.

        Args:
            copy: Its `Likeness.copy`.
            name: Its id.
        """
        self._excluded.setdefault(copy, name)

    def deal(self, split: Split) -> Dealt:
        """Groups the records and splits them."""
        groups = Groups(len(self._store))
        join_near_duplicates(self._store, groups)
        barred = self._find_barred()
        copies = self._find_copies({place for place, _ in barred})
        real = np.ones(len(self._tickets), bool)
        real[[place for place, _ in (*copies, *barred)]] = False
        versions = groups.members(real)
        if split.keep_artists:
            authors = np.frombuffer(self._authors, np.uint64)
            named = np.flatnonzero(authors)
            groups.join_equal(authors[named], named)
        sides = np.zeros(len(real), np.uint8)
        sides[real] = split.deal(
            np.frombuffer(self._strata, np.int32)[real],
            np.frombuffer(self._tickets, np.uint64)[real],
            groups.numbers()[real],
            [*self._strata_names],
        )
        return Dealt(sides, copies, barred, versions)

    def _find_barred(self) -> list[tuple[int, str]]:
        hashes = np.frombuffer(self._copies, np.uint64).reshape(-1, 2)
        barred = []
        for copy, name in self._excluded.items():
            same = (hashes == np.frombuffer(copy, np.uint64)).all(axis=1)
            barred += [(place, name) for place in np.flatnonzero(same).tolist()]
        return sorted(barred)

    def _find_copies(self, barred: set[int]) -> list[tuple[int, int]]:
        """Returns every record of the same words, script and language as a better one.

        Of several that are equally good the first is kept.
        """
        hashes = np.frombuffer(self._copies, np.uint64).reshape(-1, 2)
        worse = -np.frombuffer(self._ranks, np.uint8).astype(np.int16)
        order = np.lexsort((worse, hashes[:, 1], hashes[:, 0]))
        same = (hashes[order[1:]] == hashes[order[:-1]]).all(axis=1)
        copies = []
        kept = 0
        for place in np.flatnonzero(same).tolist():
            # A run of equals begins where the one before is no copy itself.
            if place == 0 or not same[place - 1]:
                kept = int(order[place])
            if kept not in barred:
                copies.append((int(order[place + 1]), kept))
        return sorted(copies)


def copy_of(
    record: Mapping[str, Any], name: str, *, excluded: bool = False
) -> SetAside:
    """Returns the set-aside of a record that says the same as the one of `name`.

    Args:
        record: The record, as JSON values.
        name: Id of the other one.
        excluded: Whether a reader has excluded that one.
    """
    return SetAside(
        id=record["id"],
        reason="duplicate",
        detail=f"The same text as {name!r}"
        + (", which a reader excluded." if excluded else "."),
        record=record,
    )
