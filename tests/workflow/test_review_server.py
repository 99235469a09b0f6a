import http.client
import json
import threading

import pytest

from gemma_keras_ft.preprocessing.culture.decision_rows import DECISIONS, lines_sha256
from gemma_keras_ft.preprocessing.culture.decisions import Decisions
from gemma_keras_ft.preprocessing.culture.flags import FlagSpans
from gemma_keras_ft.preprocessing.culture.protection import ProtectedPhrases
from gemma_keras_ft.preprocessing.curate import curate_records
from gemma_keras_ft.preprocessing.store import read_dataset, write_dataset
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.workflow import review_server
from gemma_keras_ft.workflow.review_queue import write_phrases
from gemma_keras_ft.workflow.review_server import ReviewServer, serve_review

LINES = ("call 98450 00000", "जय राम", "la la la")
SONGS = [
    LyricRecord(id="song", lines=LINES, language="hi"),
    LyricRecord(id="sacred", lines=("98450 00001", "x"), no_alter=True),
]
PROTECTED = ProtectedPhrases(languages=(), phrases=("जय राम",))


@pytest.fixture
def dataset(tmp_path):
    curation = curate_records(SONGS, recipe=(FlagSpans(),))
    return write_dataset(curation, tmp_path / "dataset").directory


@pytest.fixture
def server(dataset):
    with ReviewServer(dataset, reviewer="Asha", protected=PROTECTED) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(server, method, path, body=None, **headers):
    host, port = server.server_address
    connection = http.client.HTTPConnection(host, port, timeout=10)
    # None takes a header out, Host too.
    headers = {"Host": f"{host}:{port}", **headers}
    try:
        connection.putrequest(method, path, skip_host=True)
        for name, value in headers.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def row(**changes):
    return {
        "record_id": "song",
        "lines_sha256": lines_sha256(LINES),
        "decision": "accept",
        "reviewer": "Asha",
        **changes,
    }


def post(server, content, path=None, **headers):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    made = {
        "Origin": server.origin,
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **headers,
    }
    path = f"/{server.token}/decisions" if path is None else path
    answer, text = ask(server, "POST", path, body, **made)
    return answer.status, json.loads(text) if text.startswith(b"{") else text


def saved(dataset):
    path = dataset / DECISIONS
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def test_the_page_is_served_with_its_policy(server):
    answer, text = ask(server, "GET", f"/{server.token}/")
    assert answer.status == 200
    assert server.url == f"http://127.0.0.1:{server.server_address[1]}/{server.token}/"
    assert b"98450 00000" in text and b'"served": true' in text
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert "connect-src 'self'" in policy and "frame-ancestors 'none'" in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_only_this_machine_can_reach_it(server):
    assert server.server_address[0] == "127.0.0.1"


def test_two_servers_have_two_tokens(dataset, server):
    with ReviewServer(dataset) as other:
        assert other.token != server.token
    assert len(server.token) >= 32


@pytest.mark.parametrize(
    "path",
    ["/", "/decisions", "//", "/x/", "/{token}", "/{token}x/", "/{token}/x", "*"],
)
def test_without_the_token_there_is_nothing(server, path):
    answer, text = ask(server, "GET", path.format(token=server.token))
    assert answer.status == 404
    assert b"98450" not in text


@pytest.mark.parametrize(
    "host", [None, "", "evil.example", "evil.example:{port}", "localhost", "127.0.0.1"]
)
def test_another_name_for_this_machine_is_refused(server, host):
    host = host and host.format(port=server.server_address[1])
    answer, _ = ask(server, "GET", f"/{server.token}/", Host=host)
    assert answer.status == 404
    assert post(server, row(), Host=host)[0] == 404


def test_a_decision_is_written_down_under_the_servers_clock(server, dataset):
    status, answer = post(server, row(note="fine", time="1999-01-01T00:00:00+00:00"))
    assert status == 200
    (line,) = saved(dataset)
    assert json.loads(line) == answer
    assert answer["note"] == "fine" and answer["time"] > "2024"
    (decision,) = Decisions.read(dataset / DECISIONS).rows
    assert decision.reviewer == "Asha"


