import keras_hub
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma_keras_ft.data.tasks import Continuation, Example
from gemma_keras_ft.data.tokenize import encode_text, tokenize_examples
from gemma_keras_ft.model.preset import tiny_preset_path
from gemma_keras_ft.records import LyricRecord

CONTROL = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"]


@pytest.fixture(scope="module")
def tokenizer():
    vocabulary = tiny_preset_path() / "assets" / "tokenizer" / "vocabulary.spm"
    return keras_hub.models.GemmaTokenizer(proto=vocabulary.read_bytes())


def example(prompt, response, **settings):
    return Example(record_id="r", prompt=prompt, response=response, **settings)


def test_row_is_drawn_as_documented(tokenizer):
    prompt, response = encode_text(tokenizer, "a\n"), encode_text(tokenizer, "b")
    rows = tokenize_examples(
        [example(("a",), ("b",))], tokenizer, sequence_length=8
    ).arrays
    bos, eos = tokenizer.start_token_id, tokenizer.end_token_id
    ids = [bos, *prompt, *response, eos]
    length = len(ids) - 1
    assert rows["token_ids"][0, :length].tolist() == ids[:-1]
    assert rows["labels"][0, :length].tolist() == ids[1:]
    assert rows["padding_mask"][0].tolist() == [1] * length + [0] * (8 - length)
    weight = [0.0] * len(prompt) + [1.0] * (len(response) + 1) + [0.0] * (8 - length)
    assert rows["sample_weight"][0].tolist() == weight


def scored_ids(rows):
    """The labels with weight, row after row."""
    labels, weight = rows.arrays["labels"], rows.arrays["sample_weight"]
    return [
        int(token)
        for row in range(len(labels))
        for token in labels[row][weight[row] > 0]
    ]


@given(
    st.lists(
        st.text(alphabet="abc க்தி", min_size=1, max_size=12).filter(str.strip),
        min_size=3,
        max_size=30,
    ),
    st.lists(st.booleans(), min_size=30, max_size=30),
)
def test_splitting_scores_every_response_token_once(tokenizer, lines, borders):
    spread = []
    for line, border in zip(lines, borders, strict=False):
        spread += [line, ""] if border else [line]
    while spread and not spread[-1]:
        spread.pop()
    song = LyricRecord(id="r", lines=tuple(spread))
    examples = list(Continuation(prompt_lines=1).examples(song))
    rows = tokenize_examples(examples, tokenizer, sequence_length=96)
    text = tokenizer.detokenize(scored_ids(rows)[:-1])
    assert text == examples[0].response_text
    assert scored_ids(rows)[-1] == tokenizer.end_token_id
    assert (rows.arrays["labels"] == tokenizer.end_token_id).sum() == 1


def test_later_parts_are_led_in_by_the_lines_before(tokenizer):
    lines = tuple(f"line number {number}" for number in range(20))
    song = LyricRecord(id="r", lines=lines)
    examples = list(Continuation(prompt_lines=2).examples(song))
    rows = tokenize_examples(examples, tokenizer, sequence_length=48).arrays
    assert len(rows["labels"]) > 1
    for row in range(1, len(rows["labels"])):
        weight = rows["sample_weight"][row] > 0
        given_ids = rows["labels"][row][~weight & (rows["padding_mask"][row] > 0)]
        first = tokenizer.detokenize(rows["labels"][row][weight]).split("\n")[0]
        number = int(first.split()[-1])
        expected = f"line number {number - 2}\nline number {number - 1}\n"
        assert tokenizer.detokenize(given_ids) == expected


def test_example_that_cannot_be_split_is_left_out_and_counted(tokenizer):
    short, long = example(("a",), ("b",)), example(("a",), ("word " * 200,))
    rows = tokenize_examples([short, long], tokenizer, sequence_length=16)
    assert rows.left_out == ("r",)
    assert len(rows.record_ids) == 1
    with pytest.raises(ValueError, match="1 examples, each with a line longer"):
        tokenize_examples([long], tokenizer, sequence_length=16)
    with pytest.raises(ValueError, match="sequence_length=4"):
        tokenize_examples([short], tokenizer, sequence_length=4)


@pytest.mark.parametrize("token", CONTROL)
@pytest.mark.parametrize("frame", ["{}", "la {} la", "<{}>", "{0}{0}", "\n{}\n"])
def test_control_tokens_spelled_in_lyrics_stay_text(tokenizer, token, frame):
    text = frame.format(token)
    ids = encode_text(tokenizer, text)
    control = {tokenizer.token_to_id(name) for name in CONTROL}
    assert not control & set(ids)
    assert tokenizer.detokenize(ids) == text


def test_words_and_characters_are_those_of_the_scored_text(tokenizer):
    rows = tokenize_examples(
        [example(("p q r",), ("காதல் பாடல்", "x, y!"))], tokenizer, sequence_length=64
    )
    assert rows.words == (4,)
    assert rows.characters == (len("காதல் பாடல்\nx, y!") + 1,)
    assert rows.scored_tokens == int((rows.arrays["sample_weight"] > 0).sum())
    assert rows.arrays["token_ids"].dtype == np.int32
