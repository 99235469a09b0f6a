import hypothesis
import hypothesis.strategies as st
import pytest

from gemma_keras_ft.preprocessing.culture.exclusions import CATEGORIES, ExclusionList
from gemma_keras_ft.preprocessing.culture.flags import (
    ExcludeFlagged,
    FlagSpans,
    flags_of,
)
from gemma_keras_ft.preprocessing.culture.protection import ProtectedPhrases
from gemma_keras_ft.records import LyricRecord, SetAside
from gemma_keras_ft.resources.corpus import embedded_records
from gemma_keras_ft.testing import awkward_records, check_preprocessor


def words(*entries, name="own"):
    return ExclusionList(name=name, entries=entries)


def song(*lines, **fields):
    return LyricRecord(**{"id": "song", "lines": lines, **fields})


def flagged(step, record):
    return [
        (flag["field"], flag["line"], flag["text"]) for flag in flags_of(step(record))
    ]


def test_a_flag_says_where_what_and_why():
    step = FlagSpans(lists=(words(("नदी", "caste", "low", None, "ask an elder")),))
    record = step(song("बहती", "मेरी नदी रे", language="hi"))
    assert record.metadata["flags"] == [
        {
            "field": "lines",
            "line": 1,
            "start": 5,
            "end": 8,
            "text": "नदी",
            "category": "caste",
            "severity": "low",
            "list": "own",
            "note": "ask an elder",
        }
    ]
    assert record.lines == ("बहती", "मेरी नदी रे")


def test_title_lines_and_translation_are_searched():
    step = FlagSpans(lists=(words(("river",)),))
    record = song("River", title="the river", translation=("x", "rivers, RIVER"))
    assert flagged(step, record) == [
        ("title", None, "river"),
        ("lines", 0, "River"),
        ("translation", 1, "RIVER"),
    ]


def test_offsets_count_code_points_of_the_text_as_it_stands():
    step = FlagSpans(lists=(words(("caf\u00e9",)),))
    (flag,) = step(song("👩🏽‍🎤 cafe\u0301 x")).metadata["flags"]
    assert (flag["start"], flag["end"], flag["text"]) == (5, 10, "cafe\u0301")


def test_personal_data_is_always_flagged():
    record = FlagSpans()(song("call 98450 00000", "or me@songs.example"))
    assert [flag["list"] for flag in record.metadata["flags"]] == [
        "personal data by pattern: phone number",
        "personal data by pattern: e-mail address",
    ]
    assert {flag["category"] for flag in record.metadata["flags"]} == {"personal_data"}


def test_flags_are_made_anew_each_time():
    step = FlagSpans(lists=(words(("river",)),))
    record = step(song("river")).replace(lines=("a river",))
    assert flagged(step, record) == [("lines", 0, "river")]
    assert step(record).metadata["flags"][0]["start"] == 2
    assert "flags" not in step(record.replace(lines=("sea",))).metadata
    assert step(record.replace(metadata={"flags": "x", "y": 1})).metadata["y"] == 1


def test_an_entry_concerns_songs_of_its_language_and_of_an_unknown_one():
    step = FlagSpans(lists=(words(("x", "slur", "low", "hi-Latn")),))
    assert flagged(step, song("x", language="hi"))
    assert flagged(step, song("x"))
    assert not flagged(step, song("x", language="mr"))


def test_nothing_is_flagged_inside_an_allowed_phrase():
    step = FlagSpans(lists=(words(("bank",)),), allow=("river bank", "98450 00000"))
    assert flagged(step, song("River Bank, bank 98450 00000")) == [("lines", 0, "bank")]


def test_sacred_names_are_not_flagged_as_offensive():
    entries = [("हरे", name) for name in CATEGORIES]
    step = FlagSpans(lists=(words(*entries),))
    record = step(song("हरे कृष्ण", "हरे पेड़"))
    categories = [(f["line"], f["category"]) for f in record.metadata["flags"]]
    assert [name for line, name in categories if line == 0] == [
        "personal_data",
        "sacred_text",
    ]
    assert len([name for line, name in categories if line == 1]) == len(CATEGORIES)
    asked = FlagSpans(lists=step.lists, protected=None)
    assert len(asked(song("हरे कृष्ण")).metadata["flags"]) == len(CATEGORIES)


def test_a_record_marked_no_alter_is_not_searched_for_offenses():
    lists = (words(("x", "slur"), ("y", "sacred_text")),)
    record = song("x y 98450 00000", no_alter=True)
    found = [text for *_, text in flagged(FlagSpans(lists=lists), record)]
    assert found == ["y", "98450 00000"]
    asked = FlagSpans(lists=lists, search_no_alter=True)
    assert len(flagged(asked, record)) == 3


