import copy
import hashlib
import html.parser
import json
import re
import subprocess
import sys

import pytest

from gemma_keras_ft.evaluation.report import read_report, render_report, write_report

PAYLOADS = [
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "</style></title></textarea><iframe src=javascript:alert(1)>",
    "<!-- ]]> -->",
    "{{ 7 * 7 }}{% include 'report.css' %}",
    "&lt;b&gt;&amp;",
    "$\\frac{$ \\",
    "url(https://example.org/x)",
    "غزل ਸ਼ਬਦ कबीर",
]


class Page(html.parser.HTMLParser):
    """Collects a page's elements, text by element, and ids."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.texts, self._open = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, attrs))
        self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, attrs))

    def handle_endtag(self, tag):
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data):
        self.texts.append((self._open[-1] if self._open else "", data))

    def text_of(self, *tags):
        return "".join(data for tag, data in self.texts if tag in tags)

    def shown(self):
        hidden = {"script", "style"}
        return "".join(data for tag, data in self.texts if tag not in hidden)

    def values(self, attribute):
        return [
            value
            for _, attrs in self.elements
            for key, value in attrs
            if key == attribute
        ]


def poison(value, payload, count=None):
    """Replaces every text, keys of open mappings too, by a numbered payload."""
    count = count if count is not None else [0]

    def text():
        count[0] += 1
        return f"{payload}{count[0]:05}"

    if isinstance(value, str):
        return text()
    if isinstance(value, list):
        return [poison(item, payload, count) for item in value]
    if not isinstance(value, dict):
        return value
    poisoned = {}
    for key, item in value.items():
        open_keys = key in {"environment", "set_aside_reasons", "where"}
        if open_keys or key == "counts":
            item = {text(): part for part in item.values()}
        if key == "counts":
            item = {
                name: {text(): n for n in part.values()} for name, part in item.items()
            }
        poisoned[key] = poison(item, payload, count)
    return poisoned


@pytest.fixture(scope="module")
def harmless(made_plain_results):
    return Page(render_report(poison(made_plain_results, "plain words ")))


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_text_stays_text(plain_results, harmless, payload):
    poisoned = poison(plain_results, payload)
    text = render_report(poisoned)
    hostile = Page(text)
    # Same elements, same attributes, same values: nothing of the payload is markup.
    assert hostile.elements == harmless.elements
    assert payload in hostile.text_of("title")
    assert hostile.shown().count(payload) == harmless.shown().count("plain words ")
    assert hostile.shown().count(payload) > 150
    assert json.loads(hostile.text_of("script")) == poisoned
    assert text.count("<script") == text.count("</script") == 1


def test_hostile_text_stays_text_beside_charts(results):
    del results["runs"][1:]
    harmless = Page(render_report(poison(results, "plain words ")))
    hostile = Page(render_report(poison(results, "".join(PAYLOADS))))
    assert hostile.elements == harmless.elements
    assert "svg" in {tag for tag, _ in hostile.elements}


def test_controls_and_surrogates_are_stored_but_not_shown(plain_results, tmp_path):
    plain_results["title"] = "a\x00b\x1b[31m\u202ec\ud800\u2066d"
    html_path, json_path = write_report(plain_results, tmp_path)
    page = html_path.read_text(encoding="utf-8")
    assert not set(page) & set("\x00\x1b\u202e\ud800\u2066")
    assert "<title>ab[31mc\ufffdd</title>" in page
    assert read_report(json_path)["title"] == plain_results["title"]


def test_page_asks_nothing_of_a_network_and_runs_nothing(results):
    del results["runs"][:2]
    text = render_report(results)
    page = Page(text)
    assert "http:" not in text
    assert "https:" not in text
    assert not set(re.findall(r"url\([^#]", text))
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"base", "embed", "form", "iframe", "img", "link", "object"}
    assert not page.values("src")
    assert all(value.startswith("#") for value in page.values("href"))
    scripts = [dict(attrs) for tag, attrs in page.elements if tag == "script"]
    assert scripts == [{"type": "application/json", "id": "results"}]
    names = {key for _, attrs in page.elements for key, _ in attrs}
    assert not {name for name in names if name.startswith("on")}


def test_policy_forbids_what_the_page_does_not_need(plain_results):
    page = Page(render_report(plain_results))
    metas = [dict(attrs) for tag, attrs in page.elements if tag == "meta"]
    (policy,) = [m["content"] for m in metas if "http-equiv" in m]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert "script" not in policy
    tags = [tag for tag, _ in page.elements]
    assert tags.index("meta") < tags.index("style")


def test_ids_are_unique_and_every_reference_resolves(results):
    del results["runs"][2:]
    text = render_report(results)
    page = Page(text)
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    references = [value[1:] for value in page.values("href")]
    references += re.findall(r"url\(#([^)]+)\)", text)
    assert references
    assert set(references) <= set(ids)


def test_charts_have_words_for_those_who_do_not_see_them(results):
    del results["runs"][1:]
    page = Page(render_report(results))
    charts = [dict(attrs) for tag, attrs in page.elements if tag == "svg"]
    assert len(charts) == 2
    for chart in charts:
        assert chart["role"] == "img"
        assert len(chart["aria-label"]) > 40


def test_lyrics_carry_language_and_direction(plain_results):
    plain_results["samples"][0]["native_reference"] = "آخر اس درد کی دوا کیا ہے"
    page = Page(render_report(plain_results))
    lyrics = [
        dict(attrs) for tag, attrs in page.elements if ("class", "lyric") in attrs
    ]
    assert {lyric["lang"] for lyric in lyrics} == {"ta", "ta-Latn", "en"}
    lines = [
        attrs
        for tag, attrs in page.elements
        if tag == "span" and attrs == [("dir", "auto")]
    ]
    assert len(lines) >= 2 * len(lyrics)


def test_every_line_of_a_song_stands_by_itself(plain_results):
    plain_results["samples"] = [{"tuned": "one\n\ntwo", "language": "en"}]
    text = render_report(plain_results)
    line = '<span dir="auto">{}</span>'
    assert line.format("one") + line.format("") + line.format("two") in text


def test_page_says_that_scripture_is_never_generated(plain_results):
    for page in (render_report(plain_results), render_report({"title": "t"})):
        assert "Sacred texts are scored, never generated." in page


def test_low_bleu_is_called_unusable(plain_results):
    label = "not usable as a translation"
    shown = Page(render_report(plain_results)).shown()
    assert shown.count(label) == 2
    plain_results["runs"][2]["tuned"]["bleu"]["score"] = 21.0
    shown = Page(render_report(plain_results)).shown()
    assert label not in shown
    assert "+20.8" in shown


SECTIONS = {
    "samples": "What the models write",
    "runs": "Run by run",
    "romanization": "Which script to train in",
    "dataset": "The dataset",
    "command": "gemma-keras-ft quickstart --seed 0",
    "seed": "Seed 0.",
    "environment": "keras-hub",
    "where": "Where everything is",
    "next": "What to run next",
    "base_model": "Base model:",
    "summary": "After two minutes",
}


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_is_shown_where_its_data_is_there(plain_results, section):
    assert SECTIONS[section] in Page(render_report(plain_results)).shown()
    empty = {"seed": None, "command": ""}
    for value in (None, empty.get(section, type(plain_results[section])())):
        changed = {**plain_results, section: value}
        shown = Page(render_report(changed)).shown()
        assert SECTIONS[section] not in shown
        assert "None" not in shown


def test_a_title_alone_makes_a_page():
    shown = Page(render_report({"title": "Only a title"})).shown()
    assert "Only a title" in shown
    assert "Reproduce" not in shown


def test_parts_of_runs_and_samples_may_be_missing(plain_results):
    for part in list(plain_results["runs"][2]):
        changed = copy.deepcopy(plain_results)
        changed["runs"] = [{**plain_results["runs"][2], part: None}]
        assert "None" not in Page(render_report(changed)).shown()
    bare = {"title": "t", "runs": [{}, None], "samples": [{}, None]}
    bare |= {"romanization": {"rows": [{}, None]}, "dataset": {"counts": None}}
    bare |= {"next": [{}, None], "environment": {"jax": None}, "where": {"a": None}}
    assert "None" not in Page(render_report(bare)).shown()


def test_a_diverged_run_still_gets_its_report(results):
    del results["runs"][1:]
    results["runs"][0]["history"]["loss"][60:] = [float("nan")] * 60
    results["runs"][0]["tuned"]["perplexity_per_token"] = float("inf")
    assert "–" in Page(render_report(results)).shown()


def test_json_is_strict_sorted_and_reads_back(plain_results, tmp_path):
    _, json_path = write_report(plain_results, tmp_path / "new" / "folder")
    text = json_path.read_text(encoding="utf-8")

    def refuse(constant):
        raise AssertionError(constant)

    parsed = json.loads(text, parse_constant=refuse)
    assert list(parsed) == sorted(parsed)
    assert parsed == plain_results
    assert read_report(json_path) == read_report(json_path.parent) == plain_results


def test_equal_results_give_equal_bytes(results, tmp_path):
    del results["runs"][1:]
    first = [path.read_bytes() for path in write_report(results, tmp_path / "a")]
    shuffled = dict(reversed(list(results.items())))
    second = [path.read_bytes() for path in write_report(shuffled, tmp_path / "b")]
    assert first == second
    again = write_report(read_report(tmp_path / "a"), tmp_path / "c")
    assert [path.read_bytes() for path in again] == first


def test_another_process_writes_the_same_page(results, tmp_path):
    del results["runs"][1:]
    html_path, json_path = write_report(results, tmp_path)
    code = (
        "import hashlib, sys; from gemma_keras_ft.evaluation.report import *;"
        "page = render_report(read_report(sys.argv[1]));"
        "print(hashlib.sha256(page.encode()).hexdigest())"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code, str(json_path)],
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    ).stdout
    assert printed.strip() == hashlib.sha256(html_path.read_bytes()).hexdigest()


def test_wrong_results_leave_an_older_report_alone(plain_results, tmp_path):
    paths = write_report(plain_results, tmp_path)
    before = [path.read_bytes() for path in paths]
    with pytest.raises(ValueError, match="must be a list"):
        write_report({**plain_results, "runs": {}}, tmp_path)
    assert [path.read_bytes() for path in paths] == before
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting"),
        (b"[]", "`results` must be a mapping"),
        (b"{}", "`results.title` must be a text"),
        (b'{"title": "t", "seed": NaN}', "NaN is not a JSON number"),
        (b'{"title": "t", "seed": -Infinity}', "-Infinity is not a JSON number"),
        (b'{"title": "\xff"}', "can't decode"),
        (b'{"title": "t", "runs": 3}', "`results.runs` must be a list"),
        (b"[" * 200_000, "recursion"),
    ],
)
def test_wrong_files_are_refused_with_a_remedy(tmp_path, content, reason):
    path = tmp_path / "report.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="`path` must hold a report") as caught:
        read_report(path)
    assert reason in str(caught.value)
    assert str(path) in str(caught.value)
    assert str(caught.value).endswith("Write it again by running the evaluation.")


def test_a_file_too_large_to_be_a_report_is_not_read(tmp_path):
    path = tmp_path / "report.json"
    with path.open("wb") as file:
        file.truncate(65 * 2**20)
    with pytest.raises(ValueError, match="larger than 64 MiB"):
        read_report(path)


def test_a_missing_report_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="`path` must be a report"):
        read_report(tmp_path)


@pytest.mark.parametrize(
    ("validation", "said"),
    [
        ([3.0, 3.5], "The model is overfitting: validation loss rose from 3.000 at"),
        ([3.0, 2.9], "No sign of overfitting: at step 20 validation loss is 2.900"),
    ],
)
def test_overfitting_is_told(results, validation, said):
    history = {"step": [10, 20], "loss": [3.0, 2.0], "validation_step": [10, 20]}
    results["runs"][0]["history"] = history | {"validation_loss": validation}
    del results["runs"][1:]
    assert said in Page(render_report(results)).shown()


def test_nothing_is_said_of_overfitting_without_validation(results):
    for run in results["runs"]:
        run["history"] = {"step": [10, 20], "loss": [3.0, 2.0]}
    shown = Page(render_report(results)).shown()
    assert "The model is overfitting" not in shown
    assert "No sign of overfitting" not in shown
