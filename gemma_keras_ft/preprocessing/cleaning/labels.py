"""Section labels in one form for all languages, or out of the text."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import regex

from gemma_keras_ft.config import register
from gemma_keras_ft.preprocessing.base import CleaningPreprocessor
from gemma_keras_ft.preprocessing.cleaning.label_words import LABEL_WORDS, ORDINALS
from gemma_keras_ft.preprocessing.cleaning.marks import read_mark
from gemma_keras_ft.preprocessing.cleaning.patterns import folded
from gemma_keras_ft.preprocessing.edits import Edit, edit_song
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.sources.plain_text import is_blank

LABELS = ("canonical", "remove", "keep")

_LONGEST = 120
_BRACKETED = regex.compile(
    r"[\[({<【（［]\s*([^\[\]{}<>【】［］]{1,100}?)\s*[\])}>】）］]\s*[:：]?"
)
_DECORATED = regex.compile(
    r"(?:[*_~=\-–—]{1,8}\s*(.{1,60}?)\s*[*_~=\-–—]{1,8}|#{1,4}\s+(.{1,60}))"
)
_COLON = regex.compile(r"(.{1,60}?)\s*(?:[:：]\s*[-–—]?|\s[-–—])")
_GLUED = regex.compile(r"\[\s*([^\[\]]{1,100})\]\s*(?=\S)")
_PREFIX = regex.compile(r"([^:：]{1,30})[:：]\s*(?=\S)")
_INNER = regex.compile(
    r"(?P<head>[^:：|(,]{1,40}?)\s*(?:[:：|,]\s*(?P<who>.{1,80})"
    r"|\(\s*(?P<who>[^()]{1,80})\)|\s[-–—]\s*(?P<who>.{1,80}))?"
)
_NUMBER = regex.compile(
    r"(?P<name>.*?)[\s.#№-]*(?P<number>\p{Nd}{1,2}|(?<=\s)(?:i{1,3}|iv|vi{0,3}))\.?"
)
_ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6, "vii": 7, "viii": 8}
_NAMES = regex.compile(r"\s*(?:[,&/+;]|\band\b|\bwith\b|\bfeat\.?|\bft\.|और|மற்றும்)\s*")
_OPENS = frozenset("[({<【（［*_~=-–—#")
_FIRST_WORD = regex.compile(r"\p{Nd}*[^\s\d:：.,(\[\])-]+")
_FIRST_WORDS = frozenset(
    _FIRST_WORD.findall(word)[0] for word in (*LABEL_WORDS, *ORDINALS)
)
_INITIALS = frozenset(
    char for word in _FIRST_WORDS for char in (word[0], word[0].upper()) if char
)


class Label(NamedTuple):
    """A section label as read from a line.

    Args:
        name: Canonical name, such as `"verse"`.
        number: Its number, or None.
        performers: Who sings the section.
        times: How often it is sung, 1 where nothing is said.
        rest: What follows the label on its line.
        certain: False for a bare word that may be a line of the song.
        bare: Whether neither brackets nor a colon say that it is a label.
    """

    name: str
    number: int | None
    performers: tuple[str, ...] = ()
    times: int = 1
    rest: str = ""
    certain: bool = True
    bare: bool = False

    @property
    def text(self) -> str:
        """The label's canonical form, such as `"[verse 2]"` or `"[chorus] (x2)"`."""
        number = "" if self.number is None else f" {self.number}"
        times = f" (x{self.times})" if self.times > 1 else ""
        return f"[{self.name}{number}]{times}"


@register("label_sections")
@dataclasses.dataclass(frozen=True, kw_only=True)
class LabelSections(CleaningPreprocessor):
    """Writes section labels in one form, `[verse 1]`, or takes them out.

    Reads `[Verse 2: A & B]`, `Chorus:`, `## Bridge`, `मुखड़ा:`, `पहला अंतरा`, `பல்லவி`
    and their like in the languages of `label_words.py`. A bare word on its line counts
    if it only names sections, with a capital where its script has them; a word such
    as `bridge` or `சரணம்` also needs such a label elsewhere in the song. The label as
    it was written goes to `metadata["labels"]`, who sings it to
    `metadata["performers"]`.

    The canonical form is the default for training text: one short sequence of tokens
    in all languages lets a model learn from every song where a refrain returns, lets
    a prompt ask for a verse, and is taken out again by one pattern,
    whereas a structure that was removed cannot be put back.

    Example:
        in:   "मुखड़ा:", "पहली", "[Verse 2: Asha & Ravi]", "दूसरी"
        out:  "[chorus]", "पहली", "[verse 2]", "दूसरी"

    Args:
        labels: `"canonical"`; `"remove"`, which leaves a stanza border where a label
            stood; or `"keep"`, which changes nothing.

    Raises:
        ValueError: If `labels` is none of them.
    """

    labels: str = "canonical"

    def __post_init__(self):
        if self.labels not in LABELS:
            raise ValueError(
                f"`labels` must be one of {LABELS}. Received: labels={self.labels!r}."
            )

    def map(self, record: LyricRecord) -> LyricRecord:
        """Returns the record with its labels in the chosen form."""
        return record if self.labels == "keep" else edit_song(record, self._edit)

    def _edit(self, lines: Sequence[str], language: str | None) -> Edit | None:
        found = read_labels(lines)
        if not found:
            return None
        pieces: list[tuple[str, ...]] = [(line,) for line in lines]
        shared: list[int] = []
        labels: list[dict[str, str]] = []
        performers: list[str] = []
        for place, label in found.items():
            written = lines[place].strip()
            native = written[: len(written) - len(label.rest)].strip()
            removed = self.labels == "remove" and label.times == 1
            text = "" if removed else label.text
            pieces[place] = (text, label.rest) if label.rest else (text,)
            if not label.rest:
                shared.append(place)
            if pieces[place] != (lines[place],):
                labels.append({"label": label.text, "native": native})
                performers += label.performers
        if all(piece == (line,) for piece, line in zip(pieces, lines, strict=True)):
            return None
        notes = {"labels": labels, "performers": performers}
        return Edit(pieces=pieces, shared=frozenset(shared), notes=notes)


