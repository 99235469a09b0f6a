import dataclasses
import json
import pickle

import hypothesis
import hypothesis.strategies as st
import pytest

from gemma_keras_ft.preprocessing.culture.decision_rows import Decision, lines_sha256
from gemma_keras_ft.preprocessing.culture.decisions import (
    Decisions,
    apply_decisions,
    awaits_review,
    open_flags,
)
from gemma_keras_ft.preprocessing.culture.exclusions import ExclusionList
from gemma_keras_ft.preprocessing.culture.flags import ExcludeFlagged, FlagSpans
from gemma_keras_ft.preprocessing.culture.protection import Guard
from gemma_keras_ft.records import LyricRecord, SetAside
from gemma_keras_ft.testing import awkward_records

FLAG = FlagSpans(lists=(ExclusionList(name="own", entries=(("river",), ("rain",))),))
LINES = ("the river and the rain", "call 98450 00000", "हरि बोल")
CLEAN = ("the river and the rain", "call", "हरि बोल")


def song(lines=LINES, **fields):
    return FLAG(LyricRecord(**{"id": "song", "lines": lines, **fields}))


def decide(decision, *, seen=LINES, **fields):
    made = {"reviewer": "Asha", "time": "2025-01-31T12:00:00+00:00", **fields}
    return Decision(
        record_id="song", lines_sha256=lines_sha256(seen), decision=decision, **made
    )


def edit(lines, **fields):
    return decide("edit", lines=tuple(lines), **fields)


def decisions(*rows, guard=None):
    return Decisions(tuple(rows), guard)


def span_of(flag):
    return {name: flag[name] for name in ("field", "line", "start", "end")}


def test_a_record_that_nobody_decided_on_stays_the_same_object():
    record = song()
    assert apply_decisions(record, decisions()) is record
    other = Decision(**{**vars(decide("exclude")), "record_id": "other"})
    assert apply_decisions(record, decisions(other)) is record


def test_an_accepted_record_says_who_accepted_it():
    record = song()
    result = apply_decisions(record, decisions(decide("accept", note="a river")))
    assert result.lines == record.lines
    assert result.metadata["flags"] == record.metadata["flags"]
    assert result.metadata["review"] == {
        "state": "accepted",
        "reviewer": "Asha",
        "time": "2025-01-31T12:00:00+00:00",
        "note": "a river",
    }


def test_an_excluded_record_is_set_aside_under_a_name():
    record = song()
    result = apply_decisions(record, decisions(decide("exclude", note="not ours")))
    assert isinstance(result, SetAside)
    assert result.reason == "review_excluded"
    assert "Asha" in result.detail and "not ours" in result.detail
    assert result.record == record.to_dict()
    assert awaits_review(result)


def test_an_edit_changes_the_lines_and_drops_what_was_made_from_them():
    record = song(
        romanized=("a", "b", "c"),
        translation=("x", "y", "z"),
        metadata={"line_types": ["a", "b", "c"], "kept": 1},
    )
    result = apply_decisions(record, decisions(edit(CLEAN)))
    assert result.lines == CLEAN
    assert result.romanized is None
    assert result.translation == ("x", "y", "z")
    assert result.metadata["review"]["state"] == "edited"
    assert result.metadata["kept"] == 1 and "flags" not in result.metadata
    assert result.metadata["line_types"] == ["a", "b", "c"]
    shorter = apply_decisions(record, decisions(edit(CLEAN[:2])))
    assert "line_types" not in shorter.metadata


def test_an_edit_is_replayed_on_the_source_each_time():
    log = decisions(edit(CLEAN))
    assert apply_decisions(song(), log) == apply_decisions(song(), log)


def test_applying_again_does_no_more():
    rows = [edit(CLEAN), edit(("the river",), seen=CLEAN), decide("accept", seen=CLEAN)]
    for log in (decisions(*rows[:1]), decisions(*rows[:2]), decisions(*rows)):
        once = apply_decisions(song(), log)
        assert apply_decisions(once, log) == once
        again = FLAG(once)
        assert apply_decisions(again, log) == again
        assert apply_decisions(again, log).lines == once.lines


