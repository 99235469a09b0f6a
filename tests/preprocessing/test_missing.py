import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma_keras_ft.preprocessing.missing import (
    DetectScript,
    RequireText,
    detect_script,
)
from gemma_keras_ft.records import LyricRecord, SetAside
from gemma_keras_ft.resources.corpus import embedded_records
from gemma_keras_ft.testing import check_preprocessor


@pytest.mark.parametrize(
    ("text", "script", "language"),
    [
        ("love", "Latn", None),
        ("प्यार", "Deva", None),
        ("বাংলা", "Beng", None),
        ("ਸਤਿ ਨਾਮੁ", "Guru", "pa"),
        ("ગુજરાતી", "Gujr", "gu"),
        ("ଓଡ଼ିଆ", "Orya", "or"),
        ("காதல் பாடல் song", "Taml", "ta"),
        ("తెలుగు", "Telu", "te"),
        ("ಕನ್ನಡ", "Knda", "kn"),
        ("മലയാളം", "Mlym", "ml"),
        ("සිංහල", "Sinh", "si"),
        ("دل ناداں", "Arab", None),
        ("שיר", "Hebr", None),
        ("песня", "Cyrl", None),
        ("τραγούδι", "Grek", "el"),
        ("เพลง", "Thai", "th"),
        ("ເພງ", "Laoo", "lo"),
        ("ចម្រៀង", "Khmr", "km"),
        ("သီချင်း", "Mymr", "my"),
        ("སྙན་ངག", "Tibt", None),
        ("ލަވަ", "Thaa", "dv"),
        ("ᱥᱮᱨᱮᱧ", "Olck", "sat"),
        ("ꯏꯁꯩ", "Mtei", "mni"),
        ("სიმღერა", "Geor", "ka"),
        ("երգ", "Armn", "hy"),
        ("ዘፈን", "Ethi", None),
        ("사랑", "Hang", "ko"),
        ("愛してる", "Jpan", "ja"),
        ("ラブソング", "Jpan", "ja"),
        ("窈窕淑女", "Hani", None),
        ("123 ♪ ।!", None, None),
        ("", None, None),
    ],
)
def test_script_and_language_are_told_from_the_letters(text, script, language):
    assert detect_script(text) == script
    found = DetectScript()(LyricRecord(id="a", lines=(text,)))
    assert (found.script, found.language) == (script, language)
    filled = [n for n, v in (("script", script), ("language", language)) if v]
    assert found.metadata == ({"filled": filled} if filled else {})


def test_the_majority_of_the_letters_decides():
    assert detect_script("वाह song") == "Latn"
    assert detect_script("वाह वाह वाह song") == "Deva"
    # Signs and digits are no letters: two Tamil letters, three Latin ones.
    assert detect_script("கௌரீ ௧௨௩௪ abc") == "Latn"


def test_equals_are_decided_by_the_alphabet():
    assert detect_script("कख ab") == detect_script("ab कख") == "Deva"


@given(st.text(), st.integers(1, 3))
def test_order_and_repetition_decide_nothing(text, times):
    assert detect_script(text[::-1] * times) == detect_script(text)


def test_a_declared_value_wins():
    song = LyricRecord(id="a", lines=("காதல்",), script="Latn", language="sa")
    assert DetectScript()(song) is song
    found = DetectScript()(song.replace(script=None))
    assert (found.script, found.language) == ("Taml", "sa")
    assert found.metadata == {"filled": ["script"]}
    # The declared script, not the letters, says what the language is.
    found = DetectScript()(song.replace(script="Telu", language=None))
    assert (found.script, found.language) == ("Telu", "te")
    assert found.metadata == {"filled": ["language"]}


def test_what_was_filled_before_is_kept():
    song = LyricRecord(
        id="a", lines=("love",), metadata={"filled": ["license"], "k": 1}
    )
    assert DetectScript()(song).metadata == {"filled": ["license", "script"], "k": 1}


def test_the_embedded_corpus_is_detected_as_declared():
    for record in itertools.islice(embedded_records(), 0, None, 20):
        if record.language == "lzh":
            continue  # Declared "Hans"; the letters say Han.
        bare = record.replace(script=None, language=None)
        found = DetectScript()(bare)
        assert found.script == record.script, record.id
        if record.language != "fa-Guru":  # Persian in Gurmukhi: declare it.
            assert found.language in (record.language, None)


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
        (("[Instrumental]",), "placeholder"),
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
    ],
)
def test_wrong_bounds_are_named(bounds, message):
    with pytest.raises(ValueError, match=message):
        RequireText(**bounds)


@pytest.mark.parametrize(
    "step",
    [DetectScript(), RequireText(), RequireText(minimum_lines=5)],
    ids=["detect", "require", "require_five"],
)
def test_contract(step):
    check_preprocessor(step)
