import pytest

from gemma_keras_ft.evaluation import tables


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0"),
        (0.01234, "0.0123"),
        (4.5678, "4.57"),
        (163.99, "164.0"),
        (12345.6, "12,346"),
        (1.234e9, "1.2 × 10⁹"),
        (1.5e-7, "1.5 × 10⁻⁷"),
        (-0.25, "−0.25"),
        (1.7e308, "1.7 × 10³⁰⁸"),
    ],
)
def test_numbers_keep_the_digits_that_matter(value, text):
    assert tables.format_number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (41.6, "42 s"),
        (59.7, "1 min 00 s"),
        (97.3, "1 min 37 s"),
        (7505, "2 h 05 min"),
    ],
)
def test_durations_carry_their_unit(value, text):
    assert tables.format_seconds(value) == text


def test_counts_shares_and_settings():
    assert tables.format_count(98304) == "98,304"
    assert tables.format_percent(0.3124) == "31.2 %"
    assert tables.format_plain(0.0003) == "0.0003"
    assert tables.format_score({"score": 21.44}) == "21.4"
    missing = (tables.format_count, tables.format_percent, tables.format_plain)
    assert {form(None) for form in (*missing, tables.format_score)} == {"–"}


@pytest.mark.parametrize(
    ("language", "tag"),
    [
        ("ta", "ta"),
        ("pa-Guru-IN", "pa-Guru-IN"),
        (None, ""),
        ("", ""),
        ('ta" onload="x', ""),
        ("ta\n", ""),
    ],
)
def test_only_language_tags_become_lang_attributes(language, tag):
    assert tables.language_tag(language) == tag


def test_romanized_text_is_tagged_as_latin():
    assert tables.language_tag("ta-Taml", romanized=True) == "ta-Latn"


def test_numbers_hold_together():
    text = "0.41 × base (95 % interval 0.38–0.44, p = 0.02)"
    shown = tables.hold_together(text)
    assert shown.replace("\u00a0", "_").replace("\u2060", "|") == (
        "0.41_× base (95_% interval 0.38|–|0.44, p_=_0.02)"
    )
    assert tables.hold_together("{% if x %} top = 3") == "{% if x %} top = 3"


def rows_by_label(run):
    return {row["label"]: row for row in tables.metric_rows(run)}


def test_rows_call_a_change_better_only_where_the_test_does(results):
    rows = rows_by_label(results["runs"][0])
    assert rows["Perplexity per token"]["change"] == "0.43 ×"
    assert {row["tone"] for row in rows.values()} == {"better"}
    rows = rows_by_label(results["runs"][2])
    assert rows["Perplexity per token"]["tone"] == ""
    assert rows["Token accuracy"]["tone"] == "better"


def test_rows_without_a_comparison_claim_nothing(results):
    del results["runs"][0]["comparison"]
    rows = rows_by_label(results["runs"][0])
    assert {row["tone"] for row in rows.values()} == {""}


def test_an_accuracy_loss_is_called_worse(results):
    results["runs"][0]["comparison"]["accuracy_difference"] = -0.1
    assert rows_by_label(results["runs"][0])["Token accuracy"]["tone"] == "worse"


@pytest.mark.parametrize(
    ("score", "change"), [(4.99, "not usable as a translation"), (21.4, "+21.2")]
)
def test_low_bleu_is_unusable_not_improved(results, score, change):
    run = results["runs"][2]
    run["tuned"]["bleu"]["score"] = score
    rows = rows_by_label(run)
    assert rows["BLEU"]["change"] == change
    assert rows["chrF++"]["change"] == ("" if score < 5 else "+6.8")
    assert {rows["BLEU"]["tone"], rows["chrF++"]["tone"]} == {""}


def test_metrics_that_a_run_lacks_have_no_row():
    assert tables.metric_rows({}) == []
    run = {"base": {"perplexity_per_token": 9.0}, "tuned": None}
    (row,) = tables.metric_rows(run)
    assert (row["base"], row["tuned"], row["change"]) == ("9.00", "–", "")


def test_marks_lie_on_the_line_in_order():
    for low, ratio, high in ((0.38, 0.41, 0.44), (0.9, 1.5, 40.0), (0.0, 1e-9, 1.0)):
        marks = tables.interval_marks(
            {"perplexity_ratio": ratio, "perplexity_ratio_interval": [low, high]}
        )
        places = [marks["low"], marks["ratio"], marks["high"]]
        assert places == sorted(places)
        assert min(*places, marks["one"]) >= 0
        assert max(*places, marks["one"]) <= 100
    assert tables.interval_marks({"perplexity_ratio": 0.4}) is None


def test_facets_come_in_a_fixed_order_the_largest_value_first():
    counts = {"raag": {"asa": 1}, "split": {"test": 2, "train": 8}, "script": None}
    first, second = tables.facets({**counts, "language": {"ta": 3, "pa": 3, "hi": 0}})[
        :2
    ]
    assert [row["label"] for row in first["rows"]] == ["pa", "ta"]
    assert second["name"] == "split"
    assert [(row["label"], row["share"]) for row in second["rows"]] == [
        ("train", 100.0),
        ("test", 25.0),
    ]
    assert tables.facets(counts)[-1]["name"] == "raag"
