"""Fills script and language where they are plain; sets aside what is no song."""

import dataclasses

import regex

from gemma_keras_ft.config import register
from gemma_keras_ft.preprocessing.base import FilterPreprocessor, MapPreprocessor
from gemma_keras_ft.preprocessing.filling.fill import fill_field, is_filled
from gemma_keras_ft.preprocessing.filling.losses import (
    lost_letters,
    residue_share,
    says_nothing,
)
from gemma_keras_ft.preprocessing.text.language import detect_language
from gemma_keras_ft.preprocessing.text.scripts import (
    detect_script,
    language_of_script,
    script_of_letters,
    script_shares,
    scripts_of_language,
)
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.sources.plain_text import is_blank

_LETTER = regex.compile(r"\p{L}")
# Of a language's own letters, how few make a text one of another language.
_OWN_LETTERS = 0.1


@register("detect_script")
@dataclasses.dataclass(frozen=True, kw_only=True)
class DetectScript(MapPreprocessor):
    """Fills a missing `script` from the letters, and `language` where one is plain.

    A declared value always wins. The language follows from scripts that one
    language writes before all others (Tamil, Gurmukhi, Thai …) and stays unknown
    for Latin, Devanagari, Arabic and their like: see `DetectLanguage`.
    `metadata["filled"]` says what was filled.

    Example:
        in:   lines=("அகர முதல",)
        out:  script="Taml", language="ta"
    """

    def map(self, record: LyricRecord) -> LyricRecord:
        """Returns the record with what could be filled."""
        found: dict[str, str] = {}
        script = record.script or detect_script(record.text)
        if script and not record.script:
            found["script"] = script
        language = language_of_script(script)
        if language and not record.language:
            found["language"] = language
        return fill_field(record, **found) if found else record


@register("detect_language")
@dataclasses.dataclass(frozen=True, kw_only=True)
class DetectLanguage(MapPreprocessor):
    """Fills a missing `language` from the words, in scripts that several share.

    Hindi, Marathi, Nepali and Sanskrit; Bengali and Assamese; Arabic, Persian,
    Pashto and Urdu; Russian, Ukrainian and their neighbors; Chinese; and some
    languages in Latin letters. A declared value always wins, and where the words
    leave a doubt nothing is filled: see `detect_language` for the rule, and for
    why a song in romanized Hindi or Tamil never gets a language this way.

    Args:
        minimum_confidence: py3langid's probability of its first guess, 0 to 1.
        minimum_letters: Letters and vowel signs that the text must have.

    Raises:
        ValueError: If the confidence is not in [0, 1] or the letters are below 1.
    """

    minimum_confidence: float = 0.8
    minimum_letters: int = 40

    def __post_init__(self):
        _check_share("minimum_confidence", self.minimum_confidence)
        _check_count("minimum_letters", self.minimum_letters)

    def map(self, record: LyricRecord) -> LyricRecord:
        """Returns the record with its language, if that could be told."""
        if record.language:
            return record
        script = record.script and script_of_letters(record.script)
        if script and script != detect_script(record.text):
            return record
        language = detect_language(
            record.text,
            minimum_confidence=self.minimum_confidence,
            minimum_letters=self.minimum_letters,
        )
        return fill_field(record, language=language) if language else record


