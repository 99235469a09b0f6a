"""Stratified splits that keep near duplicates on one side."""

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from gemma_keras_ft.config import Configurable, check_seed, register
from gemma_keras_ft.preprocessing.splitting.likeness import measure_likeness
from gemma_keras_ft.records import LyricRecord

SPLITS = ("train", "validation", "test")


class Draw(NamedTuple):
    """A record's ticket.

    Args:
        stratum: Language, script and style.
        ticket: Order of the draw, from 0 to 2**64 - 1.
    """

    stratum: tuple[str, str, str]
    ticket: int


@register("split")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Split(Configurable):
    """Draws train, validation and test, stratified by language, script and style.

    Whole groups of near duplicates go to one side. The draw depends on the texts
    and the seed, never on names or on the order in which records were read.

    Args:
        validation: Share of songs held out to watch the training.
        test: Share of songs held out to judge the result.
        keep_artists: Whether all songs of one author go to one side too.
        seed: Seed of the draw.

    Raises:
        ValueError: If the shares are negative or leave nothing to train on.
    """

    validation: float = 0.1
    test: float = 0.2
    keep_artists: bool = False
    seed: int = 0

    def __post_init__(self):
        shares = (self.validation, self.test)
        # Written so that NaN fails too.
        if not (min(shares) >= 0 and sum(shares) < 1):
            raise ValueError(
                "`validation` and `test` must be shares that leave some for training. "
                f"Received: validation={self.validation!r}, test={self.test!r}."
            )
        check_seed(self.seed)

    def draw(self, record: LyricRecord, words: bytes | None = None) -> Draw:
        """Draws a record's ticket.

        Args:
            record: The record.
            words: Its `Likeness.words`, where that has been measured.
        """
        if words is None:
            words = measure_likeness([record])[0].words
        drawn = f"{self.seed}\n{record.language}\n{words.hex()}"
        digest = hashlib.sha256(drawn.encode("utf-8", "replace")).digest()
        stratum = (record.language or "", record.script or "", record.style or "")
        return Draw(stratum, int.from_bytes(digest[:8], "big"))

    def assign(self, draws: Iterable[Draw], groups: Sequence[int]) -> np.ndarray:
        """Assigns each record to a side.

        Args:
            draws: Each record's `draw`.
            groups: One group number a record; see `duplicate_groups`.

        Returns:
            The place of each record's side in `SPLITS`, uint8 `(records,)`.
        """
        names: dict[tuple[str, str, str], int] = {}
        pairs = [(names.setdefault(d.stratum, len(names)), d.ticket) for d in draws]
        strata = np.array([stratum for stratum, _ in pairs], np.int32)
        tickets = np.array([ticket for _, ticket in pairs], np.uint64)
        return self.deal(strata, tickets, np.asarray(groups), [*names])

    def deal(
        self,
        strata: np.ndarray,
        tickets: np.ndarray,
        groups: np.ndarray,
        names: Sequence[tuple[str, str, str]],
    ) -> np.ndarray:
        """Does the work of `assign` on arrays, which a million records fit in.

        Args:
            strata: Place in `names` of each record's stratum, int32.
            tickets: Each record's ticket, uint64.
            groups: Each record's group, int64.
            names: The strata.
        """
        # Members of a group stand side by side, the lowest ticket first.
        order = np.lexsort((tickets, groups))
        changes = np.flatnonzero(np.diff(groups[order])) + 1
        starts = np.concatenate([[0], changes])[: len(order)]
        sizes = np.diff(np.append(starts, len(order)))
        lowest = tickets[order[starts]]
        kinds = strata[order[starts]]
        for group in np.flatnonzero(sizes > 1):
            members = order[starts[group] : starts[group] + sizes[group]]
            kinds[group] = _commonest(strata[members], names)
        sides_of_groups = np.zeros(len(starts), np.uint8)
        for kind in np.unique(kinds):
            chosen = np.flatnonzero(kinds == kind)
            chosen = chosen[np.argsort(lowest[chosen], kind="stable")]
            sides_of_groups[chosen] = self.fill(sizes[chosen].tolist())
        sides = np.zeros(len(order), np.uint8)
        sides[order] = np.repeat(sides_of_groups, sizes)
        return sides

    def fill(self, sizes: Sequence[int]) -> list[int]:
        """Fills test, then validation, then train, in the order of the draw.

        Args:
            sizes: Songs in each group of one stratum, the lowest ticket first.

        Returns:
            The place of each group's side in `SPLITS`.
        """
        total = sum(sizes)
        wanted = {
            SPLITS.index("test"): round(total * self.test),
            SPLITS.index("validation"): round(total * self.validation),
        }
        sides = []
        for size in sizes:
            side = next((side for side in wanted if wanted[side] >= size), 0)
            if side:
                wanted[side] -= size
            sides.append(side)
        return sides


def _commonest(strata: np.ndarray, names: Sequence[tuple[str, str, str]]) -> int:
    counts = Counter(strata.tolist())
    return min(counts, key=lambda kind: (-counts[kind], names[kind]))
