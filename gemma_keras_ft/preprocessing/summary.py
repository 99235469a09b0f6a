"""What a dataset holds, counted in one pass."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from gemma_keras_ft.preprocessing.culture.decisions import Decisions, open_flags
from gemma_keras_ft.preprocessing.culture.flags import flags_of
from gemma_keras_ft.preprocessing.provenance.representation import (
    UNKNOWN,
    Representation,
)
from gemma_keras_ft.preprocessing.provenance.rights import RightsLedger
from gemma_keras_ft.preprocessing.splitting.split import SPLITS
from gemma_keras_ft.records import LyricRecord

_LONGEST = 60


class Summary:
    """Counts kept songs; memory grows with distinct values, not with songs.

    Args:
        decisions: What readers decided on flagged songs.
    """

    def __init__(self, decisions: Decisions | None = None):
        self._decisions = decisions or Decisions()
        self.songs = 0
        self._representation = Representation()
        self._rights = RightsLedger()
        self._splits: Counter[str] = Counter({name: 0 for name in SPLITS})
        self._styles_by_split: dict[str, Counter[str]] = defaultdict(Counter)
        self._styles_by_language: dict[str, Counter[str]] = defaultdict(Counter)
        self._lines: Counter[int] = Counter()
        self._flagged = 0
        self._flags_open = 0
        self._reviewed: Counter[str] = Counter()

    def add(self, record: LyricRecord, split: str) -> None:
        """Counts one song."""
        style = record.style or UNKNOWN
        self.songs += 1
        self._representation.add(record)
        self._rights.add(record)
        self._splits[split] += 1
        self._styles_by_split[style][split] += 1
        self._styles_by_language[record.language or UNKNOWN][style] += 1
        if flags_of(record):
            self._flagged += 1
            self._flags_open += bool(open_flags(record, self._decisions.review(record)))
        review = record.metadata.get("review")
        if isinstance(review, Mapping):
            self._reviewed[str(review.get("state"))] += 1
        self._lines[min(_LONGEST, sum(map(bool, record.lines)))] += 1

    def report(self) -> dict[str, Any]:
        """Returns JSON values.

        `counts` by language, script, style, era, source, license and split; the
        `rights` ledger; how many songs are `flagged`, how many of those have flags
        that nobody has decided on (`flags_open`), and what readers made of those
        `reviewed`; `styles_by_split` and `styles_by_language`; and
        `lines_per_song`, songs by their lines with words, 60 being that many or
        more.
        """
        return {
            "counts": {**self._representation.counts(), "split": dict(self._splits)},
            "rights": self._rights.rows(),
            "flagged": self._flagged,
            "flags_open": self._flags_open,
            "reviewed": dict(sorted(self._reviewed.items())),
            "styles_by_split": _nested(self._styles_by_split),
            "styles_by_language": _nested(self._styles_by_language),
            "lines_per_song": {
                str(length): count for length, count in sorted(self._lines.items())
            },
        }


def _nested(counts: dict[str, Counter[str]]) -> dict[str, dict[str, int]]:
    return {name: dict(sorted(inner.items())) for name, inner in sorted(counts.items())}
