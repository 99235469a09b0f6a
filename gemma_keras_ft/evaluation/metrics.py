"""Numbers for a model's predictions, each with what it takes to repeat it."""

import dataclasses
import math
import numbers
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

# Below this a translation says something else than its source; a change there is
# no improvement.
USABLE_BLEU = 5.0

_COUNTS = ("tokens", "correct", "words", "characters")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SongScore:
    """How well a model predicted one song.

    Args:
        id: The record's id; base and tuned are paired by it.
        nats: Negative log-likelihood, summed over the scored tokens.
        tokens: Scored tokens, at least one.
        correct: Tokens that were the model's first choice.
        words: Words of the scored text.
        characters: Unicode code points of the scored text.
        language: BCP 47 tag, to group by.
        script: ISO 15924 code, to group by.

    Raises:
        ValueError: If a count is negative or not whole, `nats` is negative or not
            finite, `tokens` is 0, or `correct` exceeds `tokens`.
    """

    id: str
    nats: float
    tokens: int
    correct: int
    words: int
    characters: int
    language: str | None = None
    script: str | None = None

    def __post_init__(self):
        if not isinstance(self.id, str) or not self.id:
            raise ValueError(f"`id` must be a non-empty string. Received: {self.id!r}.")
        for name in _COUNTS:
            self._check_count(name)
        if (
            isinstance(self.nats, bool)
            or not isinstance(self.nats, numbers.Real)
            or not 0 <= self.nats < math.inf
        ):
            raise ValueError(
                f"`nats` must be finite and not negative. Received: nats={self.nats!r} "
                f"for song {self.id!r}. A model whose loss is NaN can't be scored."
            )
        if self.tokens < 1:
            raise ValueError(
                f"`tokens` must be at least 1. Received: tokens={self.tokens!r} for "
                f"song {self.id!r}. Leave songs without scored tokens out."
            )
        if self.correct > self.tokens:
            raise ValueError(
                f"`correct` must be at most `tokens`={self.tokens}. Received: "
                f"correct={self.correct!r} for song {self.id!r}."
            )
        # Scores come from arrays; JSON and sums want Python's own numbers.
        object.__setattr__(self, "nats", float(self.nats))

    def _check_count(self, name: str) -> None:
        value = getattr(self, name)
        whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
        if not whole or value < 0:
            raise ValueError(
                f"`{name}` must be a whole number that is not negative. Received: "
                f"{name}={value!r} for song {self.id!r}."
            )
        object.__setattr__(self, name, int(value))


def summarize_scores(scores: Iterable[SongScore]) -> dict[str, float]:
    """Sums songs up to the corpus: every token weighs the same.

    Perplexity per token depends on the tokenizer; per word and bits per character
    can be compared across tokenizers, though not across scripts.

    Example:
        in:   nats=4·ln 8 over 4 tokens, 2 words, 12 characters
        out:  perplexity_per_token 8, perplexity_per_word 64, bits_per_character 1

    Args:
        scores: At least one song.

    Returns:
        JSON values: `songs`, `tokens`, `nats_per_token`, `nats_per_word`,
        `perplexity_per_token`, `perplexity_per_word`, `bits_per_character` and
        `token_accuracy` (0 to 1). A perplexity that no float can hold is reported
        as the largest float.

    Raises:
        ValueError: If there are no songs, or they hold no words or characters.
    """
    scores = list(scores)
    if not scores:
        raise ValueError(
            "`scores` must hold at least one song. Received: scores=[]. "
            "Is the test split empty?"
        )
    total = {name: sum(getattr(score, name) for score in scores) for name in _COUNTS}
    for name in ("words", "characters"):
        if not total[name]:
            raise ValueError(
                f"`{name}` must be above 0 over all songs. Received: {name}=0 for "
                f"{len(scores)} songs. Count them in the text that was scored."
            )
    nats = math.fsum(score.nats for score in scores)
    return {
        "songs": len(scores),
        "tokens": total["tokens"],
        "nats_per_token": nats / total["tokens"],
        "nats_per_word": nats / total["words"],
        "perplexity_per_token": _perplexity(nats / total["tokens"]),
        "perplexity_per_word": _perplexity(nats / total["words"]),
        "bits_per_character": nats / math.log(2) / total["characters"],
        "token_accuracy": total["correct"] / total["tokens"],
    }


