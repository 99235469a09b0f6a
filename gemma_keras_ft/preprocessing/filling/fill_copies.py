"""Completes a last line that was cut off, from another copy of the same song."""

import dataclasses
import functools
from collections.abc import Iterable, Iterator

import regex

from gemma_keras_ft.preprocessing.filling.fill import Fill, with_fills
from gemma_keras_ft.preprocessing.text.normalize import comparison_form
from gemma_keras_ft.preprocessing.text.scripts import detect_script
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.sources.plain_text import is_blank

# How a scraper shows that it cut: three dots, in one character or three.
_CUT = regex.compile(r"(?r)\s*(?:…|\.{3,})\s*$")
_END_MARKS = regex.compile(r"[^\p{L}\p{M}\p{N}\s]*$")
# Lines before the last one that must be the same: so it is the same place.
_CONTEXT_LINES = 2
# The lines of a group of copies are mostly the same.
_form = functools.lru_cache(maxsize=1 << 13)(comparison_form)
# A line of a song is shorter; what is longer is not worth the search.
_MAXIMUM_LENGTH = 400


@dataclasses.dataclass(frozen=True)
class _Completion:
    """What to add to a line, and the whole line in the form of comparison."""

    at: int
    added: str
    instead_of: str | None
    form: str
    source: str
    romanized: str | None


def complete_from_copies(
    record: LyricRecord, copies: Iterable[LyricRecord]
) -> LyricRecord:
    """Completes a last line that was cut off, where another copy has it whole.

    The two lines before it must be the same in the copy (one, in a song of two
    lines), and the copy's next line must begin with what is left. It counts as cut
    off if it ends in three dots, ends within a word, or lacks words of the copy's
    line that it does not already hold: a longer "la la la" is no evidence. Nothing
    is done where copies disagree, or where one of them has the line as it is. A copy
    is asked if it is in the same script and language.

    What is added is the copy's own text, which `metadata["filled"]` names with its
    `source`; three dots make way for it. A romanized line is taken from the copy
    too. Lines of a `no_alter` record stay as they are.

    Example:
        in:   "दीप जले", "रात ढले", "मन गाए रे स…"
              copy: "दीप जले", "रात ढले", "मन गाए रे सारी रात"
        out:  "दीप जले", "रात ढले", "मन गाए रे सारी रात"

    Args:
        record: The record to complete.
        copies: Records of the same song, such as the record's near duplicates;
            the record itself among them is passed over.

    Returns:
        A completed copy, or `record` itself.
    """
    places = _written(record)
    if record.no_alter or len(places) < 2:
        return record
    found: list[_Completion] = []
    for copy in copies:
        if copy.id != record.id and _is_comparable(record, copy):
            completions = list(_completions(record, places, copy))
            if None in completions:
                return record
            found.extend(item for item in completions if item)
    found.sort(key=lambda item: (-len(item.form), item.source))
    if not found or not all(found[0].form.startswith(item.form) for item in found):
        return record
    return _completed(record, places[-1], found[0])


def _written(record: LyricRecord) -> list[int]:
    return [place for place, line in enumerate(record.lines) if not is_blank(line)]


def _is_comparable(record: LyricRecord, copy: LyricRecord) -> bool:
    if record.language and copy.language and record.language != copy.language:
        return False
    if _is_parallel(record) and not _is_parallel(copy):
        return False
    return (record.script or detect_script(record.text)) == (
        copy.script or detect_script(copy.text)
    )


def _is_parallel(record: LyricRecord) -> bool:
    romanized = record.romanized
    return romanized is not None and len(romanized) == len(record.lines)


def _completions(
    record: LyricRecord, places: list[int], copy: LyricRecord
) -> Iterator[_Completion | None]:
    """Yields what each fitting line of the copy adds; None where it adds nothing."""
    forms = [_form(record.lines[place]) for place in places]
    context = forms[-1 - _CONTEXT_LINES : -1]
    text = record.lines[places[-1]]
    head = _CUT.sub("", text)
    start = _form(head)
    others = _written(copy)
    copied = [_form(copy.lines[place]) for place in others]
    for index in range(len(context), len(others)):
        if copied[index - len(context) : index] != context:
            continue
        if copied[index] == start:
            yield None
        elif start and copied[index].startswith(start):
            line = copy.lines[others[index]]
            if _is_cut(start, copied[index], has_dots=head != text):
                joined = _joined(head, text[len(head) :], line)
                if joined is not None:
                    at, added, instead_of = joined
                    romanized = (
                        copy.romanized[others[index]]
                        if copy.romanized is not None and _is_parallel(copy)
                        else None
                    )
                    yield _Completion(
                        at, added, instead_of, copied[index], copy.id, romanized
                    )


def _is_cut(start: str, whole: str, *, has_dots: bool) -> bool:
    rest = whole[len(start) :]
    if has_dots or not rest.startswith(" "):
        return True
    return not set(rest.split()) <= set(start.split())


def _joined(head: str, dots: str, line: str) -> tuple[int, str, str | None] | None:
    """Returns where to put which end of `line`, and what makes way for it."""
    start, whole = _form(head), _form(line)
    end = next(
        (
            place
            for place in range(len(line) if len(line) <= _MAXIMUM_LENGTH else 0)
            if _form(line[:place]) == start
        ),
        None,
    )
    if end is None:
        return None
    rest, marks = line[end:], _END_MARKS.search(head.rstrip())
    closing = marks[0] if marks else ""
    at = len(head)
    if closing and rest.startswith(closing):
        rest = rest[len(closing) :]
    elif closing and not dots and not head[-1].isspace():
        # It was closed after the cut, as by a step that fills punctuation.
        at -= len(closing)
        rest = rest.removesuffix(closing)
    if head[:at].endswith(" "):
        rest = rest.lstrip()
    completed = head[:at] + rest + ("" if dots else head[at:])
    if not rest or _form(completed) != whole:
        return None
    return at, rest, dots or None


def _completed(record: LyricRecord, place: int, found: _Completion) -> LyricRecord:
    line = record.lines[place]
    after = found.at + len(found.instead_of or "")
    line = line[: found.at] + found.added + line[after:]
    changes = {"lines": (*record.lines[:place], line, *record.lines[place + 1 :])}
    fills = [
        Fill(
            field="lines",
            line=place,
            at=found.at,
            added=found.added,
            instead_of=found.instead_of,
            source=found.source,
        )
    ]
    if _is_parallel(record) and record.romanized and found.romanized is not None:
        before = record.romanized
        changes["romanized"] = (*before[:place], found.romanized, *before[place + 1 :])
        fills.append(
            Fill(
                field="romanized",
                line=place,
                at=0,
                added=found.romanized,
                instead_of=before[place],
                source=found.source,
            )
        )
    return with_fills(record, fills, **changes)
