"""What holds of all cleaning steps, on songs, on noise put into songs, and on traps."""

import importlib
import itertools
import sys
import time
from pathlib import Path

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from gemma_keras_ft.preprocessing.cleaning.case import Lowercase
from gemma_keras_ft.preprocessing.cleaning.clean import Clean, RepairMojibake
from gemma_keras_ft.preprocessing.cleaning.labels import LabelSections
from gemma_keras_ft.preprocessing.cleaning.punctuation import TidyPunctuation
from gemma_keras_ft.preprocessing.cleaning.repeats import CapElongation, ExpandRepeats
from gemma_keras_ft.preprocessing.cleaning.whitespace import TidyWhitespace
from gemma_keras_ft.preprocessing.recipe import default_recipe
from gemma_keras_ft.preprocessing.text.normalize import Normalize
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.resources.corpus import embedded_records
from gemma_keras_ft.resources.own_songs import own_songs

with pytest.MonkeyPatch.context() as _patch:
    _patch.setattr(sys, "path", [str(Path(__file__).parents[2]), *sys.path])
    noise = importlib.import_module("noise")

# What cleans text; the steps behind it judge and complete records.
DEFAULT = tuple(
    step
    for step in default_recipe()
    if isinstance(step, Normalize) or ".cleaning." in type(step).__module__
)
# Labels go, since clean songs have none.
CLEANING = tuple(
    LabelSections(labels="remove") if isinstance(step, LabelSections) else step
    for step in DEFAULT
)
STEPS = (
    *(step for step in CLEANING if not isinstance(step, Normalize)),
    LabelSections(),
    ExpandRepeats(repeats="mark", danda_counts=True),
    TidyPunctuation(punctuation="remove"),
    TidyWhitespace(split_glued_danda=True),
    CapElongation(),
    Lowercase(),
)
LETTER = regex.compile(r"[\p{L}\p{M}]")


def cleaned(record, steps=CLEANING):
    for step in steps:
        record = step(record)
    return record


def letters(lines):
    return LETTER.findall("".join(lines))


@pytest.mark.parametrize("name", sorted(noise.NOISES))
def test_noise_put_into_a_clean_song_is_removed_exactly(name):
    copies = 0
    for seed in range(2):
        for song in own_songs():
            if name == "repeat_marks":
                song = noise.double_lines(song, seed)
            dirty, injected = noise.inject(song, name, seed)
            copies += bool(injected)
            assert cleaned(dirty).lines == song.lines, (song.id, seed)
    assert copies >= 60


def test_a_song_of_our_own_is_clean():
    for song in own_songs():
        assert cleaned(song) == song


def test_no_letter_of_the_corpus_is_lost():
    count = 0
    for record in itertools.islice(embedded_records(), 0, None, 7):
        record = record.replace(no_alter=False)
        found = record
        for step in CLEANING:
            # What normalizing changes is another matter.
            found = found if isinstance(step, Normalize) else step(found)
        for name in ("lines", "romanized", "translation"):
            before = getattr(record, name)
            if before is not None:
                assert letters(getattr(found, name)) == letters(before), record.id
        count += 1
    assert count > 1000


PIECES = (
    *("la", "नदी", " ", "\n", "(", ")", "[", "]", "{", "}", "<", ">", "।", "।।", "|"),
    *("x2", "(x2)", "[2x]", "×3", "१", "2", ":", "-", "[00:01.00]", "[00:0", "1.00]"),
    *(
        "[ti:",
        "[Am]",
        "Am",
        "G7",
        "A",
        "{soc}",
        "{t: a}",
        "[Chorus]",
        "Chorus",
        "Verse",
    ),
    *("[Chorus x2]", "பல்லவி", "சரணம்", "मुखड़ा:", "Singer: Jo", "राग-", "by ", "3Embed"),
    *("You might also like", "(Music)", "(feat. Jo)", "https://a.b/", "www.", ".com"),
    *("@jo", "#", "_", "*", "🙂", "\u200d", "\ufe0f", "1️⃣", "♪", "--", "!!", "...", ","),
    *("ऽ", "o", "O", "I", "İ", "\u0307", "ÃƒÂ", "â€™", "\x92", "<br>", "&amp;", "<b>"),
    *("1 Contributor", " Lyrics", "\u200b", "\ufeff", "\u00a0", "'"),
)
TEXTS = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
LANGUAGES = st.sampled_from([None, "hi", "en", "tr", "vi", "ta", "el"])


