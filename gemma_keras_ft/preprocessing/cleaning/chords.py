"""Chord sheets: ChordPro directives, chords in brackets, lines of chords, tablature."""

import dataclasses
import re
from collections.abc import Sequence

import regex

from gemma_keras_ft.config import register
from gemma_keras_ft.preprocessing.base import CleaningPreprocessor
from gemma_keras_ft.preprocessing.cleaning.credits import named_by_credits
from gemma_keras_ft.preprocessing.cleaning.patterns import cut, cutting
from gemma_keras_ft.preprocessing.edits import Edit, edit_song
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.sources.plain_text import is_blank

# A capital from A to G and what makes it more than a letter.
_KIND = (
    r"(?:maj|min|dim|aug|sus|add|m|M|°|ø|Δ|\+|-)?\d{0,2}"
    r"(?:(?:maj|sus|add|no|[b#♭♯])\d{1,2}|\((?:[b#♭♯]?\d{1,2}|add\d|maj\d)\))*"
)
_CHORD = rf"[A-G][#b♯♭]?{_KIND}(?:/[A-G][#b♯♭]?)?"
_CHORD_TOKEN = regex.compile(rf"\(?{_CHORD}\)?\*?")
# What stands between chords: bars, rests, repeats.
_FILLER = regex.compile(r"[|:%./~\\-]+|\(?[xX]\d\)?|N\.?C\.?|\(\d\)")
# More than a letter: an accidental, a figure, a bass, a quality.
_TELLING = regex.compile(
    r"[A-G](?:[#♯♭]|b(?=$|[\dm/(]))|.*[\d/]|[A-G](?:maj|min|dim|aug|sus|add|m$)"
)
# What a short line of a song may be too: an initial and a figure, Hindi "ab", "Am".
_TELLING_ALONE = regex.compile(
    r"[A-G](?:[#♯♭]|b?m?\d|b?(?:maj|sus|dim|aug|add)\d|b?m?/)"
)
_ROOM_NUMBER = regex.compile(r"[A-G][1-48]")
_APART = regex.compile(r"\S\s{2,}\S")
_IN_BRACKETS = cutting(rf"\[(?:{_CHORD}|N\.?C\.?)\]")
_BRACKETED = regex.compile(rf"(^)?\[({_CHORD}|N\.?C\.?)\]($)?", regex.MULTILINE)
_TABLATURE = regex.compile(r"\s*[A-Ga-g][#b]?\s*\|[-\d\shpbrsx~/\\|.()^]+")
# A line that begins like a chord, with a bar, a bracket or a string of tablature.
_BEGINS = re.compile(
    r"^[\s|(*.%~:/-]*(?:[A-G](?![ce-ln-rt-z])|N\.?C|[a-g]\|)", re.ASCII
)
# Words that look like chords: "amen", Turkish names and verbs; and by language.
_NEVER = frozenset({"Amin", "Emin", "Adim", "Edim"})
_WORDS = {"vi": frozenset({"Em", "Am", "Dm"}), "pt": frozenset({"Em"})}
_LONGEST = 400
_LATIN = regex.compile(r"\p{Latin}")
_NOT_LATIN = regex.compile(r"[^\P{L}\p{Latin}]|\p{M}")

_DIRECTIVE = regex.compile(r"\{\s*([a-z_]+)(?:-[a-z]+)?\s*(?::\s*([^{}]*))?\}", regex.I)
_CREDITS = {
    "title": "title",
    "t": "title",
    "artist": "artist",
    "composer": "composer",
    "lyricist": "lyrics",
    "arranger": "arranger",
    "album": "album",
    "copyright": "copyright",
    "year": "year",
}
_SECTIONS = {
    **{"start_of_chorus": "Chorus", "soc": "Chorus", "chorus": "Chorus"},
    **{"start_of_verse": "Verse", "sov": "Verse"},
    **{"start_of_bridge": "Bridge", "sob": "Bridge"},
}
_ENDS = frozenset(
    "end_of_chorus eoc end_of_verse eov end_of_bridge eob end_of_tab eot "
    "end_of_grid eog".split()
)
_UNSUNG_BEGINS = frozenset("start_of_tab sot start_of_grid sog".split())
_UNSUNG_ENDS = frozenset("end_of_tab eot end_of_grid eog".split())
_OTHERS = frozenset(
    "subtitle st key time tempo duration capo meta comment c ci cb highlight "
    "comment_italic comment_box define chord new_song ns new_page np column_break colb "
    "columns col textfont textsize textcolour chordfont chordsize chordcolour image "
    "transpose sorttitle sortartist diagrams grid no_grid ng titles".split()
)


