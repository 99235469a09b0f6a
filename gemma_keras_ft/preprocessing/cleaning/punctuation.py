"""Punctuation that carries no meaning, by a stated rule for each language."""

import dataclasses
import functools
from collections.abc import Sequence

import regex

from gemma_keras_ft.config import register
from gemma_keras_ft.preprocessing.base import CleaningPreprocessor
from gemma_keras_ft.preprocessing.edits import Edit, edit_each, edit_song
from gemma_keras_ft.records import LyricRecord

PUNCTUATION = ("standardize", "remove", "keep")
VERSE_NUMBERS = ("remove", "keep")
BARS = ("danda", "keep")

_DANDA_LANGUAGES = frozenset(
    (
        "sa hi mr ne bn as or pa gu te kn ml awa bra bho mai mag doi kok sat sd si pi "
        "und"
    ).split()
)
# Letters of the scripts that end a verse with a danda.
_INDIC = regex.compile(
    r"[\p{Devanagari}\p{Bengali}\p{Gurmukhi}\p{Gujarati}\p{Oriya}\p{Tamil}\p{Telugu}"
    r"\p{Kannada}\p{Malayalam}]"
)
_BARS = regex.compile(r"\|(?!-)")
# `।।०१।।`, `॥ २ ॥`, `।२५।१३।` at the end of a line or before more of the verse.
_NUMBER = r"\s*\p{Nd}{1,4}(?:\s*[-–.,/]\s*\p{Nd}{1,4})?\s*"
_NUMBERED = regex.compile(
    rf"(?P<danda>।।|॥|\|\|)(?:{_NUMBER}[।॥|]+){{1,6}}"
    rf"|(?P<danda>[।|])(?:{_NUMBER}[।॥|]+){{1,6}}(?=\s*$)"
)
_LETTER = regex.compile(r"[\p{L}\p{N}]")
_MAY_BE_NUMBERED = regex.compile(r"[।॥|]\s*\p{Nd}")

# One mark says what many do; an ellipsis keeps its three points.
_RUNS = (
    (regex.compile(r"([!?,;:؟،؛！？，；：、۔])\1+"), r"\1"),
    (regex.compile(r"\.{4,}"), "..."),
    (regex.compile(r"…{2,}"), "…"),
    (regex.compile(r"(?<=\S)\s+(?=[,.](?:\s|$))"), ""),
)
_MAY_RUN = (*(mark * 2 for mark in "!?,;:؟،؛！？，；：、۔…"), "....", " ,", " .")

# What stays when punctuation is removed, everywhere: signs of a verse's end, of a
# question and a cry, brackets (backing vocals, labels), signs that are part of words.
_ALWAYS = "।॥?!؟۔¿¡？！()[]（）［］&%@#*/'’ʼ‘\u055b\u055c\u055e\u0589"
# Signs of a script that are punctuation to Unicode and letters, vowels or breaths to
# its readers: Tibetan tsheg and shad, Ethiopic and Khmer and Myanmar stops, Hebrew
# geresh and maqaf, the Indic abbreviation sign, CJK and Thai signs, and others.
_OF_SCRIPTS = (
    r"॰৽੶૰౷಄෴๏๚๛ฯ\u0F04-\u0F14\u0F3A-\u0F3D\u0F85\u104A-\u104F\u1361-\u1368\u17D4-\u17DA"
    r"\u05BE\u05C0\u05C3\u05F3\u05F4\u066A-\u066D\u1801-\u180A。〜・「」『』〈〉《》【】"
)
_BY_LANGUAGE = {"el": ";·", "grc": ";·", "ca": "·", "hy": "՝՛՞՜։"}
_INSIDE_WORD = regex.compile(
    r"(?<=[\p{L}\p{M}\p{N}])[-‐‑–.·:_](?=[\p{L}\p{M}\p{N}])|(?<=\p{N})[,:.](?=\p{N})"
)


