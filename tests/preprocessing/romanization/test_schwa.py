import pytest

from gemma_keras_ft.preprocessing.romanization.schwa import delete_schwas


@pytest.mark.parametrize(
    ("language", "written", "spoken"),
    [
        ("hi", "d i l a", "d i l"),
        ("hi", "k a m a l a", "k a m a l"),
        ("hi", "s a m a jh a n ā", "s a m a jh n ā"),
        ("hi", "b a c a p a n a", "b a c p a n"),
        ("hi", "p a t th a r ō ṁ", "p a t th a r ō ṁ"),  # after a cluster it stays
        ("hi", "d ō s t a", "d ō s t"),
        ("hi", "m i t r a", "m i t r a"),  # a cluster that needs it
        ("hi", "s a t y a", "s a t y a"),
        ("hi", "p r i y a", "p r i y a"),
        ("hi", "s a m a y a", "s a m a y"),
        ("hi", "k r̥ ṣ ṇ a", "k r̥ ṣ ṇ a"),
        ("hi", "j a ś n a", "j a ś n"),
        ("hi", "z i ṁ d a g ī", "z i ṁ d a g ī"),  # a consonant of its own
        ("hi", "c ā ṁ d a n ī", "c ā ṁ d n ī"),  # a nasal vowel
        ("hi", "c ā m̐ d a n ī", "c ā m̐ d n ī"),
        ("hi", "n a", "n a"),  # the only vowel
        ("hi", "k y ō ṁ", "k y ō ṁ"),
        ("hi", "a", "a"),
        ("hi", "g a ī", "g a ī"),
        ("bn", "m a n a", "m a n"),
        ("bn", "ś a b d a", "ś a b d a"),
        ("bn", "d ē h a", "d ē h a"),
        ("bn", "t r̥ ṇ a", "t r̥ ṇ a"),
        ("bn", "m au n a", "m au n a"),
        ("bn", "p r i ẏ a", "p r i ẏ a"),
        ("bn", "h a ẏ a", "h a ẏ"),
        ("bn", "c ā m̐ d a", "c ā m̐ d"),
        ("bn", "th ā k a b ē", "th ā k b ē"),
        ("bn", "s a r a k ā r a", "s a r k ā r"),
        ("bn", "n a g a r ē", "n a g a r ē"),
    ],
)
def test_schwas_that_are_not_spoken_go(language, written, spoken):
    assert delete_schwas(written.split(), language) == spoken.split()


def test_the_argument_is_left_as_it_was():
    letters = ["d", "i", "l", "a"]
    delete_schwas(letters, "hi")
    assert letters == ["d", "i", "l", "a"]
    assert delete_schwas([], "hi") == []
