import csv
import dataclasses
import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma_keras_ft.preprocessing.filling.fill import FillTitle
from gemma_keras_ft.preprocessing.filling.fill_brackets import CloseBrackets
from gemma_keras_ft.preprocessing.filling.fill_punctuation import FillPunctuation
from gemma_keras_ft.preprocessing.filling.missing import (
    DetectLanguage,
    DetectScript,
    RequireText,
)
from gemma_keras_ft.records import LyricRecord, SetAside
from gemma_keras_ft.resources.corpus import embedded_records
from gemma_keras_ft.testing import check_preprocessor

STEPS = {
    "language": DetectLanguage(),
    "title": FillTitle(),
    "punctuation": FillPunctuation(),
    "brackets": CloseBrackets(),
    "require": RequireText(),
}


def golden_rows():
    path = Path(__file__).parents[2] / "golden" / "missing.tsv"
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def as_lines(text):
    return tuple(text.replace(" // ", " /  / ").split(" / "))


def answer(step, result):
    if isinstance(result, SetAside):
        return result.reason
    if step == "require":
        return "kept"
    if step in ("language", "title"):
        return getattr(result, step) or "-"
    return result.lines


@pytest.mark.parametrize("row", golden_rows(), ids=lambda row: row["lines"][:30])
def test_golden_table(row):
    record = LyricRecord(
        id="a", lines=as_lines(row["lines"]), **json.loads(row["fields"])
    )
    step, expected = row["step"], row["expected"]
    if step in ("punctuation", "brackets"):
        expected = as_lines(expected)
    assert answer(step, STEPS[step](record)) == expected


def test_golden_table_has_rows_of_every_step_with_their_source():
    rows = golden_rows()
    assert len(rows) >= 200
    assert {row["step"] for row in rows} == set(STEPS)
    assert all(row["source"] for row in rows)


def test_a_declared_value_wins():
    song = LyricRecord(id="a", lines=("காதல்",), script="Latn", language="sa")
    assert DetectScript()(song) is song
    found = DetectScript()(song.replace(script=None))
    assert (found.script, found.language) == ("Taml", "sa")
    assert found.metadata == {"filled": [{"field": "script", "added": "Taml"}]}
    # The declared script, not the letters, says what the language is.
    found = DetectScript()(song.replace(script="Telu", language=None))
    assert (found.script, found.language) == ("Telu", "te")
    assert found.metadata == {"filled": [{"field": "language", "added": "te"}]}


DECLARED = st.fixed_dictionaries(
    {},
    optional={
        "script": st.sampled_from(["Latn", "Deva", "Taml", "x"]),
        "language": st.sampled_from(["hi", "en", "x-own"]),
        "title": st.text(alphabet="abc", min_size=1),
    },
)


@given(
    st.lists(st.sampled_from(["the rain and you", "நதி", "है और मेरा", "", "...?"])),
    DECLARED,
)
def test_filling_never_touches_what_is_declared_nor_the_lines(lines, declared):
    record = LyricRecord(id="a", lines=tuple(lines * 3), **declared)
    for step in (DetectScript(), DetectLanguage(), FillTitle()):
        found = step(record)
        assert found.lines == record.lines
        assert {name: getattr(found, name) for name in declared} == declared
        assert step(found) == found


def test_what_was_filled_before_is_kept():
    song = LyricRecord(
        id="a", lines=("love",), metadata={"filled": ["license"], "k": 1}
    )
    assert DetectScript()(song).metadata == {
        "filled": ["license", {"field": "script", "added": "Latn"}],
        "k": 1,
    }


def test_a_script_that_the_letters_contradict_gives_no_language():
    song = LyricRecord(
        id="a", lines=("है और मेरा घर नदी के पास है", "वह गाँव में रहता है और गाता है")
    )
    assert DetectLanguage()(song).language == "hi"
    assert DetectLanguage()(song.replace(script="Latn")).language is None
    # Han of either kind is Han.
    song = song.replace(lines=("你们的歌唱了又唱，我们都听着", "河水的声音是这样的"))
    assert DetectLanguage()(song.replace(script="Hans")).language == "zh"


def test_the_bounds_of_detection_are_what_they_say():
    song = LyricRecord(id="a", lines=("मेरा घर है", "वह नदी है और"))
    # Seventeen letters and signs.
    bold = DetectLanguage(minimum_letters=17, minimum_confidence=0.0)
    assert bold(song).language == "hi"
    for bounds in ({"minimum_letters": 18}, {"minimum_confidence": 1.0}):
        assert dataclasses.replace(bold, **bounds)(song).language is None


def test_the_embedded_corpus_is_detected_as_declared():
    for record in itertools.islice(embedded_records(), 0, None, 20):
        bare = record.replace(script=None, language=None)
        found = DetectLanguage()(DetectScript()(bare))
        if record.language != "lzh":  # Declared "Hans"; the letters say Han.
            assert found.script == record.script, record.id
        if record.language != "fa-Guru":  # Persian in Gurmukhi: declare it.
            assert found.language in (record.language, None)


def test_the_embedded_corpus_holds_songs():
    for record in itertools.islice(embedded_records(), 0, None, 20):
        found = RequireText(minimum_lines=1)(record)
        assert isinstance(found, LyricRecord), found