@register("strip_chords")
@dataclasses.dataclass(frozen=True, kw_only=True)
class StripChords(CleaningPreprocessor):
    """Takes out chords and what chord sheets have beside them.

    ChordPro directives: `{title: …}` and its like go to `metadata["credits"]`,
    `{start_of_chorus}` becomes `[Chorus]`. Chords in brackets go from inside the
    line, `mo[Am]ko`. A line of chords alone goes if one of them can be nothing else
    (`F#m`, `G7`), if two stand wide apart or indented, or if its song has such lines;
    a line `A` or `Em` by itself may be sung and stays.

    Example:
        in:   "{soc}", "    Am        F", "मो[G]को कहाँ", "{eoc}", "Am I dreaming"
        out:  "[Chorus]", "मोको कहाँ", "", "Am I dreaming"
    """

    def map(self, record: LyricRecord) -> LyricRecord:
        """Returns the record without chords."""
        return named_by_credits(record, edit_song(record, _strip))


def _strip(lines: Sequence[str], language: str | None) -> Edit | None:
    text = "\n".join(lines)
    if not ("[" in text or "{" in text or any(map(_BEGINS.match, lines))):
        return None
    sheet = _Sheet(text, (language or "").split("-")[0].lower())
    ranks = [sheet.rank(line) for line in lines]
    chorded = max(ranks, default=0) > 1
    pieces: list[tuple[str, ...]] = []
    removed: list[str] = []
    credits: list[dict[str, str]] = []
    unsung = False
    for line, rank in zip(lines, ranks, strict=True):
        directive = _directive(line)
        if directive:
            name, value = directive
            unsung = name in _UNSUNG_BEGINS or (unsung and name not in _UNSUNG_ENDS)
            pieces.append(_shown(name, value))
            removed.append(line.strip())
            if name in _CREDITS and value:
                credits.append({"role": _CREDITS[name], "name": value})
        elif line.strip() and (unsung or rank > 1 or (rank and chorded)):
            pieces.append(())
            removed.append(line.strip())
        else:
            bare = cut(_IN_BRACKETS, line, removed) if sheet.bracketed else line
            pieces.append(() if bare != line and is_blank(bare) else (bare,))
    if all(piece == (line,) for piece, line in zip(pieces, lines, strict=True)):
        return None
    return Edit(pieces=pieces, notes={"credits": credits, "removed": removed})


def _directive(line: str) -> tuple[str, str] | None:
    found = _DIRECTIVE.fullmatch(line.strip()) if "{" in line else None
    name = found[1].lower() if found else ""
    known = name in _CREDITS or name in _SECTIONS or name in _ENDS or name in _OTHERS
    if found is None or not (known or name in _UNSUNG_BEGINS or name[:2] == "x_"):
        return None
    return name, (found[2] or "").strip()


def _shown(name: str, value: str) -> tuple[str, ...]:
    if name in _SECTIONS:
        label = regex.sub(r"^label\s*=\s*|[\"\[\]]", "", value).strip()
        return (f"[{label or _SECTIONS[name]}]",)
    # Where a section ends, the next begins.
    return ("",) if name in _ENDS else ()


class _Sheet:
    """What one field of a song says about its chords."""

    def __init__(self, text: str, language: str):
        self._words = _NEVER | _WORDS.get(language, frozenset())
        self._latin = len(_LATIN.findall(text)) >= len(_NOT_LATIN.findall(text))
        self.bracketed = "[" in text and _has_chords_in_brackets(text)

    def rank(self, line: str) -> int:
        """Returns 2 for surely chords, 1 for chords in a song that has such lines."""
        tokens = line.split() if len(line) <= _LONGEST else []
        if not tokens:
            return 0
        if "--" in line and _TABLATURE.fullmatch(line):
            return 2
        chords = [token for token in tokens if not _FILLER.fullmatch(token)]
        if not chords or not all(map(_CHORD_TOKEN.fullmatch, chords)):
            return 0
        chords = [name for name in chords if name not in self._words]
        if not chords:
            return 0
        # Where the song is in another script, such a line is no line of it.
        if not self._latin or _APART.search(line.strip()):
            return 2
        if len(tokens) == 1:
            telling = _TELLING_ALONE.match(chords[0])
            return 2 if telling and not _ROOM_NUMBER.fullmatch(chords[0]) else 1
        if any(map(_TELLING.match, chords)):
            return 2
        return int(len(tokens) < 5)


def _has_chords_in_brackets(text: str) -> bool:
    found = list(_BRACKETED.finditer(text))
    # `[A]` by itself, or on a line of its own, names a part of the song.
    inside = sum(match[1] is None or match[3] is None for match in found)
    return inside > 1 or any(len(match[2]) > 1 for match in found)
