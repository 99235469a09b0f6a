"""What a lyrics site leaves in a song: counters, buttons, advertisements, cues."""

import dataclasses
import re
from collections.abc import Sequence

import regex

from gemma_keras_ft.config import register
from gemma_keras_ft.preprocessing.base import CleaningPreprocessor
from gemma_keras_ft.preprocessing.cleaning.cues import is_cue
from gemma_keras_ft.preprocessing.cleaning.patterns import cut, cutting
from gemma_keras_ft.preprocessing.edits import Edit, edit_song
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.sources.plain_text import is_blank

CUES = ("remove", "keep")

# Glued to the song's head: "27 ContributorsTitle Lyrics", then perhaps a text about
# the song that ends in "Read More".
_HEADER = regex.compile(
    r"^(?:\d+ Contributors?.{0,200}? Lyrics(?=\S|$))+"
    r"(?:.{0,1000}?Read More(?=\s|$)\s*)?"
)
# Glued to its tail, "3.5KEmbed", or after it on a line of its own. A number before it
# may belong to the last word only if that is a number; a bare button is told from
# "Rahul Embed" by the missing space.
_EMBED = regex.compile(
    r"(?:(?<=[\p{L}\p{M}\p{P}])(?:\d+(?:\.\d+)?[KM]?Embed){1,4}"
    r"|(?<=[^\P{L}\p{Lu}]|\p{M}|\S[^\P{P}\p{Ps}\p{Pd}])Embed"
    r"|^\d+(?:\.\d+)?[KM]?Embed)\s*$"
)
_ADVERTISEMENT = regex.compile(
    # Glued to a label or a title, or on a line of its own.
    r"^You might also like(?=$|\s*\[|\p{Lu}|\p{Lo})\s*"
    r"|(?<=[\p{L}\p{M}\p{P}])You might also like$"
    r"|See [^\n]{1,80}?\bLive\s*Get tickets as low as [$€£₹]\s?\d+(?:\.\d\d)?\s*"
    r"|^Get tickets as low as [$€£₹]\s?\d+(?:\.\d\d)?\s*"
)
_WHOLE_LINE = regex.compile(
    r"\**\s*(?:this lyrics is not for commercial use|paroles2chansons[^\n]*"
    r"|(?:these )?lyrics (?:are )?(?:licensed|provided|powered)\b(?: &| and)?"
    r"[^\n]{0,40}\b(?:by|from)\b[^\n]{0,60}"
    r"|(?:source|powered by|provided by)\s*:?\s*"
    r"(?:lyricfind|musixmatch|azlyrics|genius)[^\n]{0,40}|submit corrections?"
    r"|thanks to [^\n]{1,120}\bfor (?:correcting|adding|submitting)\b"
    r"[^\n]{0,60}\blyrics?|if you (?:find|want to) [^\n]{0,80}\blyrics\b[^\n]{0,60}"
    r"|(?:view|see|read) (?:full|more|all) lyrics|print (?:this )?lyrics"
    r"|add (?:song )?to (?:playlist|favou?rites)|\(\d{10,15}\)"
    r"|\d+ contributors?|how to format lyrics:?[^\n]{0,40}|lyrics from <[^\n]{1,60}>"
    r")\s*[.!]?\s*\**",
    regex.IGNORECASE,
)
_FEATURING = cutting(
    r"[(\[（]\s*(?:feat|ft|featuring)\b\.?\s*(?P<name>[^()\[\]（）\n]{1,80})[)\]）]"
    r"(?=\s*(?:$|[\[(|-]))",
    regex.IGNORECASE,
)
_SHOWN = (
    "music|lyrics?|lyrical|video|audio|song|clip|hd|4k|visuali[sz]er|teaser|version"
)
_VIDEO = cutting(
    rf"[(\[【（]\s*(?:(?:the\s+)?official(?:\s+(?:{_SHOWN}))*"
    r"|(?:full\s+)?(?:lyrics?|lyrical|music|audio|video)\s+(?:video|audio|song|visuali[sz]er)"
    r"(?:\s+(?:song|hd|4k))?|full (?:song|video|audio|hd)(?: song)?|with lyrics"
    r"|visuali[sz]er|hd|hq|4k|8k)\s*[)\]】）]",
    regex.IGNORECASE,
)
_OPENING = regex.compile(r"[(\[【（]")
_SUSPECT = re.compile("[][({<【（［*♪♫♬~]")
# In lowercase, what every other piece of residue says.
_SAID = (
    *("contributor", "embed", "might also like", "tickets as low", "lyrics", "submit"),
    *("powered", "provided", "paroles2", "to playlist", "to favo", "source"),
)


