"""What a script costs: tokens, and a model's nats, for the same words."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gemma_keras_ft.preprocessing.romanization.romanize import SCHEMES, romanize_text
from gemma_keras_ft.preprocessing.text.words import split_aksharas, split_words

NATIVE = "native"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fertility:
    """The cost of some passages in one written form.

    Args:
        form: `"native"` or a romanization scheme.
        words: Words of the passages, in their native form.
        aksharas: Aksharas of the passages, in their native form.
        tokens: Tokens of the passages in this form.
        nats: Negative log-likelihood of the passages in this form; None where no
            model was asked.
    """

    form: str
    words: int
    aksharas: int
    tokens: int
    nats: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values: the form, and tokens and nats a word and akshara."""
        return {
            "form": self.form,
            "words": self.words,
            "tokens_per_word": self.tokens / self.words,
            "tokens_per_akshara": self.tokens / max(1, self.aksharas),
            "nats_per_word": None if self.nats is None else self.nats / self.words,
        }


def measure_fertility(
    passages: Sequence[Sequence[str]],
    *,
    count_tokens: Callable[[Sequence[Sequence[str]]], int],
    nats: Callable[[Sequence[Sequence[str]]], float] | None = None,
    language: str | None = None,
    schemes: Sequence[str] = SCHEMES,
) -> list[Fertility]:
    """Measures passages in their own script and in each romanization.

    Words and aksharas are counted in the native form, so that every form is charged
    for the same text. Forms that equal one measured before, as of a script that
    can't be romanized, are left out.

    Example:
        ```python
        rows = measure_fertility(passages, count_tokens=count, language="ta")
        min(rows, key=lambda row: row.tokens / row.words).form
        ```

    Args:
        passages: Lines of each passage, native.
        count_tokens: Returns the tokens of passages.
        nats: Returns a model's negative log-likelihood of passages, if one is asked.
        language: BCP 47 tag of the passages.
        schemes: Romanizations to measure.

    Returns:
        The native form first, then the schemes in their order.

    Raises:
        ValueError: If the passages hold no word.
    """
    lines = [line for passage in passages for line in passage]
    words = sum(len(split_words(line, language)) for line in lines)
    if not words:
        raise ValueError(
            "`passages` must hold words. Received: "
            f"{len(passages)} passages without any."
        )
    aksharas = sum(len(split_aksharas(line)) for line in lines)
    forms: Mapping[str, list[list[str]]] = {NATIVE: [list(p) for p in passages]}
    for scheme in schemes:
        written = [
            [romanize_text(line, scheme=scheme, language=language) for line in passage]
            for passage in passages
        ]
        if written not in forms.values():
            forms[scheme] = written
    return [
        Fertility(
            form=form,
            words=words,
            aksharas=aksharas,
            tokens=count_tokens(written),
            nats=None if nats is None else nats(written),
        )
        for form, written in forms.items()
    ]
