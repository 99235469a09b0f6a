"""Stratified splits that keep near duplicates on one side."""

import dataclasses
import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence

from gemma_keras_ft.config import Configurable, register
from gemma_keras_ft.preprocessing.dedup import duplicate_key
from gemma_keras_ft.records import LyricRecord

SPLITS = ("train", "validation", "test")


@register("split")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Split(Configurable):
    """Draws train, validation and test, stratified by language, script and style.

    Whole groups of near duplicates go to one side. The draw depends on the texts,
    their ids and the seed, never on the order in which records were read.

    Args:
        validation: Share of songs held out to watch the training.
        test: Share of songs held out to judge the result.
        seed: Seed of the draw.

    Raises:
        ValueError: If the shares are negative or leave nothing to train on.
    """

    validation: float = 0.1
    test: float = 0.2
    seed: int = 0

    def __post_init__(self):
        shares = (self.validation, self.test)
        if min(shares) < 0 or sum(shares) >= 1:
            raise ValueError(
                "`validation` and `test` must be shares that leave some for training. "
                f"Received: validation={self.validation!r}, test={self.test!r}."
            )

    def assign(
        self, records: Sequence[LyricRecord], groups: Sequence[int]
    ) -> list[str]:
        """Returns `"train"`, `"validation"` or `"test"` for each record.

        Args:
            records: The records.
            groups: One group number a record; see `duplicate_groups`.
        """
        members = defaultdict(list)
        for index, group in enumerate(groups):
            members[group].append(index)
        strata = defaultdict(list)
        for indices in members.values():
            kinds = Counter(_stratum(records[index]) for index in indices)
            stratum = min(kinds, key=lambda kind: (-kinds[kind], kind))
            draw = min(self._draw(records[index]) for index in indices)
            strata[stratum].append((draw, indices))
        sides = [""] * len(records)
        for drawn in strata.values():
            self._deal(sorted(drawn), sides)
        return sides

    def _draw(self, record: LyricRecord) -> str:
        text = f"{self.seed}\n{record.language}\n{duplicate_key(record)}\n{record.id}"
        return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()

    def _deal(self, drawn: list[tuple[str, list[int]]], sides: list[str]) -> None:
        """Fills test, then validation, then train, in the order of the draw."""
        total = sum(len(indices) for _, indices in drawn)
        wanted = {
            "test": round(total * self.test),
            "validation": round(total * self.validation),
        }
        for _, indices in drawn:
            side = next(
                (name for name, count in wanted.items() if count >= len(indices)),
                "train",
            )
            if side != "train":
                wanted[side] -= len(indices)
            for index in indices:
                sides[index] = side


def _stratum(record: LyricRecord) -> tuple[str, str, str]:
    return (record.language or "", record.script or "", record.style or "")
