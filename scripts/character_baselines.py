"""Bits per character of a unigram and a Kneser-Ney character n-gram.

The yardsticks beside a small language model: both are trained on one list of
texts and measured on another. Both give every character of the training texts a
probability, and one further symbol, "unknown", to all characters never seen in
training; over alphabet and unknown the probabilities sum to one. *Which* unknown
character stood there is not charged for, which favors the baselines.
"""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

# Beyond Unicode, so no text can hold it; stands before each text's first character.
_START_CODE = 0x110000
_START, _UNKNOWN, _FIRST_CHARACTER = 0, 1, 2


def unigram_bits_per_character(
    train_texts: Iterable[str], held_out_texts: Iterable[str]
) -> float:
    """Measures the add-one smoothed character unigram.

    Args:
        train_texts: Texts to count characters in.
        held_out_texts: Texts to measure, characters weighted alike.

    Returns:
        Mean of -log2 p over the held-out characters, in bits.

    Raises:
        ValueError: If either list holds no character or is a bare string.
    """
    train = _encode("train_texts", train_texts)
    alphabet = np.unique(train[train != _START_CODE])
    symbols = _symbols(train, alphabet)
    counts = np.bincount(symbols, minlength=len(alphabet) + _FIRST_CHARACTER)[1:] + 1
    held_out = _symbols(_encode("held_out_texts", held_out_texts), alphabet)
    probabilities = counts[held_out[held_out != _START] - 1] / counts.sum()
    return float(-np.log2(probabilities).mean())


def kneser_ney_bits_per_character(
    train_texts: Iterable[str], held_out_texts: Iterable[str], order: int = 5
) -> float:
    """Measures the interpolated, modified Kneser-Ney character n-gram.

    Twelve million training characters take about a minute and 2 GB.

    Args:
        train_texts: Texts to estimate from.
        held_out_texts: Texts to measure, characters weighted alike.
        order: Length n of the longest n-gram; the context is n - 1 characters.

    Returns:
        Mean of -log2 p over the held-out characters, in bits.

    Raises:
        ValueError: If either list holds no character or is a bare string, or
            `order` is less than one.
    """
    return KneserNey(train_texts, order=order).bits_per_character(held_out_texts)


@dataclasses.dataclass(frozen=True)
class _Level:
    """The n-grams of one length.

    An n-gram's rank is its place in `keys`; a key is `context rank * symbols +
    last symbol`, and the context's rank is that of the (n-1)-gram.
    """

    keys: np.ndarray  # int64 (ngrams,), sorted
    discounted: np.ndarray  # float64 (ngrams,): (count - discount) / context's total
    backoff: np.ndarray  # float64 (contexts,): mass passed to the shorter context


