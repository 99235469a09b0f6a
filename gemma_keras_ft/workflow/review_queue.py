"""The queue: flagged songs that wait for a reader of their language."""

import dataclasses
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from gemma_keras_ft.config import from_config
from gemma_keras_ft.preprocessing.culture.decision_rows import DECISIONS
from gemma_keras_ft.preprocessing.culture.decisions import (
    DECIDED,
    Decisions,
    awaits_review,
    open_flags,
)
from gemma_keras_ft.preprocessing.culture.exclusions import SEVERITIES
from gemma_keras_ft.preprocessing.culture.flags import flags_of
from gemma_keras_ft.preprocessing.culture.protection import Guard, ProtectedPhrases
from gemma_keras_ft.preprocessing.culture.replay import Review
from gemma_keras_ft.preprocessing.store import (
    PROTECTED,
    SET_ASIDE,
    LyricDataset,
    read_dataset,
)
from gemma_keras_ft.records import LyricRecord, SetAside, write_text_atomically


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReviewItem:
    """A song that waits for a reader, or that one has decided on.

    Args:
        record: The song as the dataset holds it.
        where: `"train"`, `"validation"`, `"test"`, or `"set aside"`.
        review: Where it stands.
        reason: Why it was set aside; empty where it wasn't.
    """

    record: LyricRecord
    where: str
    review: Review
    reason: str = ""

    @property
    def is_open(self) -> bool:
        """Whether there is anything left to decide."""
        undecided = self.review.state not in DECIDED
        return undecided or bool(open_flags(self.record, self.review))

    @property
    def severity(self) -> int:
        """The place of its gravest flag in `SEVERITIES`, -1 without flags."""
        places = [SEVERITIES.index(flag["severity"]) for flag in flags_of(self.record)]
        return max(places, default=-1)


def review_queue(
    dataset: str | Path,
    *,
    protected: ProtectedPhrases | None = None,
    decided: bool = False,
) -> list[ReviewItem]:
    """Returns the songs that wait for a reader, those with the gravest flags first.

    These are the songs with flags that nobody has decided on, be they kept or set
    aside for their flags, and those whose decision is stale or was refused.

    Args:
        dataset: The folder that `curate` wrote. Decisions are read from its
            `decisions.jsonl`.
        protected: Phrases that no edit may touch; those of the curation by default.
        decided: Whether songs that are decided on are returned too.

    Raises:
        FileNotFoundError: If the folder holds no dataset.
        ValueError: If a file of it was changed since it was written.
    """
    read = read_dataset(dataset)
    items = review_items(read, guard_of(protected, read))
    return [item for item in items if decided or item.is_open]


def guard_of(protected: ProtectedPhrases | None, dataset: LyricDataset) -> Guard:
    """Returns who knows the protected phrases; those of the dataset by default."""
    return Guard(read_phrases(dataset) if protected is None else protected)


def write_phrases(dataset: LyricDataset, protected: ProtectedPhrases) -> None:
    """Keeps the user's own protected phrases with the dataset, where there are any.

    The packaged ones are at hand wherever the package is.
    """
    path = dataset.directory / PROTECTED
    if protected.phrases:
        text = json.dumps(protected.to_config(), ensure_ascii=False, indent=1)
        write_text_atomically(path, text + "\n")


def read_phrases(dataset: LyricDataset) -> ProtectedPhrases:
    """Returns the phrases that the dataset's curation protects.

    Raises:
        ValueError: If the dataset's list of them can't be read.
    """
    path = dataset.directory / PROTECTED
    if not path.exists():
        return ProtectedPhrases()
    try:
        protected = from_config(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError, AttributeError) as error:
        raise _bad_phrases(path, repr(error)) from error
    if not isinstance(protected, ProtectedPhrases):
        raise _bad_phrases(path, f"{protected!r:.80}")
    return protected


def _bad_phrases(path: Path, received: str) -> ValueError:
    return ValueError(
        f"{path} must hold protected phrases. Received: {received}. Curate again."
    )


def review_items(dataset: LyricDataset, guard: Guard) -> list[ReviewItem]:
    """Returns what waits for a reader, gravest first, then what is decided on.

    Reads the whole dataset, a record at a time; see `review_again`.

    Args:
        dataset: The dataset; decisions are read from its folder.
        guard: Knows the protected phrases.
    """
    decisions = Decisions.read(dataset.directory / DECISIONS, guard)
    items = [
        ReviewItem(
            record=record, where=where, review=decisions.review(record), reason=reason
        )
        for record, where, reason in _candidates(dataset)
        if reason or flags_of(record) or decisions.of(record.id)
    ]
    return _in_order(items)


def review_again(
    items: Sequence[ReviewItem], dataset: LyricDataset, guard: Guard
) -> list[ReviewItem]:
    """Returns the items as the decisions have them now, without reading all songs.

    Args:
        items: What `review_items` returned.
        dataset: The dataset they are from; decisions are read from its folder.
        guard: Knows the protected phrases.
    """
    decisions = Decisions.read(dataset.directory / DECISIONS, guard)
    return _in_order(
        dataclasses.replace(item, review=decisions.review(item.record))
        for item in items
    )


def _in_order(items: Iterable[ReviewItem]) -> list[ReviewItem]:
    # What was set aside waits even where its flags are not known any more.
    shown = [
        item
        for item in items
        if item.reason
        or item.review.state != "open"
        or open_flags(item.record, item.review)
    ]
    return sorted(shown, key=lambda item: (not item.is_open, -item.severity))


def _candidates(dataset: LyricDataset) -> Iterator[tuple[LyricRecord, str, str]]:
    for split in dataset.splits:
        for record in dataset.stream(split):
            yield record, split, ""
    with open(dataset.directory / SET_ASIDE, encoding="utf-8", newline="\n") as file:
        for line in file:
            item = SetAside(**json.loads(line))
            if awaits_review(item) and item.record is not None:
                yield LyricRecord.from_dict(item.record), "set aside", item.reason
