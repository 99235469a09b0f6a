"""Ten thousand songs that nobody should have to curate."""

import collections
import functools
import json
import random
import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemma_keras_ft.preprocessing.culture.protection import Guard
from gemma_keras_ft.preprocessing.curate import curate_records, unique_ids
from gemma_keras_ft.records import LyricRecord, SetAside
from gemma_keras_ft.resources.own_songs import own_songs
from gemma_keras_ft.testing import awkward_records

COUNT = 10_000
# Of processor time, so that a busy machine fails nothing: what all may take, and
# what one song may take that a usual song of its size needs a hundredth of.
ALL_SECONDS, LONGEST_SECONDS = 60.0, 2.0
PHRASES = ("आँखों का तारा", "ਅੱਖਾਂ ਦਾ ਤਾਰਾ", "உள்ளங்கை நெல்லிக்கனி", "storm in a teacup")

# What one character can do.
CHARACTERS = [
    *"\x00\x01\x07\x08\t\x0b\x0c\r\x1b\x1c\x1d\x1e\x1f\x7f\x80\x85\x9f\xa0\xad",
    *"\u034f\u061c\u115f\u1160\u17b4\u180e\u200b\u200c\u200d\u200e\u200f",
    *"\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\u206a",
    *"\u3000\u3164\ufe0f\ufe0e\ufeff\ufff9\ufffa\ufffb\ufffc\ufffd\ufffe\uffff",
    *"\ud800\udbff\udc00\udfff\ue000\uf8ff\U0001f1ee\U0001f3fd\U000e0001\U000e0041",
    *"\U000e0100\U000f0000\U0010fffd\U0010ffff\U00010600\U000102a0\U00010c00",
    *"\u0300\u0301\u0323\u0345\u0489\u093c\u094d\u093e\u0951\u09bc\u09be\u09d7\u0a3c",
    *"\u0a4d\u0a51\u0a70\u0a71\u0a75\u0b3c\u0bbe\u0bcd\u0bd7\u0c4d\u0cd5\u0d3e\u0d4d",
    *"\u0d4e\u0d57\u0dca\u0e31\u0eb1\u0f71\u0f74\u1037\u103a\u17d2\u1a60\u302a\u3099",
    *"कखगङज़ड़ढ़फ़यरऱलळॐऽ।॥०९অআকড়ঢ়য়ৎৱੴਕਖ਼ਸ਼ੳੲକଡ଼ୱஃகஶ்ரீక఼ಕೲൎൺഩසිกำລາབོ་ကျក្រ",
    *"aAzZıİßﬁǅſKÅÅ0٠۹²½Ⅷ①㎒＊ａﷺ۞،؟۔ـمﻻيیكکهةא־״ぁゞアｱー々〇愛한ㅎ㈱",
    *"'’‘ʼ\"“«`´-‐–—_|¦/\\.,;:!?…·•※§#@&%$*+=~^<>()[]{}♪♫♯♭×😀❤👩🏽‍",
]
# fmt: off
# What a scraper, a page or a player leaves, whole and torn.
PIECES = [
    "<b", "<b>", "</p>", "<br>", "<script>", "</script>", "<!--", "-->", "<![CDATA[",
    "<a href='", '<p class="x', "<title>", "<svg/onload=x>", "<3", "<00:01.50>",
    "&amp;", "&amp;lt;", "&#0;", "&#xD800;", "&#1114112;", "&#x1F600;", "&", "&lt;",
    "[Verse 1]", "[Chorus", "Verse 2:", "[मुखड़ा]", "अंतरा:", "[]", "[[", "(x2)",
    "(x999)", "x2", "×3", "[2x]", "(x0)", "(x99999999999)", "(२ बार)", "[00:10.00]",
    "[00:", "[99:99.99][00:01.00]", "[ar:x]", "[ti:]", "{title: x}", "{soc}", "{",
    "[Am]", "Am", "G/B  C#m7", "27 Contributors", "Lyrics", "3Embed",
    "You might also like", "Embed", "See X LiveGet tickets as low as $1", "Singer: X",
    "गायक:", "Music -", "(feat. X)", "https://", "www.", "http://a.b/c?d=<e>", "@",
    "@a", "#", "#गीत", "a@b.c", "@@@", "à¤¦", "Ã¢â‚¬â„¢", "â€œ", "Â", "ï»¿", "Ã",
    "9876543210", "1234 5678 9012", "।।०१।।", "॥२॥", "|", "||", "__", "**", "\\u0915",
    "\\n", "%s", "{0}", "${x}", "lyrics not available", "[Instrumental]", "N/A", "null",
    "NaN", "None", "undefined", "दिल", "ਦਿਲ", "মন", "மனம்", "మనసు", "دل", "heart",
    "la la la", "ओऽऽऽ", "don't", "\u202eabc\u202c", "a\u200db", "क्\u200dष",
    "दर्\u200dया", "می\u200cخواهم", *PHRASES,
]
# What many of one thing can do: each is repeated until it is long.
BOMBS = [
    "<b", "<!--", "<script>", "</p>", "<br>", "<div>", "<a a=a ", "&amp;", "&", "<",
    ">", "amp;", "&#1", "[", "]", "(", ")", "{", "}", "\"'", "''", "\\", "|", "।", "॥",
    "…", "[Verse 1]", "Verse 1: ", "(x2)", "x2 ", "[00:10.00]", "[00:", "<00:01.00>",
    "{a: b}", "[Am]", "Am ", "1 Contributor Lyrics", "Contributors", "1Embed",
    "You might also like", "Singer: ", "http://", "www.a.", "a@", "@a", "#a", "a.",
    "1.", "1", "a", "A", "la ", "à¤", "Ã", "Ã¢â‚¬", "ऽ", "o", "-", "a-", "a'", " ",
    "\u00a0", "\u200b", "\u202e", "\u0301", "\u0301\u0323", "\u0345", "क्", "क\u093c",
    "\u093f", "\u094d", "क्\u200d", "ੱ", "ੱਕ", "ஃ", "ക്", "ଓଁ", "க்", "\u1100\u1161",
    "\u0e33", "👩\u200d", "🇮", "❤\ufe0f", "\ud83d", "\ue000", "\uffff", "\U000e0041",
    "愛", "م", "\ufdfa", "\0", "\x1b[", "\r", "\f", "\u2028", "\t", "ﬁ", "İ", "ß", "क ",
    "🎶 ", "आँखों का तारा ", "राम", "9876543210 ",
]
LANGUAGES = [
    "hi", "pa", "bn", "ta", "ur", "en", "sa", "ml", "pa-Guru-IN", "hi-Latn", "tr", "az",
    "", "-", "und", "x" * 300, "EN", "hi-", "-hi", "1", "\x00", "हि", "\ud800", "a_b",
]
SCRIPTS = [
    "Deva", "Guru", "Beng", "Taml", "Arab", "Latn", "Mlym", "Zzzz", "deva", "", "\0",
]
# fmt: on