def test_on_other_lines_a_decision_is_stale_and_the_record_waits():
    record = song(("another river",))
    for row in (decide("accept"), decide("exclude"), edit(CLEAN)):
        result = apply_decisions(record, decisions(row))
        assert result.lines == record.lines
        assert result.metadata["review"]["state"] == "stale"
        review = decisions(row).review(record)
        assert review.state == "stale" and review.decision == row
        assert open_flags(record, review) == record.metadata["flags"]
    answered = decisions(decide("exclude"), decide("accept", seen=record.lines))
    assert apply_decisions(record, answered).metadata["review"]["state"] == "accepted"


def test_an_edit_that_the_source_has_taken_over_counts_as_made():
    result = apply_decisions(song(CLEAN), decisions(edit(CLEAN)))
    assert result.metadata["review"]["state"] == "edited"
    assert result.lines == CLEAN


def test_the_last_decision_wins():
    states = {"accept": "accepted", "edit": "edited"}
    rows = {
        "accept": decide("accept"),
        "edit": edit(CLEAN),
        "exclude": decide("exclude"),
    }
    for first in rows.values():
        for name, last in rows.items():
            result = apply_decisions(song(), decisions(first, last))
            if name == "exclude":
                assert isinstance(result, SetAside)
            else:
                assert result.metadata["review"]["state"] == states[name]


def test_a_second_edit_of_the_same_lines_takes_the_place_of_the_first():
    result = apply_decisions(song(), decisions(edit(CLEAN), edit(("the river",))))
    assert result.lines == ("the river",)


def test_an_edit_can_be_taken_back():
    log = decisions(edit(CLEAN), edit(LINES, seen=CLEAN))
    assert apply_decisions(song(), log).lines == LINES


def test_an_edit_of_what_later_steps_made_of_an_edit_follows():
    rows = [edit(("the  river  ", "x"))]
    once = apply_decisions(song(), decisions(*rows))
    # As `Normalize` would, when the recipe is run on the edited record.
    tidied = once.replace(lines=("the river", "x"))
    log = decisions(*rows)
    assert apply_decisions(tidied, log).lines == tidied.lines
    assert log.review(tidied).state == "edited"
    rows.append(edit(("the river",), seen=tidied.lines))
    assert apply_decisions(tidied, decisions(*rows)).lines == ("the river",)


def test_spans_are_accepted_one_by_one():
    record = song()
    flags = record.metadata["flags"]
    assert len(flags) == 3
    rows = [decide("accept", span=span_of(flag)) for flag in flags]
    review = decisions(*rows[:2]).review(record)
    assert review.state == "open"
    assert open_flags(record, review) == flags[2:]
    assert apply_decisions(record, decisions(*rows[:2])) is record
    assert decisions(*rows).review(record).state == "accepted"
    assert apply_decisions(record, decisions(*rows)).metadata["review"]["reviewer"]


def test_a_span_that_is_accepted_takes_back_its_own_exclusion_alone():
    record = song()
    spans = [span_of(flag) for flag in record.metadata["flags"]]
    excluded = decide("exclude", span=spans[0])
    accepted = [decide("accept", span=span) for span in spans]
    assert decisions(excluded, *accepted[1:]).review(record).state == "excluded"
    assert decisions(excluded, *accepted).review(record).state == "accepted"
    assert decisions(decide("exclude"), *accepted).review(record).state == "excluded"