class KneserNey:
    """Interpolated Kneser-Ney with three discounts per length ("modified").

    Lengths below `order` count the distinct characters to the left of an n-gram,
    and n-grams at the start of a text, which nothing precedes, by occurrence.
    Below the unigrams lies the uniform distribution over alphabet and unknown.
    Where a length has too few counts to estimate its discounts (small training
    sets), they are 0.5, 1 and 1.5.

    Args:
        train_texts: Texts to estimate from; no n-gram crosses from one to another.
        order: Length n of the longest n-gram, at least one.

    Raises:
        ValueError: If `train_texts` holds no character or `order` is below one.

    References:
        Chen and Goodman, 1999. An empirical study of smoothing techniques for
        language modeling. Computer Speech & Language 13(4), 359-394.
    """

    def __init__(self, train_texts: Iterable[str], *, order: int = 5):
        if order < 1:
            raise ValueError(f"`order` must be at least 1. Received: order={order!r}.")
        codes = _encode("train_texts", train_texts)
        self._alphabet = np.unique(codes[codes != _START_CODE])
        self._size = len(self._alphabet) + _FIRST_CHARACTER
        self._levels = self._estimate(_symbols(codes, self._alphabet), order)

    def bits_per_character(self, held_out_texts: Iterable[str]) -> float:
        """Returns the mean of -log2 p over the characters of `held_out_texts`, in bits.

        Raises:
            ValueError: If `held_out_texts` holds no character or is a bare string.
        """
        symbols = _symbols(_encode("held_out_texts", held_out_texts), self._alphabet)
        probabilities = self._probabilities(symbols)[symbols != _START]
        return float(-np.log2(probabilities).mean())

    def next_character(self, text: str) -> dict[str | None, float]:
        """Returns the distribution of the character that follows `text`.

        Args:
            text: All of a text up to here; "" is its start.

        Returns:
            Probability of each character of the alphabet, and of the unknown
            symbol under the key None; they sum to one.
        """
        context = _symbols(_codes(text), self._alphabet)
        choices = np.arange(_UNKNOWN, self._size)
        rows = np.column_stack([np.tile(context, (len(choices), 1)), choices])
        probabilities = self._probabilities(rows.reshape(-1))
        last = probabilities.reshape(rows.shape)[:, -1]
        names = [None, *map(chr, self._alphabet)]
        return dict(zip(names, last.tolist(), strict=True))

    def _estimate(self, symbols: np.ndarray, order: int) -> list[_Level]:
        depth = _depth(symbols)
        ranks = np.zeros(len(symbols), np.int64)
        ngrams = []
        for length in range(1, order + 1):
            # Places with `length` symbols of their own text behind and at them.
            at = np.flatnonzero(depth >= length - 1)
            if not len(at):
                break  # every text is shorter than this
            contexts = ranks[at - 1] if length > 1 else ranks[at]
            keys, first, inverse, occurrences = np.unique(
                contexts * self._size + symbols[at],
                return_index=True,
                return_inverse=True,
                return_counts=True,
            )
            suffixes = ranks[at[first]]
            at_start = depth[at[first]] == length - 1
            ngrams.append((keys, suffixes, occurrences, at_start))
            ranks = np.full(len(symbols), -1, np.int64)
            ranks[at] = inverse
        return self._levels_from(ngrams)

    def _levels_from(self, ngrams: Sequence[tuple[np.ndarray, ...]]) -> list[_Level]:
        levels = []
        for index, (keys, _, occurrences, at_start) in enumerate(ngrams):
            counts = occurrences
            if index + 1 < len(ngrams):
                longer_suffixes = ngrams[index + 1][1]
                left_neighbors = np.bincount(longer_suffixes, minlength=len(keys))
                counts = left_neighbors + np.where(at_start, occurrences, 0)
            if index == 0:
                # The start is a context, never a character to predict.
                counts = np.where(keys == _START, 0, counts)
            contexts = len(ngrams[index - 1][0]) if index else 1
            levels.append(self._level(keys, counts, contexts))
        return levels

    def _level(self, keys: np.ndarray, counts: np.ndarray, contexts: int) -> _Level:
        discounts = np.array([0.0, *_discounts(counts)])[np.minimum(counts, 3)]
        context = keys // self._size
        totals = np.bincount(context, weights=counts, minlength=contexts)
        removed = np.bincount(context, weights=discounts, minlength=contexts)
        # A context that ends every text it occurs in passes everything on.
        backoff = np.divide(removed, totals, out=np.ones(contexts), where=totals > 0)
        return _Level(keys, (counts - discounts) / totals[context], backoff)

    def _probabilities(self, symbols: np.ndarray) -> np.ndarray:
        """Returns p of each symbol after those before it; starts have no meaning."""
        probabilities = np.full(len(symbols), 1 / (self._size - 1))
        ranks = np.zeros(len(symbols), np.int64)
        for length, level in enumerate(self._levels, start=1):
            contexts = np.roll(ranks, 1) if length > 1 else ranks
            # A start is never a last symbol, so no context reaches across one.
            known = contexts >= 0
            contexts = np.where(known, contexts, 0)
            wanted = contexts * self._size + symbols
            places = np.searchsorted(level.keys, wanted)
            places = np.minimum(places, len(level.keys) - 1)
            found = known & (level.keys[places] == wanted)
            backoff = np.where(known, level.backoff[contexts], 1.0)
            seen = np.where(found, level.discounted[places], 0.0)
            probabilities = seen + backoff * probabilities
            ranks = np.where(found, places, -1)
        return probabilities


def _discounts(counts: np.ndarray) -> tuple[float, float, float]:
    """Returns the discounts of counts 1, 2 and 3 or more (Chen and Goodman, eq. 26)."""
    of_counts = np.bincount(np.minimum(counts, 5), minlength=6)[1:5].astype(float)
    if of_counts.all():
        one, two, three, four = of_counts
        share = one / (one + 2 * two)
        found = (
            1 - 2 * share * two / one,
            2 - 3 * share * three / two,
            3 - 4 * share * four / three,
        )
        if all(0 < discount <= count for count, discount in enumerate(found, start=1)):
            return found
    return 0.5, 1.0, 1.5


def _encode(name: str, texts: Iterable[str]) -> np.ndarray:
    """Returns the code points of all texts, a start code before each."""
    if isinstance(texts, str):
        raise ValueError(
            f"`{name}` must be a list of texts. Received: {name}={texts!r:.80}."
        )
    codes = [_codes(text) for text in texts]
    if sum(map(len, codes)) == len(codes):
        raise ValueError(
            f"`{name}` must hold at least one character. Received: {len(codes)} "
            "texts without any."
        )
    return np.concatenate(codes)


def _codes(text: str) -> np.ndarray:
    encoded = text.encode("utf-32-le", "surrogatepass")
    return np.concatenate([[_START_CODE], np.frombuffer(encoded, "<u4")])


def _symbols(codes: np.ndarray, alphabet: np.ndarray) -> np.ndarray:
    """Returns start 0, unknown 1, and the alphabet's characters from 2 on."""
    places = np.minimum(np.searchsorted(alphabet, codes), len(alphabet) - 1)
    known = alphabet[places] == codes
    symbols = np.where(known, places + _FIRST_CHARACTER, _UNKNOWN)
    return np.where(codes == _START_CODE, _START, symbols)


def _depth(symbols: np.ndarray) -> np.ndarray:
    """Returns how many symbols of the same text stand before each one."""
    places = np.arange(len(symbols))
    return places - np.maximum.accumulate(np.where(symbols == _START, places, 0))
