"""What is sung more than once: marks such as `(x2)`, and letters held long."""

import dataclasses
from collections.abc import Sequence

import regex

from gemma_keras_ft.config import register
from gemma_keras_ft.preprocessing.base import CleaningPreprocessor
from gemma_keras_ft.preprocessing.cleaning.labels import Label, read_labels
from gemma_keras_ft.preprocessing.cleaning.marks import may_have_mark, read_mark
from gemma_keras_ft.preprocessing.edits import Edit, edit_each, edit_song
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.sources.plain_text import is_blank

REPEATS = ("expand", "mark", "keep")

_NUMBER_IN_DANDAS = regex.compile(r"[।॥|]\s*\p{Nd}{1,2}\s*[।॥|]+\s*$")
_CLOSERS = regex.compile(r"[\])}>】）］:：\s]*$")


@register("expand_repeats")
@dataclasses.dataclass(frozen=True, kw_only=True)
class ExpandRepeats(CleaningPreprocessor):
    """Writes out what a mark says is sung again, or writes all marks alike.

    A mark at the end of a line repeats the line, one beside a section label the
    section, one on a line of its own the lines above it up to a blank line. What says
    more than `limit`, or has two marks, stays as it is written: nothing that is sung
    is ever deleted, and no song grows more than `limit`-fold.

    Example:
        in:   "अमरपुर ले चलो सजना (x2)"
        out:  "अमरपुर ले चलो सजना", "अमरपुर ले चलो सजना"

    Args:
        repeats: `"expand"`; `"mark"`, which writes every mark as ` (x2)`; or `"keep"`.
        danda_counts: Whether `॥२॥` at the end of a line means that it is sung twice;
            mostly it is the number of the verse, which `TidyPunctuation` handles.
        limit: How often a line may be written at most.

    Raises:
        ValueError: If `repeats` is none of them, or `limit` not from 2 to 16.
    """

    repeats: str = "expand"
    danda_counts: bool = False
    limit: int = 8

    def __post_init__(self):
        if self.repeats not in REPEATS:
            raise ValueError(
                f"`repeats` must be one of {REPEATS}. "
                f"Received: repeats={self.repeats!r}."
            )
        if not 2 <= self.limit <= 16:
            raise ValueError(
                f"`limit` must be from 2 to 16. Received: limit={self.limit!r}."
            )

    def map(self, record: LyricRecord) -> LyricRecord:
        """Returns the record with its repeats in the chosen form."""
        return record if self.repeats == "keep" else edit_song(record, self._edit)

    def _edit(self, lines: Sequence[str], language: str | None) -> Edit | None:
        dandas = self.danda_counts and any(map(_NUMBER_IN_DANDAS.search, lines))
        if not dandas and not any(map(may_have_mark, lines)):
            return None
        labels = read_labels(lines)
        marks = {
            place: mark
            for place, line in enumerate(lines)
            if place not in labels and (mark := self._mark(line))
        }
        if self.repeats == "mark":
            return _marked(lines, marks)
        return self._expanded(lines, labels, marks)

    def _mark(self, line: str) -> tuple[str, int] | None:
        mark = read_mark(line, dandas=self.danda_counts)
        if mark is None or not 2 <= mark[1] <= self.limit:
            return None
        twice = read_mark(mark[0], dandas=self.danda_counts)
        return None if twice else mark

    def _expanded(
        self,
        lines: Sequence[str],
        labels: dict[int, Label],
        marks: dict[int, tuple[str, int]],
    ) -> Edit | None:
        pieces: list[tuple[str, ...]] = [(line,) for line in lines]
        order: list[int] = []
        # Where in `order` the lines since the last border begin; how often they come.
        start, times = 0, 1
        for place, line in enumerate(lines):
            rest, count = marks.get(place, (line, 1))
            if is_blank(line) or place in labels:
                order[start:] = order[start:] * times
                order.append(place)
                start, times = len(order), 1
                times = self._section_times(lines, labels, place)
                if times > 1:
                    pieces[place] = (_without_mark(line),)
            elif rest:
                pieces[place] = (rest,)
                order += [place] * count
            elif len(order) > start:
                pieces[place] = ()
                order[start:] = order[start:] * count
            else:
                order.append(place)
            if len(order) * times > self.limit * len(lines):
                return None
        order[start:] = order[start:] * times
        unchanged = order == list(range(len(lines))) and all(
            piece == (line,) for piece, line in zip(pieces, lines, strict=True)
        )
        return None if unchanged else Edit(pieces=pieces, order=order)

    def _section_times(
        self, lines: Sequence[str], labels: dict[int, Label], place: int
    ) -> int:
        """Returns how often the lines below a label come; 1 if there are none."""
        times = labels[place].times if place in labels else 1
        below = place + 1
        empty = below >= len(lines) or is_blank(lines[below]) or below in labels
        possible = not empty and not labels[place].rest if place in labels else False
        return times if possible and times <= self.limit else 1