def test_an_edit_leaves_open_what_it_does_not_reach():
    record = song(title="rain", translation=("river", "x", "y"))
    flags = {flag["field"]: flag for flag in record.metadata["flags"]}
    title = decide("accept", span=span_of(flags["title"]))
    rest = decide("accept", span=span_of(flags["translation"]))
    rows = [title, edit(CLEAN)]
    review = decisions(*rows).review(record)
    assert review.state == "edited"
    assert open_flags(record, review) == [flags["translation"]]
    # The same once the edit was applied and the record was flagged anew.
    applied = FLAG(apply_decisions(record, decisions(*rows)))
    assert applied.lines == CLEAN
    review = decisions(*rows).review(applied)
    assert open_flags(applied, review) == [flags["translation"]]
    for log in (decisions(*rows, rest), decisions(*rows, decide("accept"))):
        assert open_flags(record, log.review(record)) == []
        assert open_flags(applied, log.review(applied)) == []
        assert log.apply(record).lines == CLEAN


def test_an_edit_may_not_touch_a_protected_phrase():
    guard = Guard(["हरि बोल"])
    log = decisions(edit(("the river", "हरि")), guard=guard)
    result = apply_decisions(song(), log)
    assert result.lines == LINES
    assert result.metadata["review"]["state"] == "refused"
    assert "हरि बोल" in result.metadata["review"]["why"]
    assert open_flags(song(), log.review(song()))
    allowed = decisions(*log.rows, edit(CLEAN), guard=guard)
    assert apply_decisions(song(), allowed).lines == CLEAN


def test_a_record_marked_no_alter_is_not_edited():
    record = song(no_alter=True)
    result = apply_decisions(record, decisions(edit(CLEAN)))
    assert result.lines == LINES
    assert result.metadata["review"]["state"] == "refused"
    assert "no_alter" in result.metadata["review"]["why"]
    excluded = apply_decisions(record, decisions(edit(CLEAN), decide("exclude")))
    assert isinstance(excluded, SetAside)


def test_a_cleared_record_passes_the_filter_and_another_waits_for_review():
    record = song(("ABCPE1234F and a river",))
    aside = ExcludeFlagged()(record)
    assert isinstance(aside, SetAside) and awaits_review(aside)
    assert not awaits_review(SetAside(id="x", reason="too_few_lines"))
    kept = apply_decisions(record, decisions(decide("accept", seen=record.lines)))
    assert ExcludeFlagged()(kept) is kept


def test_a_file_is_read_as_far_as_it_holds_decisions(tmp_path):
    path = tmp_path / "decisions.jsonl"
    good = json.dumps(decide("accept").to_row())
    bad = json.dumps({**decide("accept").to_row(), "reviewer": ""})
    path.write_text(f"\ufeff{good}\n\n{bad}\nnone\n[]\n{good[:20]}\n{good}\r\n")
    log = Decisions.read(path)
    assert log.rows == (decide("accept"),) * 2
    assert [(line, reason) for line, reason, _ in log.bad] == [
        (3, "no_reviewer"),
        (4, "bad_json"),
        (5, "not_an_object"),
        (6, "bad_json"),
    ]
    assert log.bad_reasons == {"bad_json": 2, "no_reviewer": 1, "not_an_object": 1}
    assert list(log.record_ids) == ["song"]


def test_a_file_that_is_not_there_holds_no_decisions(tmp_path):
    assert Decisions.read(tmp_path / "decisions.jsonl") == Decisions()


def test_decisions_survive_pickle():
    log = decisions(edit(CLEAN), guard=Guard(["हरि बोल"]))
    assert log.of("song")
    copied = pickle.loads(pickle.dumps(log))
    assert copied.apply(song()) == log.apply(song())


@pytest.mark.parametrize(
    "review",
    [
        None,
        "x",
        [],
        {"edit": 7, "seen": [{}]},
        {"edit": "x", "seen": [{}, []]},
        {"seen": 7},
    ],
)
def test_what_a_source_calls_a_review_does_not_matter(review):
    record = song().replace(metadata={"review": review})
    result = apply_decisions(record, decisions(edit(CLEAN)))
    assert result.lines == CLEAN
    assert result.metadata["review"]["state"] == "edited"


