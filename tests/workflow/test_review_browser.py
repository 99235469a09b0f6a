"""The review page in a real browser: Chromium without a window."""

import functools
import http.server
import json
import os
import shutil
import threading
import time

import pytest

from gemma_keras_ft.preprocessing.culture.decision_rows import DECISIONS
from gemma_keras_ft.preprocessing.culture.decisions import Decisions
from gemma_keras_ft.preprocessing.culture.exclusions import ExclusionList
from gemma_keras_ft.preprocessing.culture.flags import FlagSpans
from gemma_keras_ft.preprocessing.culture.protection import Guard, ProtectedPhrases
from gemma_keras_ft.preprocessing.curate import curate_records
from gemma_keras_ft.preprocessing.splitting.split import Split
from gemma_keras_ft.preprocessing.store import write_dataset
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.workflow.review_page import write_review_page
from gemma_keras_ft.workflow.review_server import ReviewServer

REMEDY = "Install it with `apt-get install chromium chromium-driver`."
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
if CHROMIUM is None or DRIVER is None:
    pytest.skip(f"needs Chromium and its driver. {REMEDY}", allow_module_level=True)
selenium = pytest.importorskip(
    "selenium.webdriver",
    reason="needs selenium. Install it with `pip install 'gemma_keras_ft[browser]'`.",
)

PATIENCE_SECONDS = 20
PROTECTED = ProtectedPhrases(languages=(), phrases=("हरि बोल",))
RECIPE = (
    FlagSpans(
        lists=(
            ExclusionList(
                name="own list",
                entries=(
                    ("नदी", "caste", "high", "hi", "ask an elder"),
                    ("دریا", "gender", "medium"),
                    ("river", "religion", "low"),
                ),
            ),
        )
    ),
)
HOSTILE = (
    "<img src=x onerror=window.hacked=1> river",
    "</script><script>window.hacked=1</script>",
    "a\x00b \u202eevil\u202c \u200bc\ud83d",
)
SONGS = [
    LyricRecord(
        id="hindi",
        title="सुबह",
        language="hi",
        lines=(
            "सुबह हुई",
            "🎤 बहती नदी का पानी",
            "हरि बोल",
            "98450 00000 पर बुलाओ",
            "फिर आना",
        ),
    ),
    LyricRecord(id="urdu", language="ur", lines=("دریا کنارے", "شام ہوئی")),
    LyricRecord(
        id="hostile", title=HOSTILE[0], author=HOSTILE[1], language="en", lines=HOSTILE
    ),
    LyricRecord(id="sacred", lines=("98450 00001", "x"), no_alter=True, language="hi"),
    LyricRecord(id="unflagged", lines=("nothing", "at all"), language="en"),
]


def build(folder, songs=SONGS, decisions=None):
    curation = curate_records(
        songs,
        recipe=RECIPE,
        # In one split, so that songs come in the order in which they stand here.
        split=Split(validation=0, test=0),
        guard=Guard(PROTECTED),
        decisions=decisions,
    )
    return write_dataset(curation, folder)


@pytest.fixture(scope="module")
def downloads(tmp_path_factory):
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def chromium(tmp_path_factory, downloads):
    options = selenium.ChromeOptions()
    options.binary_location = CHROMIUM
    profile = tmp_path_factory.mktemp("profile")
    for argument in (
        "headless=new",
        "no-sandbox",
        "disable-gpu",
        "disable-quic",
        "disable-dev-shm-usage",
        "no-first-run",
        "disable-background-networking",
        "disable-component-update",
        "disable-sync",
        "window-size=1360,900",
        f"user-data-dir={profile}",
    ):
        options.add_argument(f"--{argument}")
    options.add_experimental_option(
        "prefs", {"download.default_directory": str(downloads)}
    )
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = selenium.ChromeService(executable_path=DRIVER)
    driver = selenium.Chrome(options=options, service=service)
    yield driver
    driver.quit()


