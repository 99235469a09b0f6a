"""Generates lyrics with KerasHub's cached decoding."""

import contextlib
import dataclasses
from collections.abc import Sequence

import numpy as np

from gemma_keras_ft.config import Configurable, check_seed, register
from gemma_keras_ft.data.cut import CONTEXT_LENGTH
from gemma_keras_ft.data.tokenize import encode_text
from gemma_keras_ft.model.calls import replaced_calls
from gemma_keras_ft.model.mesh import BATCH, row_shards

# Row lengths are rounded up to a multiple of this, so that prompts of different
# lengths share a compiled program.
_LENGTH_STEP = 64


@register("generator")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Generator(Configurable):
    r"""How to continue a text.

    Example:
        ```python
        Generator(max_new_tokens=64, seed=1).generate(model, ["அகர முதல\n"])
        ```

    Args:
        max_new_tokens: Tokens to add at most, fewer than Gemma 2's context of 8,192.
        temperature: 0 always takes the likeliest token; higher is freer.
        top_p: Draw from the likeliest tokens that hold this much probability.
        seed: Seed of the draws.

    Raises:
        ValueError: If a value is out of range.
    """

    max_new_tokens: int = 96
    temperature: float = 0.8
    top_p: float = 0.95
    seed: int = 0

    def __post_init__(self):
        if not 0 < self.max_new_tokens < CONTEXT_LENGTH:
            raise ValueError(
                f"`max_new_tokens` must be from 1 to {CONTEXT_LENGTH - 1}. Received: "
                f"max_new_tokens={self.max_new_tokens!r}."
            )
        check_seed(self.seed)
        if not self.temperature >= 0:
            raise ValueError(
                "`temperature` must be 0 or more. Received: "
                f"temperature={self.temperature!r}."
            )
        if not 0 < self.top_p <= 1:
            raise ValueError(
                f"`top_p` must be in (0, 1]. Received: top_p={self.top_p!r}."
            )

    def generate(self, model, prompts: Sequence[str]) -> list[str]:
        """Returns the continuation of each prompt, without the prompt.

        A prompt is taken as plain text: a control token spelled in it stays text.
        Stops a row at `<eos>` or `<end_of_turn>`. In the scope of a mesh it takes all
        its devices; every host, where there are several, must call it.

        Args:
            model: A `keras_hub.models.GemmaCausalLM`.
            prompts: Texts to continue.

        Raises:
            ValueError: If a prompt and `max_new_tokens` exceed Gemma 2's context.
        """
        if not prompts:
            return []
        tokenizer = model.preprocessor.tokenizer
        encoded = [
            [tokenizer.start_token_id, *encode_text(tokenizer, prompt)]
            for prompt in prompts
        ]
        longest = max(map(len, encoded)) + self.max_new_tokens
        if longest > CONTEXT_LENGTH:
            raise ValueError(
                f"`prompts` must leave room for {self.max_new_tokens} new tokens in a "
                f"context of {CONTEXT_LENGTH}. Received: a prompt of "
                f"{longest - self.max_new_tokens} tokens. Shorten it."
            )
        length = -(-longest // _LENGTH_STEP) * _LENGTH_STEP
        # Rows are repeated until the devices share them evenly.
        rows = -(-len(encoded) // row_shards()) * row_shards()
        token_ids = np.full((rows, length), tokenizer.pad_token_id, "int32")
        padding_mask = np.zeros((rows, length), "int32")
        for row in range(rows):
            ids = encoded[row % len(encoded)]
            token_ids[row, : len(ids)] = ids
            padding_mask[row, : len(ids)] = 1
        stops = stop_token_ids(tokenizer)
        with self._prepared(model):
            outputs = model.generate(
                {"token_ids": token_ids, "padding_mask": padding_mask},
                stop_token_ids=stops,
            )
        generated = np.asarray(outputs["token_ids"])
        return [
            self._decode(tokenizer, row[len(ids) :], stops)
            for row, ids in zip(generated, encoded, strict=False)
        ]

    def _decode(self, tokenizer, ids: np.ndarray, stops: Sequence[int]) -> str:
        kept = []
        for token in ids[: self.max_new_tokens]:
            if int(token) in stops or int(token) == tokenizer.pad_token_id:
                break
            kept.append(int(token))
        return str(tokenizer.detokenize(kept)) if kept else ""

    @contextlib.contextmanager
    def _prepared(self, model):
        """Sets the sampler and lets `generate` take token ids, for one call.

        The sampler is set directly: `compile` would throw the optimizer away.
        """
        import keras_hub

        before = (model.preprocessor, getattr(model, "sampler", None))
        if self.temperature == 0:
            sampler = keras_hub.samplers.GreedySampler()
        else:
            sampler = keras_hub.samplers.TopPSampler(
                p=self.top_p, temperature=self.temperature, seed=self.seed
            )
        model.preprocessor, model.sampler = None, sampler
        model.generate_function = None
        try:
            with replaced_calls(model, _on_mesh, ("generate_step",)):
                yield
        finally:
            model.preprocessor, model.sampler = before
            model.generate_function = None


def _on_mesh(stock):
    """Keeps rows apart by `batch` alone; every device learns what all have written.

    A token takes little memory and all weights: where those are shared out by `fsdp`,
    each device multiplies its share for all rows, and gathers none of the others'.
    """
    from gemma_keras_ft.model.placement import constrain

    def generate_step(inputs, stop_token_ids=None):
        inputs = {name: constrain(values, BATCH) for name, values in inputs.items()}
        outputs = stock(inputs, stop_token_ids)
        return {name: constrain(values) for name, values in outputs.items()}

    return generate_step


def stop_token_ids(tokenizer) -> tuple[int, ...]:
    """Returns the ids that end a text: `<eos>`, and `<end_of_turn>` if known."""
    end_of_turn = tokenizer.token_to_id("<end_of_turn>")
    known = tokenizer.id_to_token(end_of_turn) == "<end_of_turn>"
    return (tokenizer.end_token_id, *((end_of_turn,) if known else ()))
