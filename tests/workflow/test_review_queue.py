import pytest

from gemma_keras_ft.preprocessing.base import MapPreprocessor
from gemma_keras_ft.preprocessing.culture.decision_rows import (
    DECISIONS,
    Decision,
    append_decision,
    lines_sha256,
)
from gemma_keras_ft.preprocessing.culture.exclusions import ExclusionList
from gemma_keras_ft.preprocessing.culture.flags import ExcludeFlagged, FlagSpans
from gemma_keras_ft.preprocessing.culture.protection import ProtectedPhrases
from gemma_keras_ft.preprocessing.curate import curate_records
from gemma_keras_ft.preprocessing.splitting.split import Split
from gemma_keras_ft.preprocessing.store import read_dataset, write_dataset
from gemma_keras_ft.records import LyricRecord, SetAside
from gemma_keras_ft.workflow.review_queue import (
    PROTECTED,
    read_phrases,
    review_queue,
    write_phrases,
)

FLAG = FlagSpans(
    lists=(
        ExclusionList(
            name="own",
            entries=(("river", "caste", "low"), ("rain", "slur", "high", "en")),
        ),
    )
)


def song(name, *lines, **fields):
    return LyricRecord(**{"id": name, "lines": lines, "language": "en", **fields})


SONGS = [
    song("plain", "nothing is here", "to look at"),
    song("light", "a river that sings", "all the night"),
    song("grave", "the rain falls", "on and on", title="Rain"),
    song("phone", "call 98450 00000", "some other day", language="hi"),
]


def build(folder, songs, *steps: MapPreprocessor):
    curation = curate_records(songs, recipe=(FLAG, *steps), split=Split())
    return write_dataset(curation, folder)


@pytest.fixture
def dataset(tmp_path):
    return build(tmp_path / "dataset", SONGS).directory


def decide(dataset, record, decision, **fields):
    row = Decision(
        record_id=record.id,
        lines_sha256=lines_sha256(record.lines),
        decision=decision,
        reviewer="Asha",
        time="2025-01-31T12:00:00+00:00",
        **fields,
    )
    append_decision(dataset / DECISIONS, row)
    return row


def ids(items):
    return [item.record.id for item in items]


def test_the_queue_holds_flagged_songs_gravest_first(dataset):
    items = review_queue(dataset)
    assert ids(items) == ["grave", "phone", "light"]
    assert {item.where for item in items} <= {"train", "validation", "test"}
    assert all(item.is_open for item in items)


def test_what_is_decided_leaves_the_queue(dataset):
    records = {item.record.id: item.record for item in review_queue(dataset)}
    decide(dataset, records["grave"], "accept")
    decide(dataset, records["light"], "exclude")
    assert ids(review_queue(dataset)) == ["phone"]
    items = review_queue(dataset, decided=True)
    assert ids(items) == ["phone", "grave", "light"]
    assert [item.review.state for item in items] == ["open", "accepted", "excluded"]


def test_a_song_waits_until_all_its_spans_are_accepted(dataset):
    record = review_queue(dataset)[0].record
    first, second = record.metadata["flags"]
    span = {name: first[name] for name in ("field", "line", "start", "end")}
    decide(dataset, record, "accept", span=span)
    (item, *_) = review_queue(dataset)
    assert item.record.id == "grave" and item.review.accepted
    span = {name: second[name] for name in span}
    decide(dataset, record, "accept", span=span)
    assert "grave" not in ids(review_queue(dataset))


def test_a_song_whose_decision_is_stale_or_refused_waits(dataset):
    plain = song("plain", "lines that were", "another day")
    decide(dataset, plain, "accept")
    records = [r for split in read_dataset(dataset).splits.values() for r in split]
    light = next(record for record in records if record.id == "light")
    decide(dataset, light, "edit", lines=("a river",))
    protected = ProtectedPhrases(languages=(), phrases=("all the night",))
    states = {
        item.record.id: item.review.state
        for item in review_queue(dataset, protected=protected)
    }
    assert states == {
        "grave": "open",
        "phone": "open",
        "light": "refused",
        "plain": "stale",
    }


def test_songs_set_aside_for_their_flags_wait_too(tmp_path):
    dataset = build(tmp_path / "dataset", SONGS, ExcludeFlagged()).directory
    items = {item.record.id: item for item in review_queue(dataset)}
    assert items["grave"].where == "set aside"
    assert items["grave"].reason == "flagged_slur"
    assert items["light"].where != "set aside"


def test_what_was_set_aside_for_other_reasons_does_not_wait(tmp_path):
    aside = SetAside(id="x", reason="no_text", record={"id": "x", "lines": []})
    dataset = build(tmp_path / "dataset", [*SONGS, aside]).directory
    assert "x" not in ids(review_queue(dataset, decided=True))


def test_a_folder_without_a_dataset_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="`curate`"):
        review_queue(tmp_path)


def test_an_edited_song_waits_for_what_the_edit_does_not_reach(dataset):
    (item, *_) = review_queue(dataset)
    decide(dataset, item.record, "edit", lines=("it falls", "on and on"))
    (item, *_) = review_queue(dataset)
    assert item.record.id == "grave" and item.review.state == "edited"
    flag = item.record.metadata["flags"][0]
    span = {name: flag[name] for name in ("field", "line", "start", "end")}
    decide(dataset, item.record, "accept", span=span)
    assert "grave" not in ids(review_queue(dataset))


PHRASES = ProtectedPhrases(languages=(), phrases=("all the night",))


def test_the_phrases_of_the_curation_guard_the_review(dataset):
    items = {item.record.id: item.record for item in review_queue(dataset)}
    decide(dataset, items["light"], "edit", lines=("a brook",))
    assert "light" not in ids(review_queue(dataset))
    write_phrases(read_dataset(dataset), PHRASES)
    assert read_phrases(read_dataset(dataset)) == PHRASES
    states = {item.record.id: item.review.state for item in review_queue(dataset)}
    assert states["light"] == "refused"
    # What the caller asks for comes first.
    none = ProtectedPhrases(languages=())
    assert "light" not in ids(review_queue(dataset, protected=none))


def test_the_packaged_phrases_need_no_list(dataset):
    write_phrases(read_dataset(dataset), ProtectedPhrases())
    assert not (dataset / PROTECTED).exists()
    assert read_phrases(read_dataset(dataset)) == ProtectedPhrases()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", "\xff", '{"type": "flag_spans"}', "null"]
)
def test_a_list_of_phrases_that_cannot_be_read_is_named(dataset, text):
    (dataset / PROTECTED).write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=r"protected\.json must hold protected"):
        review_queue(dataset)