@register("tidy_punctuation")
@dataclasses.dataclass(frozen=True, kw_only=True)
class TidyPunctuation(CleaningPreprocessor):
    """Writes punctuation in one way, or removes what carries no meaning.

    Standardizing: `|` and `||` become `।` and `।।` in a line that has Indic letters; a
    verse's number goes from between its dandas, `।।०१।।`; of `!!!`, `???` and `,,,` one
    mark stays, of `......` three; a space before a comma goes.

    Removing, by this rule: what ends a verse, a question or a cry stays (। ॥ ? ! ؟ ۔ ¿
    ¡, in Greek ; and in Armenian ՞), so do brackets, since backing vocals stand in
    them; apostrophes and `&`; hyphens, points and colons inside a word or a number;
    and what is punctuation to Unicode but a sign of its script to a reader (Tibetan
    tsheg, Hebrew maqaf, Ethiopic and Khmer stops, Chinese and Japanese quotes).
    Commas, semicolons, colons, double quotes, dashes, ellipses and final points go,
    and part words still. Avagraha is a letter and is not touched.

    Example:
        in:   "सौ सौ बार|", "करत न लागी बार।।०१।।", "कब???"
        out:  "सौ सौ बार।", "करत न लागी बार।।", "कब?"

    Args:
        punctuation: `"standardize"`, `"remove"` (after standardizing) or `"keep"`.
        verse_numbers: `"remove"` or `"keep"` numbers between dandas.
        bars: `"danda"` or `"keep"` bars in Indic lines.

    Raises:
        ValueError: If a field is none of its values.
    """

    punctuation: str = "standardize"
    verse_numbers: str = "remove"
    bars: str = "danda"

    def __post_init__(self):
        for name, choices in (
            ("punctuation", PUNCTUATION),
            ("verse_numbers", VERSE_NUMBERS),
            ("bars", BARS),
        ):
            value = getattr(self, name)
            if value not in choices:
                raise ValueError(
                    f"`{name}` must be one of {choices}. Received: {name}={value!r}."
                )

    def map(self, record: LyricRecord) -> LyricRecord:
        """Returns the record with its punctuation tidied."""
        return edit_song(record, self._edit)

    def _edit(self, lines: Sequence[str], language: str | None) -> Edit | None:
        text = "\n".join(lines)
        bars = self.bars == "danda" and "|" in text
        dandas = bars or "।" in text or "॥" in text or "|" in text
        numbers = (
            dandas
            and self.verse_numbers == "remove"
            and _MAY_BE_NUMBERED.search(text) is not None
        )
        runs = self.punctuation != "keep" and any(map(text.__contains__, _MAY_RUN))
        if not (bars or numbers or runs or self.punctuation == "remove"):
            return None
        removed: list[str] = []
        meaningless = _meaningless(_primary(language))

        def tidy(line: str) -> str:
            if bars and "|" in line and has_indic_letters(line):
                line = _BARS.sub("।", line)
            if numbers:
                line = _unnumbered(line, removed)
            if runs:
                for pattern, mark in _RUNS:
                    line = pattern.sub(mark, line)
            if self.punctuation == "remove":
                line = _removed(line, meaningless)
            return line

        return edit_each(lines, tidy, {"removed": removed})


def uses_danda(language: str | None) -> bool:
    """Says whether a `|` may be a danda: in Indic languages, whatever their script."""
    return _primary(language) in _DANDA_LANGUAGES


def has_indic_letters(line: str) -> bool:
    """Says whether a line has letters of a script whose verses end in a danda."""
    return _INDIC.search(line) is not None


def _primary(language: str | None) -> str:
    return (language or "").split("-")[0].lower()


def _unnumbered(line: str, removed: list[str]) -> str:
    def danda(match: regex.Match) -> str:
        removed.append(match[0])
        return match["danda"]

    if not _MAY_BE_NUMBERED.search(line):
        return line
    bare = _NUMBERED.sub(danda, line)
    # A number that has its own line leaves nothing there.
    return bare if bare == line or _LETTER.search(bare) else ""


def _removed(line: str, meaningless: regex.Pattern) -> str:
    kept = {match.start() for match in _INSIDE_WORD.finditer(line)}
    bare = meaningless.sub(
        lambda match: match[0] if match.start() in kept else " ", line
    )
    return line if bare == line else " ".join(bare.split())


@functools.lru_cache(maxsize=64)
def _meaningless(language: str) -> regex.Pattern:
    kept = regex.escape(_ALWAYS + _BY_LANGUAGE.get(language, ""), special_only=False)
    return regex.compile(rf"[\p{{P}}--[{kept}{_OF_SCRIPTS}]]", regex.V1)