def reason(record, **bounds):
    found = RequireText(**bounds)(record)
    return found.reason if isinstance(found, SetAside) else None


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("one", "two"), None),
        (("one", "", " ", "\u200b"), "too_few_lines"),
        ((), "no_letters"),
        (("...", "123 ।। ♪"), "no_letters"),
        (("[Instrumental]",), "instrumental"),
        (("", "Instrumental", "", "Lyrics not available", ""), "placeholder"),
        (("", "Lyrics not", "available.", ""), "placeholder"),
        (("N/A",), "placeholder"),
        (("instrumental", "music that sings"), None),
        (("there are no lyrics", "that say it"), None),
        (("a\ufffd\ufffd", "b"), "replacement_characters"),
        (("a" * 200 + "\ufffd", "b"), None),
    ],
)
def test_records_that_hold_no_song_are_set_aside(lines, expected):
    assert reason(LyricRecord(id="a", lines=lines)) == expected


def test_the_bounds_are_exact():
    three = LyricRecord(id="a", lines=("one", "two", "", "three"))
    assert reason(three, minimum_lines=3) is None
    assert reason(three, minimum_lines=4) == "too_few_lines"
    half = LyricRecord(id="a", lines=("ab\ufffd\ufffd", "c\ufffd\ufffd"))
    # Eight characters with the line break, four of them broken.
    assert reason(half, maximum_replacement=0.5) is None
    assert reason(half, maximum_replacement=0.49) == "replacement_characters"


def test_the_bounds_of_loss_are_exact():
    # Six letters beside six that were lost.
    lost = LyricRecord(id="a", lines=("?? ?? la", "?? la la"))
    assert reason(lost, maximum_lost=0.5) is None
    lost = lost.replace(lines=("?? ? ?? la", "???? la la"))
    assert reason(lost, maximum_lost=0.6) is None
    assert reason(lost, maximum_lost=0.59) == "lost_characters"
    # Eleven letters and digits in a label, eleven outside.
    mixed = LyricRecord(id="a", lines=("[the river 1]", "the river 1", "♪"))
    assert reason(mixed, maximum_residue=0.5) is None
    assert reason(mixed, maximum_residue=0.49) == "not_lyrics"


@pytest.mark.parametrize(
    ("language", "languages", "expected"),
    [
        ("hi", (), None),
        ("hi", ("hi", "pa"), None),
        ("hi-Latn", ("hi",), None),
        ("HI", ("hi",), None),
        ("hil", ("hi",), "wrong_language"),
        ("hi", ("hi-Latn",), "wrong_language"),
        (None, ("hi",), "unknown_language"),
        (None, (), None),
    ],
)
def test_only_the_languages_that_are_wanted_are_kept(language, languages, expected):
    record = LyricRecord(id="a", lines=("दीप जले", "रात ढले"), language=language)
    assert reason(record.replace(script="Deva"), languages=languages) == expected


def test_a_language_and_script_that_were_detected_contradict_nothing():
    record = LyricRecord(id="a", lines=("நதி ஓடும்", "காற்று பேசும்"), language="hi")
    assert reason(record) == "wrong_language"
    assert reason(record, check_script=False) is None
    assert reason(record.replace(script="Taml")) is None
    # What a step found is no declaration.
    assert reason(DetectScript()(record)) == "wrong_language"
    found = DetectScript()(record.replace(language=None))
    assert found.language == "ta" and reason(found) is None


def test_a_set_aside_says_what_to_do_and_keeps_the_record():
    record = LyricRecord(id="a", lines=("one",), title="T")
    found = RequireText()(record)
    assert found == SetAside(
        id="a",
        reason="too_few_lines",
        detail="Has 1 of at least 2 lines.",
        record=record.to_dict(),
    )
    broken = RequireText()(LyricRecord(id="a", lines=("a\ufffd", "b")))
    assert "1 of 4 characters" in broken.detail


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"minimum_lines": 0}, "minimum_lines=0"),
        ({"maximum_replacement": 2}, "maximum_replacement=2"),
        ({"maximum_replacement": -0.1}, "maximum_replacement=-0.1"),
        ({"maximum_replacement": float("nan")}, "maximum_replacement=nan"),
        ({"maximum_lost": 1.1}, "maximum_lost=1.1"),
        ({"maximum_residue": -1}, "maximum_residue=-1"),
        ({"languages": "hi"}, "languages='hi'"),
        ({"languages": ("hi", "")}, "languages="),
    ],
)
def test_wrong_bounds_are_named(bounds, message):
    with pytest.raises(ValueError, match=message):
        RequireText(**bounds)


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"minimum_confidence": 1.5}, "minimum_confidence=1.5"),
        ({"minimum_letters": 0}, "minimum_letters=0"),
    ],
)
def test_wrong_bounds_of_detection_are_named(bounds, message):
    with pytest.raises(ValueError, match=message):
        DetectLanguage(**bounds)


@given(st.lists(st.text()), st.sampled_from([None, "hi", "en", "x", ""]))
def test_every_text_is_kept_or_set_aside_with_a_reason(lines, language):
    lines = tuple(line.replace("\n", "") for line in lines)
    record = LyricRecord(id="a", lines=lines, language=language)
    found = RequireText(minimum_lines=1, languages=("hi",))(record)
    assert found is record or (found.reason and found.record == record.to_dict())


@pytest.mark.parametrize(
    "step",
    [
        DetectScript(),
        DetectLanguage(),
        DetectLanguage(minimum_letters=1, minimum_confidence=0.0),
        RequireText(),
        RequireText(minimum_lines=5, languages=("ta", "hi"), maximum_lost=0.0),
    ],
    ids=["script", "language", "language_bold", "require", "require_more"],
)
def test_contract(step):
    check_preprocessor(step)