@pytest.mark.parametrize("step", STEPS, ids=repr)
@settings(max_examples=150)
@given(TEXTS, TEXTS, LANGUAGES, st.booleans())
def test_a_step_twice_is_the_step_once(step, text, other, language, beside):
    lines = tuple(text.split("\n"))
    record = LyricRecord(
        id="a",
        lines=lines,
        language=language,
        title=other.replace("\n", " "),
        romanized=tuple(line.upper() for line in lines) if beside else None,
        translation=tuple(other.split("\n")),
        metadata={"line_types": [str(place) for place in range(len(lines))]},
    )
    once = step(record)
    assert step(once) == once
    types = once.metadata.get("line_types")
    assert types is None or len(types) == len(once.lines)
    if beside and once.romanized is not None:
        assert len(once.romanized) == len(once.lines)


DECORATED = (
    *(
        "[Chorus]",
        "Verse 2:",
        "chorus",
        "मुखड़ा:",
        "(instrumental)",
        "Music",
        "5 Contributors",
    ),
    *("Em  G  Am", "F#m  G7", "| G  | D  |", "Lyrics by: John Smith"),
    *("5 Contributors", "गायक: आशा"),
    *("la la la (x2)", "नदी बहे (x2)", "(x2)", "the river runs", "नाव चले।", "ਪਾਣੀ ॥੧॥"),
    "",
)
ORNAMENTS = ("", "🎵", "♪", "♥", "★", "🎤", "❤️", "*", "~", "•", "♫♫", "👩🏽‍🎤", "_")


@st.composite
def decorated_lines(draw):
    before, after = (draw(st.sampled_from(ORNAMENTS)) for _ in range(2))
    space = draw(st.sampled_from(["", " ", "  "]))
    return before + space + draw(st.sampled_from(DECORATED)) + space + after


SONGS = st.tuples(*[st.lists(decorated_lines(), max_size=4)] * 2)


@settings(max_examples=400)
@given(SONGS, LANGUAGES)
def test_a_decorated_song_is_clean_after_the_first_time(song, language):
    head, tail = song
    # Of cues alone nothing goes; something must be sung.
    lines = (*head, "the boat goes by", *tail)
    once = cleaned(LyricRecord(id="a", lines=lines, language=language), DEFAULT)
    assert cleaned(once, DEFAULT).lines == once.lines


@settings(max_examples=150)
@given(st.text(st.characters(categories=["L", "M", "N", "Z"]), max_size=60))
def test_words_alone_are_never_touched(text):
    line = " ".join(["the", *text.split(), "sings"])
    record = LyricRecord(id="a", lines=(line, "all night long"))
    for step in STEPS:
        if not isinstance(step, Lowercase | CapElongation | Clean | RepairMojibake):
            assert step(record) == record, step


TRAPS = (
    *("(", "[", "<", "x2 ", "।", "।1", "॥ ", ")", "{", "#", "@", "a@", "*", "-", "- "),
    *("|", "||", "=", " ", "\r", "\u00a0", "[a:", "[00:10.00]", "<00:01.50>", "&amp;"),
    *(
        "<b ",
        "<b a='",
        "<script>",
        "<!--",
        "<b",
        "</p>",
        "Embed",
        "3Embed",
        "[Am]",
        "A ",
    ),
    *(
        "1 Contributors ",
        " Lyrics",
        "(feat. ",
        "www.",
        "a.",
        "http://",
        "!",
        "...",
        " ,",
    ),
    *(
        "Singer: ",
        "Chorus:",
        "[Chorus x2]",
        "(x2)",
        "×",
        "2x",
        "🙂\u200d",
        "ऽ",
        "o",
        "ÃƒÂ",
    ),
)


@pytest.mark.parametrize("trap", TRAPS)
@pytest.mark.parametrize("end", ["", "x!z"])
def test_a_long_line_takes_no_longer_than_its_length_asks(trap, end):
    line = (trap * 100_000)[:100_000] + end
    record = LyricRecord(id="a", lines=(line, "la"), language="hi")
    for step in STEPS:
        start = time.perf_counter()
        step(record)
        # Linear steps take some hundredths of a second, quadratic ones minutes.
        assert time.perf_counter() - start < 5, step
