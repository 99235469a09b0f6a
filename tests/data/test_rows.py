import collections

import keras_hub
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemma_keras_ft.config import from_config
from gemma_keras_ft.data.rows import RowPlan, bucket_length
from gemma_keras_ft.data.tasks import Example
from gemma_keras_ft.data.tokenize import encode_text, tokenize_examples
from gemma_keras_ft.model.preset import tiny_preset_path

LAYOUTS = ("packed", "bucketed", "single")


@pytest.fixture(scope="module")
def tokenizer():
    vocabulary = tiny_preset_path() / "assets" / "tokenizer" / "vocabulary.spm"
    return keras_hub.models.GemmaTokenizer(proto=vocabulary.read_bytes())


def example(prompt, response, **settings):
    return Example(
        **{"record_id": "r", "prompt": prompt, "response": response} | settings
    )


def planned(examples, tokenizer, **settings):
    return RowPlan(**settings).build(tokenize_examples(examples, tokenizer))


def segments_of(rows):
    """Token ids, labels, positions, weights and record of every text of every row."""
    for bucket in rows.buckets:
        arrays = bucket.arrays
        for row in range(len(bucket)):
            ids = arrays["segment_ids"][row]
            assert sorted(set(ids[ids > 0])) == list(range(1, ids.max() + 1))
            for segment, record in enumerate(bucket.records_of(row), start=1):
                mask = ids == segment
                yield (
                    tuple(arrays["token_ids"][row, mask].tolist()),
                    tuple(arrays["labels"][row, mask].tolist()),
                    tuple(arrays["positions"][row, mask].tolist()),
                    tuple(arrays["sample_weight"][row, mask].tolist()),
                    record,
                )
            assert not arrays["sample_weight"][row, ids == 0].any()


def test_a_row_is_drawn_as_documented(tokenizer):
    rows = planned([example(("a",), ("b",))], tokenizer, sequence_length=8)
    prompt, response = encode_text(tokenizer, "a\n"), encode_text(tokenizer, "b")
    bos, eos, pad = (tokenizer.token_to_id(n) for n in ("<bos>", "<eos>", "<pad>"))
    ids = [bos, *prompt, *response, eos]
    length = len(ids) - 1
    empty = 8 - length
    arrays = {
        name: values[0].tolist() for name, values in rows.buckets[0].arrays.items()
    }
    assert arrays == {
        "token_ids": ids[:-1] + [pad] * empty,
        "labels": ids[1:] + [pad] * empty,
        "segment_ids": [1] * length + [0] * empty,
        "positions": [*range(length)] + [0] * empty,
        "sample_weight": [0.0] * len(prompt)
        + [1.0] * (len(response) + 1)
        + [0.0] * empty,
    }
    assert arrays["token_ids"][0] == bos
    assert {name: values.dtype for name, values in rows.buckets[0].arrays.items()} == {
        "token_ids": np.int32,
        "labels": np.int32,
        "segment_ids": np.int32,
        "positions": np.int32,
        "sample_weight": np.float32,
    }


def test_turns_close_with_their_own_token_and_score_the_answer_alone(tokenizer):
    rows = planned([example(("a",), ("b",), turns=True)], tokenizer)
    ((ids, labels, _, weight, _),) = segments_of(rows)
    scored = [label for label, w in zip(labels, weight, strict=True) if w]
    assert scored == [
        *encode_text(tokenizer, "b"),
        tokenizer.token_to_id("<end_of_turn>"),
    ]
    assert ids[:2] == (
        tokenizer.start_token_id,
        tokenizer.token_to_id("<start_of_turn>"),
    )


def test_loss_falls_on_everything_by_choice_and_on_nothing_twice(tokenizer):
    lines = tuple(f"line number {number}" for number in range(20))
    song = example(lines[:2], lines[2:], scored="all", context_lines=4)
    rows = planned([song], tokenizer, sequence_length=96, layout="single")
    scored = []
    for ids, labels, _, weight, _ in segments_of(rows):
        scored += [label for label, w in zip(labels, weight, strict=True) if w]
        assert ids[0] == tokenizer.start_token_id
    text = tokenizer.detokenize(scored[:-1])
    assert text == "\n".join(lines)


