import numpy as np
import pytest

from gemma_keras_ft.config import from_config
from gemma_keras_ft.inference.generator import Generator, stop_token_ids

_LENGTH = 64


def greedy_by_hand(model, prompt, count):
    """The likeliest token after a full forward pass, again and again."""
    tokenizer = model.preprocessor.tokenizer
    ids = [tokenizer.start_token_id, *tokenizer.tokenize(prompt)]
    start = len(ids)
    for _ in range(count):
        # Of one length, so that operations are compiled once.
        row = np.zeros((1, _LENGTH), "int32")
        row[0, : len(ids)] = ids
        mask = (np.arange(_LENGTH) < len(ids))[None].astype("int32")
        logits = model({"token_ids": row, "padding_mask": mask})
        ids.append(int(np.asarray(logits)[0, len(ids) - 1].argmax()))
        if ids[-1] in (*stop_token_ids(tokenizer), tokenizer.pad_token_id):
            return tokenizer.detokenize(ids[start:-1])
    return tokenizer.detokenize(ids[start:])


def test_greedy_equals_full_forward_passes_for_mixed_lengths(small_model):
    prompts = ["sati nāmu", "akara mutala eḻuttellām āti\npakavaṉ", "a"]
    texts = Generator(max_new_tokens=6, temperature=0).generate(small_model, prompts)
    expected = [greedy_by_hand(small_model, prompt, 6) for prompt in prompts]
    assert texts == expected
    assert any(texts)


def test_samples_depend_on_the_seed(small_model):
    prompts = ["sati nāmu karatā"] * 2
    first, again, other = (
        Generator(max_new_tokens=12, temperature=1.5, top_p=1.0, seed=seed).generate(
            small_model, prompts
        )
        for seed in (3, 3, 4)
    )
    assert first == again
    assert first != other


def test_model_is_left_as_it_was(small_model):
    preprocessor = small_model.preprocessor
    Generator(max_new_tokens=2).generate(small_model, ["a"])
    assert small_model.preprocessor is preprocessor
    assert Generator().generate(small_model, []) == []


def test_stops_are_those_of_gemma(small_model):
    tokenizer = small_model.preprocessor.tokenizer
    names = [tokenizer.id_to_token(token) for token in stop_token_ids(tokenizer)]
    assert names == ["<eos>", "<end_of_turn>"]


@pytest.mark.parametrize(
    "settings",
    [
        {"max_new_tokens": 0},
        {"max_new_tokens": 8192},
        {"temperature": -1.0},
        {"temperature": float("nan")},
        {"top_p": 0.0},
        {"seed": -1},
    ],
)
def test_wrong_settings_are_named(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        Generator(**settings)


def test_round_trips_through_json():
    generator = Generator(max_new_tokens=5, temperature=0.3, seed=9)
    assert from_config(generator.to_config()) == generator


def test_a_prompt_beyond_the_context_is_refused(small_model):
    with pytest.raises(ValueError, match="must leave room for 9 new tokens"):
        Generator(max_new_tokens=9).generate(small_model, ["a b " * 9000])
