import pytest

from gemma_keras_ft.preprocessing.cleaning.links import StripLinks
from gemma_keras_ft.records import LyricRecord


def stripped(*lines, **fields):
    return StripLinks()(LyricRecord(id="a", lines=lines, **fields))


def test_links_move_to_the_metadata():
    found = stripped(
        "नदी https://x.example/z @asha #गीत",
        "www.example.org",
        title="नदी (https://x.example)",
        author="@asha",
    )
    assert (found.lines, found.title, found.author) == (("नदी गीत",), "नदी", None)
    assert found.metadata["removed"] == [
        *("https://x.example/z", "@asha", "www.example.org"),
        *("(https://x.example)", "@asha"),
    ]


LINKS = (
    *("https://example.com", "http://a.b/c?d=e&f=%20#g", "HTTPS://EXAMPLE.COM/"),
    *(
        "www.example.co.in/x_(y)/z",
        "example.com/a",
        "my-songs.example.net",
        "ftp://a/b",
    ),
    *("https://youtu.be/a-b_c", "t.me/songs", "jo.park+x@example.co.in", "@jo_park.x"),
    *("mailto:jo@example.com", "<https://example.com/a>"),
)


@pytest.mark.parametrize("link", LINKS)
def test_what_stands_around_a_link_stays(link):
    assert stripped(f"carry {link} me").lines == ("carry me",)
    assert stripped(f"নদী {link}", link, f"{link} পাখি").lines == ("নদী", "পাখি")


@pytest.mark.parametrize(
    "line",
    [
        *("end.Begin", "no.1", "a@b", "@ home", "@", "#", "# 1", "#1", "C#", "3.com.5"),
        *("and/or", "w/o", "http", "www", "://", "R&B #2", "नदी@नाव", "e.g. this"),
    ],
)
def test_what_only_looks_like_a_link_stays(line):
    assert stripped(line).lines == (line,)


@pytest.mark.parametrize(
    "word", ["গান", "பாட்டு", "ਗੀਤ", "песня", "歌", "love_2", "c'est"]
)
def test_a_hashtag_keeps_its_word(word):
    assert stripped(f"la #{word}").lines == (f"la {word.replace('_', ' ')}",)
