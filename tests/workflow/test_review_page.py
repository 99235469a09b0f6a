import base64
import hashlib
import html.parser
import json
import re

import pytest

from gemma_keras_ft.preprocessing.culture.decision_rows import (
    DECISIONS,
    Decision,
    append_decision,
    lines_sha256,
)
from gemma_keras_ft.preprocessing.culture.exclusions import ExclusionList
from gemma_keras_ft.preprocessing.culture.flags import FlagSpans
from gemma_keras_ft.preprocessing.culture.protection import ProtectedPhrases
from gemma_keras_ft.preprocessing.curate import curate_records
from gemma_keras_ft.preprocessing.store import read_dataset, write_dataset
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.workflow.review_page import write_review_page
from gemma_keras_ft.workflow.review_queue import write_phrases

FLAG = FlagSpans(
    lists=(
        ExclusionList(
            name="own",
            entries=(("river", "caste", "low"), ("rain", "slur", "high", "en")),
        ),
    )
)
HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "<!-- <script> ]]>",
    "&lt;b&gt; \u2028 \u202e \x00 \ud83d {{ 7 * 7 }}",
]


def song(name, *lines, **fields):
    return LyricRecord(**{"id": name, "lines": lines, "language": "en", **fields})


def build(folder, *songs):
    return write_dataset(curate_records(songs, recipe=(FLAG,)), folder).directory


@pytest.fixture
def dataset(tmp_path):
    return build(
        tmp_path / "dataset",
        song("light", "a river that sings", "all the night"),
        song("grave", "the rain falls", "on and on", title="Rain"),
    )


class Page(html.parser.HTMLParser):
    """Collects a page's elements, and its text by element."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.texts, self._open = [], {}, ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._open = tag if tag in ("script", "style", "title") else ""
        self.texts.setdefault(self._open, []).append("")

    def handle_endtag(self, tag):
        self._open = ""

    def handle_data(self, data):
        if self._open:
            self.texts[self._open][-1] += data

    @property
    def data(self):
        return json.loads(self.texts["script"][0])


def read_page(path):
    return Page(path.read_text(encoding="utf-8"))


def test_the_page_holds_the_songs_and_what_is_known_of_them(dataset, tmp_path):
    path = write_review_page(dataset, tmp_path / "page.html", reviewer="Asha")
    data = read_page(path).data
    assert data["reviewer"] == "Asha"
    assert data["served"] is False
    assert data["version"] == read_dataset(dataset).version
    grave = data["items"][0]
    assert grave["id"] == "grave"
    assert grave["lines"] == ["the rain falls", "on and on"]
    assert grave["sha256"] == lines_sha256(grave["lines"])
    assert [(f["field"], f["text"], f["open"]) for f in grave["flags"]] == [
        ("title", "Rain", True),
        ("lines", "rain", True),
    ]


def test_the_page_shows_protected_phrases_and_decisions(tmp_path):
    lines = ("हरि बोल river", "la la")
    dataset = build(tmp_path / "d", song("s", *lines))
    row = Decision(
        record_id="s",
        lines_sha256=lines_sha256(lines),
        decision="edit",
        lines=("हरि बोल", "la la"),
        note="why",
        reviewer="Asha",
        time="2025-01-31T12:00:00+00:00",
    )
    append_decision(dataset / DECISIONS, row)
    protected = ProtectedPhrases(languages=(), phrases=("हरि बोल",))
    path = write_review_page(dataset, tmp_path / "p.html", protected=protected)
    (shown,) = read_page(path).data["items"]
    assert shown["protected"] == [{"field": "lines", "line": 0, "start": 0, "end": 7}]
    assert shown["edited"] == ["हरि बोल", "la la"]
    assert shown["state"] == "edited"
    assert shown["by"]["note"] == "why" and shown["by"]["reviewer"] == "Asha"


def page_full_of(text, folder):
    """A page in which every field of the one song, and the reader, is `text`."""
    plain = text.replace("\ud83d", "")
    counted = dict.fromkeys(["language", "script", "source"], plain)
    fields = dict.fromkeys(["title", "author", "translation_language"], text)
    record = song(
        f"x{text}", f"river {text}", text, translation=(text,), **fields, **counted
    )
    dataset = build(folder / "dataset", record)
    return read_page(write_review_page(dataset, folder / "p.html", reviewer=text))


@pytest.mark.parametrize("payload", HOSTILE)
def test_hostile_text_stays_text(tmp_path, payload):
    harmless = page_full_of("plain", tmp_path / "harmless")
    hostile = page_full_of(payload, tmp_path / "hostile")
    assert hostile.elements == harmless.elements
    assert len(hostile.texts["script"]) == 2
    (shown,) = hostile.data["items"]
    assert shown["lines"] == [f"river {payload}", payload]
    assert shown["title"] == payload and shown["translation"] == [payload]


def test_the_page_runs_its_own_script_alone_and_asks_no_network(dataset, tmp_path):
    text = write_review_page(dataset, tmp_path / "p.html").read_text(encoding="utf-8")
    page = Page(text)
    policy = next(
        attrs["content"]
        for tag, attrs in page.elements
        if attrs.get("http-equiv") == "Content-Security-Policy"
    )
    digests = {
        f"{name}-src 'sha256-"
        + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
        + "'"
        for name, source in (
            ("style", page.texts["style"][0]),
            ("script", page.texts["script"][1]),
        )
    }
    assert set(policy.split("; ")) == {
        "default-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        *digests,
    }
    assert not re.findall(r"https?://", text)
    attributes = {name for _, attrs in page.elements for name in attrs}
    assert not attributes & {"src", "href", "style", "onclick", "onerror", "action"}
    script = page.texts["script"][1]
    for unsafe in (
        "innerHTML",
        "outerHTML",
        "insertAdjacent",
        "document.write",
        "eval(",
    ):
        assert unsafe not in script


def test_equal_datasets_give_equal_pages(dataset, tmp_path):
    pages = [write_review_page(dataset, tmp_path / f"{n}.html") for n in "ab"]
    assert pages[0].read_bytes() == pages[1].read_bytes()


def test_a_folder_without_a_dataset_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="`curate`"):
        write_review_page(tmp_path, tmp_path / "page.html")


def test_the_phrases_of_the_curation_are_shown_as_protected(dataset, tmp_path):
    phrases = ProtectedPhrases(languages=(), phrases=("all the night",))
    write_phrases(read_dataset(dataset), phrases)
    path = write_review_page(dataset, tmp_path / "page.html")
    items = {item["id"]: item for item in Page(path.read_text("utf-8")).data["items"]}
    assert items["light"]["protected"] == [
        {"field": "lines", "line": 1, "start": 0, "end": 13}
    ]
    assert items["grave"]["protected"] == []