class Reader:
    """A reader of the language, before the page."""

    def __init__(self, chromium):
        self.chromium = chromium

    def all(self, selector):
        return self.chromium.find_elements("css selector", selector)

    def one(self, selector):
        return self.chromium.find_element("css selector", selector)

    def text(self, selector):
        return self.one(selector).text

    def texts(self, selector):
        return [element.text for element in self.all(selector)]

    def press(self, keys):
        self.one("body").send_keys(keys)

    def sign(self, name):
        self.one("#reviewer").clear()
        self.one("#reviewer").send_keys(name)
        self.run("document.activeElement.blur()")

    def run(self, script, *arguments):
        return self.chromium.execute_script(script, *arguments)

    def choose(self, filter_id, value):
        script = (
            "const f = document.getElementById(arguments[0]); f.value = arguments[1];"
        )
        self.run(f"{script} f.dispatchEvent(new Event('change'))", filter_id, value)

    def wait(self, truth, what):
        end = time.monotonic() + PATIENCE_SECONDS
        while not truth():
            assert time.monotonic() < end, f"waited in vain for {what}"
            time.sleep(0.02)

    def wait_for_text(self, selector, text):
        # The page is drawn anew when a decision is saved: found at once, or not yet.
        script = "return document.querySelector(arguments[0])?.textContent ?? ''"
        self.wait(lambda: text in self.run(script, selector), f"{text!r} in {selector}")

    def heading(self):
        return self.text("#song h2")


@pytest.fixture
def dataset(tmp_path):
    return build(tmp_path / "dataset").directory


@pytest.fixture
def reader(chromium, dataset):
    chromium.get_log("browser")
    with ReviewServer(dataset, protected=PROTECTED) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        chromium.get(server.url)
        reader = Reader(chromium)
        yield reader
        # Leaves the page, so that no answer of the server is waited for.
        chromium.get("about:blank")
        server.shutdown()
        thread.join()
    severe = [m for m in chromium.get_log("browser") if m["level"] == "SEVERE"]
    assert [m for m in severe if "422" not in m["message"]] == []


def saved(dataset):
    path = dataset / DECISIONS
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def test_a_flag_is_shown_in_its_context(reader):
    assert reader.heading() == "सुबह"
    marks = reader.all("#song mark")
    assert [mark.text for mark in marks] == ["नदी", "98450 00000"]
    assert [mark.get_attribute("class") for mark in marks] == [
        "caste high",
        "personal_data medium",
    ]
    assert reader.texts(".lyric .words")[0] == "सुबह हुई"
    line = reader.texts(".lyric .words")[1]
    assert line.startswith("🎤 बहती नदी") and line.endswith("का पानी")
    assert "caste · high" in line
    assert reader.texts(".lyric .number") == ["1", "2", "3", "4", "5"]
    assert reader.texts(".lyric .kept") == ["हरि बोल"]
    assert "own list · ask an elder" in reader.texts(".flags li")[0]
    assert reader.text("#progress-text") == "0 of 4 decided"
    words = reader.one(".lyric .words")
    assert words.get_attribute("lang") == "hi"
    assert words.value_of_css_property("direction") == "ltr"


def test_decisions_are_saved_and_replayed_by_the_next_curation(reader, dataset):
    reader.sign("Asha")
    reader.press("n")
    reader.one("#note").send_keys("a river is a river: a, e, x")
    assert not saved(dataset), "keys must not decide while a note is typed"
    reader.one("#note").send_keys("\ue00c")
    reader.press("a")
    reader.wait(lambda: len(saved(dataset)) == 1, "the first decision")
    reader.wait_for_text("#progress-text", "1 of 4")
    reader.wait_for_text("#said", "Saved")
    assert "دریا" in reader.text(".lyric")
    reader.press("x")
    reader.wait_for_text("#progress-text", "2 of 4")
    accepted, excluded = saved(dataset)
    assert accepted["record_id"] == "hindi" and accepted["decision"] == "accept"
    assert accepted["note"] == "a river is a river: a, e, x"
    assert accepted["reviewer"] == "Asha"
    assert excluded["record_id"] == "urdu" and excluded["decision"] == "exclude"
    again = build(
        dataset.parent / "again", decisions=Decisions.read(dataset / DECISIONS)
    )
    records = {r.id: r for split in again.splits.values() for r in split}
    assert records["hindi"].metadata["review"]["state"] == "accepted"
    assert "urdu" not in records
    assert again.report["set_aside_reasons"] == {"review_excluded": 1}


def test_an_edit_is_saved_and_replayed(reader, dataset):
    reader.sign("Asha")
    reader.press("e")
    area = reader.one("textarea")
    before = area.get_property("value")
    assert before == "\n".join(SONGS[0].lines)
    edited = before.replace("98450 00000 पर बुलाओ", "मुझे बुलाओ")
    reader.run("arguments[0].value = arguments[1]", area, edited)
    area.send_keys("\ue009\ue007")
    reader.wait(lambda: len(saved(dataset)) == 1, "the edit")
    (row,) = saved(dataset)
    assert row["decision"] == "edit" and row["lines"] == edited.split("\n")
    guarded = Decisions.read(dataset / DECISIONS, Guard(PROTECTED))
    again = build(dataset.parent / "again", decisions=guarded)
    records = {r.id: r for split in again.splits.values() for r in split}
    assert records["hindi"].lines == tuple(edited.split("\n"))
    assert [flag["text"] for flag in records["hindi"].metadata["flags"]] == ["नदी"]
    assert records["hindi"].metadata["review"]["state"] == "edited"


