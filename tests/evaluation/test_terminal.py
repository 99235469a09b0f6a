import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from gemma_keras_ft.console import printable
from gemma_keras_ft.evaluation.terminal import print_summary

BIDI_CONTROLS = (
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)


def printed(results, width=80):
    console = Console(file=io.StringIO(), width=width)
    print_summary(results, console=console)
    return console.file.getvalue()


def test_controls_are_stripped_and_joiners_stay():
    assert printable("\x1b[31mकबीर\x07\r\x7f\x9b") == "[31mकबीर"
    assert printable(BIDI_CONTROLS) == ""
    assert printable("a\tb\nc") == "a\tb\nc"
    assert printable("दर्\u200dया می\u200cخواهم") == "दर्\u200dया می\u200cخواهم"
    assert printable("\ud800 lone") == "\ufffd lone"


def expected_printable(char):
    category = unicodedata.category(char)
    if category == "Cs":
        return "\ufffd"
    control = category == "Cc" and char not in "\t\n"
    return "" if control or char in BIDI_CONTROLS else char


@given(st.text(st.characters(exclude_categories=())))
def test_printable_strips_by_category_and_loses_nothing_else(text):
    shown = printable(text)
    assert shown == "".join(map(expected_printable, text))
    assert printable(shown) == shown
    shown.encode("utf-8")


def test_summary_shows_table_verdicts_sample_paths_and_next_step(results):
    text = printed(results)
    assert "Thirukkural on the tiny Gemma 2" in text
    assert "→" in text
    assert "No difference can be told apart from chance" in text
    assert "BLEU 1.3 is not usable as a translation" in text
    assert "uḷḷattāl uyarntār" in text
    assert "runs/quickstart/report.html" in text


def test_commands_stay_on_one_line(results):
    command = results["next"][1]["command"]
    assert len(command) > 80
    assert any(line.strip() == command for line in printed(results).splitlines())


def test_markup_in_lyrics_is_printed_as_it_is(results):
    results["samples"][0]["tuned"] = "[Verse 1]\n[red]not red[/red] [/"
    results["runs"][0]["name"] = "[bold]run"
    text = printed(results)
    assert "[Verse 1]" in text
    assert "[red]not red[/red] [/" in text
    assert "[bold]run" in text


def test_no_control_reaches_the_terminal(results):
    hostile = "x\x1b]0;title\x07\u202ey\x9b2J"

    def poison(value):
        if isinstance(value, str):
            return hostile
        if isinstance(value, dict):
            return {key: poison(item) for key, item in value.items()}
        return [poison(item) for item in value] if isinstance(value, list) else value

    text = printed(poison(results))
    assert "x]0;titley2J" in text
    assert not set(text) & set("\x1b\x07\x9b\u202e")


def test_columns_that_no_run_fills_are_left_out(results):
    del results["runs"][2]
    text = printed(results)
    assert "Perplexity" in text
    assert "BLEU" not in text


@pytest.mark.parametrize("missing", ["runs", "samples", "where", "next", "summary"])
def test_every_section_may_be_missing(results, missing):
    for empty in (None, type(results[missing])()):
        results[missing] = empty
        assert "Thirukkural" in printed(results)
    assert printed({"title": "Only a title"}).strip() == "Only a title"


def test_empty_entries_are_passed_over():
    results = {"title": "t", "runs": [{}, None], "samples": [None], "next": [{}, None]}
    assert "None" not in printed(results)


def test_overfitting_is_told_where_it_is(results):
    history = {"step": [10, 20], "loss": [3.0, 2.0], "validation_step": [10, 20]}
    history["validation_loss"] = [3.0, 3.5]
    results["runs"][0]["history"] = history
    assert "The model is overfitting" in " ".join(printed(results).split())
    history["validation_loss"] = [3.0, 2.5]
    assert "overfitting" not in printed(results)