def hostile_text(chance, longest=60):
    """Joins pieces, characters and words of real songs, by chance."""
    parts = []
    for _ in range(chance.randrange(8)):
        kind = chance.random()
        if kind < 0.4:
            parts.append(chance.choice(PIECES))
        elif kind < 0.8:
            parts.append("".join(chance.choices(CHARACTERS, k=chance.randrange(1, 9))))
        else:
            line = chance.choice(song_lines())
            parts.append(line[chance.randrange(len(line)) :])
    return chance.choice(["", " ", "  "]).join(parts).replace("\n", "")[: longest * 4]


@functools.cache
def song_lines():
    return [line for song in own_songs() for line in song.lines if line]


def hostile_lines(chance):
    if chance.random() < 0.3:
        lines = list(chance.choice(own_songs()).lines)
        for _ in range(chance.randrange(1, 4)):
            place = chance.randrange(len(lines))
            cut = chance.randrange(len(lines[place]) + 1)
            noise = hostile_text(chance)
            lines[place] = lines[place][:cut] + noise + lines[place][cut:]
        return lines
    return [hostile_text(chance) for _ in range(chance.choice([0, 1, 2, 3, 4, 6, 12]))]


def hostile_metadata(chance):
    return {
        name: chance.choice(
            [
                None,
                "x",
                [],
                [None, {}],
                {"a": [1, [2.5]]},
                True,
                -1,
                ["x"] * 4,
                "\ud800",
            ]
        )
        for name in chance.sample(
            [
                "removed",
                "filled",
                "flags",
                "sections",
                "credits",
                "parent",
                "line_types",
            ],
            chance.randrange(3),
        )
    } | ({hostile_text(chance): hostile_text(chance)} if chance.random() < 0.1 else {})


