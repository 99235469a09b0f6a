import keras_hub
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemma_keras_ft.data.tasks import Example
from gemma_keras_ft.data.tokenize import (
    BREAK,
    LINE,
    STANZA,
    encode_text,
    tokenize_examples,
)
from gemma_keras_ft.model.preset import tiny_preset_path

CONTROL = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"]


@pytest.fixture(scope="module")
def tokenizer():
    vocabulary = tiny_preset_path() / "assets" / "tokenizer" / "vocabulary.spm"
    return keras_hub.models.GemmaTokenizer(proto=vocabulary.read_bytes())


def example(prompt, response, **settings):
    return Example(record_id="r", prompt=prompt, response=response, **settings)


def texts(examples, tokenizer):
    """Lead, prompt and response of each example, decoded."""
    lengths = examples.lengths.reshape(-1)
    runs = np.split(examples.token_ids, np.cumsum(lengths)[:-1])
    decoded = [
        str(tokenizer.detokenize(run.tolist())) if len(run) else "" for run in runs
    ]
    return [tuple(decoded[i : i + 3]) for i in range(0, len(decoded), 3)]


LINES = st.lists(st.text(alphabet="abc க்தி<>", max_size=12), min_size=1, max_size=12)


@settings(max_examples=30)
@given(st.lists(st.tuples(LINES, LINES), min_size=1, max_size=4))
def test_texts_come_back_from_their_tokens(tokenizer, pairs):
    given_examples = [example(tuple(p), tuple(r)) for p, r in pairs]
    found = tokenize_examples(given_examples, tokenizer)
    assert texts(found, tokenizer) == [
        ("", item.prompt_text, item.response_text) for item in given_examples
    ]


def test_each_text_is_encoded_whole(tokenizer):
    found = tokenize_examples([example(("one", "two"), ("three", "four"))], tokenizer)
    texts = ("", "one\ntwo\n", "three\nfour")
    expected = [encode_text(tokenizer, text) for text in texts]
    assert found.lengths.tolist() == [[len(ids) for ids in expected]]
    assert found.token_ids.tolist() == [id for ids in expected for id in ids]


@pytest.mark.parametrize(
    ("text", "borders"),
    [
        ("a\nb", [(LINE, "a\n")]),
        ("a\n\nb\nc", [(STANZA, "a\n\n"), (LINE, "b\n")]),
        ("a\n\n\nb", [(STANZA, "a\n\n\n")]),
        ("\na", [(LINE, "\n")]),
        ("a b", []),
    ],
)
def test_borders_stand_where_lines_and_stanzas_end(tokenizer, text, borders):
    found = tokenize_examples(
        [example((), tuple(text.split("\n")), bridge="")], tokenizer
    )
    ends = np.flatnonzero(found.borders >= LINE)
    assert found.borders[ends].tolist() == [kind for kind, _ in borders]
    runs = [ids.tolist() for ids in np.split(found.token_ids, ends + 1)[:-1]]
    assert [tokenizer.detokenize(run) for run in runs] == [
        piece for _, piece in borders
    ]


def test_of_a_run_of_line_breaks_the_last_is_the_border(tokenizer):
    lines = ("a", "", "", "", "b")
    found = tokenize_examples([example((), lines, bridge="")], tokenizer)
    kinds = found.borders[found.borders > 0].tolist()
    assert kinds == [BREAK] * (len(kinds) - 1) + [STANZA]


def test_borders_do_not_reach_over_the_end_of_a_text(tokenizer):
    found = tokenize_examples([example(("a",), ("", "b"))], tokenizer)
    prompt = int(found.lengths[0, 1])
    assert found.borders[prompt - 1] == LINE
    assert found.borders[prompt] == LINE


def test_a_lead_that_ends_its_line_stands_apart(tokenizer):
    apart = example(("a",), ("b",), lead="Go on.\n")
    joined = example(("a",), ("b",), lead="en: ")
    found = texts(tokenize_examples([apart, joined], tokenizer), tokenizer)
    assert found == [("Go on.\n", "a\n", "b"), ("", "en: a\n", "b")]


