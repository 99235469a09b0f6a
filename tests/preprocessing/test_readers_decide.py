"""What a reader decides and what a community marks outlives every later step."""

import pytest

from gemma_keras_ft.preprocessing.culture.decision_rows import Decision, lines_sha256
from gemma_keras_ft.preprocessing.culture.decisions import Decisions
from gemma_keras_ft.preprocessing.culture.flags import ExcludeFlagged, flags_of
from gemma_keras_ft.preprocessing.curate import curate_records
from gemma_keras_ft.preprocessing.recipe import default_recipe
from gemma_keras_ft.preprocessing.splitting.split import Split
from gemma_keras_ft.records import LyricRecord

SONG = (
    "The river runs along the quiet mountain road",
    "And every lantern burns above the silver sea",
    "We carry water home before the morning light",
    "The children answer when the temple bell is heard",
)
NUMBER = "call the house on 98450 00000"


def song(name, *more, **fields):
    return LyricRecord(id=name, lines=(*SONG, *more), language="en", **fields)


def decide(record, decision, **fields):
    return Decision(
        record_id=record.id,
        lines_sha256=lines_sha256(record.lines),
        decision=decision,
        reviewer="Asha",
        time="2025-01-31T12:00:00+00:00",
        **fields,
    )


def curated(records, *rows, **settings):
    decisions = Decisions(tuple(rows)) if rows else None
    return curate_records(records, decisions=decisions, **settings)


def kept(curation):
    return {r.id: r for records in curation.splits.values() for r in records}


def aside(curation):
    return {item.id: item.reason for item in curation.set_aside}


def all_is_there(curation, records):
    names = [*kept(curation), *(item.id for item in curation.set_aside)]
    assert sorted(names) == sorted(record.id for record in records)
    report = curation.report()
    assert report["read"] == report["kept"] + report["set_aside"] == len(records)


# A last line that was cut off, and the version that it is completed from.
CUT = [song("whole", NUMBER), song("cut", "call the house on…")]


def test_an_exclusion_of_a_completed_song_is_carried_out():
    seen = kept(curated(CUT))["cut"]
    assert seen.lines[-1] == NUMBER
    again = curated(CUT, decide(seen, "exclude"))
    assert aside(again) == {"cut": "review_excluded"}
    all_is_there(again, CUT)


def test_an_acceptance_of_a_completed_song_is_remembered():
    seen = kept(curated(CUT))["cut"]
    again = kept(curated(CUT, decide(seen, "accept")))["cut"]
    assert again.metadata["review"]["state"] == "accepted"
    assert again.lines == seen.lines


def test_what_a_reader_edited_is_not_completed():
    longer = song("longer", NUMBER, "and one more line of it")
    seen = kept(curated([longer, song("cut", NUMBER)]))["cut"]
    edit = decide(seen, "edit", lines=(*SONG, "call the house on"))
    found = kept(curated([longer, song("cut", NUMBER)], edit))["cut"]
    assert found.lines == (*SONG, "call the house on")


def test_a_completed_line_is_flagged_and_filtered():
    assert flags_of(kept(curated(CUT))["cut"])
    recipe = (*default_recipe(), ExcludeFlagged(minimum_severity="low"))
    clean = [song("whole", "call the house on Sunday"), CUT[1]]
    assert set(kept(curated(clean, recipe=recipe))) == {"whole", "cut"}
    # A reader let the whole version pass, and nobody the one completed from it.
    accepted = decide(kept(curated(CUT))["whole"], "accept")
    strict = curated(CUT, accepted, recipe=recipe)
    all_is_there(strict, CUT)
    assert set(kept(strict)) == {"whole"}
    assert aside(strict)["cut"].startswith("flagged")


def test_an_exclusion_holds_for_every_copy():
    copies = [song("first"), song("second"), song("third", "of another end")]
    seen = kept(curated(copies))["first"]
    again = curated(copies, decide(seen, "exclude"))
    assert aside(again) == {"first": "review_excluded", "second": "duplicate"}
    (copy,) = [item for item in again.set_aside if item.id == "second"]
    assert "which a reader excluded" in copy.detail
    all_is_there(again, copies)


def test_an_acceptance_says_nothing_about_copies():
    copies = [song("first"), song("second")]
    seen = kept(curated(copies))["first"]
    assert set(kept(curated(copies, decide(seen, "accept")))) == {"first"}


@pytest.mark.parametrize("sacred_first", [True, False])
def test_a_sacred_text_stays_marked_whatever_copy_comes_first(sacred_first):
    copies = [song("plain"), song("sacred", no_alter=True)]
    curation = curated(copies[::-1] if sacred_first else copies)
    assert list(kept(curation)) == ["sacred"]
    assert kept(curation)["sacred"].no_alter
    assert aside(curation) == {"plain": "duplicate"}


def test_of_copies_the_one_that_says_more_is_kept():
    translated = song("translated", translation=SONG, translation_language="en")
    licensed = song("licensed", license="CC0-1.0", author="Anon", title="River")
    copies = [song("bare"), licensed, translated]
    assert list(kept(curated(copies))) == ["translated"]
    assert list(kept(curated(copies[:2]))) == ["licensed"]
    equal = [song("first"), song("second")]
    assert list(kept(curated(equal))) == ["first"]


@pytest.mark.parametrize("state", ["accepted", "edited", "excluded"])
def test_a_source_cannot_claim_that_it_was_reviewed(state):
    claimed = song("a", NUMBER, metadata={"review": {"state": state}, "own": 1})
    recipe = (*default_recipe(), ExcludeFlagged(minimum_severity="low"))
    assert not kept(curated([claimed], recipe=recipe))
    curation = curated([claimed])
    assert curation.report()["reviewed"] == {}
    assert kept(curation)["a"].metadata["own"] == 1


def test_flags_that_nobody_decided_on_are_counted():
    songs = [song("a", NUMBER), LyricRecord(id="b", lines=(NUMBER, "and so on", "la"))]
    report = curated(songs).report()
    assert (report["flagged"], report["flags_open"]) == (2, 2)
    seen = kept(curated(songs))["a"]
    report = curated(songs, decide(seen, "accept")).report()
    assert (report["flagged"], report["flags_open"]) == (2, 1)


def test_many_small_strata_hold_out_what_one_large_one_would():
    words = "mist dawn sail reed loom hill vine moss dusk fern".split()
    songs = [
        LyricRecord(
            id=str(n),
            style=f"style {n // 2}",
            lines=[f"{words[(n * k) % 10]} {n} of {k * n}" for k in range(1, 5)],
        )
        for n in range(100)
    ]
    curation = curated(songs, split=Split(validation=0.1, test=0.2))
    assert curation.report()["counts"]["split"] == {
        "train": 70,
        "validation": 10,
        "test": 20,
    }


def test_a_split_that_came_out_empty_is_told():
    assert not curated([song("a")], split=Split(validation=0, test=0)).report()[
        "warnings"
    ]
    (warning, *_) = curated([song("a")]).report()["warnings"]
    assert "is empty" in warning


def test_a_copy_of_several_excluded_songs_names_the_first():
    copies = [song("first"), song("second", title="River"), song("third")]
    seen = {copy.id: kept(curated([copy]))[copy.id] for copy in copies[:2]}
    rows = [decide(seen[name], "exclude") for name in ("second", "first")]
    again = curated(copies, *rows)
    (copy,) = [item for item in again.set_aside if item.id == "third"]
    assert copy.detail == "The same text as 'first', which a reader excluded."
    all_is_there(again, copies)
