"""Prompt and response -> token ids, by the preset's own tokenizer in tf.data."""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator

import numpy as np
import regex

from gemma_keras_ft.data.tasks import Example

# A lyric that spells a control token must stay text. SentencePiece only sees the
# token in one piece, so its "<" is encoded apart from the rest.
_CONTROL = regex.compile(
    r"(?<=<)(?=(?:pad|eos|bos|unk|start_of_turn|end_of_turn|mask|unused\d+)>)"
)
_CHUNK = 1024
# What ends a line: line breaks of any number, or the byte of one.
_LINE_BREAKS = regex.compile(r"\n+|<0x0A>")

# What a token is to the lines: nothing, a break that another follows, the end of a
# line, the end of a stanza.
BREAK, LINE, STANZA = 1, 2, 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class Frame:
    r"""The control tokens around a prompt and its response, as ids.

    Example:
        plain:  <bos> prompt response <eos>
        turns:  <bos> <start_of_turn>user\n prompt <end_of_turn>\n
                <start_of_turn>model\n response <end_of_turn>

    Args:
        before: What opens the text.
        between: What stands between prompt and response.
        after: What closes the response.
    """

    before: tuple[int, ...]
    between: tuple[int, ...]
    after: tuple[int, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class TokenizedExamples:
    """Examples as one run of token ids, without control tokens.

    Args:
        token_ids: Ids of every lead, prompt and response in turn, int32 `(tokens,)`.
        borders: `LINE` where a token ends a line, `STANZA` where it ends a stanza,
            `BREAK` where it is a line break that another follows, else 0; uint8
            `(tokens,)`.
        lengths: Tokens of lead, prompt and response, int32 `(examples, 3)`.
        turns: Whether the example stands in Gemma's turns, bool `(examples,)`.
        scored: Whether loss falls on the prompt too, bool `(examples,)`.
        context_lines: Lines that lead into the next part, int32 `(examples,)`.
        times: How many times an epoch takes each, float64 `(examples,)`.
        records: Index into `record_ids` of each example, int32 `(examples,)`.
        record_ids: The records, in the order of their first example.
        plain: Control tokens around most examples.
        chat: Control tokens around those in turns; None for a tokenizer that has no
            turn tokens.
        pad_id: Id of an unused place.
    """

    token_ids: np.ndarray
    borders: np.ndarray
    lengths: np.ndarray
    turns: np.ndarray
    scored: np.ndarray
    context_lines: np.ndarray
    times: np.ndarray
    records: np.ndarray
    record_ids: tuple[str, ...]
    plain: Frame
    chat: Frame | None
    pad_id: int

    def __len__(self):
        return len(self.lengths)

    def frame(self, example: int) -> Frame:
        """Returns the control tokens around an example."""
        if not self.turns[example]:
            return self.plain
        assert self.chat is not None  # checked when it was tokenized
        return self.chat


def tokenize_examples(examples: Iterable[Example], tokenizer) -> TokenizedExamples:
    """Tokenizes examples, a chunk at a time, on all cores.

    Every text is encoded whole, as `encode_text` would, so a song costs time in
    proportion to its length.

    Args:
        examples: What to learn.
        tokenizer: A `keras_hub.tokenizers.Tokenizer` with Gemma's special tokens.

    Raises:
        ValueError: If an example wants turns of a tokenizer that has none, or its
            text is no Unicode text.
    """
    chat = _chat_frame(tokenizer)
    facts = _Facts(chat is not None)
    runs = _encode_in_chunks(facts.texts(examples), tokenizer)
    token_ids, lengths = _join(runs)
    return TokenizedExamples(
        token_ids=token_ids,
        borders=_borders(token_ids, _line_breaks(tokenizer), lengths),
        lengths=lengths.reshape(-1, 3),
        turns=np.array(facts.turns, bool),
        scored=np.array(facts.scored, bool),
        context_lines=np.array(facts.context_lines, "int32"),
        times=np.array(facts.times, "float64"),
        records=np.array(facts.records, "int32"),
        record_ids=tuple(facts.known),
        plain=Frame(
            before=(tokenizer.start_token_id,),
            between=(),
            after=(tokenizer.end_token_id,),
        ),
        chat=chat,
        pad_id=int(tokenizer.pad_token_id),
    )


def encode_text(tokenizer, text: str) -> list[int]:
    """Encodes lyrics as plain text: no control token can come out of it."""
    ids: list[int] = []
    for piece in _CONTROL.split(text):
        ids += [int(token) for token in tokenizer.tokenize(_utf8(piece).decode())]
    return ids


class _Facts:
    """Collects what is known of each example beside its text."""

    def __init__(self, has_turns: bool):
        self.has_turns = has_turns
        self.known: dict[str, int] = {}
        self.records: list[int] = []
        self.turns: list[bool] = []
        self.scored: list[bool] = []
        self.context_lines: list[int] = []
        self.times: list[float] = []

    def texts(self, examples: Iterable[Example]) -> Iterator[str]:
        """Yields lead, prompt and response of each example."""
        for example in examples:
            if example.turns and not self.has_turns:
                raise ValueError(
                    "`turns` must be false for this preset, whose vocabulary has no "
                    f"<start_of_turn>. Received: an example of {example.record_id!r} "
                    "with turns=True. Use an instruct preset, or a task without turns."
                )
            number = self.known.setdefault(example.record_id, len(self.known))
            self.records.append(number)
            self.turns.append(example.turns)
            self.scored.append(example.scored == "all")
            self.context_lines.append(example.context_lines)
            self.times.append(example.times)
            lead, prompt = example.lead, example.prompt_text
            # Only a line break keeps the pieces on its two sides apart.
            if not lead.endswith("\n"):
                lead = ""
            yield lead
            yield prompt[len(lead) :]
            yield example.response_text


def _encode_in_chunks(texts: Iterator[str], tokenizer) -> Iterator[tuple]:
    """Yields ids and lengths of the texts, chunk by chunk, in order."""
    import tensorflow as tf

    counts: list[np.ndarray] = []
    failed: list[Exception] = []

    def chunks():
        try:
            while chunk := list(itertools.islice(texts, _CHUNK)):
                pieces = [_CONTROL.split(text) for text in chunk]
                counts.append(np.array([len(given) for given in pieces]))
                yield [_utf8(piece) for given in pieces for piece in given]
        except Exception as error:  # raised below: TensorFlow would bury it
            failed.append(error)

    dataset = tf.data.Dataset.from_generator(
        chunks, output_signature=tf.TensorSpec([None], tf.string)
    )
    dataset = dataset.map(tokenizer.tokenize, num_parallel_calls=tf.data.AUTOTUNE)
    for number, ragged in enumerate(dataset.prefetch(2)):
        starts = np.cumsum(counts[number]) - counts[number]
        lengths = np.add.reduceat(ragged.row_lengths().numpy(), starts)
        yield ragged.flat_values.numpy(), lengths
    if failed:
        raise failed[0]


def _utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            "A text must be Unicode without lone surrogates. Received: "
            f"{text[:60]!a}. Curate the records: `curate` sets such lines aside."
        ) from error


