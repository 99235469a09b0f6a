"""Indic scripts as people type them: a-z, by the habits of the language."""

import functools
import unicodedata

import regex

from gemma_keras_ft.preprocessing.romanization.readable_rules import (
    LETTERS,
    typing_rules,
)
from gemma_keras_ft.preprocessing.romanization.readable_words import typed_words
from gemma_keras_ft.preprocessing.romanization.romanize_letters import (
    iso_letters,
    split_spans,
)
from gemma_keras_ft.preprocessing.romanization.romanize_tables import DIVIDED, SCRIPTS
from gemma_keras_ft.preprocessing.romanization.schwa import delete_schwas

# The language that a script is read in, if none is named: never for Devanagari,
# which many languages share, Sanskrit among them.
_OF_SCRIPT = {
    **{"Beng": "bn", "Guru": "pa", "Gujr": "gu", "Orya": "or"},
    **{"Taml": "ta", "Telu": "te", "Knda": "kn", "Mlym": "ml"},
}
_SCRIPT_OF = {
    **{language: code for code, language in _OF_SCRIPT.items()},
    **{"hi": "Deva", "mr": "Deva", "ne": "Deva", "as": "Beng"},
}
_DROPS_SCHWAS = frozenset({"hi", "pa", "gu", "mr", "bn"})
_ASSAMESE = regex.compile("[ৰৱ]")
_WORDS = regex.compile(
    "|".join(
        rf"(?P<{code}>\p{{Script={name}}}[\p{{Script={name}}}\u200c\u200d]*)"
        for code, (_, name) in SCRIPTS.items()
    )
)


def readable_text(text: str, language: str | None = None) -> str:
    """Returns `text` with every Indic word as people type it, in a-z.

    Hindi, Punjabi, Gujarati, Marathi and Bengali lose the vowels that are written
    but not spoken (`delete_schwas`); Sanskrit and other languages in Devanagari
    never do, nor does Devanagari whose language is not named. Tamil stops are voiced
    where they are spoken so. People differ and so do their spellings; this is one
    that is common. It can't be turned back into the script.

    Example:
        in:   "काम करो, yaar", "hi"
        out:  "kaam karo, yaar"

    Args:
        text: Text in any scripts, in NFC.
        language: BCP 47 tag; only its first part counts. Where a word's script is
            not the language's, the script's own language is taken.
    """
    primary = (language or "und").split("-")[0].lower()
    if primary == "und" and _ASSAMESE.search(text):
        primary = "as"
    return _WORDS.sub(lambda word: _typed(word[0], str(word.lastgroup), primary), text)


@functools.lru_cache(maxsize=1 << 16)
def _typed(word: str, code: str, language: str) -> str:
    language = _habit(code, language)
    known = typed_words(language).get(word)
    if known is not None:
        return known
    letters = [
        letter
        for span in split_spans(word)
        for letter in iso_letters(span)
        if letter != DIVIDED
    ]
    if language in _DROPS_SCHWAS:
        letters = delete_schwas(letters, language)
    sounds = f" {' '.join(letters)} "
    for pattern, typed in typing_rules(language):
        sounds = pattern.sub(typed, sounds)
    return "".join(_type(sound) for sound in sounds.split())


def _habit(code: str, language: str) -> str:
    """Returns the language by whose habits a word of this script is typed."""
    if language == "und" or _SCRIPT_OF.get(language, code) != code:
        return _OF_SCRIPT.get(code, "")
    return language


def _type(sound: str) -> str:
    if sound.startswith("="):
        return sound[1:]
    typed = LETTERS.get(sound, sound)
    # Marks on Latin letters go; what the standard doesn't cover stays.
    return "".join(filter(str.isascii, unicodedata.normalize("NFD", typed))) or typed


CACHES = (_typed, typed_words, typing_rules)
