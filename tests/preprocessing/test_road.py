"""One record's way through a recipe, and that cleaning ends where it should."""

import dataclasses
import random

import pytest

from gemma_keras_ft.preprocessing.base import CleaningPreprocessor, MapPreprocessor
from gemma_keras_ft.preprocessing.culture.protection import Guard
from gemma_keras_ft.preprocessing.curate import curate_records
from gemma_keras_ft.preprocessing.filling.missing import RequireText
from gemma_keras_ft.preprocessing.recipe import default_recipe
from gemma_keras_ft.preprocessing.road import Road
from gemma_keras_ft.preprocessing.splitting.split import Split
from gemma_keras_ft.records import LyricRecord, SetAside

RIVER = "The river runs along the mountain"
LAMPS = "And every lantern burns above"
ROAD = Road(steps=default_recipe(), split=Split())


def song(*lines, **fields):
    return LyricRecord(id="song", lines=lines, **fields)


def walked(record, road=ROAD):
    return road.walk(record)[0]


# What one step takes away hides from the steps before it what they look for.
UNCOVERED = {
    # Chords are told by their line, in which nothing else may stand.
    "\u200bEm  G  Am": [RIVER, LAMPS],
    "Em  G  Am \u200d": [RIVER, LAMPS],
    "[Chorus] Em  G  Am": [RIVER, "[chorus]", LAMPS],
    "@foo Em  G  Am": [RIVER, LAMPS],
    # A mark is told by the end of its line, or by the line that it fills.
    "æ © 2) @foo)[x4]": [RIVER, *["æ 2) )"] * 4, LAMPS],
    "We carry water home (x2) @foo": [RIVER, *["We carry water home"] * 2, LAMPS],
    "We carry water home [x2] ©": [RIVER, *["We carry water home"] * 2, LAMPS],
    "(x2) foo@bar.com": [RIVER, RIVER, LAMPS],
    # The mark of a section goes to its label, and then the section comes twice.
    "Verse 2: line x3": [RIVER, "[verse 2]", *["line", LAMPS] * 3],
    # A label is told by its whole line, or by how the line begins.
    "foo@bar.com [Verse 1: Foo]": [RIVER, "[verse 1]", LAMPS],
    "(Chorus) http://a.b/c": [RIVER, "[chorus]", LAMPS],
    "| Intro:": [RIVER, "[intro]", LAMPS],
    "|| [Verse 1: Foo]": [RIVER, "[verse 1]", LAMPS],
    # What a site says is told by its whole line too.
    "5 Contributors http://a.b/c": [RIVER, LAMPS],
    "You might also like ©": [RIVER, LAMPS],
    "[Chorus] (instrumental)": [RIVER, "[chorus]", LAMPS],
    # A joiner is kept inside a word alone.
    "foo@bar.com\u200dजय श्री राम": [RIVER, "जय श्री राम", LAMPS],
}


@pytest.mark.parametrize("line", UNCOVERED, ids=ascii)
def test_cleaning_ends_in_one_walk(line):
    once = walked(song(RIVER, line, LAMPS, language="en"))
    assert [*once.lines] == UNCOVERED[line]
    assert walked(once) == once


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("||\u00a0\u200dराम", "॥ राम"),
        ("१\u3000|| \u200d", "१ ॥"),
        ("|| \u200d\u093e", "॥ \u093e"),
        ("||\u2003\u0967 …", "॥ १ …"),
    ],
)
def test_bars_beside_an_odd_space_are_a_danda_in_one_walk(title, expected):
    once = walked(song("राम राम", "सीता राम", title=title, language="hi"))
    assert once.title == expected
    assert walked(once) == once


# fmt: off
PIECES = (
    "[Chorus]", "Verse 2:", "Intro:", "(Chorus)", "[Verse 1: Foo]", "(Repeat chorus)",
    "(x2)", "x3", "[x4]", "×2", "(2 times)", "Em  G  Am", "| G | D |", "@foo", "#tag",
    "http://a.b/c", "foo@bar.com", "5 Contributors", "12Embed", "You might also like",
    "(instrumental)", "Written by: Foo Bar", "[00:12.30]", "<b>", "&amp;lt;", "<!--",
    "©", "♪", "❤️", "*", "|", "||", "-", "...", ",", "(", ")", "'", "\u200b", "\u200d",
    "\ufeff", "\u00a0", "\u3000", "  ", "।", "॥१॥", "१२", "राम", "जय श्री राम", "ਵਾਹਿਗੁਰੂ",
    "ன்", "ন্\u200c", "ো", "ੱ", "moon", "la la la", "Ã©", "à¤°", "æ", "ı",
)
# fmt: on
PHRASES = ("जय श्री राम", "ਵਾਹਿਗੁਰੂ", "storm in a teacup")


def hostile_song(number):
    """Returns the same song of pieces for the same number."""
    chance = random.Random(f"road-{number}")

    def line():
        pieces = chance.choices(PIECES, k=chance.randrange(1, 5))
        return "".join(piece + chance.choice(["", " "]) for piece in pieces)

    lines = [line() for _ in range(chance.randrange(1, 4))]
    return song(
        RIVER,
        *lines,
        LAMPS,
        title=chance.choice([None, line()]),
        language=chance.choice([None, "en", "hi", "pa"]),
        translation=chance.choice([None, None, [RIVER, *lines, LAMPS]]),
    )