def _join(runs: Iterable[tuple]) -> tuple[np.ndarray, np.ndarray]:
    token_ids, lengths = [np.zeros(0, "int32")], [np.zeros(0, "int32")]
    for ids, sizes in runs:
        token_ids.append(ids.astype("int32"))
        lengths.append(sizes.astype("int32"))
    return np.concatenate(token_ids), np.concatenate(lengths)


def _line_breaks(tokenizer) -> np.ndarray:
    """Returns how many line breaks each id of the vocabulary is, uint8."""
    found = [
        0 if not _LINE_BREAKS.fullmatch(token) else token.count("\n") or 1
        for token in tokenizer.get_vocabulary()
    ]
    return np.minimum(found, 2).astype("uint8")


def _borders(token_ids, line_breaks, lengths) -> np.ndarray:
    """Tells line breaks, and which of each run of them is the last in its text."""
    breaks = line_breaks[token_ids]
    follows, precedes = np.zeros_like(breaks), np.zeros_like(breaks)
    follows[:-1], precedes[1:] = breaks[1:], breaks[:-1]
    ends = np.cumsum(lengths)
    follows[ends[(lengths > 0)] - 1] = 0
    starts = (ends - lengths)[lengths > 0]
    precedes[starts] = 0
    ends = np.where(breaks + precedes > 1, STANZA, LINE)
    return np.where(breaks, np.where(follows, BREAK, ends), 0).astype("uint8")


def _chat_frame(tokenizer) -> Frame | None:
    names = ("<start_of_turn>", "<end_of_turn>")
    start, end = (tokenizer.token_to_id(name) for name in names)
    if tokenizer.id_to_token(start) != names[0]:
        return None
    user, model, line = (
        encode_text(tokenizer, text) for text in ("user\n", "model\n", "\n")
    )
    return Frame(
        before=(tokenizer.start_token_id, start, *user),
        between=(end, *line, start, *model),
        after=(end,),
    )