@register("strip_residue")
@dataclasses.dataclass(frozen=True, kw_only=True)
class StripResidue(CleaningPreprocessor):
    """Takes out what a lyrics site or a video's description put into the song.

    The counter and title glued to the head, `12Embed` glued to the tail, `You might
    also like` and ticket advertisements, `(feat. X)`, `[Official Video]`, and cues
    that nobody sings: `(Music)`, `[Instrumental]`, on a line of their own. All goes
    to `metadata["removed"]`, guests to `metadata["performers"]`. Backing vocals in
    parentheses are sung and stay; so does a text that is nothing but cues.

    Example:
        in:   "27 Contributorsगीत Lyricsपहली", "[Instrumental]", "तुम embed हो3Embed"
        out:  "पहली", "तुम embed हो"

    Args:
        cues: `"remove"` or `"keep"` cues that nobody sings.

    Raises:
        ValueError: If `cues` is neither.
    """

    cues: str = "remove"

    def __post_init__(self):
        if self.cues not in CUES:
            raise ValueError(
                f"`cues` must be one of {CUES}. Received: cues={self.cues!r}."
            )

    def map(self, record: LyricRecord) -> LyricRecord:
        """Returns the record without residue."""
        return edit_song(record, self._strip, _strip_name)

    def _strip(self, lines: Sequence[str], language: str | None) -> Edit | None:
        text = "\n".join(lines)
        if not _SUSPECT.search(text) and not any(map(text.lower().__contains__, _SAID)):
            return None
        removed: list[str] = []
        performers: list[str] = []
        written = [place for place, line in enumerate(lines) if not is_blank(line)]
        pieces: list[tuple[str, ...]] = []
        for place, line in enumerate(lines):
            bare = _without_phrases(line, removed, performers)
            if written and place == written[0]:
                bare = cut(_HEADER, bare, removed)
            if written and place == written[-1]:
                bare = cut(_EMBED, bare, removed)
            if bare and _WHOLE_LINE.fullmatch(bare.strip()):
                removed.append(bare.strip())
                bare = ""
            gone = bare != line and is_blank(bare)
            pieces.append(() if gone else (bare,))
        if self.cues == "remove":
            _drop_cues(pieces, removed)
        if all(piece == (line,) for piece, line in zip(pieces, lines, strict=True)):
            return None
        return Edit(pieces=pieces, notes={"removed": removed, "performers": performers})


def _without_phrases(line: str, removed: list[str], performers: list[str]) -> str:
    if "You might" in line or "tickets as low" in line:
        line = cut(_ADVERTISEMENT, line, removed)
    if _OPENING.search(line):
        performers += [name.strip() for name in _FEATURING.findall(line)]
        line = cut(_FEATURING, line, removed)
        line = cut(_VIDEO, line, removed)
    return line


def _drop_cues(pieces: list[tuple[str, ...]], removed: list[str]) -> None:
    cues = [place for place, piece in enumerate(pieces) if piece and is_cue(piece[0])]
    left = any(
        not is_blank(line)
        for place, piece in enumerate(pieces)
        if place not in cues
        for line in piece
    )
    if not left:
        # Nothing but cues: what there is says best why there is no song.
        return
    for place in cues:
        removed.append(pieces[place][0].strip())
        pieces[place] = ()


def _strip_name(lines: Sequence[str], language: str | None) -> Edit | None:
    if not _OPENING.search(lines[0]):
        return None
    removed: list[str] = []
    performers = [name.strip() for name in _FEATURING.findall(lines[0])]
    bare = cut(_VIDEO, cut(_FEATURING, lines[0], removed), removed)
    if bare == lines[0] or is_blank(bare):
        return None
    notes = {"removed": removed, "performers": performers}
    return Edit(pieces=[(bare,)], notes=notes)
