"""Optional variations of training songs; each child names its parent."""

import dataclasses
import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from gemma_keras_ft.config import check_seed
from gemma_keras_ft.preprocessing.augmentation.base import Augmentation, Context
from gemma_keras_ft.preprocessing.culture.phrases import PhraseMatcher
from gemma_keras_ft.preprocessing.culture.protection import ProtectedPhrases
from gemma_keras_ft.preprocessing.splitting.likeness import duplicate_key
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.sources.plain_text import is_blank

# Phrases, or what tells the phrases of a record.
Protected = ProtectedPhrases | Iterable[str] | Callable[[LyricRecord], Iterable[str]]

_RIGHTS = ("source", "license", "contributor", "consent")
# What was noted of the parent's text, by line and place, is not true of a child's.
_OF_THE_TEXT = frozenset({"filled", "flags", "removed"})


@dataclasses.dataclass(frozen=True, kw_only=True)
class AugmentedSplit:
    """The training songs with their variations.

    Args:
        records: The originals in their order, then their children.
        augmentations: The configuration of each augmentation.
        seed: Seed of the variations.
        children: Children by kind.
        dropped: Variations by the reason for which they became no child.
        skipped: Originals by the reason for which they were not varied.
    """

    records: tuple[LyricRecord, ...]
    augmentations: tuple[Mapping[str, Any], ...]
    seed: int
    children: Mapping[str, int]
    dropped: Mapping[str, int]
    skipped: Mapping[str, int]

    def report(self) -> dict[str, Any]:
        """Returns counts and configuration as JSON values."""
        made = sum(self.children.values())
        return {
            "originals": len(self.records) - made,
            "children": made,
            "children_by_kind": dict(sorted(self.children.items())),
            "dropped": dict(sorted(self.dropped.items())),
            "skipped": dict(sorted(self.skipped.items())),
            "augmentations": list(self.augmentations),
            "seed": self.seed,
        }


def augment_split(
    records: Iterable[LyricRecord],
    augmentations: Sequence[Augmentation],
    *,
    seed: int = 0,
    protected: Protected = (),
    split: str = "train",
) -> AugmentedSplit:
    """Varies the songs of the training split; no other may be varied.

    A song's children depend on the song, its id, the augmentations and the seed,
    never on the other songs or their order. Songs marked `no_alter` and songs that
    are children themselves are passed on as they are.

    Example:
        ```python
        train = augment_split(dataset.splits["train"], [DropLines()], seed=7).records
        ```

    Args:
        records: The songs of the split.
        augmentations: What to do with each.
        seed: Seed of the variations.
        protected: `ProtectedPhrases`, phrases, or a function from a record to
            phrases; every child holds each at least as often as its parent.
        split: Name of the split that `records` are of.

    Raises:
        ValueError: If `split` is not `"train"`, an augmentation is none, the seed is
            out of range or `protected` is a bare string.
    """
    if split != "train":
        raise ValueError(
            f'`split` must be "train". Received: split={split!r}. Songs that are '
            "measured with must stay as they were written."
        )
    matcher_of = _matchers(protected)
    originals = tuple(records)
    children: list[LyricRecord] = []
    dropped: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    configs = tuple(_checked(one).to_config() for one in augmentations)
    for record in originals:
        reason = _reason_to_skip(record)
        if reason:
            skipped[reason] += 1
            continue
        matcher = matcher_of(record)
        made, lost = make_children(record, augmentations, seed=seed, protected=matcher)
        children += made
        dropped += lost
    return AugmentedSplit(
        records=(*originals, *children),
        augmentations=configs,
        seed=seed,
        children=Counter(child.metadata["augmentation"] for child in children),
        dropped=dropped,
        skipped=skipped,
    )