def test_two_lists_that_say_the_same_flag_once_each():
    step = FlagSpans(lists=(words(("x",), ("x",)), words(("x",), name="other")))
    assert [f["list"] for f in step(song("x")).metadata["flags"]] == ["other", "own"]


def test_the_embedded_corpus_holds_nothing_personal():
    step = FlagSpans()
    assert not [r.id for r in embedded_records() if flags_of(step(r))]


LISTS = (
    words(
        ("rain", "gender", "high"),
        ("मन", "slur", "low", "hi", "why"),
        ("愛", "religion"),
        ("la", "caste"),
    ),
)


@pytest.mark.parametrize(
    "step",
    [
        FlagSpans(),
        FlagSpans(lists=LISTS, allow=("la la",)),
        FlagSpans(lists=LISTS, protected=ProtectedPhrases(languages=())),
        ExcludeFlagged(),
        ExcludeFlagged(categories=("slur",), minimum_severity="low"),
    ],
    ids=repr,
)
def test_the_steps_keep_the_contract(step):
    check_preprocessor(step)
    made = [FlagSpans(lists=LISTS)(record) for record in awkward_records()]
    check_preprocessor(step, made)


@hypothesis.given(
    st.lists(st.text("la मन愛rain\u0301 \ud8007@.", max_size=12), max_size=4),
    st.text("la मन愛", max_size=6),
)
def test_every_flag_fits_the_text(lines, title):
    record = FlagSpans(lists=LISTS)(song(*lines, title=title))
    assert flags_of(record) == record.metadata.get("flags", [])


@pytest.mark.parametrize(
    "flags",
    [
        None,
        "x",
        {"field": "lines"},
        [None, 7, [], {}],
        [{"field": "lines", "line": 9, "start": 0, "end": 1}],
        [{"field": "lines", "line": True, "start": 0, "end": 1}],
        [{"field": "lines", "line": None, "start": 0, "end": 1}],
        [{"field": "lines", "line": 0, "start": -1, "end": 1, "text": ""}],
        [{"field": "lines", "line": 0, "start": 1, "end": 1, "text": ""}],
        [{"field": "title", "line": 0, "start": 0, "end": 1, "text": "t"}],
        [{"field": "romanized", "line": 0, "start": 0, "end": 1, "text": "a"}],
        [
            {
                **{"field": "lines", "line": 0, "start": 0, "end": 1, "text": "a"},
                **{"category": "rude", "severity": "high", "list": "x"},
            }
        ],
    ],
)
def test_flags_that_are_none_are_passed_over(flags):
    record = song("ab", title="t", metadata={"flags": flags})
    assert flags_of(record) == []
    assert ExcludeFlagged()(record) is record


def test_songs_with_grave_flags_are_set_aside_where_that_is_asked():
    entries = [
        ("one", "slur", "low"),
        ("two", "caste", "medium"),
        ("three", "slur", "high"),
    ]
    record = FlagSpans(lists=(words(*entries),))(song("one two three"))
    result = ExcludeFlagged()(record)
    assert isinstance(result, SetAside)
    assert result.reason == "flagged_slur"
    assert "three" not in result.detail
    assert result.record == record.to_dict()
    caste = ExcludeFlagged(categories=("caste",), minimum_severity="medium")
    assert caste(record).reason == "flagged_caste"
    assert ExcludeFlagged(categories=("caste",))(record) is record
    light = FlagSpans(lists=(words(*entries[:2]),))(song("one two"))
    assert ExcludeFlagged()(light) is light


@pytest.mark.parametrize("state", ["accepted", "edited"])
def test_what_a_reader_has_cleared_is_kept(state):
    record = FlagSpans()(song("ABCPE1234F"))
    assert isinstance(ExcludeFlagged()(record), SetAside)
    metadata = {**record.metadata, "review": {"state": state}}
    assert isinstance(ExcludeFlagged()(record.replace(metadata=metadata)), LyricRecord)
    metadata["review"] = {"state": "stale"}
    assert isinstance(ExcludeFlagged()(record.replace(metadata=metadata)), SetAside)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FlagSpans(allow="x"), "`allow` must be a list"),
        (lambda: FlagSpans(allow=("",)), "`phrase` must be a word"),
        (lambda: ExcludeFlagged(categories=()), "`categories` must be a list"),
        (lambda: ExcludeFlagged(categories="slur"), "`categories` must be a list"),
        (lambda: ExcludeFlagged(categories=("rude",)), "`category` must be one of"),
        (lambda: ExcludeFlagged(minimum_severity="9"), "`severity` must be one of"),
    ],
)
def test_wrong_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
