import pytest

from gemma_keras_ft.preprocessing.romanization.romanize import romanize_text
from gemma_keras_ft.preprocessing.splitting.dedup import jaccard
from gemma_keras_ft.preprocessing.splitting.likeness import measure_likeness, skeleton
from gemma_keras_ft.records import LyricRecord


@pytest.mark.parametrize(
    ("native", "typed"),
    [
        ("सपनों", "sapnon"),
        ("सपनों", "sapno"),
        ("ज़िंदगी", "zindagi"),
        ("मौसम", "mausam"),
        ("संबंध", "sambandh"),
        ("வாழ்க்கை", "vaazhkai"),
        ("காதல்", "kaadhal"),
        ("தமிழ்", "thamizh"),
        ("ਸੱਜਣ", "sajan"),
        ("ਪਿਆਰ", "pyaar"),
        ("ভালোবাসা", "bhalobasha"),
        ("जवानी", "jawaani"),
    ],
)
def test_a_word_typed_by_ear_has_the_skeleton_of_its_transliteration(native, typed):
    assert skeleton(romanize_text(native)) == skeleton(typed) != ""


@pytest.mark.parametrize(
    ("left", "right"), [("kamal", "kabir"), ("nadi", "sagar"), ("12", "122")]
)
def test_different_words_have_different_skeletons(left, right):
    assert skeleton(left) != skeleton(right)


def test_a_word_without_consonants_is_not_lost():
    assert skeleton("ā") == "a"
    assert skeleton("愛") == "愛"


def test_what_is_measured_depends_on_nothing_but_the_record():
    records = [
        LyricRecord(id="a", lines=("one two three four five", "six", "seven eight")),
        LyricRecord(id="b", lines=("", "♪")),
        LyricRecord(id="c", lines=("மழை வந்தது", "மனம் நனைந்தது")),
    ]
    together = measure_likeness(records)
    for record, likeness in zip(records, together, strict=True):
        (alone,) = measure_likeness([record])
        assert alone.copy == likeness.copy
        for name in ("shingles", "verses", "lines", "digest"):
            assert (getattr(alone, name) == getattr(likeness, name)).all()
    assert [len(likeness.shingles) for likeness in together] == [6, 0, 2]
    assert [len(likeness.verses) for likeness in together] == [1, 0, 0]
    assert jaccard(together[0].shingles, together[0].shingles) == 1