def test_the_order_is_that_of_the_examples_over_many_chunks(tokenizer):
    many = [example((f"{number}",), ("b",)) for number in range(2500)]
    found = texts(tokenize_examples(many, tokenizer), tokenizer)
    assert [prompt for _, prompt, _ in found] == [
        f"{number}\n" for number in range(2500)
    ]


def test_what_is_known_of_an_example_is_kept(tokenizer):
    found = tokenize_examples(
        [
            Example(record_id="x", prompt=("a",), response=("b",), times=0.5),
            Example(record_id="y", prompt=("a",), response=("b",), scored="all"),
            Example(record_id="x", prompt=("a",), response=("b",), context_lines=3),
        ],
        tokenizer,
    )
    assert found.record_ids == ("x", "y")
    assert found.records.tolist() == [0, 1, 0]
    assert found.times.tolist() == [0.5, 1.0, 1.0]
    assert found.scored.tolist() == [False, True, False]
    assert found.context_lines.tolist() == [0, 0, 3]


def test_turns_are_framed_by_control_tokens(tokenizer):
    found = tokenize_examples([example(("a",), ("b",), turns=True)], tokenizer)
    frame = found.frame(0)
    names = ["<bos>", "<start_of_turn>", "<end_of_turn>"]
    bos, start, end = (tokenizer.token_to_id(name) for name in names)
    user, model, line = (
        encode_text(tokenizer, text) for text in ("user\n", "model\n", "\n")
    )
    assert frame.before == (bos, start, *user)
    assert frame.between == (end, *line, start, *model)
    assert frame.after == (end,)
    assert tokenize_examples([example(("a",), ("b",))], tokenizer).frame(0).after == (
        tokenizer.token_to_id("<eos>"),
    )


def test_turns_are_refused_where_the_vocabulary_has_none(tokenizer):
    class WithoutTurns:
        def __getattr__(self, name):
            return getattr(tokenizer, name)

        def id_to_token(self, number):
            return "<unk>"

    with pytest.raises(ValueError, match="instruct preset"):
        tokenize_examples([example(("a",), ("b",), turns=True)], WithoutTurns())


@pytest.mark.parametrize("token", CONTROL)
@pytest.mark.parametrize("frame", ["{}", "la {} la", "<{}>", "{0}{0}", "\n{}\n"])
def test_control_tokens_spelled_in_lyrics_stay_text(tokenizer, token, frame):
    text = frame.format(token)
    ids = encode_text(tokenizer, text)
    control = {tokenizer.token_to_id(name) for name in CONTROL}
    assert not control & set(ids)
    assert tokenizer.detokenize(ids) == text


@pytest.mark.parametrize("token", [*CONTROL, "<mask>", "<unused0>", "<unused98>"])
def test_every_control_token_of_gemma_is_taken_apart(tokenizer, token):
    """Also those that only a real Gemma's vocabulary has."""
    pieces = []

    class Watched:
        def tokenize(self, piece):
            pieces.append(piece)
            return []

    encode_text(Watched(), f"la {token} la")
    assert pieces == ["la <", f"{token[1:]} la"]


def test_an_error_of_a_task_is_raised_as_it_is(tokenizer):
    def broken():
        yield example(("a",), ("b",))
        raise KeyError("mood")

    with pytest.raises(KeyError, match="mood"):
        tokenize_examples(broken(), tokenizer)


def test_lone_surrogates_are_refused_with_a_remedy(tokenizer):
    with pytest.raises(ValueError, match="lone surrogates"):
        encode_text(tokenizer, "a\ud800b")


def test_nothing_gives_no_tokens(tokenizer):
    found = tokenize_examples([], tokenizer)
    assert len(found) == 0 and found.token_ids.dtype == np.int32