def _without_mark(label: str) -> str:
    bare = label.rstrip(" :：")
    mark = read_mark(bare)
    if mark and mark[0]:
        return mark[0] + label[len(bare) :].strip()
    closers = _CLOSERS.search(label)
    end = closers.start() if closers else len(label)
    mark = read_mark(label[:end])
    return (mark[0].rstrip(" :：,|-–—") if mark else label[:end]) + label[end:]


def _marked(lines: Sequence[str], marks: dict[int, tuple[str, int]]) -> Edit | None:
    written = [
        f"{marks[place][0]} (x{marks[place][1]})".strip() if place in marks else line
        for place, line in enumerate(lines)
    ]
    return None if written == list(lines) else Edit(pieces=[(w,) for w in written])


@register("cap_elongation")
@dataclasses.dataclass(frozen=True, kw_only=True)
class CapElongation(CleaningPreprocessor):
    """Shortens letters that are held: `Ooooooh` to `Oooh`, `ओऽऽऽ` to `ओऽ`.

    For vocabularies that break long runs into many tokens. Repeated syllables and
    words (`ला ला ला`) stay; so do digits. Leave it out where the length is sung.

    Example:
        in:   "ओऽऽऽ साजनाऽऽ, Ooooooh"
        out:  "ओऽ साजनाऽ, Oooh"

    Args:
        letters: So many of one letter may follow each other, in either case.
        avagraha: So many avagrahas.

    Raises:
        ValueError: If `letters` is below 2, since words have double letters, or
            `avagraha` below 1.
    """

    letters: int = 3
    avagraha: int = 1

    def __post_init__(self):
        if self.letters < 2:
            raise ValueError(
                f"`letters` must be at least 2. Received: letters={self.letters!r}. "
                "Words have double letters."
            )
        if self.avagraha < 1:
            raise ValueError(
                "`avagraha` must be at least 1. "
                f"Received: avagraha={self.avagraha!r}. An elision is written with one."
            )

    def map(self, record: LyricRecord) -> LyricRecord:
        """Returns the record with held letters shortened."""
        return edit_song(record, self._edit)

    def _edit(self, lines: Sequence[str], language: str | None) -> Edit | None:
        return edit_each(lines, self._capped)

    def _capped(self, line: str) -> str:
        if not _HELD.search(line):
            return line
        line = _HELD_LETTER.sub(lambda held: held[0][: self.letters], line)
        return _HELD_AVAGRAHA.sub(lambda held: held[0][: self.avagraha], line)


_AVAGRAHA = "ऽঽઽଽఽಽഽ"
_HELD = regex.compile(rf"(\p{{L}})\1\1|[{_AVAGRAHA}]{{2}}", regex.IGNORECASE)
# Letters without a mark: a consonant with its vowel sign is a syllable of its own.
_HELD_LETTER = regex.compile(
    rf"((?![{_AVAGRAHA}])\p{{L}})\1{{2,}}+(?!\p{{M}})", regex.IGNORECASE
)
_HELD_AVAGRAHA = regex.compile(rf"([{_AVAGRAHA}])\1+")