def read_labels(lines: Sequence[str]) -> dict[int, Label]:
    """Returns the labels among a song's lines by their places.

    A bare word that may be a line of the song is among them only if a bare word that
    can't is too: where labels stand in brackets, bare words are sung.
    """
    found: dict[int, Label] = {}
    for place, line in enumerate(lines):
        label = read_label(line)
        if label:
            found[place] = label
    company = any(label.bare and label.certain for label in found.values())
    return {
        place: label
        for place, label in found.items()
        if label.certain or (company and _has_lines(lines, place))
    }


def _has_lines(lines: Sequence[str], place: int) -> bool:
    return place + 1 < len(lines) and not is_blank(lines[place + 1])


def read_label(line: str) -> Label | None:
    """Returns the label that a line is, or begins with, or None."""
    line = line.strip()
    if not line:
        return None
    if line[0] in _OPENS:
        return _set_off(line)
    if line[0] not in _INITIALS:
        return None
    first = _FIRST_WORD.match(line)
    if first is None or folded(first[0]) not in _FIRST_WORDS:
        return None
    mark = read_mark(line)
    if mark and mark[0]:
        label = _worded(mark[0])
        return label and label._replace(times=label.times * mark[1])
    return _worded(line)


def _set_off(line: str) -> Label | None:
    """Reads a label in brackets or between stars, dashes, hashes."""
    head = line[:_LONGEST]
    mark = read_mark(line) if len(line) <= _LONGEST else None
    if mark and mark[0]:
        label = _set_off(mark[0])
        if label and not label.rest:
            return label._replace(times=label.times * mark[1])
    if len(line) <= _LONGEST and (whole := _BRACKETED.fullmatch(line)):
        label = _inner(whole[1], performers=line[0] != "(")
        # Backing vocals stand in parentheses too.
        if label and line[0] in "(（<{" and not (label.certain or label.number):
            return label._replace(bare=True)
        return label and label._replace(certain=True, bare=False)
    if len(line) <= _LONGEST and (whole := _DECORATED.fullmatch(line)):
        label = _inner(whole[1] or whole[2], performers=False)
        return label and label._replace(certain=True, bare=False)
    glued = _GLUED.match(head)
    label = _inner(glued[1]) if glued else None
    if glued and label:
        return label._replace(rest=line[glued.end() :], certain=True, bare=False)
    return None


def _worded(line: str) -> Label | None:
    """Reads `Chorus:`, `Verse 2: text` and a bare `Chorus`."""
    if len(line) <= _LONGEST and (whole := _COLON.fullmatch(line)):
        label = _inner(whole[1])
        return label and label._replace(certain=True, bare=False)
    prefix = _PREFIX.match(line)
    if prefix:
        label = _inner(prefix[1])
        if label and label.certain:
            return label._replace(rest=line[prefix.end() :], bare=False)
        return None
    label = _inner(line) if len(line) <= _LONGEST else None
    # "sing with the / chorus": a label has its capital where its script has them.
    return None if label is None or line[0].islower() else label


def _inner(text: str, *, performers: bool = True) -> Label | None:
    parts = _INNER.fullmatch(text.strip())
    who = parts["who"] if parts else None
    if parts is None or (who and not performers):
        return None
    label = _named(parts["head"])
    if label is None or not who:
        return label
    mark = read_mark(f" {who.strip()}")
    if mark and not mark[0].strip():
        return label._replace(times=mark[1])
    names = [name for name in _NAMES.split(who) if name]
    return label._replace(performers=tuple(names))


def _named(text: str) -> Label | None:
    name = folded(text)
    mark = read_mark(name)
    if mark and mark[0]:
        label = _named(mark[0])
        return label and label._replace(times=mark[1])
    if name in LABEL_WORDS:
        canonical, certain = LABEL_WORDS[name]
        return Label(canonical, None, certain=certain, bare=True)
    counted = _NUMBER.fullmatch(name)
    if counted and counted["name"].strip() in LABEL_WORDS:
        canonical, _ = LABEL_WORDS[counted["name"].strip()]
        digits = counted["number"]
        number = _ROMAN.get(digits) or int(digits)
        return Label(canonical, number, bare=True)
    first, _, others = name.partition(" ")
    if first in ORDINALS and others in LABEL_WORDS:
        return Label(LABEL_WORDS[others][0], ORDINALS[first], bare=True)
    return None