def test_an_edit_that_loses_a_protected_phrase_is_refused(reader, dataset):
    reader.sign("Asha")
    reader.press("e")
    assert "हरि बोल" in reader.text("#song .banner")
    area = reader.one("textarea")
    reader.run("arguments[0].value = 'सुबह हुई'", area)
    reader.one("#save").click()
    reader.wait_for_text("#said", "Protected phrases would be lost: हरि बोल")
    # A phrase that is glued to a word is found by the server alone.
    glued = "\n".join(SONGS[0].lines).replace("हरि बोल", "हरि बोलना")
    reader.run("arguments[0].value = arguments[1]", area, glued)
    reader.run("document.getElementById('said').textContent = ''")
    reader.one("#save").click()
    reader.wait_for_text("#said", "Protected phrases would be lost")
    assert not saved(dataset)
    area.send_keys("\ue00c")
    assert not reader.all("textarea")


def test_an_edit_leaves_open_what_it_does_not_reach(reader, dataset):
    reader.sign("Asha")
    reader.choose("filter-language", "en")
    reader.press("e")
    assert "An edit changes the lines alone" in reader.text("#song")
    reader.run("document.querySelector('textarea').value = 'new words'")
    reader.one("#save").click()
    reader.wait(lambda: len(saved(dataset)) == 1, "the edit")
    reader.wait_for_text(".lyric", "new words")
    assert reader.text("#progress-text") == "0 of 4 decided"
    assert len(reader.all(".flags button")) == 1
    reader.press("1")
    reader.wait_for_text("#progress-text", "1 of 4")
    assert [row["decision"] for row in saved(dataset)] == ["edit", "accept"]


def test_a_decision_needs_a_name(reader, dataset):
    reader.press("a")
    reader.wait_for_text("#said", "who you are")
    assert reader.run("return document.activeElement.id") == "reviewer"
    assert not saved(dataset)


def test_spans_are_accepted_one_by_one(reader, dataset):
    reader.sign("Asha")
    reader.press("1")
    reader.wait(lambda: len(saved(dataset)) == 1, "the first span")
    assert saved(dataset)[0]["span"] == {
        "field": "lines",
        "line": 1,
        "start": 7,
        "end": 10,
    }
    reader.wait(lambda: len(reader.all(".flags .fine")) == 1, "the span to be marked")
    assert reader.heading() == "सुबह"
    reader.all(".flags button")[0].click()
    reader.wait_for_text("#progress-text", "1 of 4")
    assert saved(dataset)[1]["span"]["line"] == 3


def test_hostile_text_stays_text(reader):
    reader.choose("filter-language", "en")
    assert "<img src=x onerror=window.hacked=1>" in reader.heading()
    assert reader.texts(".lyric .words")[1] == HOSTILE[1]
    assert HOSTILE[1] in reader.text(".byline")
    assert not reader.all("img, iframe, object, embed, #song script")
    assert reader.run("return window.hacked") is None
    assert reader.texts(".lyric .control") == [
        "U+0000",
        "U+202E",
        "U+202C",
        "U+200B",
        "U+D83D",
    ]


def test_the_policy_stops_what_is_no_script_of_the_page(reader, chromium):
    reader.run(
        "const s = document.createElement('script'); s.textContent = 'window.hacked=1';"
        "document.body.append(s);"
        "const i = new Image(); i.src = 'http://127.0.0.1:9/x.png';"
        "document.body.append(i)"
    )
    assert reader.run("return window.hacked") is None
    messages = [m["message"] for m in chromium.get_log("browser")]
    assert sum("Content Security Policy" in message for message in messages) >= 2


def test_right_to_left_text_runs_right_to_left(reader):
    reader.choose("filter-language", "ur")
    line = reader.one(".lyric .words")
    assert line.value_of_css_property("direction") == "rtl"
    mark, tag = reader.one(".lyric mark"), reader.one(".lyric .tag")
    assert mark.rect["x"] > tag.rect["x"]
    assert tag.value_of_css_property("direction") == "ltr"


def test_a_song_marked_no_alter_is_not_edited(reader, dataset):
    reader.choose("filter-language", "hi")
    reader.press("j")
    assert "no_alter" in reader.text(".banner")
    assert not reader.one("#edit").is_enabled()
    reader.press("e")
    assert not reader.all("textarea")


