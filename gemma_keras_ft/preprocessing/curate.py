"""Runs a recipe over records; every record is kept or set aside, with a reason."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gemma_keras_ft.preprocessing.base import Preprocessor
from gemma_keras_ft.preprocessing.clean import Clean
from gemma_keras_ft.preprocessing.dedup import duplicate_groups, duplicate_key
from gemma_keras_ft.preprocessing.missing import DetectScript, RequireText
from gemma_keras_ft.preprocessing.normalize import Normalize
from gemma_keras_ft.preprocessing.romanize import Romanize
from gemma_keras_ft.preprocessing.split import SPLITS, Split
from gemma_keras_ft.records import LyricRecord, SetAside

_COUNTED = ("language", "script", "style", "license")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Curation:
    """What became of every record.

    Args:
        splits: Records by `"train"`, `"validation"` and `"test"`.
        set_aside: Records that were not kept, each with its reason.
        recipe: The configuration of every step, in order, then of the split.
    """

    splits: Mapping[str, tuple[LyricRecord, ...]]
    set_aside: tuple[SetAside, ...]
    recipe: tuple[Mapping[str, Any], ...]

    def report(self) -> dict[str, Any]:
        """Returns counts as JSON values: kept, set aside, by kind, by reason."""
        records = [record for split in SPLITS for record in self.splits[split]]
        counts = {
            name: dict(
                sorted(Counter(getattr(r, name) or "unknown" for r in records).items())
            )
            for name in _COUNTED
        }
        counts["split"] = {name: len(self.splits[name]) for name in SPLITS}
        reasons = Counter(item.reason for item in self.set_aside)
        return {
            "read": len(records) + len(self.set_aside),
            "kept": len(records),
            "set_aside": len(self.set_aside),
            "set_aside_reasons": dict(sorted(reasons.items())),
            "counts": counts,
        }


def default_recipe() -> tuple[Preprocessor, ...]:
    """Returns the steps that suit lyrics in any script.

    Cleaning stands before normalization, since markup hides characters; the
    script must be known before a record can be romanized.
    """
    return (Clean(), Normalize(), DetectScript(), RequireText(), Romanize())


def curate_records(
    records: Iterable[LyricRecord | SetAside],
    *,
    recipe: Sequence[Preprocessor] | None = None,
    split: Split | None = None,
) -> Curation:
    """Runs the recipe, drops exact duplicates, and splits what is kept.

    Holds all records in memory.

    Args:
        records: Records and what was set aside on reading.
        recipe: Steps in order; `default_recipe()` by default.
        split: How to split; `Split()` by default.

    Returns:
        A `Curation` in which records read = kept + set aside.
    """
    steps = default_recipe() if recipe is None else tuple(recipe)
    split = split or Split()
    kept: list[LyricRecord] = []
    set_aside: list[SetAside] = []
    for item in records:
        result = run_recipe(item, steps)
        if isinstance(result, LyricRecord):
            kept.append(result)
        else:
            set_aside.append(result)
    kept, copies = _without_copies(kept)
    sides = split.assign(kept, duplicate_groups(kept)) if kept else []
    splits = {
        name: tuple(r for r, side in zip(kept, sides, strict=True) if side == name)
        for name in SPLITS
    }
    return Curation(
        splits=splits,
        set_aside=(*set_aside, *copies),
        recipe=tuple(step.to_config() for step in (*steps, split)),
    )


def run_recipe(
    record: LyricRecord | SetAside, steps: Sequence[Preprocessor]
) -> LyricRecord | SetAside:
    """Runs the steps on one record until one of them sets it aside.

    What is set aside is the record as it came, before any step changed it.
    """
    result = record
    for step in steps:
        if isinstance(result, SetAside):
            break
        result = step(result)
    if isinstance(result, SetAside) and isinstance(record, LyricRecord):
        result = dataclasses.replace(result, record=record.to_dict())
    return result


def _without_copies(
    records: Sequence[LyricRecord],
) -> tuple[list[LyricRecord], list[SetAside]]:
    """Keeps the first of records that are equal but for case and punctuation.

    Copies in another script or language are kept: they are grouped, not dropped.
    """
    first: dict[tuple, str] = {}
    kept, copies = [], []
    for record in records:
        key = (duplicate_key(record), record.script, record.language)
        if key in first:
            copies.append(
                SetAside(
                    id=record.id,
                    reason="duplicate",
                    detail=f"The same text as {first[key]!r}.",
                    record=record.to_dict(),
                )
            )
        else:
            first[key] = record.id
            kept.append(record)
    return kept, copies
