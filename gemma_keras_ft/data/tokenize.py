"""Prompt and response -> rows of token ids, with weight on the response."""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
import regex

from gemma_keras_ft.data.tasks import Example, Task
from gemma_keras_ft.preprocessing.text.normalize import comparison_form
from gemma_keras_ft.records import LyricRecord

# Tokens that Gemma 2 was trained to attend over.
CONTEXT_LENGTH = 8192

# A lyric that spells a control token must stay text. SentencePiece only sees the
# token in one piece, so its "<" is encoded apart from the rest.
_CONTROL = regex.compile(
    r"(?<=<)(?=(?:pad|eos|bos|unk|start_of_turn|end_of_turn|mask|unused\d+)>)"
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TokenRows:
    """Rows ready for `Loader`, and which record each came from.

    Args:
        arrays: `token_ids`, `padding_mask`, `labels` int32 and `sample_weight`
            float32, each `(rows, sequence_length)`.
        record_ids: The record of each row.
        words: Words in each row's scored text.
        characters: Characters in each row's scored text, line breaks included.
        left_out: Records of examples of which a single line, with its prompt, is
            longer than a row.
    """

    arrays: dict[str, np.ndarray]
    record_ids: tuple[str, ...]
    words: tuple[int, ...]
    characters: tuple[int, ...]
    left_out: tuple[str, ...] = ()

    @property
    def scored_tokens(self) -> int:
        """Number of places with weight."""
        return int((self.arrays["sample_weight"] > 0).sum())


@dataclasses.dataclass(frozen=True)
class _Part:
    example: Example
    prompt_ids: list[int]
    response_ids: list[int]
    ends: bool


def tokenize_examples(
    examples: Iterable[Example], tokenizer, *, sequence_length: int
) -> TokenRows:
    r"""Tokenizes examples into rows, `<bos> prompt response <eos>`, padded.

    A response too long for a row goes on in the next, led in by its last lines;
    a border of lines is always a border of rows, and no token is scored twice.
    `<eos>` closes the last row only. An example that cannot be split is left out
    and counted.

    Example:
        in:   prompt "a\n", response "b", sequence_length=5
        out:  token_ids     [bos, a, \n, b, pad]
              labels        [a, \n, b, eos, pad]
              sample_weight [0, 0, 1, 1, 0]

    Args:
        examples: What to learn.
        tokenizer: A `keras_hub.tokenizers.Tokenizer` with Gemma's special tokens.
        sequence_length: Row length in tokens, at most Gemma 2's context of 8,192.

    Raises:
        ValueError: If no example is given, or none fits.
    """
    if not 8 <= sequence_length <= CONTEXT_LENGTH:
        raise ValueError(
            f"`sequence_length` must be from 8 to {CONTEXT_LENGTH}. Received: "
            f"sequence_length={sequence_length!r}."
        )
    parts: list[_Part] = []
    left_out: list[str] = []
    for example in examples:
        fitting = _split_to_fit(example, tokenizer, sequence_length)
        parts += fitting
        if not fitting:
            left_out.append(example.record_id)
    if not parts:
        raise ValueError(
            "`examples` must hold one that fits. Received: "
            f"{len(left_out)} examples, each with a line longer than "
            f"sequence_length={sequence_length}. Use longer rows."
        )
    shape = (len(parts), sequence_length)
    arrays = {
        "token_ids": np.full(shape, tokenizer.pad_token_id, "int32"),
        "padding_mask": np.zeros(shape, "int32"),
        "labels": np.full(shape, tokenizer.pad_token_id, "int32"),
        "sample_weight": np.zeros(shape, "float32"),
    }
    for row, part in enumerate(parts):
        ids = [tokenizer.start_token_id, *part.prompt_ids, *part.response_ids]
        if part.ends:
            ids.append(tokenizer.end_token_id)
        length, scored = len(ids) - 1, len(part.response_ids) + part.ends
        arrays["token_ids"][row, :length] = ids[:-1]
        arrays["padding_mask"][row, :length] = 1
        arrays["labels"][row, :length] = ids[1:]
        arrays["sample_weight"][row, length - scored : length] = 1.0
    texts = [part.example.response_text for part in parts]
    return TokenRows(
        arrays=arrays,
        record_ids=tuple(part.example.record_id for part in parts),
        words=tuple(len(comparison_form(text).split()) for text in texts),
        characters=tuple(len(text) + 1 for text in texts),
        left_out=tuple(left_out),
    )


def tokenize_records(
    records: Sequence[LyricRecord],
    task: Task,
    tokenizer,
    *,
    sequence_length: int,
    split: str,
) -> TokenRows:
    """Tokenizes what the records of a split teach; see `tokenize_examples`.

    Args:
        records: The records of the split.
        task: Gives each record's examples.
        tokenizer: A `keras_hub.tokenizers.Tokenizer` with Gemma's special tokens.
        sequence_length: Row length in tokens.
        split: Name of the split, for the error.

    Raises:
        ValueError: If no record gives an example, or none fits.
    """
    examples = [example for record in records for example in task.examples(record)]
    if not examples:
        raise ValueError(
            f"The {split} split must hold records for the task. Received: "
            f"{len(records)} selected records, none of which gives an example of "
            f"{task.config_name!r}. Check --language, --style and --script."
        )
    return tokenize_examples(examples, tokenizer, sequence_length=sequence_length)


def encode_text(tokenizer, text: str) -> list[int]:
    """Encodes lyrics as plain text: no control token can come out of it."""
    ids: list[int] = []
    for piece in _CONTROL.split(text):
        ids += [int(token) for token in tokenizer.tokenize(piece)]
    return ids


def _split_to_fit(example: Example, tokenizer, sequence_length: int) -> Sequence[_Part]:
    """Cuts the response into as few parts as fit, at line borders; or none fit."""
    parts = []
    rest: Example | None = example
    while rest is not None:
        prompt_ids = encode_text(tokenizer, rest.prompt_text)
        whole = encode_text(tokenizer, rest.response_text)
        if 1 + len(prompt_ids) + len(whole) <= sequence_length:
            parts.append(_Part(rest, prompt_ids, whole, ends=True))
            break
        room = sequence_length - len(prompt_ids)
        taken = _lines_that_fit(rest.response, tokenizer, room)
        if not taken:
            return []
        head = dataclasses.replace(rest, response=rest.response[:taken])
        # The line break belongs to the part that it ends.
        ids = encode_text(tokenizer, head.response_text + "\n")
        parts.append(_Part(head, prompt_ids, ids, ends=False))
        rest = _remainder(rest, taken)
    return parts


def _lines_that_fit(lines: Sequence[str], tokenizer, room: int) -> int:
    """Returns how many lines to take: up to a stanza border where one is near."""
    fitting: list[int] = []
    for count in range(1, len(lines)):
        if len(encode_text(tokenizer, "\n".join(lines[:count]) + "\n")) > room:
            break
        fitting.append(count)
    longest = max(fitting, default=0)
    borders = [count for count in fitting if not lines[count - 1]]
    near = [count for count in borders if 2 * count >= longest]
    return max(near, default=longest)


def _remainder(example: Example, taken: int) -> Example:
    """Returns what is left to ask for, led in by the lines before it."""
    if not example.context_lines:
        return dataclasses.replace(example, response=example.response[taken:])
    before = (*example.prompt, *example.response[:taken])
    sung = [index for index, line in enumerate(before) if line]
    start = sung[-min(example.context_lines, len(sung))]
    return dataclasses.replace(
        example, prompt=before[start:], response=example.response[taken:]
    )
