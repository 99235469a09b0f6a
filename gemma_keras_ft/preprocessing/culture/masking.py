"""Placeholders that carry protected phrases through a step unchanged."""

import dataclasses
import json
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

import regex

from gemma_keras_ft.preprocessing.culture.phrases import (
    PhraseMatcher,
    merge_spans,
    replace_spans,
)
from gemma_keras_ft.records import LyricRecord

# Runs of eighteen letters without case, of scripts that nobody sings in today. A
# placeholder is spelled with them, so that a step takes it for a word: it is of
# \p{L}, which the characters of the private use areas are not.
_ALPHABETS = ("\U00010600", "\U000102a0", "\U00010c00")  # Linear A, Carian, Orkhon
_BASE = 16


@dataclasses.dataclass(frozen=True)
class PhraseMask:
    """A record whose phrases are placeholders, and what each stands for."""

    record: LyricRecord
    phrases: Mapping[str, str]

    @classmethod
    def of(cls, record: LyricRecord, matcher: PhraseMatcher) -> "PhraseMask | None":
        """Returns the masked record; None where its text leaves no placeholder."""
        alphabet = _free_alphabet(record)
        if alphabet is None:
            return None
        codes: dict[str, str] = {}

        def masked(line: str) -> str:
            return replace_spans(
                line,
                merge_spans(matcher.find(line)),
                lambda phrase: codes.setdefault(
                    unicodedata.normalize("NFC", phrase), _code(alphabet, len(codes))
                ),
            )

        return cls(
            record.replace(
                title=record.title and masked(record.title),
                lines=tuple(map(masked, record.lines)),
            ),
            {code: phrase for phrase, code in codes.items()},
        )

    def restore(
        self, result: LyricRecord, romanize: Callable[[str], str]
    ) -> LyricRecord:
        """Returns `result` with every placeholder put back, romanized where due."""
        pattern = regex.compile("|".join(self.phrases))

        def restored(value: Any, phrase_of: Callable[[str], str]) -> Any:
            if isinstance(value, str):
                return pattern.sub(lambda code: phrase_of(code[0]), value)
            if isinstance(value, Mapping):
                return {key: restored(item, phrase_of) for key, item in value.items()}
            if isinstance(value, list | tuple):
                return [restored(item, phrase_of) for item in value]
            return value

        data = result.to_dict()
        romanized = data.pop("romanized", None)
        data = restored(data, self.phrases.__getitem__)
        if romanized is not None:
            data["romanized"] = restored(
                romanized, lambda code: romanize(self.phrases[code])
            )
        return LyricRecord.from_dict(data)


def _free_alphabet(record: LyricRecord) -> str | None:
    text = json.dumps(record.to_dict(), ensure_ascii=False, default=str)
    for first in _ALPHABETS:
        alphabet = [chr(ord(first) + place) for place in range(_BASE + 2)]
        if not any(letter in text for letter in alphabet):
            return "".join(alphabet)
    return None


def _code(alphabet: str, number: int) -> str:
    """Spells a number; the first and the last letter close it off from all else."""
    digits = [alphabet[1 + int(digit, _BASE)] for digit in f"{number:x}"]
    return "".join((alphabet[0], *digits, alphabet[-1]))