@pytest.mark.parametrize("guard", [None, Guard(PHRASES)], ids=["bare", "guarded"])
def test_a_hostile_song_is_clean_after_one_walk(guard):
    road = dataclasses.replace(ROAD, guard=guard)
    kept = [
        once
        for number in range(150)
        if isinstance(once := walked(hostile_song(number), road), LyricRecord)
    ]
    assert len(kept) > 100
    for once in kept:
        assert walked(once, road) == once


@dataclasses.dataclass(frozen=True, kw_only=True)
class Counted:
    """Notes that it ran."""

    calls: list = dataclasses.field(default_factory=list)

    @property
    def config_name(self):
        return type(self).__name__


@dataclasses.dataclass(frozen=True, kw_only=True)
class TakeLast(Counted, CleaningPreprocessor):
    """Takes one letter from the end of the first line."""

    letter: str

    def map(self, record):
        self.calls.append(self.letter)
        line = record.lines[0].removesuffix(self.letter)
        return record.replace(lines=(line, *record.lines[1:]))

    @property
    def config_name(self):
        return f"take_{self.letter}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Swap(Counted, CleaningPreprocessor):
    """Writes one letter in the place of another."""

    old: str
    new: str

    def map(self, record):
        return record.replace(
            lines=tuple(line.replace(self.old, self.new) for line in record.lines),
            title=(record.title or "").replace(self.old, self.new),
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shout(Counted, MapPreprocessor):
    """Adds a mark each time it runs."""

    def map(self, record):
        self.calls.append("!")
        return record.replace(lines=tuple(f"{line}!" for line in record.lines))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Keep(Counted, MapPreprocessor):
    """Changes nothing."""

    def map(self, record):
        return record


def takers(letters):
    calls = []
    return calls, [TakeLast(letter=letter, calls=calls) for letter in letters]


def walk(steps, *lines):
    return Road(steps=tuple(steps), split=Split()).walk(song(*lines))


def test_cleaning_steps_run_in_turn_until_none_finds_anything():
    calls, steps = takers("abc")
    result, trail = walk(steps, "o abac")
    assert result.lines == ("o ",)
    # The last that found something is "a" in the third round: b and c follow it.
    assert "".join(calls) == "abcabcabc"
    assert trail.rows() == (
        ("take_c", "o abac", "o aba"),
        ("take_a", "o aba", "o ab"),
        ("take_b", "o ab", "o a"),
    )


def test_the_step_that_found_something_last_is_not_asked_again():
    calls, steps = takers("abc")
    assert walk(steps, "o b")[0].lines == ("o ",)
    assert "".join(calls) == "abca"


def test_a_step_alone_hides_nothing_from_itself():
    calls, steps = takers("a")
    assert walk(steps, "o aa")[0].lines == ("o a",)
    assert calls == ["a"]


def test_a_clean_song_is_looked_at_by_each_step_once():
    calls, steps = takers("abc")
    assert walk(steps, "o")[0].lines == ("o",)
    assert "".join(calls) == "abc"


def test_a_step_counts_once_however_often_it_found_something():
    _, steps = takers("abc")
    curation = curate_records(
        [song("river cbacba", "then rain")], recipe=steps, split=Split(test=0)
    )
    report = curation.report()
    assert curation.splits["train"][0].lines[0] == "river "
    assert report["changed"] == {"take_a": 1, "take_b": 1, "take_c": 1}
    assert report["examples"]["take_c"] == [["river cbac", "river cba"]]


def test_a_step_that_only_maps_runs_once():
    shout = Shout()
    calls, (first, second) = takers("ab")
    result, trail = walk([first, shout, second, shout], "o b", "la")
    assert result.lines == ("o b!!", "la!!")
    assert (shout.calls, calls) == (["!", "!"], ["a", "b"])
    assert trail.rows() == (("Shout", "o b", "o b!"),)


def test_steps_that_others_part_do_not_clean_again():
    _, (first, second) = takers("ab")
    assert walk([first, Keep(), second], "o ab")[0].lines == ("o a",)
    assert walk([first, second], "o ab")[0].lines == ("o ",)


def test_what_is_set_aside_goes_no_further():
    calls, (first, second) = takers("ab")
    result, _ = walk([first, RequireText(), second, Shout()], "o ab")
    assert (result.reason, calls) == ("too_few_lines", ["a"])


ENDLESS = (Swap(old="a", new="b"), Swap(old="b", new="a"))


def test_what_never_comes_clean_is_set_aside_as_it_came():
    came = song("a lamp", "so far", title="a", metadata={"own": 1})
    steps = (Shout(), *ENDLESS, Shout())
    result, _ = Road(steps=steps, split=Split()).walk(came)
    assert isinstance(result, SetAside)
    assert (result.id, result.reason) == ("song", "never_clean")
    assert "round 10" in result.detail
    assert result.record == came.to_dict()
    # The steps behind were not asked.
    assert len(steps[0].calls) == 1 and not steps[-1].calls


def test_a_change_beside_the_lines_is_one_too():
    result, _ = Road(steps=ENDLESS, split=Split()).walk(song("x", title="a"))
    assert result.reason == "never_clean"


def test_what_never_comes_clean_is_counted():
    others = [song(word, "the hill").replace(id=word) for word in ("so", "it")]
    curation = curate_records([song("a lamp", "so far"), *others], recipe=ENDLESS)
    report = curation.report()
    assert (report["read"], report["kept"]) == (3, 2)
    assert report["set_aside_reasons"] == {"never_clean": 1}


@pytest.mark.parametrize(("pairs", "clean"), [(8, True), (9, False)])
def test_a_song_may_take_ten_rounds(pairs, clean):
    _, steps = takers("ab")
    result, _ = walk(steps, "o " + "ab" * pairs)
    assert isinstance(result, LyricRecord) == clean