@register("require_text")
@dataclasses.dataclass(frozen=True, kw_only=True)
class RequireText(FilterPreprocessor):
    """Sets aside records that hold no song, or not the one they say they hold.

    Reasons, in this order:

    - `"placeholder"`: all it says, in one of some forty languages, is that there
      are no lyrics. Title, author and section labels beside that do not count.
    - `"instrumental"`: the same, for music without words.
    - `"no_letters"`.
    - `"replacement_characters"`: too many U+FFFD; it was decoded wrongly.
    - `"lost_characters"`: too many letters stand as question marks or boxes; it was
      encoded wrongly. `why???`, a line of `???` and French ` ?` are punctuation.
    - `"not_lyrics"`: most of the text is web addresses, tablature, program code or
      labels in brackets.
    - `"too_few_lines"`. A couplet is a song.
    - `"wrong_language"`: the letters are not those of the declared language, or it
      is not one of `languages`. A declared script that agrees with the letters is
      believed (`language="hi"`, `script="Beng"`), and so are Latin letters, since
      every language is romanized, unless the words are plainly another language's.
    - `"unknown_language"`: only if `languages` are given.

    Args:
        minimum_lines: Lines with something on them that a song must have.
        maximum_replacement: Share of characters, 0 to 1, that may be U+FFFD.
        maximum_lost: Share of letters, 0 to 1, that may stand as `?` or `□`.
        maximum_residue: Share of letters and digits, 0 to 1, that may be in lines
            that are no lyrics.
        check_script: Whether a declared language must fit the letters.
        languages: BCP 47 tags of the languages to keep; none keeps all. `"hi"`
            keeps `"hi-Latn"` too, `"hi-Latn"` does not keep `"hi"`.

    Raises:
        ValueError: If `minimum_lines` is below 1, a share is not in [0, 1], or
            `languages` holds an empty tag.
    """

    minimum_lines: int = 2
    maximum_replacement: float = 0.01
    maximum_lost: float = 0.05
    maximum_residue: float = 0.5
    check_script: bool = True
    languages: tuple[str, ...] = ()

    def __post_init__(self):
        _check_count("minimum_lines", self.minimum_lines)
        for name in ("maximum_replacement", "maximum_lost", "maximum_residue"):
            _check_share(name, getattr(self, name))
        if isinstance(self.languages, str) or not all(self.languages):
            raise ValueError(
                "`languages` must be a list of BCP 47 tags. "
                f"Received: languages={self.languages!r}. Write ('hi', 'pa')."
            )

    def reject(self, record: LyricRecord) -> tuple[str, str] | None:
        """Returns why the record is no song, else None."""
        kind = says_nothing(record)
        if kind:
            return kind, f"All it says is {' '.join(record.text.split())!r:.200}."
        return (
            self._damage(record.text)
            or self._no_song(record)
            or self._other_language(record)
        )

    def _damage(self, text: str) -> tuple[str, str] | None:
        lost = lost_letters(text)
        total = lost + len(_LETTER.findall(text)) if lost else 0
        if lost > self.maximum_lost * total:
            return (
                "lost_characters",
                f"{lost} of {total} letters stand as question marks or boxes. "
                "Read the source in its own encoding.",
            )
        if not _LETTER.search(text):
            return "no_letters", "Holds no letter of any script."
        broken = text.count("\ufffd")
        if broken > self.maximum_replacement * len(text):
            return (
                "replacement_characters",
                f"{broken} of {len(text)} characters are U+FFFD, which stands for "
                "what could not be decoded. Read the source in its own encoding.",
            )
        return None

    def _no_song(self, record: LyricRecord) -> tuple[str, str] | None:
        share = residue_share(record)
        if share > self.maximum_residue:
            return (
                "not_lyrics",
                f"{share:.0%} of its letters and digits are addresses, tablature, code "
                "or labels.",
            )
        count = sum(not is_blank(line) for line in record.lines)
        if count < self.minimum_lines:
            return (
                "too_few_lines",
                f"Has {count} of at least {self.minimum_lines} lines.",
            )
        return None

    def _other_language(self, record: LyricRecord) -> tuple[str, str] | None:
        if self.check_script:
            conflict = _conflict(record)
            if conflict:
                return "wrong_language", conflict
        if not self.languages:
            return None
        if not record.language:
            return "unknown_language", f"May be in none of {list(self.languages)}."
        if not any(_covers(tag, record.language) for tag in self.languages):
            return (
                "wrong_language",
                f"Is in {record.language!r}, not in one of {list(self.languages)}.",
            )
        return None


def _conflict(record: LyricRecord) -> str | None:
    """Says how the letters contradict the declared language, else None."""
    if not record.language or is_filled(record, "language"):
        return None
    own = scripts_of_language(record.language)
    shares = script_shares(record.text)
    found = max(shares, key=shares.__getitem__, default=None)
    if own is None or found is None or found in own:
        return None
    if sum(shares.get(script, 0.0) for script in own) >= _OWN_LETTERS:
        return None
    if record.script and not is_filled(record, "script"):
        if script_of_letters(record.script) == found:
            return None
    if found == "Latn":
        guess = detect_language(record.text)
        if guess is None or _covers(guess, record.language):
            return None
        return f"Is declared as {record.language!r}, but its words are {guess!r}."
    return (
        f"Is declared as {record.language!r}, but its letters are {found!r}. Declare "
        "the script too if that is meant."
    )


def _covers(wanted: str, tag: str) -> bool:
    """Says whether a language tag is `wanted` or begins with its parts."""
    wanted, tag = wanted.casefold(), tag.casefold()
    return tag == wanted or tag.startswith(f"{wanted}-")


def _check_share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(
            f"`{name}` must be a share in [0, 1]. Received: {name}={value!r}."
        )


def _check_count(name: str, value: int) -> None:
    if value < 1:
        raise ValueError(f"`{name}` must be at least 1. Received: {name}={value!r}.")
