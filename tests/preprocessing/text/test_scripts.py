import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma_keras_ft.preprocessing.filling.missing import DetectScript
from gemma_keras_ft.preprocessing.text.language_profiles import (
    LANGUAGES_OF_SCRIPT,
    language_profile,
)
from gemma_keras_ft.preprocessing.text.scripts import (
    detect_script,
    letter_pattern,
    script_of_letters,
    script_shares,
    scripts_of_language,
)
from gemma_keras_ft.records import LyricRecord


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
    filled = [
        {"field": name, "added": value}
        for name, value in (("script", script), ("language", language))
        if value
    ]
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


@given(st.text())
def test_shares_sum_to_one_and_the_largest_is_the_script(text):
    shares = script_shares(text)
    assert sum(shares.values()) == pytest.approx(1 if shares else 0)
    assert detect_script(text) == max(shares, key=shares.__getitem__, default=None)


def test_shares_are_of_letters():
    assert script_shares("song ਗੀਤ 12!") == {"Guru": 2 / 6, "Latn": 4 / 6}
    assert script_shares("...") == {}


@pytest.mark.parametrize(
    ("tag", "scripts"),
    [
        ("ta", {"Taml"}),
        ("hi", {"Deva"}),
        ("HI", {"Deva"}),
        ("hi-Latn", {"Latn"}),
        ("zh-hant-TW", {"Hani"}),
        ("fa-Guru", {"Guru"}),
        ("pa", {"Guru", "Arab"}),
        ("sr", {"Cyrl", "Latn"}),
        ("ja", {"Jpan", "Hani"}),
        ("en-GB", {"Latn"}),
        ("sa", None),
        ("x-own", None),
        ("", None),
    ],
)
def test_scripts_of_a_language(tag, scripts):
    assert scripts_of_language(tag) == scripts


def test_declared_scripts_are_compared_by_their_letters():
    assert script_of_letters("Hans") == script_of_letters("Hant") == "Hani"
    assert script_of_letters("Aran") == "Arab"
    assert script_of_letters("Deva") == "Deva"
    assert letter_pattern("Deva") == r"\p{Script=Devanagari}"


@pytest.mark.parametrize(
    ("script", "language"),
    [(script, tag) for script, tags in LANGUAGES_OF_SCRIPT.items() for tag in tags],
)
def test_no_frequent_word_is_foreign_to_its_language(script, language):
    profile = language_profile(language)
    assert len(profile.words) >= 8
    assert {detect_script(word) for word in profile.words} == {script}
    if profile.foreign:
        assert not [word for word in profile.words if profile.foreign.search(word)]
