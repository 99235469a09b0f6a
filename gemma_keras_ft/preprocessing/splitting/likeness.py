"""What is compared of a song, across scripts and spellings, and its hashes."""

import functools
import hashlib
import itertools
import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import regex

from gemma_keras_ft.preprocessing.romanization.romanize import romanize_text
from gemma_keras_ft.preprocessing.text.normalize import comparison_form
from gemma_keras_ft.records import LyricRecord

SHINGLE_WORDS = 3
VERSE_LINES = 3
# A verse of fewer different words is a refrain or vocables ("la la la"): many songs
# share it without one being a copy of another.
VERSE_WORDS = 5
PERMUTATIONS = 126

_MARKS = regex.compile(r"\p{M}+")
# Nasals inside a word, and what is breathed or vowel everywhere.
_DROPPED = regex.compile(r"(?<!^)[nm]+|[aeiouyh'ʼ’]+")
_DOUBLED = regex.compile(r"([a-z])\1+")
# Sounds that people spell one way or the other in Latin letters, and that scripts
# tell apart or don't: voicing and trills in Tamil, v and w, z and j.
_ALIKE = str.maketrans("gqcjzdrbfv", "kksssttppw")
_EMPTY = np.array([], np.uint64)


class Likeness(NamedTuple):
    """What one record is compared by.

    Args:
        words: 16 bytes, equal for records whose bare words are.
        copy: 16 bytes, equal for records whose words, script and language are.
        shingles: Hashes of three-word skeletons, sorted, uint64 `(shingles,)`.
        verses: Hashes of three consecutive lines, uint64 `(verses,)`.
        lines: Hashes of single lines, uint64 `(lines,)`.
        digest: MinHash values of the shingles, uint32 `(PERMUTATIONS,)`.
    """

    words: bytes
    copy: bytes
    shingles: np.ndarray
    verses: np.ndarray
    lines: np.ndarray
    digest: np.ndarray


def duplicate_key(record: LyricRecord) -> str:
    """Returns the text in which copies are equal: romanized, bare words.

    Case, punctuation, spacing, line breaks and script differences vanish, so a
    song and its own romanized copy have one key.
    """
    return comparison_form(" ".join(romanize_text(line) for line in record.lines))


@functools.lru_cache(maxsize=1 << 17)
def skeleton(word: str) -> str:
    """Returns the consonants of a bare, romanized word, as far as spellings agree.

    A song typed in Latin letters by ear differs from its transliteration in
    vowels, inherent ones above all, in nasals, breath, voicing and doubling. What is
    left is nearly the same, and chance agreement of single words is no matter where
    whole songs are compared.

    Example:
        in:   "sapanōṁ", "sapnon", "kātal", "kaadhal", "ceyal", "seyal", "ā"
        out:  "sp", "sp", "ktl", "ktl", "sl", "sl", "a"
    """
    plain = _MARKS.sub("", unicodedata.normalize("NFKD", word))
    if not plain.isascii():
        return plain
    spoken = plain.replace("zh", "l").replace("x", "ks")
    consonants = _DROPPED.sub("", spoken).translate(_ALIKE)
    return _DOUBLED.sub(r"\1", consonants) or plain[:1]


def measure_likeness(
    records: Sequence[LyricRecord], *, seed: int = 42
) -> list[Likeness]:
    """Measures what each record is compared by.

    Args:
        records: Records in any scripts.
        seed: Seed of the MinHash permutations; equal ones can be compared.

    References:
        Broder, 1997. On the resemblance and containment of documents.
    """
    texts = [_bare_lines(record) for record in records]
    skeletons = [[[*map(skeleton, words)] for words in lines] for lines in texts]
    shingles = [_shingles(lines) for lines in skeletons]
    hashes = [
        np.array([hash_text(" ".join(line)) for line in lines], np.uint64)
        for lines in skeletons
    ]
    return [
        Likeness(
            words=words_hash(words),
            copy=_copy_hash(record, words),
            shingles=found,
            verses=_verses(line_hashes, lines),
            lines=line_hashes,
            digest=digest,
        )
        for record, words, lines, found, line_hashes, digest in zip(
            records,
            texts,
            skeletons,
            shingles,
            hashes,
            _digests(shingles, seed),
            strict=True,
        )
    ]


def bare_words(line: str) -> list[str]:
    """Returns the words of a line, romanized and bare."""
    return comparison_form(romanize_text(line)).split()


def _bare_lines(record: LyricRecord) -> list[list[str]]:
    """Returns the words of each line that has some."""
    return [words for words in map(bare_words, record.lines) if words]


def words_hash(lines: Iterable[Sequence[str]]) -> bytes:
    """Hashes the bare words of a song, whatever its line breaks; 16 bytes."""
    return _digest(" ".join(word for line in lines for word in line))


def _copy_hash(record: LyricRecord, lines: Iterable[Sequence[str]]) -> bytes:
    words = " ".join(word for line in lines for word in line)
    return _digest(f"{record.script}\n{record.language}\n{words}")


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()


def _shingles(lines: Iterable[Sequence[str]]) -> np.ndarray:
    words = np.array([_word_hash(word) for line in lines for word in line], np.uint64)
    if len(words) <= SHINGLE_WORDS:
        return _combined(words[None]) if len(words) else _EMPTY
    windows = np.lib.stride_tricks.sliding_window_view(words, SHINGLE_WORDS)
    return np.unique(_combined(windows))


def _verses(hashes: np.ndarray, lines: Sequence[Sequence[str]]) -> np.ndarray:
    if len(lines) < VERSE_LINES:
        return _EMPTY
    windows = np.lib.stride_tricks.sliding_window_view(hashes, VERSE_LINES)
    telling = [
        len({*itertools.chain(*lines[start : start + VERSE_LINES])}) >= VERSE_WORDS
        for start in range(len(windows))
    ]
    return np.unique(_combined(windows[np.array(telling)]))


@functools.lru_cache(maxsize=1 << 17)
def _word_hash(word: str) -> int:
    return hash_text(word)


def hash_text(text: str) -> int:
    """Returns 64 bits of `text`, the same in every process."""
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def _combined(windows: np.ndarray) -> np.ndarray:
    """Hashes each row of uint64 hashes into one, order included."""
    result = np.zeros(len(windows), np.uint64)
    for column in windows.T:
        # Odd multiplier from the golden ratio; wraps around on purpose.
        result = (result ^ column) * np.uint64(0x9E3779B97F4A7C15)
        result ^= result >> np.uint64(29)
    return result


def _digests(shingles: Sequence[np.ndarray], seed: int) -> np.ndarray:
    from rensa import RMinHash  # pyright: ignore[reportAttributeAccessIssue]

    if not shingles:
        return np.zeros((0, PERMUTATIONS), np.uint32)
    borders = np.cumsum([0, *map(len, shingles)], dtype=np.uint64)
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(
        np.concatenate(shingles), borders, PERMUTATIONS, seed
    )
    return np.array(matrix.to_rows(), np.int64).astype(np.uint32)
