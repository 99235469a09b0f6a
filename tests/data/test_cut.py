import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma_keras_ft.data.cut import cut_examples
from gemma_keras_ft.data.tokenize import LINE, STANZA, Frame, TokenizedExamples

BOS, EOS = 1, 2


def song(*lines, prompt_lines=1, context_lines=1, lead=0, turns=False):
    """One example whose lines have the given numbers of tokens; 0 is a border.

    Tokens are numbered from 100, so that each can be followed.
    """
    sizes, borders = [], []
    for size in lines:
        if size == 0:
            borders[-1][-1] = STANZA
            continue
        borders.append([0] * (size - 1) + [LINE])
        sizes.append(size)
    borders[-1][-1] = 0
    prompt = sum(sizes[:prompt_lines])
    total = lead + sum(sizes)
    chat = Frame(before=(BOS, 3, 4), between=(5, 6, 7), after=(8,))
    return TokenizedExamples(
        token_ids=np.arange(100, 100 + total, dtype="int32"),
        borders=np.array([0] * lead + [*itertools.chain(*borders)], "uint8"),
        lengths=np.array([[lead, prompt, sum(sizes) - prompt]], "int32"),
        turns=np.array([turns]),
        scored=np.array([False]),
        context_lines=np.array([context_lines], "int32"),
        times=np.ones(1),
        records=np.zeros(1, "int32"),
        record_ids=("r",),
        plain=Frame(before=(BOS,), between=(), after=(EOS,)),
        chat=chat,
        pad_id=0,
    )


def drawn(parts):
    """Context and response of each part, as ranges of token numbers."""
    return [
        (list(range(context, context_stop)), list(range(start, stop)), bool(ends))
        for _, _, _, context, context_stop, start, stop, ends in parts.spans.tolist()
    ]


def test_a_song_that_fits_is_one_part():
    parts = cut_examples(song(2, 3, 4), sequence_length=10)
    assert drawn(parts) == [([0, 1], [2, 3, 4, 5, 6, 7, 8], True)]
    # <bos> and nine tokens are read, nine tokens and <eos> are asked.
    assert parts.places.tolist() == [10]


def test_one_place_too_many_cuts_at_a_line():
    parts = cut_examples(song(2, 3, 4), sequence_length=9)
    assert drawn(parts) == [([0, 1], [2, 3, 4], False), ([2, 3, 4], [5, 6, 7, 8], True)]


def test_the_last_lines_lead_into_the_next_part():
    parts = cut_examples(song(2, 2, 2, 2, 2, context_lines=2), sequence_length=8)
    contexts = [context for context, _, _ in drawn(parts)]
    assert contexts[0] == [0, 1]
    assert all(len(context) == 4 for context in contexts[1:])


def test_without_context_lines_the_prompt_leads_into_every_part():
    parts = cut_examples(song(2, 4, 4, 4, context_lines=0), sequence_length=9)
    assert [context for context, _, _ in drawn(parts)] == [[0, 1]] * len(parts)


def test_a_stanza_border_is_taken_where_it_is_in_the_later_half():
    near = cut_examples(song(1, 2, 2, 0, 2, 2, 2), sequence_length=9)
    assert drawn(near)[0][1] == [1, 2, 3, 4]
    far = cut_examples(song(1, 2, 0, 2, 2, 2, 2), sequence_length=9)
    assert drawn(far)[0][1] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_a_line_longer_than_a_row_leaves_its_example_out():
    parts = cut_examples(song(1, 2, 30, 2), sequence_length=10)
    assert not len(parts)
    assert parts.left_out == (0,)
    assert parts.cut_tokens == 34


def test_truncation_keeps_the_first_part_whatever_comes_after_it():
    lines = (1, 3, 3, 30, 2)
    kept = cut_examples(song(*lines), sequence_length=10, overflow="truncate")
    assert drawn(kept) == [([0], [1, 2, 3, 4, 5, 6], False)]
    assert kept.left_out == () and kept.cut_tokens == 32
    assert cut_examples(song(*lines), sequence_length=10).left_out == (0,)


def test_truncation_keeps_the_first_part_and_counts_the_rest():
    whole = cut_examples(song(1, 3, 3, 3, 3), sequence_length=8)
    first = cut_examples(song(1, 3, 3, 3, 3), sequence_length=8, overflow="truncate")
    assert drawn(first) == drawn(whole)[:1]
    kept = len(drawn(first)[0][1])
    assert first.cut_tokens == 12 - kept and whole.cut_tokens == 0


@pytest.mark.parametrize("turns", [False, True])
@pytest.mark.parametrize("context_lines", [0, 1, 3])
@given(
    st.lists(st.integers(1, 5), min_size=2, max_size=40),
    st.lists(st.booleans(), min_size=40, max_size=40),
    st.integers(0, 3),
)
def test_every_response_token_stands_in_one_part_that_fits(
    turns, context_lines, sizes, borders, lead
):
    lines = list(
        itertools.chain.from_iterable(
            (size, 0) if border else (size,)
            for size, border in zip(sizes, borders, strict=False)
        )
    )
    while lines[-1] == 0:
        lines.pop()
    example = song(*lines, context_lines=context_lines, lead=lead, turns=turns)
    parts = cut_examples(example, sequence_length=40)
    assert (parts.places <= 40).all()
    found = drawn(parts)
    asked = [token for _, response, _ in found for token in response]
    _, prompt, response = example.lengths[0]
    assert asked == list(range(lead + prompt, lead + prompt + response))
    assert [ends for _, _, ends in found] == [False] * (len(found) - 1) + [True]
    for _, response, ends in found:
        assert ends or example.borders[response[-1]] >= LINE
    for context, response, _ in found[1:]:
        if not context_lines:
            continue
        # In turns no line break stands before the end of the user's turn.
        bare = list(range(context[0], response[0])) if context else []
        while turns and bare and example.borders[bare[-1]]:
            bare.pop()
        assert context == bare
        assert not turns or not context or context[0] >= asked[0]


@pytest.mark.parametrize(
    "settings", [{"sequence_length": 4}, {"sequence_length": 9000}]
)
def test_wrong_lengths_are_named(settings):
    with pytest.raises(ValueError, match="sequence_length="):
        cut_examples(song(1, 2), **settings)


def test_an_unknown_overflow_is_named():
    with pytest.raises(ValueError, match="overflow='drop'"):
        cut_examples(song(1, 2), sequence_length=8, overflow="drop")


def test_in_turns_the_last_lines_of_the_response_alone_lead_on():
    example = song(3, 3, 3, 3, 3, context_lines=2, turns=True)
    parts = cut_examples(example, sequence_length=17)
    contexts = [context for context, _, _ in drawn(parts)]
    assert contexts[0] == [0, 1, 2]
    # Three lines of three tokens were asked for; the last of each is its break.
    assert contexts[1:] == [[6, 7, 8, 9, 10]]