def make_children(
    record: LyricRecord,
    augmentations: Sequence[Augmentation],
    *,
    seed: int = 0,
    protected: PhraseMatcher | None = None,
) -> tuple[list[LyricRecord], Counter[str]]:
    """Makes the children of one song; needs no other, so songs can be streamed.

    A child's id is `"<parent>~<kind>-<number>"`; its metadata names `parent` and
    `augmentation`, the registered name of what made it.

    Args:
        record: The song.
        augmentations: What to do with it.
        seed: Seed of the variations.
        protected: Finds what must not be changed.

    Returns:
        The children, and counts of what did not become one, by reason:
        `"protected"` (a protected phrase was lost), `"duplicate"` (the same words as
        the song or a sibling, in the same script), `"no_text"`, and the
        augmentations' own.
    """
    check_seed(seed)
    children: list[LyricRecord] = []
    dropped: Counter[str] = Counter()
    if _reason_to_skip(record):
        return children, dropped
    protected = protected or PhraseMatcher(())
    needed = _count(protected, record.lines)
    seen = {_copy_key(record)}
    numbers: Counter[str] = Counter()
    for augmentation in augmentations:
        kind = augmentation.config_name
        context = Context(
            random=_chance(seed, record, augmentation),
            protected=protected,
            dropped=dropped,
        )
        for child in augmentation.children(record, context):
            key = _copy_key(child)
            if all(is_blank(line) for line in child.lines):
                dropped["no_text"] += 1
            elif not _keeps(needed, child, record, augmentation):
                dropped["protected"] += 1
            elif key in seen:
                dropped["duplicate"] += 1
            else:
                seen.add(key)
                numbers[kind] += 1
                children.append(_adopted(child, record, kind, numbers[kind]))
    return children, dropped


def _checked(augmentation: Augmentation) -> Augmentation:
    if not isinstance(augmentation, Augmentation):
        raise ValueError(
            "`augmentations` must hold augmentations. Received: "
            f"{augmentation!r:.80}. Derive its class from Augmentation, and give an "
            "instance."
        )
    return augmentation


def _reason_to_skip(record: LyricRecord) -> str | None:
    if record.no_alter:
        return "no_alter"
    return "child" if "augmentation" in record.metadata else None


def _matchers(protected: Protected) -> Callable[[LyricRecord], PhraseMatcher]:
    if isinstance(protected, str):
        raise ValueError(
            f"`protected` must be a list of phrases. Received: {protected!r:.80}. "
            "Put it into a list."
        )
    if isinstance(protected, ProtectedPhrases):
        protected = protected.texts
    if callable(protected):
        phrases_of = protected
        return lambda record: PhraseMatcher(phrases_of(record))
    matcher = PhraseMatcher(protected)
    return lambda record: matcher


def _chance(
    seed: int, record: LyricRecord, augmentation: Augmentation
) -> random.Random:
    # By the configuration and not by the place in the list: one more augmentation
    # leaves the children of the others as they were.
    config = json.dumps(augmentation.to_config(), sort_keys=True)
    text = f"{seed}\n{config}\n{record.id}"
    return random.Random(hashlib.sha256(text.encode("utf-8", "replace")).digest())


def _count(matcher: PhraseMatcher, lines: Iterable[str]) -> Counter[str]:
    found = matcher.find("\n".join(lines))
    return Counter(matcher.phrases[match.phrase] for match in found)


def _keeps(
    needed: Counter[str],
    child: LyricRecord,
    parent: LyricRecord,
    augmentation: Augmentation,
) -> bool:
    if not needed:
        return True
    forms: Counter[str] = Counter()
    for phrase, count in needed.items():
        forms[augmentation.protected_form(phrase, parent)] += count
    return not forms - _count(PhraseMatcher(forms), child.lines)


def _copy_key(record: LyricRecord) -> tuple[str, str | None, str | None]:
    return duplicate_key(record), record.script, record.language


def _adopted(
    child: LyricRecord, parent: LyricRecord, kind: str, number: int
) -> LyricRecord:
    metadata = {
        name: value
        for name, value in child.metadata.items()
        if name not in _OF_THE_TEXT
    }
    return child.replace(
        id=f"{parent.id}~{kind}-{number}",
        metadata={**metadata, "parent": parent.id, "augmentation": kind},
        **{name: getattr(parent, name) for name in _RIGHTS},
    )
