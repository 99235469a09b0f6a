import io
import re

import pytest
from rich.console import Console

from gemma_keras_ft.workflow.shown_batch import (
    ShownBatch,
    ShownRow,
    ShownText,
    Span,
    visible,
)

BOS, EOS = (
    Span(text="<bos>", scored=False, control=True),
    Span(text="<eos>", scored=True, control=True),
)
COUNTS = {
    "rows": 1,
    "texts": 2,
    "filled": 0.875,
    "scored_tokens": 4,
    "examples_left_out": 0,
    "cut_tokens": 0,
}


def shown_text(given, asked, record_id="song"):
    """A text of which every character is a token."""
    spans = (BOS, *map(given_span, given), *map(asked_span, asked), EOS)
    tokens = [BOS, *map(given_span, "".join(given)), *map(asked_span, "".join(asked))]
    return ShownText(record_id=record_id, tokens=(*tokens, EOS), spans=spans)


def given_span(text):
    return Span(text=text, scored=False)


def asked_span(text):
    return Span(text=text, scored=True)


def batch(*texts, sequence_length=32, counts=COUNTS):
    row = ShownRow(number=0, sequence_length=sequence_length, texts=texts)
    return ShownBatch(
        split="train",
        position={"seed": 0, "step": 7, "epoch": 1, "batch": 2},
        steps_per_epoch=5,
        layout="packed",
        counts=counts,
        batch_rows=3,
        rows=(row,),
    )


def printed(shown, *, color=False):
    file = io.StringIO()
    system = "standard" if color else None
    console = Console(file=file, width=80, force_terminal=color, color_system=system)
    console.print(shown)
    return file.getvalue()


def test_places_are_counted():
    text = shown_text(["ab\n"], ["cd"])
    assert (text.places, text.scored) == (6, 3)
    row = ShownRow(number=0, sequence_length=20, texts=(text, text))
    assert (row.filled, row.padding) == (12, 8)


def test_without_colors_words_tell_what_is_given_and_what_is_asked():
    page = printed(batch(shown_text(["a\n", "b\n"], ["c\nd"], "song-1")))
    lines = [line.rstrip() for line in page.splitlines()]
    start = lines.index("1 · song-1 · 8 places, 4 scored")
    assert lines[start + 1 : start + 5] == [
        "  given  <bos>a",
        "         b",
        "  asked  c",
        "         d<eos>",
    ]


def test_tokens_stand_apart_with_their_line_breaks():
    page = printed(batch(shown_text(["a\n"], ["▁b"])))
    assert "<bos> a ⏎ ▁ b <eos>" in page


def test_rows_say_what_they_hold():
    texts = shown_text(["a"], ["b"]), shown_text(["c"], ["d"], "other")
    page = printed(batch(*texts, sequence_length=8))
    assert "Batch 7 of train: 3 of 5 in epoch 2" in page
    assert "2 texts in 1 row, packed; 87.5% of the places filled" in page
    assert "Row 1 of 3 · 2 texts · 6 of 8 places filled (75.0%) · 2 padding" in page
    assert "left out" not in page and "cut" not in page
    assert page.index("1 · song ·") < page.index("2 · other ·")


def test_what_is_in_no_row_is_said():
    counts = COUNTS | {"examples_left_out": 1, "cut_tokens": 9}
    page = " ".join(printed(batch(shown_text(["a"], ["b"]), counts=counts)).split())
    assert "; 1 example left out; 9 tokens cut" in page


def test_colors_tell_texts_apart_and_what_is_scored():
    page = printed(
        batch(shown_text(["a"], ["b"]), shown_text(["c"], ["d"])), color=True
    )
    for style, text in {
        "7;36": "<bos>",
        "2;36": "a",
        "1;36": "b",
        "7;35": "<eos>",
        "2;35": "c",
        "1;35": "d",
    }.items():
        assert f"\x1b[{style}m{text}\x1b[0m" in page


HOSTILE = "\x1b[2J\x07\u202e\x9b1m[bold red]la[/bold red][link=x]\r\x00\u2066"


@pytest.mark.parametrize("color", [False, True])
def test_text_is_data_to_the_terminal(color):
    text = shown_text([HOSTILE], [HOSTILE], record_id=f"{HOSTILE}\nRow 9 of 9")
    page = printed(batch(text, sequence_length=256), color=color)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", page) if color else page
    assert not set(plain) & set("\x1b\x07\u202e\x9b\r\x00\u2066")
    joined = "".join(plain.split())
    assert joined.count(r"\x1b[2J\x07\u202e\x9b1m[boldred]la[/boldred][link=x]\r\x00")
    assert not any(line.startswith("Row 9 of 9") for line in plain.splitlines())


def test_only_what_a_terminal_would_obey_is_spelled_out():
    kept = "मराठी र\u200dया\u200c\tകൾ\n"
    assert visible(kept) == kept
    assert visible("a\x1b\u202e\x00") == r"a\x1b\u202e\x00"