def test_the_page_that_is_loaded_again_knows_the_decision(server):
    assert post(server, row())[0] == 200
    _, text = ask(server, "GET", f"/{server.token}/")
    data = text.split(b'id="data">')[1].split(b"</script>")[0]
    states = {item["id"]: item["state"] for item in json.loads(data)["items"]}
    assert states == {"song": "accepted", "sacred": "open"}


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example", "{url}"])
def test_another_sites_page_cannot_decide(server, dataset, origin):
    origin = origin and origin.format(url=server.url)
    assert post(server, row(), Origin=origin)[0] == 403
    assert not saved(dataset)


@pytest.mark.parametrize(
    "kind",
    [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"],
)
def test_what_a_form_can_send_is_refused(server, dataset, kind):
    assert post(server, row(), **{"Content-Type": kind})[0] == 415
    assert not saved(dataset)


@pytest.mark.parametrize(
    "path", ["/decisions", "/x/decisions", "/{token}/", "/{token}/x"]
)
def test_a_decision_goes_to_its_place_alone(server, dataset, path):
    assert post(server, row(), path.format(token=server.token))[0] == 404
    assert not saved(dataset)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "Expecting"),
        (b"[]", "JSON object"),
        (b"\xff\xfe", ""),
        (b"[" * 50_000, ""),
        (row(decision="delete"), "`decision` must be one of"),
        (row(reviewer=""), "`reviewer` must say"),
        (row(record_id="other"), "no such song"),
        (row(lines_sha256=lines_sha256(["x"])), "no such song"),
        (row(decision="edit", lines=["la la la"]), "जय राम"),
        (
            row(
                record_id="sacred",
                lines_sha256=lines_sha256(SONGS[1].lines),
                decision="edit",
                lines=["x"],
            ),
            "no_alter",
        ),
    ],
)
def test_what_is_no_decision_is_told_and_not_written(server, dataset, content, message):
    status, answer = post(server, content)
    assert status == 422
    assert message in answer["error"]
    assert not saved(dataset)


@pytest.mark.parametrize("size", [None, "", "-1", "x", "²", str(2**40)])
def test_a_body_without_a_sane_length_is_not_read(server, dataset, size):
    assert post(server, row(), **{"Content-Length": size})[0] == 413
    assert not saved(dataset)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "HEAD"])
def test_other_methods_are_none_of_its(server, method):
    answer, _ = ask(server, method, f"/{server.token}/")
    assert answer.status == 501


def test_a_disk_that_takes_nothing_is_told(server, dataset):
    (dataset / DECISIONS).mkdir()
    status, answer = post(server, row())
    assert status == 500
    assert "could not be written" in answer["error"]


def test_decisions_from_many_readers_are_all_kept(server, dataset):
    def decide(name):
        for _ in range(10):
            assert post(server, row(reviewer=name))[0] == 200

    threads = [threading.Thread(target=decide, args=(f"r{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Decisions.read(dataset / DECISIONS).rows) == 60


def test_serving_says_where_and_ends_with_ctrl_c(dataset, monkeypatch):
    said, opened = [], []

    def interrupted(self, poll_interval=0.5):
        raise KeyboardInterrupt

    monkeypatch.setattr(ReviewServer, "serve_forever", interrupted)
    monkeypatch.setattr(review_server.webbrowser, "open", opened.append)
    serve_review(dataset, say=said.append)
    assert said[0] == f"Review at {opened[0]}"
    assert str(dataset / DECISIONS) in said[1]
    assert "Stopped" in said[-1]
    serve_review(dataset, open_browser=False, say=said.append)
    assert len(opened) == 1


def test_wrong_ports_are_refused(dataset, server):
    for port in (-1, 2**16, "80"):
        with pytest.raises(ValueError, match="`port` must be from 0 to 65535"):
            ReviewServer(dataset, port)
    with pytest.raises(OSError, match="`port` must be free"):
        ReviewServer(dataset, server.server_address[1])


def test_a_folder_without_a_dataset_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="`curate`"):
        serve_review(tmp_path)


def test_the_phrases_of_the_curation_are_protected(dataset):
    edit = row(decision="edit", lines=["la la la"])
    phrases = ProtectedPhrases(languages=(), phrases=("98450 00000",))
    write_phrases(read_dataset(dataset), phrases)
    with (
        ReviewServer(dataset) as server,
        pytest.raises(ValueError, match="98450 00000"),
    ):
        server.decide(edit)
    assert not saved(dataset)
    with ReviewServer(dataset, protected=ProtectedPhrases(languages=())) as server:
        server.decide(edit)
    assert len(saved(dataset)) == 1
