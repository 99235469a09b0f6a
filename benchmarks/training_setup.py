"""What all contestants of `training.py` share: one Gemma 2, one set of lyrics."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import gemma_keras_ft as gkf
from gemma_keras_ft.model.shapes import GEMMA2_SHAPES

LENGTH = 256
RANK, ALPHA = 8, 16.0
LEARNING_RATE = 2e-4
# Songs are drawn so that the logarithms of their lengths are normal: half of them
# have up to `_MEDIAN` tokens, and padded to `LENGTH` they fill 30 % of the places.
_MEDIAN, _SPREAD = 70, 0.44
_SONGS = 2_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Setup:
    """A model's shape and what it is trained on.

    Args:
        vocabulary: Tokens in the vocabulary.
        layers: Transformer blocks.
        width: Width of the residual stream; the rest of the shape follows from it.
        rows: Rows of a batch, each of `LENGTH` places.
        corpora: A folder of songs; None for the embedded corpus.
    """

    vocabulary: int
    layers: int = 8
    width: int = 512
    rows: int = 8
    corpora: str | None = None

    @property
    def heads(self) -> int:
        """Query heads, of 64; every two share a key and a value."""
        return self.width // 64

    @property
    def feed_forward(self) -> int:
        """Width of the gated feed-forward network."""
        return 4 * self.width

    @property
    def places(self) -> int:
        """Places of a batch."""
        return self.rows * LENGTH

    def build(self) -> Any:
        """Returns a stock `GemmaCausalLM` in float32, randomly initialised."""
        import keras
        import keras_hub

        keras.utils.set_random_seed(0)
        shape = {
            **GEMMA2_SHAPES["gemma2_2b_en"],
            "vocabulary_size": self.vocabulary,
            "num_layers": self.layers,
            "num_query_heads": self.heads,
            "num_key_value_heads": self.heads // 2,
            "hidden_dim": self.width,
            # KerasHub counts both halves of the gate.
            "intermediate_dim": 2 * self.feed_forward,
            "head_dim": 64,
        }
        backbone = keras_hub.models.GemmaBackbone(**shape, dtype="float32")
        return keras_hub.models.GemmaCausalLM(backbone)

    def plan_rows(self, layout: str) -> gkf.PlannedRows:
        """Lays the same songs out as `layout` says."""
        from gemma_keras_ft.model.preset import load_tokenizer

        tokenizer = load_tokenizer()
        examples = [
            example
            for record in self.records()
            for example in gkf.PlainText().examples(record)
        ]
        lengths = gkf.tokenize_examples(examples, tokenizer).lengths.sum(-1)
        chosen = [examples[place] for place in _draw(lengths)]
        plan = gkf.RowPlan(sequence_length=LENGTH, layout=layout)
        return plan.build(gkf.tokenize_examples(chosen, tokenizer))

    def records(self) -> Iterator[gkf.LyricRecord]:
        """Yields the songs."""
        from gemma_keras_ft.resources.corpus import embedded_records

        if self.corpora is None:
            yield from embedded_records()
            return
        for item in gkf.read_records(Path(self.corpora)):
            if isinstance(item, gkf.LyricRecord):
                yield item


def _draw(lengths: np.ndarray) -> np.ndarray:
    """Draws songs by their tokens, so that lengths are as those of most lyrics.

    Args:
        lengths: Tokens of every song.

    Returns:
        Places of the drawn songs, each drawn as often as its length is wanting.
    """
    generator = np.random.default_rng(0)
    fits = np.flatnonzero(lengths < LENGTH)
    order = fits[np.argsort(lengths[fits], kind="stable")]
    wanted = generator.lognormal(np.log(_MEDIAN), _SPREAD, _SONGS)
    found = np.searchsorted(lengths[order], wanted)
    return order[np.minimum(found, len(order) - 1)]
