import pytest

from gemma_keras_ft.preprocessing.missing import DetectScript, RequireText
from gemma_keras_ft.records import LyricRecord, SetAside


@pytest.mark.parametrize(
    ("text", "script", "language"),
    [
        ("காதல் பாடல் song", "Taml", "ta"),
        ("ਸਤਿ ਨਾਮੁ", "Guru", "pa"),
        ("प्यार", "Deva", None),
        ("love", "Latn", None),
        ("বাংলা", "Beng", None),
        ("愛してる", "Jpan", "ja"),
        ("窈窕淑女", "Hani", None),
        ("사랑", "Hang", "ko"),
        ("123 !", None, None),
    ],
)
def test_script_and_language_are_told_from_the_letters(text, script, language):
    found = DetectScript()(LyricRecord(id="a", lines=(text,)))
    assert (found.script, found.language) == (script, language)
    filled = [n for n, v in (("language", language), ("script", script)) if v]
    assert sorted(found.metadata.get("filled", [])) == filled


def test_a_declared_value_wins():
    song = LyricRecord(id="a", lines=("காதல்",), script="Latn", language="sa")
    assert DetectScript()(song) == song


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (("one", "two"), None),
        (("one", "", " "), "too_few_lines"),
        (("...", "123"), "no_letters"),
        (("[Instrumental]",), "placeholder"),
        (("Lyrics not available.", ""), "placeholder"),
        (("a\ufffd\ufffd", "b"), "replacement_characters"),
        (("instrumental", "music that sings"), None),
    ],
)
def test_records_that_hold_too_little_are_set_aside(lines, reason):
    found = RequireText()(LyricRecord(id="a", lines=lines))
    assert (found.reason if isinstance(found, SetAside) else None) == reason


def test_wrong_bounds_are_named():
    with pytest.raises(ValueError, match="minimum_lines=0"):
        RequireText(minimum_lines=0)
    with pytest.raises(ValueError, match="maximum_replacement=2"):
        RequireText(maximum_replacement=2)
