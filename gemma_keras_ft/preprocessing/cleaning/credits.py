"""Credits to the metadata: singer, music, words, raga and tala, in many languages."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import regex

from gemma_keras_ft.config import register
from gemma_keras_ft.preprocessing.base import CleaningPreprocessor
from gemma_keras_ft.preprocessing.cleaning.credit_words import BY, CREDIT_WORDS
from gemma_keras_ft.preprocessing.cleaning.patterns import folded
from gemma_keras_ft.preprocessing.edits import Edit, edit_song, extended
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.sources.plain_text import is_blank

_LONGEST = 160
# So many lines of the song, its title say, may stand above its credits.
_ABOVE = 2
# In lowercase, what every credit has.
_SAID = (*":：=–—-©℗", "by", "(c)", "(p)", "copyright")
_KEYED = regex.compile(
    r"(?P<key>[^:：=–—\n-]{1,40}?)(?P<mark>\s*(?:[:：=]+[-–—]?|[-–—]+)\s*)(?P<name>\S.*)"
)
_BY = regex.compile(
    rf"(?P<verb>{'|'.join(BY)})(?:\s*(?:&|,|and)\s*(?:{'|'.join(BY)}))*"
    r"\s+by\b\s*[:：-]?\s*(?P<name>\S.*)",
    regex.IGNORECASE,
)
_COPYRIGHT = regex.compile(
    r"(?:lyrics\s*|all rights\s*)?(?:[©℗]|\([cp]\)\s*\d{4}|copyright\s*[©℗\d(:])"
    r"\s*(?P<name>.*)",
    regex.IGNORECASE,
)
_BRACKETED = regex.compile(r"[\[(【（]\s*([^\[\]()【】（）]+?)\s*[\])】）]")
_LOWERCASE = regex.compile(r"\p{Ll}")
_NAMEABLE = regex.compile(r"[\p{L}\p{N}]")


class _Credit(NamedTuple):
    role: str
    name: str
    sure: bool


@register("move_credits")
@dataclasses.dataclass(frozen=True, kw_only=True)
class MoveCredits(CleaningPreprocessor):
    """Moves credits above and below the song to `metadata["credits"]`.

    `Singer: …`, `गायक - …`, `Written by …`, `ராகம்-நாட்டை`, in the languages of
    `credit_words.py`. Only at the song's head and tail: inside it, `Music: it calls
    me` is a line. A block of credits goes if a blank line parts it from the song or
    one of its words is never anything but a credit; a single one with a bare hyphen
    (`ताल-ताल पर`) stays. Each is kept as `{"role": …, "name": …}`. A song
    title among them fills a missing title. A text of credits alone is left as it is.

    Example:
        in:   "गायक: आशा", "Music: Ravi", "", "मन लागो"
        out:  "मन लागो"      metadata["credits"] = [{"role": "singer", …}, …]
    """

    def map(self, record: LyricRecord) -> LyricRecord:
        """Returns the record without lines of credits."""
        return named_by_credits(record, edit_song(record, _move))


def named_by_credits(before: LyricRecord, after: LyricRecord) -> LyricRecord:
    """Fills title and author from credits that an edit has just found."""
    if after is before:
        return after
    credits = after.metadata.get("credits")
    found = credits if isinstance(credits, list | tuple) else ()
    filled = {}
    for field, role in (("title", "title"), ("author", "artist")):
        names = [
            item["name"]
            for item in found
            if isinstance(item, dict) and item.get("role") == role
        ]
        if names and isinstance(names[0], str) and not getattr(after, field):
            filled[field] = names[0]
    if not filled:
        return after
    metadata = extended(after.metadata, {"filled": list(filled)})
    return after.replace(**filled, metadata=metadata)


def _move(lines: Sequence[str], language: str | None) -> Edit | None:
    written = [place for place, line in enumerate(lines) if not is_blank(line)]
    ends = [*written[: _ABOVE + 1], *written[-1:]]
    if not _may_be_credit("\n".join([lines[place] for place in ends])):
        return None
    found: dict[int, _Credit] = {}
    for start in range(_ABOVE + 1):
        block = _block(lines, written[start:])
        if block:
            if _stands_apart(lines, block, 1, alone=start == 0):
                found |= block
            break
    tail = _block(lines, written[::-1])
    if tail and _stands_apart(lines, tail, -1, alone=True):
        found |= tail
    if not found or len(found) == len(written):
        return None
    places = sorted(found)
    credits = [{"role": found[p].role, "name": found[p].name} for p in places]
    return Edit(
        pieces=[() if p in found else (line,) for p, line in enumerate(lines)],
        notes={
            "credits": [credit for credit in credits if credit["name"]],
            "removed": [lines[place].strip() for place in places],
        },
    )


def _block(lines: Sequence[str], places: Sequence[int]) -> dict[int, _Credit]:
    """Returns the credits that stand at the first of `places`, and on from there."""
    block: dict[int, _Credit] = {}
    before = None
    for place in places:
        credit = _credit(lines[place])
        # A blank line ends the block unless a sure credit follows.
        gap = before is not None and abs(place - before) > 1
        if credit is None or (gap and not credit.sure):
            break
        block[place] = credit
        before = place
    return block


def _stands_apart(
    lines: Sequence[str], block: dict[int, _Credit], step: int, *, alone: bool
) -> bool:
    last = max(block) if step > 0 else min(block)
    beyond = last + step
    parted = not 0 <= beyond < len(lines) or is_blank(lines[beyond])
    sure = any(credit.sure for credit in block.values())
    if len(block) > 1:
        return parted or sure
    hyphen = _hyphenated(lines[last])
    return not hyphen and (sure or (parted and alone))


def _hyphenated(line: str) -> bool:
    keyed = _KEYED.fullmatch(line.strip())
    return keyed is not None and keyed["mark"] in ("-", "–", "—")


def _may_be_credit(text: str) -> bool:
    return any(map(text.lower().__contains__, _SAID))


def _credit(line: str) -> _Credit | None:
    line = line.strip()
    if len(line) > _LONGEST or not _may_be_credit(line):
        return None
    bracketed = _BRACKETED.fullmatch(line)
    line = bracketed[1] if bracketed else line
    rights = _COPYRIGHT.fullmatch(line)
    if rights:
        return _Credit("copyright", rights["name"].strip(), True)
    made = _BY.fullmatch(line)
    if made:
        # "Written by the moon" is a line; a name has its capital where there are any.
        if _LOWERCASE.match(made["name"]):
            return None
        return _Credit(BY[made["verb"].lower()], made["name"].strip(), bool(bracketed))
    keyed = _KEYED.fullmatch(line)
    known = CREDIT_WORDS.get(folded(keyed["key"])) if keyed else None
    if keyed is None or known is None or not _NAMEABLE.search(keyed["name"]):
        return None
    role, sure = known
    if not sure and _LOWERCASE.match(keyed["name"]):
        return None
    return _Credit(role, keyed["name"].strip(), sure)