def hostile_record(number, seed=0):
    """Returns the same hostile record for the same number."""
    chance = random.Random(f"{seed}-{number}")
    lines = hostile_lines(chance)
    fields = {
        "id": f"{number}{chance.choice(['', '#2', '/..', ' ', hostile_text(chance)])}"
    }
    for name in ("title", "author", "style", "era", "source", "license", "consent"):
        if chance.random() < 0.3:
            fields[name] = chance.choice(["", " ", hostile_text(chance)])
    if chance.random() < 0.5:
        fields["language"] = chance.choice(LANGUAGES)
    if chance.random() < 0.5:
        fields["script"] = chance.choice(SCRIPTS)
    for name in ("romanized", "translation"):
        kind = chance.random()
        if kind < 0.1:
            fields[name] = [hostile_text(chance) for _ in lines]
        elif kind < 0.2:
            fields[name] = hostile_lines(chance)
    fields["translation_language"] = chance.choice([None, None, *LANGUAGES])
    fields["no_alter"] = chance.random() < 0.1
    fields["metadata"] = hostile_metadata(chance)
    return LyricRecord(lines=lines, **fields)


def bomb(number, length):
    """Returns a song that is one thing over and over, on one line or on many."""
    piece = BOMBS[number % len(BOMBS)]
    text = (piece * (length // len(piece) + 1))[:length]
    width = (length, 50)[number // len(BOMBS) % 2]
    lines = [text[start : start + width] for start in range(0, length, width)]
    name = f"bomb {number} {piece!a}"
    return LyricRecord(id=name, lines=[*lines, "la"], title=text[:200])


@functools.cache
def hostile_corpus():
    """Ten thousand items with ids of their own; some were set aside on reading."""
    bombs = [bomb(number, 2000) for number in range(2 * len(BOMBS))]
    aside = [
        SetAside(id=f"row {number}", reason="bad_json", where=f"f:{number}")
        for number in range(50)
    ]
    rest = COUNT - len(bombs) - len(aside) - len(awkward_records())
    records = [hostile_record(number) for number in range(rest)]
    return [*awkward_records(), *records, *bombs, *aside]


def kept_records(curation):
    return [record for split in curation.splits.values() for record in split]


def check_accounts(items, curation):
    """Every id is kept or set aside, exactly once, and can be written down."""
    kept, aside = kept_records(curation), curation.set_aside
    ids = collections.Counter(item.id for item in (*kept, *aside))
    assert ids == collections.Counter(item.id for item in items)
    report = curation.report()
    assert report["read"] == len(items) == report["kept"] + report["set_aside"]
    assert report["kept"] == len(kept)
    assert sum(report["set_aside_reasons"].values()) == len(aside)
    for item in aside:
        assert item.reason, item
    for item in (*kept, *aside):
        json.loads(json.dumps(item.to_dict()))


@pytest.fixture(scope="module")
def timed_curation():
    items = hostile_corpus()
    started = time.process_time()
    return curate_records(items, guard=Guard(PHRASES)), time.process_time() - started


@pytest.fixture(scope="module")
def curation(timed_curation):
    return timed_curation[0]


def test_the_corpus_is_hostile():
    items = hostile_corpus()
    assert len(items) == len({item.id for item in items}) == COUNT
    text = "\n".join(item.text for item in items if isinstance(item, LyricRecord))
    assert {*"".join(CHARACTERS)} - {*text} == set()
    assert all(piece in text for piece in PIECES)
    assert all(text.count(phrase) >= 50 for phrase in PHRASES)


def test_ten_thousand_hostile_records_are_kept_or_set_aside(curation):
    items = hostile_corpus()
    check_accounts(items, curation)
    # Neither way out is taken by nearly all.
    assert min(curation.report()["kept"], curation.report()["set_aside"]) > 1000
    assert len(curation.report()["set_aside_reasons"]) >= 4


def test_what_is_set_aside_is_the_record_as_it_came(curation):
    came = {item.id: item for item in hostile_corpus()}
    for item in curation.set_aside:
        # A copy is found when all is read; it stands as the recipe left it.
        if item.reason not in ("duplicate", "bad_json"):
            assert item.record == json.loads(json.dumps(came[item.id].to_dict()))


def test_ten_thousand_hostile_records_take_under_a_minute(timed_curation):
    assert timed_curation[1] < ALL_SECONDS


def test_kept_text_has_no_control_characters(curation):
    came = {item.id: item for item in hostile_corpus()}
    matcher = Guard(PHRASES).matcher
    for record in kept_records(curation):
        before = came[record.id]
        # A step that would lose a protected phrase is undone, all of it.
        if any(matcher.find(line) for line in (before.title or "", *before.lines)):
            continue
        for line in record.lines:
            assert not any(map(is_control, line)), record.id


def test_sacred_texts_lose_no_letter(curation):
    came = {item.id: item for item in hostile_corpus()}
    sacred = [record for record in kept_records(curation) if record.no_alter]
    assert len(sacred) > 100
    for record in sacred:
        found, before = (written(r.text) for r in (record, came[record.id]))
        assert found == before, record.id


def is_control(char):
    return unicodedata.category(char) == "Cc"


def written(text):
    """Returns letters and digits in their order, and how often each mark stands."""
    # Marks are put into another order where something invisible parted them.
    text = unicodedata.normalize("NFD", text)
    kinds = [(unicodedata.category(char)[0], char) for char in text]
    marks = collections.Counter(char for kind, char in kinds if kind == "M")
    return [char for kind, char in kinds if kind in "LN"], marks


def test_no_protected_phrase_is_changed(curation):
    came = {item.id: item for item in hostile_corpus()}
    matcher = Guard(PHRASES).matcher

    def count(record):
        texts = [record.title or "", *record.lines]
        return collections.Counter(
            match.phrase for text in texts for match in matcher.find(text)
        )

    held = 0
    for record in kept_records(curation):
        before = count(came[record.id])
        lost = before - count(record)
        elsewhere = json.dumps([record.author, record.metadata], ensure_ascii=False)
        for phrase in lost:
            assert PHRASES[phrase] in elsewhere, (record.id, PHRASES[phrase])
        held += before.total()
    assert held > 200


def test_many_records_of_one_name_are_all_kept():
    names = ["x", "x#2", "x", "x#2#2", "x#3"] * 200
    songs = [
        LyricRecord(id=name, lines=(f"song {n} la", f"{n} lo"))
        for n, name in enumerate(names)
    ]
    kept = kept_records(curate_records(songs))
    assert len({record.id for record in kept}) == len(songs)


def test_one_name_for_all_costs_no_more_than_many():
    songs = [LyricRecord(id="x", lines=())] * 5000
    started = time.process_time()
    assert len({record.id for record in unique_ids(songs)}) == 5000
    assert time.process_time() - started < LONGEST_SECONDS


@pytest.mark.parametrize("width", [0, 1], ids=["one line", "many lines"])
@pytest.mark.parametrize("number", range(len(BOMBS)), ids=lambda n: ascii(BOMBS[n]))
def test_no_song_of_twenty_thousand_characters_takes_long(number, width):
    record = bomb(number + width * len(BOMBS), 20_000)
    curate_records(own_songs()[:8])  # tables are built and caches filled
    started = time.process_time()
    check_accounts([record], curate_records([record], guard=Guard(PHRASES)))
    assert time.process_time() - started < LONGEST_SECONDS


# What chance did not think of.

CHARS = st.characters(exclude_characters="\n") | st.sampled_from(CHARACTERS)
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(CHARS, max_size=6), max_size=6).map(
    lambda parts: "".join(parts).replace("\n", "")
)
LINES = st.lists(TEXTS, max_size=6)
RECORDS = st.builds(
    LyricRecord,
    id=TEXTS.map(lambda text: f"i{text}"),
    lines=LINES,
    title=st.none() | TEXTS,
    author=st.none() | TEXTS,
    language=st.none() | st.sampled_from(LANGUAGES) | TEXTS,
    script=st.none() | st.sampled_from(SCRIPTS),
    romanized=st.none() | LINES,
    translation=st.none() | LINES,
    translation_language=st.none() | st.sampled_from(LANGUAGES),
    no_alter=st.booleans(),
    metadata=st.dictionaries(
        TEXTS | st.sampled_from(["removed", "filled", "flags", "credits"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | TEXTS,
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
            ),
            max_leaves=5,
        ),
        max_size=3,
    ),
)


@given(records=st.lists(RECORDS, max_size=5, unique_by=lambda record: record.id))
@settings(max_examples=200)
def test_whatever_is_drawn_is_kept_or_set_aside(records):
    check_accounts(records, curate_records(records, guard=Guard(PHRASES)))