def test_filters_and_keys_move_through_the_songs(reader):
    assert reader.text("#page-text") == "1–4 of 4"
    reader.press("j")
    assert "دریا" in reader.text(".lyric")
    reader.press("k")
    assert reader.heading() == "सुबह"
    reader.choose("filter-category", "religion")
    assert reader.text("#page-text") == "1–1 of 1"
    reader.choose("filter-state", "decided")
    assert reader.text("#page-text") == "none"
    assert "No song passes" in reader.text("#song")
    reader.press("a")
    reader.one("#help-button").click()
    assert "A flag is a question" in reader.text("#help")
    reader.one("#help button").click()
    assert not reader.one("#help").is_displayed()


def test_a_server_that_has_stopped_is_told(reader, dataset):
    reader.sign("Asha")
    reader.run("window.fetch = () => Promise.reject(new TypeError('gone'))")
    reader.press("a")
    reader.wait_for_text("#said", "The server has stopped")
    assert reader.text("#progress-text") == "0 of 4 decided"


def test_thousands_of_songs_are_paged(chromium, tmp_path):
    songs = [
        LyricRecord(
            id=f"s{n}", lines=(f"river number {n}", f"{n * 7919}"), language="en"
        )
        for n in range(3000)
    ]
    dataset = build(tmp_path / "dataset", songs).directory
    path = write_review_page(dataset, tmp_path / "page.html", reviewer="Asha")
    chromium.get(path.as_uri())
    reader = Reader(chromium)
    assert reader.text("#progress-text") == "0 of 3,000 decided"
    assert len(reader.all("#list li")) == 50
    reader.one("#page-on").click()
    assert reader.text("#page-text") == "51–100 of 3,000"
    reader.all("#list button")[0].click()
    first = reader.text(".lyric")
    for _ in range(50):
        reader.press("j")
    assert reader.text("#page-text") == "101–150 of 3,000"
    assert reader.text(".lyric") != first
    assert len(reader.all("#list li")) == 50


def test_the_page_as_a_file_downloads_its_decisions(chromium, downloads, tmp_path):
    dataset = build(tmp_path / "dataset").directory
    path = write_review_page(dataset, tmp_path / "page.html", protected=PROTECTED)
    chromium.get(path.as_uri())
    reader = Reader(chromium)
    reader.sign("Asha")
    reader.press("a")
    reader.wait_for_text("#progress-text", "1 of 4")
    reader.press("x")
    reader.wait_for_text("#progress-text", "2 of 4")
    # A page that is closed and opened again still knows what was decided.
    chromium.get("about:blank")
    chromium.get(path.as_uri())
    assert reader.text("#progress-text") == "2 of 4 decided"
    reader.one("#download").click()
    downloaded = downloads / "decisions.jsonl"
    reader.wait(downloaded.exists, "the download")
    log = Decisions.read(downloaded, Guard(PROTECTED))
    assert not log.bad
    assert [(row.record_id, row.decision) for row in log.rows] == [
        ("hindi", "accept"),
        ("urdu", "exclude"),
    ]
    again = build(tmp_path / "again", decisions=log)
    assert again.report["set_aside_reasons"] == {"review_excluded": 1}


def test_another_origins_page_can_neither_read_nor_decide(chromium, dataset, tmp_path):
    folder = tmp_path / "evil"
    folder.mkdir()
    (folder / "index.html").write_text("<!doctype html><title>evil</title>")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    evil = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=os.fspath(folder))
    )
    with evil, ReviewServer(dataset, reviewer="Asha") as server:
        threads = [
            threading.Thread(target=one.serve_forever, args=(0.01,))
            for one in (evil, server)
        ]
        for thread in threads:
            thread.start()
        chromium.get(f"http://127.0.0.1:{evil.server_address[1]}/")
        # Even one that knows the token, and sends what needs no asking beforehand.
        outcome = chromium.execute_async_script(
            """
            const [url, done] = arguments;
            const row = JSON.stringify({ record_id: "hindi" });
            Promise.allSettled([
              fetch(url).then((r) => r.text()),
              fetch(url + "decisions", { method: "POST", body: row,
                headers: { "Content-Type": "application/json" } }),
              fetch(url + "decisions", { method: "POST", body: row, mode: "no-cors",
                headers: { "Content-Type": "text/plain" } }),
            ]).then((all) => done(all.map((one) => one.status)));
            """,
            server.url,
        )
        chromium.get("about:blank")
        for one in (evil, server):
            one.shutdown()
        for thread in threads:
            thread.join()
    assert outcome[:2] == ["rejected", "rejected"]
    assert not saved(dataset)