TEXT = st.text(alphabet="abc க்தி", min_size=1, max_size=10).filter(str.strip)
EXAMPLES = st.lists(
    st.builds(
        example,
        st.lists(TEXT, min_size=1, max_size=2).map(tuple),
        st.lists(TEXT, min_size=1, max_size=6).map(tuple),
        times=st.sampled_from([0.5, 1.0, 2.0, 2.5]),
        turns=st.booleans(),
        record_id=st.sampled_from("xyz"),
    ),
    min_size=1,
    max_size=12,
)


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=20)
@given(EXAMPLES, st.integers(0, 5))
def test_every_token_stands_as_often_as_the_plan_says(
    tokenizer, layout, given_examples, seed
):
    whole = [item for item in given_examples if item.times >= 1] or [
        example(("a",), ("b",))
    ]
    rows = planned(whole, tokenizer, sequence_length=512, layout=layout, seed=seed)
    found = collections.Counter(
        (ids, labels, weight, record)
        for ids, labels, _, weight, record in segments_of(rows)
    )
    alone = [example(**_fields(item, times=1.0)) for item in whole]
    singles = planned(alone, tokenizer, layout="single")
    least, most = collections.Counter(), collections.Counter()
    for item, (ids, labels, _, weight, record) in zip(
        whole, segments_of(singles), strict=True
    ):
        assert ids[1:] == labels[:-1]
        least[ids, labels, weight, record] += int(item.times)
        most[ids, labels, weight, record] += int(np.ceil(item.times))
    assert set(found) == set(most)
    assert all(least[text] <= count <= most[text] for text, count in found.items())


def _fields(item, **changes):
    names = ("record_id", "prompt", "response", "turns", "context_lines", "scored")
    return {name: getattr(item, name) for name in names} | changes


@settings(max_examples=10)
@given(EXAMPLES)
def test_positions_count_each_text_from_its_own_beginning(tokenizer, given_examples):
    rows = planned([example(("a",), ("b",)), *given_examples], tokenizer)
    for ids, _, positions, _, _ in segments_of(rows):
        assert positions == tuple(range(len(ids)))


def test_a_broken_number_of_times_takes_that_share_of_the_examples(tokenizer):
    many = [example((f"{n}",), ("b",), times=1.25) for n in range(400)]
    rows = planned(many, tokenizer)
    assert 460 < rows.counts()["texts"] < 540
    again = planned(many, tokenizer, seed=1)
    assert list(segments_of(rows)) != list(segments_of(again))
    assert list(segments_of(rows)) == list(segments_of(planned(many, tokenizer)))


def test_weights_that_take_nothing_are_refused(tokenizer):
    with pytest.raises(ValueError, match="larger weights"):
        planned([example(("a",), ("b",), times=1e-9)], tokenizer)


def test_packing_fills_rows_that_are_left_empty_otherwise(tokenizer):
    many = [example((f"line {n}",), ("sung again",) * (n % 9 + 1)) for n in range(300)]
    counts = {
        layout: planned(many, tokenizer, sequence_length=128, layout=layout).counts()
        for layout in LAYOUTS
    }
    assert counts["packed"]["filled"] > 0.97
    assert counts["single"]["filled"] < 0.5
    assert counts["single"]["filled"] < counts["bucketed"]["filled"] < 1
    assert len({found["tokens"] for found in counts.values()}) == 1
    assert len({found["scored_tokens"] for found in counts.values()}) == 1


def test_buckets_are_as_long_as_their_texts_need(tokenizer):
    many = [example(("a",), ("b " * n,)) for n in range(1, 190)]
    rows = planned(many, tokenizer, sequence_length=150, layout="bucketed")
    lengths = [bucket.sequence_length for bucket in rows.buckets]
    assert lengths == sorted(set(lengths)) and lengths[-1] == 150
    for bucket, shorter in zip(rows.buckets[1:], lengths, strict=False):
        used = (bucket.arrays["segment_ids"] > 0).sum(axis=1)
        assert (used > shorter).all()


@pytest.mark.parametrize(
    ("places", "length"),
    [(1, 64), (64, 64), (65, 96), (97, 128), (129, 192), (193, 256), (257, 384)],
)
def test_bucket_lengths(places, length):
    assert bucket_length(places) == length


def test_examples_that_do_not_fit_are_named_and_what_was_cut_is_counted(tokenizer):
    short = example(("a",), ("b",), record_id="short")
    long = example(("a",), ("word " * 200,), record_id="long")
    rows = planned([short, long], tokenizer, sequence_length=16)
    assert rows.left_out == ("long",)
    assert rows.left_out_examples == (1,)
    assert rows.counts()["cut_tokens"] == len(encode_text(tokenizer, "word " * 200))
    with pytest.raises(ValueError, match="1 examples, each with a line longer"):
        planned([long], tokenizer, sequence_length=16)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sequence_length": 4}, "sequence_length=4"),
        ({"sequence_length": 64.0}, "sequence_length=64.0"),
        ({"layout": "tight"}, "layout='tight'"),
        ({"overflow": "drop"}, "overflow='drop'"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_wrong_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        RowPlan(**settings)


def test_a_plan_round_trips_through_json():
    plan = RowPlan(sequence_length=128, layout="bucketed", overflow="truncate", seed=3)
    assert from_config(plan.to_config()) == plan
