import dataclasses

import pytest

from gemma_keras_ft.preprocessing.augmentation.variations import RomanizedCopy
from gemma_keras_ft.preprocessing.base import FilterPreprocessor
from gemma_keras_ft.preprocessing.culture.decision_rows import Decision, lines_sha256
from gemma_keras_ft.preprocessing.culture.decisions import Decisions
from gemma_keras_ft.preprocessing.curate import curate_records, unique_ids
from gemma_keras_ft.preprocessing.recipe import default_recipe
from gemma_keras_ft.preprocessing.splitting.split import Split
from gemma_keras_ft.records import LyricRecord, SetAside

WORDS = "அகரம் மலர் இலை காற்று மழை நிலவு கடல் வானம் பாடல் மரம் ஆறு மலை".split()


def songs(count):
    return [
        LyricRecord(
            id=f"song-{number}",
            lines=tuple(
                " ".join(WORDS[(number * 5 + line * 3 + i * i) % 12] for i in range(4))
                + f" {number}"
                for line in range(4)
            ),
        )
        for number in range(count)
    ]


@dataclasses.dataclass(frozen=True, kw_only=True)
class DropOdd(FilterPreprocessor):
    config_name = "drop_odd"

    def reject(self, record):
        return ("odd", "its number is odd") if int(record.id[-1]) % 2 else None


def ids(curation):
    kept = [record.id for split in curation.splits.values() for record in split]
    return kept, [item.id for item in curation.set_aside]


def test_every_record_is_kept_or_set_aside():
    broken = SetAside(id="row 3", reason="bad_json", where="f:3")
    short = LyricRecord(id="short", lines=("one",))
    curation = curate_records([*songs(20), broken, short])
    kept, aside = ids(curation)
    assert sorted(kept + aside) == sorted(
        [*(song.id for song in songs(20)), "row 3", "short"]
    )
    report = curation.report()
    assert report["read"] == report["kept"] + report["set_aside"] == 22
    assert report["set_aside_reasons"] == {"bad_json": 1, "too_few_lines": 1}


def test_script_and_language_are_filled_and_lines_romanized():
    curation = curate_records(songs(5), split=Split(validation=0, test=0))
    for record in curation.splits["train"]:
        assert (record.script, record.language) == ("Taml", "ta")
        assert len(record.romanized) == len(record.lines)


def test_copies_are_set_aside_and_named():
    first = songs(3)
    copy = first[1].replace(
        id="copy", lines=tuple(f"  {line}!" for line in first[1].lines)
    )
    curation = curate_records([*first, copy])
    (item,) = curation.set_aside
    assert (item.id, item.reason) == ("copy", "duplicate")
    assert "song-1" in item.detail
    assert item.record["lines"]


def test_a_romanized_copy_is_kept_but_never_on_another_side():
    native = songs(30)
    romanized = [
        record.replace(
            id=f"{record.id}-latin", lines=record.romanized, romanized=None, script=None
        )
        for split in curate_records(native).splits.values()
        for record in split
    ]
    curation = curate_records([*native, *romanized])
    side = {r.id: name for name, split in curation.splits.items() for r in split}
    assert len(side) == 60
    assert all(side[f"song-{n}"] == side[f"song-{n}-latin"] for n in range(30))


def test_what_is_set_aside_is_the_record_as_it_came():
    raw = LyricRecord(id="raw-1", lines=("  <b>x</b>  ", "y"))
    curation = curate_records([raw], recipe=[*default_recipe(), DropOdd()])
    assert curation.set_aside[0].reason == "odd"
    assert curation.set_aside[0].record == raw.to_dict()


def test_the_recipe_is_kept_in_order():
    curation = curate_records(songs(3), recipe=[DropOdd()], split=Split(seed=3))
    assert [step["type"] for step in curation.recipe["steps"]] == ["drop_odd"]
    assert curation.recipe["split"]["seed"] == 3
    assert curation.report()["set_aside_reasons"] == {"odd": 1}


def test_nothing_in_gives_nothing_out():
    assert curate_records([]).report()["read"] == 0


def named(name, number=0):
    return LyricRecord(id=name, lines=(f"a first line {number}", f"then {number}"))


@pytest.mark.parametrize(
    "names",
    [["x", "x", "x"], ["x#2", "x", "x"], ["x", "x", "x#2"], ["x", "x#2", "x", "x#2"]],
)
def test_no_two_records_share_an_id(names):
    found = [item.id for item in unique_ids(map(named, names))]
    assert len(set(found)) == len(names)
    assert found[0] == names[0]


def test_a_record_set_aside_takes_no_id_away():
    aside = SetAside(id="x", reason="no_text")
    items = list(unique_ids([aside, named("x"), aside]))
    assert [item.id for item in items] == ["x", "x", "x"]


def test_several_processes_give_what_one_gives():
    records = [*songs(700), SetAside(id="bad", reason="bad_json"), songs(1)[0]]
    one, two = (curate_records(records, processes=count) for count in (1, 2))
    assert one.splits == two.splits
    assert one.set_aside == two.set_aside
    assert one.report() == two.report()


