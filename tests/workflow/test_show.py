import dataclasses
import shutil

import numpy as np
import pytest

import gemma_keras_ft as gkf
from gemma_keras_ft.cli import main
from gemma_keras_ft.data.loader import Loader
from gemma_keras_ft.data.rows import RowPlan
from gemma_keras_ft.data.tasks import (
    Continuation,
    Example,
    Instruction,
    PlainText,
)
from gemma_keras_ft.data.tokenize import tokenize_examples
from gemma_keras_ft.model.preset import load_tokenizer
from gemma_keras_ft.workflow.show import RowReader, show_rows
from gemma_keras_ft.workflow.token_rows import plan_rows


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer()


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """A cache of this module's own, so that nothing older is shown."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("GEMMA_KERAS_FT_CACHE", str(folder))
        yield folder


def texts_of(shown):
    return [text for row in shown.rows for text in row.texts]


def joined(text, *, scored):
    spans = (span for span in text.spans if not span.control)
    return "".join(span.text for span in spans if span.scored == scored)


def test_an_epoch_shows_every_song_once_as_its_task_gives_it(dataset):
    settings = {"plan": RowPlan(sequence_length=512), "global_batch_size": 3}
    first = show_rows(dataset, **settings)
    texts = texts_of(first)
    for batch in range(1, first.steps_per_epoch):
        texts += texts_of(show_rows(dataset, batch=batch, **settings))
    examples = {
        example.record_id: example
        for record in gkf.read_dataset(dataset).select("train")
        for example in Continuation().examples(record)
    }
    assert sorted(text.record_id for text in texts) == sorted(examples)
    for text in texts:
        example = examples[text.record_id]
        assert joined(text, scored=False) == example.prompt_text
        assert joined(text, scored=True) == example.response_text
        assert (text.spans[0].text, text.spans[-1].text) == ("<bos>", "<eos>")


@pytest.mark.parametrize("batch", [0, 2, 1000])
def test_a_batch_is_the_one_that_is_served_at_its_step(dataset, tokenizer, batch):
    plan = RowPlan(sequence_length=256, seed=5)
    shown = show_rows(dataset, batch=batch, plan=plan, seed=5, global_batch_size=2)
    rows = plan_rows(
        gkf.read_dataset(dataset),
        "train",
        task=Continuation(),
        tokenizer=tokenizer,
        plan=plan,
    )
    loader = Loader(buckets=rows.buckets, global_batch_size=2, seed=5)
    served = loader.batch(batch)
    assert shown.position["step"] == batch
    assert len(shown.rows) == (served["segment_ids"].max(1) > 0).sum()
    for row, ids, mask, weight in zip(
        shown.rows,
        served["token_ids"],
        served["segment_ids"],
        served["sample_weight"],
        strict=False,
    ):
        tokens = [token.text for text in row.texts for token in text.tokens[:-1]]
        assert tokens == [tokenizer.id_to_token(int(i)) for i in ids[mask > 0]]
        assert sum(text.scored for text in row.texts) == weight.sum()
        assert row.filled == (mask > 0).sum()


def test_only_the_first_rows_are_read_where_that_is_asked(dataset):
    settings = {"plan": RowPlan(sequence_length=128), "global_batch_size": 4}
    whole = show_rows(dataset, **settings)
    part = show_rows(dataset, rows=2, **settings)
    assert part.rows == whole.rows[:2]
    assert part.batch_rows == whole.batch_rows == len(whole.rows) == 4


def test_held_out_songs_come_in_their_own_order(dataset):
    shown = show_rows(
        dataset, split="test", plan=RowPlan(layout="single"), global_batch_size=64
    )
    records = gkf.read_dataset(dataset).select("test")
    assert [text.record_id for text in texts_of(shown)] == [r.id for r in records]


def test_turns_are_control_tokens(dataset):
    task = Instruction(task=PlainText(), text="Write a song.")
    shown = show_rows(dataset, rows=1, task=task)
    text = shown.rows[0].texts[0]
    control = [(span.text, span.scored) for span in text.spans if span.control]
    assert control == [
        ("<bos>", False),
        ("<start_of_turn>", False),
        ("<end_of_turn>", False),
        ("<start_of_turn>", False),
        ("<end_of_turn>", True),
    ]
    assert joined(text, scored=False) == "user\nWrite a song.\nmodel\n"


def test_what_a_lyric_spells_is_text_and_bytes_make_whole_letters(tokenizer):
    example = Example(
        record_id="song", prompt=("<eos> மழை",), response=("<bos>😀", "  la")
    )
    plan = RowPlan(sequence_length=128)
    (rows,) = plan.build(tokenize_examples([example], tokenizer)).buckets
    (text,) = RowReader(tokenizer).row(rows, 0).texts
    spans = [(span.text, span.scored, span.control) for span in text.spans]
    assert spans == [
        ("<bos>", False, True),
        ("<eos> மழை\n", False, False),
        ("<bos>😀\n  la", True, False),
        ("<eos>", True, True),
    ]
    assert any(token.text == "<0xF0>" for token in text.tokens)
    assert text.places == np.count_nonzero(rows.arrays["segment_ids"])
    assert text.scored == rows.arrays["sample_weight"].sum()


def test_a_part_that_goes_on_elsewhere_has_no_end(tokenizer):
    example = Example(
        record_id="song",
        prompt=(),
        response=("la la la la",) * 9,
        bridge="",
        context_lines=1,
    )
    plan = RowPlan(sequence_length=32, layout="single")
    (rows,) = plan.build(tokenize_examples([example], tokenizer)).buckets
    reader = RowReader(tokenizer)
    parts = [reader.row(rows, n).texts[0] for n in range(len(rows))]
    assert len(parts) > 1
    assert [part.spans[-1].text == "<eos>" for part in parts] == [
        *[False] * (len(parts) - 1),
        True,
    ]
    assert "".join(joined(part, scored=True) for part in parts) == example.response_text


def test_no_weights_are_needed(dataset, small_preset, tmp_path):
    folder = shutil.copytree(
        small_preset, tmp_path / "preset", ignore=shutil.ignore_patterns("*.h5")
    )
    assert show_rows(dataset, preset=folder, rows=1).rows


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"batch": -1}, "`batch` must be 0"),
        ({"batch": 0.5}, "`batch` must be 0"),
        ({"rows": 0}, "`rows` must be 1"),
        ({"seed": -1}, "`seed`"),
        ({"global_batch_size": 0}, "`global_batch_size`"),
        ({"split": "dev"}, "`split`"),
        ({"language": "xx"}, "--language"),
        ({"task": Continuation(script="auto")}, "`task` must name its scripts"),
    ],
)
def test_settings_that_show_nothing_are_told(dataset, wrong, message):
    with pytest.raises(ValueError, match=message):
        show_rows(dataset, **wrong)


def test_the_plans_seed_is_that_of_the_batch(dataset):
    plan = RowPlan(sequence_length=64)
    one, other = (
        show_rows(dataset, plan=dataclasses.replace(plan, seed=seed), seed=3)
        for seed in (0, 1)
    )
    assert one == other


def test_the_command_prints_rows(dataset, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    command = ["show", str(dataset), "--batch", "1", "--task", "translation"]
    flags = "--rows 1 --sequence-length 64 --global-batch-size 2 --layout single"
    assert main([*command, *flags.split()]) == 0
    page = capsys.readouterr().out
    assert "Batch 1 of train: 2 of " in page
    assert "Row 1 of 2 · 1 text · " in page
    assert "Row 2" not in page
    assert "ta-Latn: " in page and "<bos>" in page and "asked" in page


def test_the_command_tells_what_it_cannot_show(dataset, capsys):
    assert main(["show", str(dataset), "--script", "auto"]) == 2
    assert "`task` must name its scripts" in capsys.readouterr().err
