import dataclasses

from gemma_keras_ft.preprocessing.base import FilterPreprocessor
from gemma_keras_ft.preprocessing.curate import curate_records, default_recipe
from gemma_keras_ft.preprocessing.split import Split
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