def test_changes_are_counted_and_shown():
    record = LyricRecord(id="a", lines=("<b>one</b> two", "three four"))
    report = curate_records([record, *songs(3)]).report()
    (step,) = [name for name in report["changed"] if name in ("clean", "markup")]
    assert report["changed"][step] == 1
    assert report["examples"][step] == [["<b>one</b> two", "one two"]]


class Undoing:
    """A guard that lets nobody touch a song about rain."""

    def run(self, step, record):
        result = step(record)
        kept = "rain" not in record.text or result.lines == record.lines
        return (result, False) if kept else (record, True)


def test_a_step_that_the_guard_undoes_is_counted():
    record = LyricRecord(id="a", lines=("rain  on the  roof", "and on the road"))
    curation = curate_records([record], guard=Undoing())
    assert curation.splits["train"][0].lines == record.lines
    assert curation.report()["undone"]


class Editing(Decisions):
    """One reader's decisions."""

    def apply(self, record):
        lines = ("மழை வந்தது", "மனம் நனைந்தது")
        if record.id == "song-0" and record.lines != lines:
            return record.replace(lines=lines, romanized=None)
        if record.id == "song-1":
            return SetAside(id=record.id, reason="review", record=record.to_dict())
        return record


def test_decisions_are_replayed_and_edits_romanized_anew():
    curation = curate_records(
        songs(4), decisions=Editing(), split=Split(validation=0, test=0)
    )
    (edited,) = [r for r in curation.splits["train"] if r.id == "song-0"]
    assert edited.romanized == ("maḻai vantatu", "maṉam naṉaintatu")
    (refused,) = curation.set_aside
    assert refused.reason == "review"
    assert refused.record == songs(2)[1].to_dict()


def test_decisions_that_could_not_be_replayed_are_counted():
    assert curate_records(songs(2)).report()["decisions"] == {}
    rows = [
        Decision(
            record_id=name,
            decision="accept",
            lines_sha256=lines_sha256(songs(1)[0].lines),
            reviewer="Asha",
            time="2025-01-31T12:00:00+00:00",
        )
        for name in ("song-0", "song-7", "song-7", "song-8")
    ]
    bad = ((3, "not_json", "line 3 is no JSON"),)
    decisions = Decisions(rows=tuple(rows), bad=bad)
    report = curate_records(songs(2), decisions=decisions).report()
    assert report["decisions"] == {
        "rows": 4,
        "unreadable": {"not_json": 1},
        "songs_missing": 2,
    }


def test_one_author_stays_on_one_side_where_that_is_asked_for():
    records = [
        song.replace(author=f"poet {place // 10}")
        for place, song in enumerate(songs(60))
    ]
    curation = curate_records(records, split=Split(keep_artists=True))
    sides = {}
    for name, split in curation.splits.items():
        for record in split:
            sides.setdefault(record.author, set()).add(name)
    assert all(len(names) == 1 for names in sides.values())
    assert {name for names in sides.values() for name in names} > {"train"}


def test_a_last_line_that_was_cut_off_is_completed_from_another_version():
    lines = [f"river {word} runs to the {word} sea" for word in ("one", "two", "six")]
    whole = LyricRecord(id="whole", lines=(*lines, "and never comes back again"))
    cut = LyricRecord(id="cut", lines=(*lines, "and never comes ba…"))
    for order in ([whole, cut], [cut, whole]):
        curation = curate_records(order, split=Split(validation=0, test=0))
        kept = {record.id: record for record in curation.splits["train"]}
        assert kept["cut"].lines == whole.lines
        assert kept["whole"].lines == whole.lines
        (fill,) = [f for f in kept["cut"].metadata["filled"] if "source" in f]
        assert fill["source"] == "whole"


def test_variations_are_added_to_training_alone_and_counted_apart():
    records = songs(30)
    curation = curate_records(records)
    held_out = {name: curation.splits[name] for name in ("validation", "test")}
    originals = curation.splits["train"]
    curation.augment([RomanizedCopy()], seed=0, protected=())
    train = curation.splits["train"]
    assert train[: len(originals)] == originals
    children = train[len(originals) :]
    assert {child.metadata["parent"] for child in children} == {r.id for r in originals}
    assert {name: curation.splits[name] for name in held_out} == held_out
    report = curation.report()
    assert report["kept"] == report["read"] == 30
    assert report["counts"]["split"]["train"] == len(train)
    assert report["augmentation"]["children"] == len(children)


def test_versions_of_a_song_stay_on_one_side():
    native = songs(60)
    versions = [
        song.replace(id=f"{song.id}-live", lines=(*song.lines, f"மீண்டும் {place}"))
        for place, song in enumerate(native)
    ]
    curation = curate_records([*native, *versions])
    side = {r.id: name for name, split in curation.splits.items() for r in split}
    assert all(side[f"song-{n}"] == side[f"song-{n}-live"] for n in range(60))
    assert set(side.values()) == {"train", "validation", "test"}