def _perplexity(nats: float) -> float:
    return math.exp(min(nats, math.log(sys.float_info.max)))


def bleu(
    hypotheses: Sequence[str], references: Sequence[str | Sequence[str]]
) -> dict[str, Any]:
    """Computes corpus BLEU with sacreBLEU's `intl` tokenizer.

    sacreBLEU's default, `13a`, splits ASCII punctuation only: a danda that touches
    a word makes another word of it, and equal lines score 46 where `intl`, which
    splits all Unicode punctuation and leaves vowel signs alone, says 100. Figures
    made with `13a` are another measure; compare signatures first.

    Args:
        hypotheses: One text per song or line, as the model wrote it.
        references: For each hypothesis its reference, or a list of references.

    Returns:
        `{"score": 0..100, "signature": how it was made}`.

    Raises:
        ValueError: If there is no hypothesis, or lengths differ.

    References:
        Papineni et al., 2002. https://aclanthology.org/P02-1040
        Post, 2018. https://aclanthology.org/W18-6319
    """
    from sacrebleu.metrics.bleu import BLEU

    return _corpus_score(BLEU(tokenize="intl"), hypotheses, references)


def chrf(
    hypotheses: Sequence[str], references: Sequence[str | Sequence[str]]
) -> dict[str, Any]:
    """Computes corpus chrF++: character n-grams up to 6, word n-grams up to 2.

    Kinder than BLEU to languages that build long words, such as Tamil.

    Args:
        hypotheses: One text per song or line, as the model wrote it.
        references: For each hypothesis its reference, or a list of references.

    Returns:
        `{"score": 0..100, "signature": how it was made}`.

    Raises:
        ValueError: If there is no hypothesis, or lengths differ.

    References:
        Popović, 2017. https://aclanthology.org/W17-4770
    """
    from sacrebleu.metrics.chrf import CHRF

    return _corpus_score(CHRF(word_order=2), hypotheses, references)


def _corpus_score(metric, hypotheses, references) -> dict[str, Any]:
    _check_parallel(hypotheses, references)
    hypotheses = [_normalize(text) for text in hypotheses]
    rows = [
        [_normalize(text) for text in ([row] if isinstance(row, str) else row)]
        for row in references
    ]
    widest = max(map(len, rows))
    # sacreBLEU wants one stream per reference and None where a song has fewer.
    streams = [
        [row[place] if place < len(row) else None for row in rows]
        for place in range(widest)
    ]
    score = metric.corpus_score(hypotheses, streams).score
    return {"score": float(score), "signature": str(metric.get_signature())}


def _check_parallel(hypotheses, references) -> None:
    for name, value in (("hypotheses", hypotheses), ("references", references)):
        if isinstance(value, str):
            raise ValueError(
                f"`{name}` must be a list of texts. Received: {value!r:.80}."
            )
    if not hypotheses or len(hypotheses) != len(references):
        raise ValueError(
            "`hypotheses` and `references` must be of one length, above 0. Received: "
            f"{len(hypotheses)} hypotheses and {len(references)} references. Several "
            "references of one hypothesis belong in one list: [['one', 'two'], …]."
        )
    for place, row in enumerate(references):
        if not row:
            raise ValueError(
                f"`references[{place}]` must hold a text. Received: {row!r}. "
                "Leave songs without a reference out of both lists."
            )


def _normalize(text: str) -> str:
    """One spelling for what looks the same: a nukta letter may be one code or two."""
    return unicodedata.normalize("NFC", text)
