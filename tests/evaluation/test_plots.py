from xml.etree import ElementTree

import matplotlib
import pytest

from gemma_keras_ft.evaluation.plots import plot_history, plot_songs


def songs_of(*pairs):
    return [
        {"base_perplexity": base, "tuned_perplexity": tuned} for base, tuned in pairs
    ]


def texts_of(svg):
    return [element.text for element in ElementTree.fromstring(svg).iter("text")]


def test_learning_curve_says_in_words_what_it_shows(results):
    history = {
        "step": [1, 2, 3],
        "loss": [4.0, 3.0, 2.5],
        "validation_step": [2, 3],
        "validation_loss": [3.2, 3.4],
    }
    root = ElementTree.fromstring(plot_history(history, name="run-1"))
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"] == (
        "Learning curve: training loss falls from 4 to 2.5; validation loss goes from "
        "3.2 to 3.4; validation is lowest, 3.2, at step 2."
    )


def test_labels_are_text_that_a_reader_can_select_and_search(results):
    svg = plot_history(results["runs"][0]["history"], name="run-1")
    assert {"training", "validation", "optimizer step"} <= set(texts_of(svg))


def test_gaps_are_left_out():
    history = {"step": [1, 2, 3], "loss": [4.0, None, 2.0]}
    assert "from 4 to 2" in plot_history(history, name="run-1")


@pytest.mark.parametrize(
    "history",
    [{}, {"step": [], "loss": []}, {"step": [1], "loss": [None]}, {"step": None}],
)
def test_no_loss_gives_no_curve(history):
    assert plot_history(history, name="run-1") is None


def test_one_point_is_drawn():
    assert plot_history({"step": [1], "loss": [2.0]}, name="run-1")
    assert plot_songs(songs_of((9.0, 9.0)), name="run-1")


def test_song_chart_counts_the_songs_that_gained():
    svg = plot_songs(
        songs_of((9.0, 4.0), (8.0, 8.5), (None, 3.0), (7.0, 0.0)), name="run-1"
    )
    label = ElementTree.fromstring(svg).attrib["aria-label"]
    assert label.endswith("the tuned model's is lower for 1 of 2.")
    assert "2 held-out songs" in texts_of(svg)


@pytest.mark.parametrize("songs", [[], songs_of((None, 2.0)), songs_of((2.0, -1.0))])
def test_no_pair_gives_no_song_chart(songs):
    assert plot_songs(songs, name="run-1") is None


@pytest.mark.parametrize("pair", [(48.0, 12.0), (31.0, 30.0), (1e6, 2.0), (1.01, 1.0)])
def test_perplexity_axis_is_labeled_in_plain_numbers(pair):
    labels = [text for text in texts_of(plot_songs(songs_of(pair), name="run-1"))]
    numbers = [label for label in labels if label.replace(".", "").isdigit()]
    assert len(numbers) >= 2
    assert not any("$" in label or "mathdefault" in label for label in labels)


def test_colors_are_the_pages_variables(results):
    run = results["runs"][0]
    for svg in (
        plot_history(run["history"], name="a"),
        plot_songs(run["songs"], name="b"),
    ):
        assert "var(--tuned)" in svg
        assert "var(--base)" in svg
        assert "#0" not in svg.replace('="#', "")


def test_a_users_matplotlib_style_changes_nothing_and_survives(results):
    history = results["runs"][0]["history"]
    plain = plot_history(history, name="run-1")
    with matplotlib.rc_context({"lines.linewidth": 9, "svg.fonttype": "path"}):
        matplotlib.rcParams["axes.facecolor"] = "red"
        assert plot_history(history, name="run-1") == plain
        assert matplotlib.rcParams["lines.linewidth"] == 9
        assert matplotlib.rcParams["axes.facecolor"] == "red"
