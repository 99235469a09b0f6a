"""Whom a dataset represents: counts of songs by what is known about them."""

from collections import Counter
from collections.abc import Mapping

from gemma_keras_ft.preprocessing.provenance.rights import collection_of
from gemma_keras_ft.records import LyricRecord

REPRESENTED = ("language", "script", "style", "era", "source", "license")
UNKNOWN = "unknown"


class Representation:
    """Counts songs by language, script, style, era, source and license.

    In one pass, with memory for each distinct value and none for a song; counts of
    several processes are merged, and JSON carries them.

    Example:
        ```python
        representation = Representation()
        for record in records:
            representation.add(record)
        representation.counts()["language"]  # {"pa": 5819, "ta": 133, ...}
        ```
    """

    def __init__(self):
        self._counts: dict[str, Counter[str]] = {
            name: Counter() for name in REPRESENTED
        }

    def add(self, record: LyricRecord) -> None:
        """Counts one song; a source counts as its collection."""
        for name, counts in self._counts.items():
            value = getattr(record, name) or UNKNOWN
            counts[collection_of(value) if name == "source" else value] += 1

    def merge(self, other: "Representation") -> None:
        """Adds what another pass counted."""
        for name, counts in other._counts.items():
            self._counts[name].update(counts)

    def counts(self) -> dict[str, dict[str, int]]:
        """Returns JSON values: songs by value, by field, the most frequent first."""
        return {
            name: dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
            for name, counts in self._counts.items()
        }

    @classmethod
    def from_counts(cls, counts: Mapping[str, Mapping[str, int]]) -> "Representation":
        """Builds the counter that gave `counts`.

        Raises:
            ValueError: If a field is not one of those that are counted.
        """
        unknown = sorted(set(counts) - set(REPRESENTED))
        if unknown:
            raise ValueError(
                f"`counts` must be by field. Received: {unknown[0]!r}. "
                f"Available: {list(REPRESENTED)}."
            )
        representation = cls()
        for name, values in counts.items():
            representation._counts[name].update(values)
        return representation
