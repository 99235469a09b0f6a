import json
import threading

import pytest

from gemma_keras_ft.preprocessing.culture.decision_rows import (
    BadDecision,
    Decision,
    append_decision,
    lines_sha256,
    parse_row,
)

ROW = {
    "record_id": "song",
    "lines_sha256": lines_sha256(["one", "two"]),
    "decision": "accept",
    "span": None,
    "lines": None,
    "note": "",
    "reviewer": "Asha",
    "time": "2025-01-31T12:00:00+00:00",
}
SPAN = {"field": "lines", "line": 0, "start": 1, "end": 3}


def test_a_row_becomes_a_decision_and_a_row_again():
    edit = {**ROW, "decision": "edit", "lines": ["one"], "span": SPAN, "note": "phone"}
    for row in (ROW, edit, {**ROW, "span": {**SPAN, "field": "title", "line": None}}):
        decision = Decision.from_row(row)
        assert decision.to_row() == row
        assert Decision.from_row(json.loads(json.dumps(decision.to_row()))) == decision


def test_further_fields_are_passed_over():
    row = {**ROW, "color": "red", "span": {**SPAN, "text": "ne"}}
    assert Decision.from_row(row).to_row() == {**ROW, "span": SPAN}
    title = {"field": "title", "start": 0, "end": 1}
    assert Decision.from_row({**ROW, "span": title}).span["line"] is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"record_id": 7}, "bad_field"),
        ({"record_id": ""}, "no_record_id"),
        ({"note": None}, "bad_field"),
        ({"lines_sha256": "abc"}, "bad_hash"),
        ({"decision": "delete"}, "bad_decision"),
        ({"reviewer": " "}, "no_reviewer"),
        ({"reviewer": ["Asha"]}, "bad_field"),
        ({"time": "yesterday"}, "bad_time"),
        ({"time": "2025-01-31T12:00:00"}, "bad_time"),
        ({"span": []}, "bad_span"),
        ({"span": {**SPAN, "field": "author"}}, "bad_span"),
        ({"span": {**SPAN, "line": None}}, "bad_span"),
        ({"span": {**SPAN, "start": True}}, "bad_span"),
        ({"span": {**SPAN, "field": "title"}}, "bad_span"),
        ({"lines": ["x"]}, "bad_lines"),
        ({"decision": "edit"}, "bad_lines"),
        ({"decision": "edit", "lines": "x"}, "bad_lines"),
        ({"decision": "edit", "lines": ["x", 7]}, "bad_lines"),
        ({"decision": "edit", "lines": ["x\ny"]}, "bad_lines"),
        ({"decision": "edit", "lines": ["", " - "]}, "bad_lines"),
        ({"decision": "edit", "lines": []}, "bad_lines"),
    ],
)
def test_a_row_that_is_no_decision_says_why(changes, reason):
    with pytest.raises(BadDecision) as caught:
        Decision.from_row({**ROW, **changes})
    assert caught.value.reason == reason


@pytest.mark.parametrize("name", ["record_id", "lines_sha256", "decision"])
def test_what_must_be_given(name):
    row = {key: value for key, value in ROW.items() if key != name}
    with pytest.raises(BadDecision, match=name) as caught:
        Decision.from_row(row)
    assert caught.value.reason == "missing_field"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "bad_json"),
        (b"\xff", "bad_json"),
        (b"[" * 100_000, "bad_json"),
        (b"[]", "not_an_object"),
        (b"null", "not_an_object"),
    ],
)
def test_a_line_that_is_no_decision_says_why(line, reason):
    with pytest.raises(BadDecision) as caught:
        parse_row(line)
    assert caught.value.reason == reason


def test_equal_rows_have_one_key_and_others_another():
    decision = Decision.from_row(ROW)
    assert decision.key == Decision.from_row(dict(reversed(ROW.items()))).key
    assert decision.key != Decision.from_row({**ROW, "note": "x"}).key


def test_the_hash_tells_lines_apart():
    assert lines_sha256(["a", "b"]) == lines_sha256(("a", "b"))
    assert lines_sha256(["a", "b"]) != lines_sha256(["a b"])
    assert lines_sha256(["\ud83d"]) != lines_sha256(["?"])


def test_decisions_are_appended_line_by_line(tmp_path):
    path = tmp_path / "decisions.jsonl"
    rows = [Decision.from_row({**ROW, "note": f"{n} \ud83d\u2028 é"}) for n in range(3)]
    for row in rows:
        append_decision(path, row)
    lines = path.read_bytes().split(b"\n")
    assert [parse_row(line) for line in lines[:-1]] == rows
    assert lines[-1] == b""


def test_a_torn_row_is_closed_off(tmp_path):
    path = tmp_path / "decisions.jsonl"
    path.write_bytes(b'{"record_id": "so')
    append_decision(path, Decision.from_row(ROW))
    torn, row, end = path.read_bytes().split(b"\n")
    assert torn == b'{"record_id": "so' and end == b""
    assert parse_row(row).to_row() == ROW


def test_writers_at_once_tear_no_row(tmp_path):
    path = tmp_path / "decisions.jsonl"

    def write(name):
        for place in range(20):
            row = {**ROW, "reviewer": name, "note": f"{place}" * 500}
            append_decision(path, Decision.from_row(row))

    threads = [threading.Thread(target=write, args=(f"r{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = [parse_row(line) for line in path.read_bytes().splitlines()]
    assert len(rows) == 160
    assert {row.reviewer for row in rows} == {f"r{n}" for n in range(8)}