TEXTS = [("a",), ("b",), ("a", "b"), ("c",)]
ROWS = st.builds(
    lambda name, seen, lines: (
        edit(lines, seen=seen) if name == "edit" else decide(name, seen=seen)
    ),
    st.sampled_from(["accept", "edit", "exclude"]),
    st.sampled_from(TEXTS),
    st.sampled_from(TEXTS),
)


@hypothesis.settings(max_examples=300)
@hypothesis.given(st.lists(ROWS, max_size=7), st.sampled_from(TEXTS))
def test_any_log_gives_one_of_its_texts_and_applies_once(rows, lines):
    log = decisions(*rows)
    record = LyricRecord(id="song", lines=lines)
    result = log.apply(record)
    if isinstance(result, SetAside):
        assert result.record == record.to_dict()
        assert any(row.decision == "exclude" for row in rows)
        return
    assert result.lines in TEXTS
    assert result.lines == lines or any(row.lines == result.lines for row in rows)
    assert log.apply(result) == result
    # A decision about the present lines is never overlooked.
    last = decisions(*rows, decide("exclude", seen=result.lines))
    assert isinstance(last.apply(record), SetAside)


def test_nothing_is_raised_for_a_records_content():
    for record in awkward_records():
        rows = [
            Decision(**{**vars(row), "record_id": record.id})
            for row in (
                decide("accept", seen=record.lines),
                edit(CLEAN, seen=record.lines),
            )
        ]
        for count in (1, 2):
            result = decisions(*rows[:count], guard=Guard(["ਧੰਨੁ"])).apply(record)
            assert result.id == record.id
            json.dumps(result.to_dict())


def spans_by_line(record):
    return {flag["line"]: span_of(flag) for flag in record.metadata["flags"]}


def test_a_decision_on_other_lines_takes_nothing_back():
    record, elsewhere = song(), ("another river",)
    for later in (decide("accept"), decide("exclude"), edit(("the river",))):
        stale = dataclasses.replace(later, lines_sha256=lines_sha256(elsewhere))
        for first, state in (("accept", "accepted"), ("exclude", "excluded")):
            review = decisions(decide(first), stale).review(record)
            assert review.state == state
            assert review.decision == decide(first)
        assert decisions(stale, stale).review(record).state == "stale"
        assert decisions(stale, decide("accept")).review(record).state == "accepted"


def test_an_edit_takes_back_what_was_said_of_the_lines():
    record = song()
    span = spans_by_line(record)[1]
    for name in ("accept", "exclude"):
        review = decisions(decide(name, span=span), edit(CLEAN)).review(record)
        assert (review.state, review.accepted) == ("edited", frozenset())
    title = {"field": "title", "line": None, "start": 0, "end": 4}
    record = song(title="rain")
    excluded, accepted = (decide(name, span=title) for name in ("exclude", "accept"))
    assert decisions(excluded, edit(CLEAN)).review(record).state == "edited"
    assert decisions(edit(CLEAN), excluded).review(record).state == "excluded"
    assert decisions(accepted, edit(CLEAN)).review(record).accepted == {
        ("title", None, 0, 4)
    }


def test_of_several_exclusions_the_last_one_is_named():
    record = song()
    spans = spans_by_line(record)
    rows = [
        decide("exclude", span=spans[0], reviewer="Asha", note="the river"),
        decide("exclude", span=spans[1], reviewer="Bala", note="a number"),
    ]
    aside = apply_decisions(record, decisions(*rows))
    assert "Bala" in aside.detail and aside.detail.endswith(": a number")
    # Said again, it is the last.
    again = apply_decisions(record, decisions(*rows, rows[0]))
    assert "Asha" in again.detail and again.detail.endswith(": the river")
    # What is accepted since excludes no more.
    left = decisions(*rows, decide("accept", span=spans[1]))
    assert "Asha" in apply_decisions(record, left).detail
