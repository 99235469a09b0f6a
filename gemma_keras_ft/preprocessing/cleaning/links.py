"""Addresses, handles and hashtags."""

import dataclasses
from collections.abc import Sequence

import regex

from gemma_keras_ft.config import register
from gemma_keras_ft.preprocessing.base import CleaningPreprocessor
from gemma_keras_ft.preprocessing.cleaning.patterns import cut, cutting
from gemma_keras_ft.preprocessing.edits import Edit, edit_each, edit_song
from gemma_keras_ft.records import LyricRecord

CHOICES = ("remove", "keep")
TAGGED_CHOICES = ("word", "remove", "keep")

# Of ASCII alone: what is glued to an address in another script is the song.
_URL = (
    r"(?:https?|ftp)://[!-~]*[\w/]|(?<![\w.@/-])www\.[a-z0-9-][!-~]*[\w/]"
    r"|(?<![\w.@/-])(?:[a-z0-9-]{1,63}\.){1,4}(?:com|net|org|info)(?:/[!-~]*[\w/])?"
    r"(?![\w@]|[.-]\w)"
    r"|(?<![\w.@/-])(?:youtu\.be|bit\.ly|t\.me|wa\.me|goo\.gl|t\.co)/[!-~]*[\w/]"
)
_FLAGS = regex.IGNORECASE | regex.ASCII
_URLS = cutting(rf"[(\[<]\s*(?:{_URL})\s*[)\]>]|<?(?:{_URL})>?", _FLAGS)
_EMAILS = cutting(
    r"<?(?:mailto:)?(?<![\w.+-])[\w.+-]{1,64}@(?:[a-z0-9-]{1,63}\.){1,5}[a-z]{2,24}\b>?",
    _FLAGS,
)
# Two names or more would be a list; a lone "@" is a symbol, "@ home" no handle.
_HANDLES = cutting(
    r"(?<![\w@./\p{L}\p{M}])@[a-z0-9_][a-z0-9_.]{0,29}(?<!\.)(?![\w@])", _FLAGS
)
# "#1" and "F#" are no tags. What `#` stands before may be of any script.
_TAGS = regex.compile(
    r"(?<![\p{L}\p{M}\p{N}&#])#+(?P<word>(?:[\p{L}\p{N}_]\p{M}*)*\p{L}[\p{L}\p{M}\p{N}_]*)"
)
_TAGS_CUT = cutting(_TAGS.pattern)
_WORD = regex.compile(r"[\p{L}\p{N}\p{S}]")
_SUSPECT = regex.compile(
    r"[@#]|://|www\.|\.(?:com|net|org|info)|(?:\.be|\.ly|\.me|\.gl|\.co)/",
    regex.IGNORECASE,
)


@register("strip_links")
@dataclasses.dataclass(frozen=True, kw_only=True)
class StripLinks(CleaningPreprocessor):
    """Takes out URLs, e-mail addresses and handles; of a hashtag keeps the word.

    What goes is kept in `metadata["removed"]`. Title and author are cleaned too.

    Example:
        in:   "गाना सुनें https://x.y/z @artist #नयागाना"
        out:  "गाना सुनें नयागाना"

    Args:
        urls: `"remove"` or `"keep"`.
        emails: `"remove"` or `"keep"`.
        handles: `"remove"` or `"keep"`.
        hashtags: `"word"` keeps the word without its `#`; `"remove"` or `"keep"`.

    Raises:
        ValueError: If a field is none of its values.
    """

    urls: str = "remove"
    emails: str = "remove"
    handles: str = "remove"
    hashtags: str = "word"

    def __post_init__(self):
        for name in ("urls", "emails", "handles", "hashtags"):
            value = getattr(self, name)
            choices = TAGGED_CHOICES if name == "hashtags" else CHOICES
            if value not in choices:
                raise ValueError(
                    f"`{name}` must be one of {choices}. Received: {name}={value!r}."
                )

    def map(self, record: LyricRecord) -> LyricRecord:
        """Returns the record without links."""
        return edit_song(record, self._edit, self._edit)

    def _edit(self, lines: Sequence[str], language: str | None) -> Edit | None:
        text = "\n".join(lines)
        if not any(map(text.__contains__, "@#./")) or not _SUSPECT.search(text):
            return None
        removed: list[str] = []
        return edit_each(
            lines, lambda line: self._stripped(line, removed), {"removed": removed}
        )

    def _stripped(self, line: str, removed: list[str]) -> str:
        if not _SUSPECT.search(line):
            return line
        before = line
        if self.urls == "remove":
            line = cut(_URLS, line, removed)
        if self.emails == "remove" and "@" in line:
            line = cut(_EMAILS, line, removed)
        if self.handles == "remove" and "@" in line:
            line = cut(_HANDLES, line, removed)
        if line != before:
            # What stood between the link and the song: "example.com: la".
            line = line.lstrip(" ,;:|") if _WORD.search(line) else ""
        if "#" not in line or self.hashtags == "keep":
            return line
        if self.hashtags == "remove":
            return cut(_TAGS_CUT, line, removed)
        return _TAGS.sub(lambda tag: tag["word"].strip("_").replace("_", " "), line)
