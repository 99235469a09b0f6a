"""Which language a text is in, told offline by two witnesses."""

import dataclasses
import functools
import os
import threading
from typing import Any

import regex

from gemma_keras_ft.preprocessing.text.language_profiles import (
    LANGUAGES_OF_SCRIPT,
    LanguageProfile,
    language_profile,
    plain_words,
)
from gemma_keras_ft.preprocessing.text.scripts import detect_script, letter_pattern

# A bound on what one long record costs; far more than it takes to tell.
_READ_CHARACTERS = 20_000
# A character of Chinese says as much as three letters.
_LETTERS_PER_CHARACTER = {"Hani": 3}


@dataclasses.dataclass(frozen=True)
class _Shares:
    """How much of a text must be a language's own, and how much may be foreign.

    Measured on psalms, couplets and hymns. Of a language's own small words its
    texts have 0.1 to 0.6; Awadhi has at most 0.09 of Hindi's. Songs that take turns
    between English and romanized Urdu have them on every other line.
    """

    words: float = 0.1
    lines: float = 0.3
    foreign: float = 0.05


_SHARES = {"Latn": _Shares(words=0.15, lines=0.7)}


def detect_language(
    text: str, *, minimum_confidence: float = 0.8, minimum_letters: int = 40
) -> str | None:
    """Returns the language of a text in a script that several languages share.

    Two witnesses must agree. py3langid, read offline, must name the language with
    `minimum_confidence`; and of the words in the text's main script at least a
    tenth must be that language's own (its frequent words, or such as have letters
    or endings that only it has), on three lines in ten, while no more than a
    twentieth hold letters that it does not use. In Latin letters it must be three
    words in twenty, on seven lines in ten.

    Hence the rule for romanized songs: py3langid guesses anything between Fula and
    Javanese for romanized Urdu, and none of its guesses is believed unless the song
    is full of that language's own "the", "und" or "que". Romanized songs stay
    without a language; so do Awadhi, Braj, Bhojpuri and other neighbors that
    py3langid takes for Hindi, texts half in one language and half in another, and
    languages that have no list of words here.

    Assamese is told from Bengali by its letters: ৰ or ৱ and no র. The model takes
    about a second and 70 MB, once per process, when it is first asked.

    Args:
        text: Lines parted by line breaks.
        minimum_confidence: py3langid's probability of its first guess, 0 to 1.
        minimum_letters: Letters and vowel signs that the text must have in its
            main script; a character of Chinese counts as three.

    Returns:
        A BCP 47 tag, or None where it is not sure.
    """
    # A refrain tells nothing new, but makes the model less sure.
    text = "\n".join(dict.fromkeys(text[:_READ_CHARACTERS].split("\n")))
    script = detect_script(text)
    languages = LANGUAGES_OF_SCRIPT.get(script or "")
    if not script or not languages:
        return None
    lines = [words for words in _words_by_line(text, script) if words]
    letters = sum(len(word) for words in lines for word in words)
    if letters * _LETTERS_PER_CHARACTER.get(script, 1) < minimum_letters:
        return None
    shares = _SHARES.get(script, _Shares())
    suited = [
        language
        for language in languages
        if _suits(lines, language_profile(language), shares)
    ]
    if not suited or suited == ["as"]:
        return suited[0] if suited else None
    guess, confidence = _identifier().classify(_only_script(text, script))
    return guess if guess in suited and confidence >= minimum_confidence else None


def _words_by_line(text: str, script: str) -> list[list[str]]:
    letter = _letter(script)
    by_line = []
    for line in text.split("\n"):
        words = plain_words(line)
        if script == "Hani":
            words = list("".join(words))
        by_line.append([word for word in words if letter.search(word)])
    return by_line


def _only_script(text: str, script: str) -> str:
    return _other_words(script).sub(" ", text)


@functools.cache
def _letter(script: str) -> regex.Pattern:
    return regex.compile(letter_pattern(script))


@functools.cache
def _other_words(script: str) -> regex.Pattern:
    # A mark belongs to no script of its own, so it goes with its letter.
    return regex.compile(rf"(?:(?!{letter_pattern(script)})\p{{L}}\p{{M}}*)+")


def _suits(lines: list[list[str]], profile: LanguageProfile, shares: _Shares) -> bool:
    """Says whether enough of the words are the language's, and few are not."""
    total = sum(map(len, lines))
    own = [sum(_is_own(word, profile) for word in words) for words in lines]
    if sum(own) < shares.words * total:
        return False
    if sum(map(bool, own)) < shares.lines * len(lines):
        return False
    if profile.foreign is None:
        return True
    search = profile.foreign.search
    foreign = sum(bool(search(word)) for words in lines for word in words)
    return foreign <= shares.foreign * total


def _is_own(word: str, profile: LanguageProfile) -> bool:
    if word in profile.words:
        return True
    return profile.telling is not None and bool(profile.telling.search(word))


_lock = threading.Lock()
_loaded: list[Any] = []


def _identifier() -> Any:
    """Returns py3langid's model, read once per process."""
    if not _loaded:
        with _lock:
            if not _loaded:
                from py3langid.langid import MODEL_FILE, LanguageIdentifier

                _loaded.append(
                    LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
                )
    return _loaded[0]


def _renew_lock() -> None:
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    # Forked while another thread reads the model, a process would wait forever.
    os.register_at_fork(after_in_child=_renew_lock)
