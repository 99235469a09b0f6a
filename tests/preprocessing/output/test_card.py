import json

import pytest

from gemma_keras_ft.preprocessing.curate import curate_records
from gemma_keras_ft.preprocessing.output.card import plain
from gemma_keras_ft.preprocessing.output.card_plots import card_plots
from gemma_keras_ft.preprocessing.store import write_dataset
from gemma_keras_ft.records import LyricRecord

HOSTILE = "a|b\n# `x` <img src=x onerror=alert(1)> $\u202e [l](javascript:x) \x1b[31m"


def songs(count=20, **fields):
    return [
        LyricRecord(
            id=f"s{number}",
            lines=(f"river {number} runs", f"night {number} falls", f"day {number}"),
            language="en",
            style="lyrical" if number % 4 else "narrative",
            **fields,
        )
        for number in range(count)
    ]


def card_of(records, folder):
    return (
        write_dataset(curate_records(records), folder).directory / "README.md"
    ).read_text()


def test_the_card_says_whose_songs_these_are(tmp_path):
    records = songs(
        license="CC0-1.0", source="a notebook", contributor="M.", era="2020s"
    )
    card = card_of(records, tmp_path / "d")
    assert "| a notebook | CC0-1.0 | M. | – | en | 20 | 0 |" in card
    assert "20 songs kept and 0 set aside, of 20 read" in card
    assert 'license: "CC0-1.0"' in card
    assert "| narrative | 4 | 0 | 1 | 20% |" in card
    assert "| 2020s | 20 |" in card
    assert "**0**" in card
    csv = (tmp_path / "d" / "rights.csv").read_text().splitlines()
    assert csv[1] == "a notebook,CC0-1.0,M.,,20,en: 20,0"


def test_the_front_matter_is_yaml_of_strings(tmp_path):
    records = songs(10, license="no: [yaml") + songs(10, license="other: 1")
    front = card_of(records, tmp_path / "d").split("---")[1]
    for line in front.strip().splitlines():
        name, _, value = line.partition(" ")
        if value:
            assert isinstance(json.loads(value), str)
        else:
            assert name.endswith(":")


def test_hostile_values_stay_text(tmp_path):
    record = songs(1)[0].replace(
        title=HOSTILE, source=HOSTILE, license=HOSTILE, style=HOSTILE, era=HOSTILE
    )
    first, *others = record.lines
    record = record.replace(lines=(f"<b>{first}</b> | `rm`", *others))
    card = card_of([record], tmp_path / "d")
    assert "<img" not in card
    assert "\u202e" not in card
    assert "\x1b" not in card
    rows = [line for line in card.splitlines() if line.startswith("|")]
    assert all(line.replace("\\|", "").endswith("|") for line in rows)
    assert (tmp_path / "d" / "plots" / "styles.svg").read_text().count("<img") == 0


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        ("", "–"),
        (["ta", "pa"], "ta, pa"),
        ("a | b\n<img src=x>", r"a \| b &lt;img src=x&gt;"),
        ("क्\u200dष", "क्\u200dष"),
        ("x\u202ey\x07", "xy"),
        ("*b* _i_", r"\*b\* \_i\_"),
    ],
)
def test_values_are_shown_as_they_are(value, shown):
    assert plain(value) == shown


def test_a_long_table_is_cut_and_says_so(tmp_path):
    records = [
        song.replace(style=f"style {place:03}") for place, song in enumerate(songs(100))
    ]
    card = card_of(records, tmp_path / "d")
    assert "… and 60 more in `dataset.json`" in card


def test_equal_datasets_have_equal_cards_and_plots(tmp_path):
    for name in ("a", "b"):
        write_dataset(curate_records(songs()), tmp_path / name)
    for path in (tmp_path / "a").rglob("*"):
        if path.is_file():
            other = tmp_path / "b" / path.relative_to(tmp_path / "a")
            assert path.read_bytes() == other.read_bytes(), path.name


def test_plots_draw_every_count():
    report = curate_records([*songs(), LyricRecord(id="x", lines=("one",))]).report()
    plots = {name: plot.decode() for name, plot in card_plots(report).items()}
    assert set(plots) == {"styles.svg", "lines.svg", "set_aside.svg"}
    assert "narrative" in plots["styles.svg"]
    assert "too_few_lines" in plots["set_aside.svg"]


def test_names_that_no_font_draws_or_that_look_like_formulas_are_no_error():
    report = curate_records(
        [song.replace(style="$x^$ ஐ", language="_x") for song in songs()]
    ).report()
    assert "$x^$" in card_plots(report)["styles.svg"].decode()
