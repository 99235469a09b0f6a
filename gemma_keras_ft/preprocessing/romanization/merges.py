"""What a romanization merges: spellings that come out alike, listed and counted.

Everything else comes back: `deromanize_text(romanize_text(word), script)` is
`fold_merges(word, script)`, which is the word itself where nothing merges.

| merge | scripts | schemes | example |
| --- | --- | --- | --- |
| joiner: it only chooses a glyph | all | all | क्‍ष क्ष |
| nukta: on a letter without a reading | all | all | झ़ झ |
| order: nukta or subscript after the vowel sign | all | all | पढि़ पढ़ि |
| vowel sign: not on a consonant, a letter | all | all | ਤੋੁਹੀ ਤੋਉਹੀ |
| virama: on a vowel | all | all | ਕੀ੍ਯੋ ਕੀਯੋ |
| digit: comes out in ASCII | all | all | ११ 11 |
| accent: of the Samaveda, as a superscript | Deva | all | क꣡ क¹ |
| letter: two with one romanization | Beng, Deva, Knda | all | ৰ র, ॲ ऍ |
| letter: tippi and bindi | Guru | iast, itrans, hk | ਰੰਗ ਰਂਗ |
| spelling: two ways to type a letter | all | all | ਅਾ ਆ, ਪੵਾ ਪ੍ਯਾ, ੴ ਇਕ ਓਅੰਕਾਰ |
| om | Deva, Gujr, Taml | iso15919, iast | ॐ ओं |
| addak: a doubled letter | Guru | all | ਬੱਰਯੋ ਬਰ੍ਰਯੋ |
| addak: with nothing to double | Guru | all | ਜਿਹੱ ਜਿਹ |
| khanda ta | Beng | all | উৎসব উত্সব |
| chillu | Mlym | all | എൻ്റെ എന്റെ |
| half-u | Mlym | all | അതു് അത് |
| hiatus: two vowels as one | all | hk | कइ कै |
| cluster: read as one letter | all | iast, hk | क्ह ख |
| vowelless: before a vowel letter | all | iast, hk | தான்அமிழ் தானமிழ் |
| secondary ya | Beng | iast, hk | অ্যা অযা |

Avagraha and the apostrophe are written alike too, but the apostrophe is no letter.
"readable" is not listed: it is made to merge. IAST also reads t̤, s̤ and h̤, and
Harvard-Kyoto three vocalic vowels in a row, as other letters; no known word has them.
"""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from gemma_keras_ft.preprocessing.romanization.merge_folds import merge_folds
from gemma_keras_ft.preprocessing.romanization.romanize import romanize_text
from gemma_keras_ft.preprocessing.romanization.romanize_letters import script_runs


def fold_merges(word: str, script: str, scheme: str = "iso15919") -> str:
    """Returns the word as it comes back from its romanization.

    Args:
        word: A word in the script of this ISO 15924 code.
        script: One of `romanizable_scripts()`.
        scheme: "iso15919", "iast", "itrans" or "hk".
    """
    return _folded(word, script, scheme)[0]


def merged_words(
    words: Iterable[str], scheme: str = "iso15919"
) -> dict[str, tuple[str, ...]]:
    """Returns the romanizations that two or more distinct words share.

    Example:
        in:   ["ਪੱਤਾ", "ਪੱਤਾ", "ਪਤ੍ਤਾ", "ਪਤਾ"]
        out:  {"pattā": ("ਪਤ੍ਤਾ", "ਪੱਤਾ")}

    Args:
        words: Words in any of the scripts; those that are equal in NFC are one.
        scheme: One of `SCHEMES`.
    """
    groups = defaultdict(set)
    for word in words:
        word = unicodedata.normalize("NFC", word)
        groups[romanize_text(word, scheme=scheme)].add(word)
    return {
        romanized: tuple(sorted(group))
        for romanized, group in groups.items()
        if len(group) > 1
    }


class MergeCount(NamedTuple):
    """What a scheme merges in the words of one script.

    Args:
        words: Distinct words.
        changed: Words that come back in another spelling, by the merge that does it.
        merged: Words that share their romanization with another word.
        unlisted: Groups of such words that no listed merge explains.
    """

    words: int
    changed: Mapping[str, int]
    merged: int
    unlisted: tuple[tuple[str, ...], ...]


def count_merges(
    words: Iterable[str], scheme: str = "iso15919"
) -> dict[str, MergeCount]:
    """Counts, script by script, what a scheme merges in these words.

    Args:
        words: Words in any of the scripts; one that mixes scripts is left out.
        scheme: "iso15919", "iast", "itrans" or "hk".
    """
    by_script = defaultdict(set)
    for word in words:
        codes = {code for code, _ in script_runs(word)}
        if len(codes) == 1 and (code := codes.pop()):
            by_script[code].add(unicodedata.normalize("NFC", word))
    return {
        code: _count(sorted(group), code, scheme)
        for code, group in sorted(by_script.items())
    }


def _count(words: Sequence[str], code: str, scheme: str) -> MergeCount:
    changed = Counter(
        name for word in words for name in set(_folded(word, code, scheme)[1])
    )
    groups = merged_words(words, scheme).values()
    return MergeCount(
        words=len(words),
        changed=dict(sorted(changed.items())),
        merged=sum(map(len, groups)),
        unlisted=tuple(
            group
            for group in groups
            if len({fold_merges(word, code, scheme) for word in group}) > 1
        ),
    )


def _folded(word: str, code: str, scheme: str) -> tuple[str, list[str]]:
    """Returns the word as it comes back, and the names of what changed it."""
    word = unicodedata.normalize("NFC", word)
    names = []
    for name, fold in merge_folds(code, scheme):
        folded = unicodedata.normalize("NFC", fold(word))
        if folded != word:
            names.append(name)
        word = folded
    return word, names
