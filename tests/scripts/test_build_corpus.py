import gzip
import importlib
import json
import shutil
import sys
from pathlib import Path

import pytest

from gemma_keras_ft.records import LyricRecord, SetAside
from gemma_keras_ft.resources.corpus import corpus_path, embedded_records

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(scope="module")
def scripts():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(SCRIPTS), *sys.path])
        yield importlib.import_module("build_corpus")


@pytest.fixture(scope="module")
def converters(scripts):
    return importlib.import_module("corpus_collections")


def hymn(id_, lines, types, *, title=None, lang="pa", section="Vaar 1"):
    return {
        "id": id_,
        "title": title,
        "lines": lines,
        "line_types": types,
        "lang": lang,
        "section": section,
        "author": "A poet",
        "work": "A work",
        "page": 3,
    }


def verse(chapter, number, lines, romanized):
    return {
        "id": f"BG{chapter}.{number}",
        "chapter": chapter,
        "lines": lines,
        "translit_iast": romanized,
    }


def kural(number, english):
    return {
        "id": f"kural-ch{number:03d}",
        "title": " தலைப்பு ",
        "title_en": "A title",
        "style": "Wealth",
        "stanza_len": 2,
        "lines": [f"அ{line}" for line in range(2 * 7)],
        "translation_en": english,
    }


def psalm(title, english):
    return {
        "id": title.replace(" ", "-"),
        "title": title,
        "lines": [f"taludtod {number}" for number in range(len(english))],
        "parallel_en_web": english,
    }


SOURCES = {
    "gita": [verse(1, n, [f"श्लोक {n}"], [f"śloka {n}"]) for n in range(1, 4)],
    "gurbani": [
        hymn("g-1", ["ਸਿਰਲੇਖ", "ਪੰਕਤੀ"], ["heading", "refrain"], title="ਸਿਰਲੇਖ"),
        hymn("g-2", ["ਸਿਰਲੇਖ"], ["heading"], title="ਸਿਰਲੇਖ"),
    ],
    "gurbani_ghazal_nandlal": [
        hymn("n-1", ["ਮਿਸਰਾ"], ["line"], lang="fa-Guru", section="Ghazals")
    ],
    "gurbani_vaaran": [hymn("v-1", ["ਪਉੜੀ ੭", "ਪੰਕਤੀ ।"], ["line", "line"])],
    "psalms_tagalog": [psalm("Psalm 1", ["One.", "It doesn`t end. Psalm 2 By David."])],
    "romanised_urdu": [
        {"id": "u-1", "author": "Mirza Ghalib", "lines": ["dil", "gham"]},
        {"id": "u-2", "author": None, "lines": ["dil", "gham"]},
    ],
    "shijing": [
        {"id": "s-1", "title": "甲", "section": "国风/周南", "lines": ["乙，丙。"]}
    ],
    "thirukkural": [kural(1, [f"line {n}" for n in range(14)])],
}


@pytest.fixture
def corpora(tmp_path):
    folder = tmp_path / "corpora" / "embeddable"
    folder.mkdir(parents=True)
    for name, rows in SOURCES.items():
        with gzip.open(folder / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
    return folder.parent


def built(scripts, corpora, out):
    out.mkdir()
    shutil.copy(corpus_path() / "styles.csv", out)
    scripts.build_corpus(corpora, out)
    return {path.name: path.read_bytes() for path in out.glob("*.jsonl.gz")}


def test_building_twice_gives_the_same_bytes(scripts, corpora, tmp_path):
    first = built(scripts, corpora, tmp_path / "first")
    second = built(scripts, corpora, tmp_path / "second")
    assert first == second
    assert sorted(first) == [f"{name}.jsonl.gz" for name in sorted(SOURCES)]
    # Bytes 4 to 8 of a gzip file are its time stamp.
    assert {content[4:8] for content in first.values()} == {bytes(4)}


def test_records_are_written_with_sorted_keys_and_native_letters(
    scripts, corpora, tmp_path
):
    content = built(scripts, corpora, tmp_path / "out")["shijing.jsonl.gz"]
    line = gzip.decompress(content).decode("utf-8").rstrip("\n")
    assert '"title": "甲"' in line
    assert list(json.loads(line)) == sorted(json.loads(line))
    assert json.loads(line)["style"] == "lyrical"


def test_the_table_counts_what_was_set_aside(scripts, corpora, tmp_path, capsys):
    built(scripts, corpora, tmp_path / "out")
    table = capsys.readouterr().out
    assert "Guru, devotional 1, set aside: no_verse 1" in table
    assert "Latn, lyrical 1, set aside: author_unnamed 1" in table


def test_an_id_that_occurs_twice_is_refused(scripts, corpora, tmp_path, monkeypatch):
    twice = {"id": "g-1", "title": "甲", "section": "国风/周南", "lines": ["乙"]}
    path = corpora / "embeddable" / "shijing.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write(json.dumps(twice) + "\n")
    with pytest.raises(ValueError, match="`id` must be unique"):
        built(scripts, corpora, tmp_path / "out")


def test_the_repository_table_gives_every_embedded_song_its_style(scripts):
    rules = scripts.read_style_rules(corpus_path() / "styles.csv")
    used = set()
    for name in scripts.COLLECTIONS:
        for record in embedded_records([name]):
            rule = scripts.matching_rule(name, record, rules)
            assert record.style == rule["style"]
            used.add(rules.index(rule))
    assert used == set(range(len(rules))), "a rule matches no song"
    assert all(len(rule["reason"]) > 20 for rule in rules)


@pytest.mark.parametrize("copies", [0, 2])
def test_a_style_needs_exactly_one_rule(scripts, copies):
    record = LyricRecord(id="x", lines=("y",), author="Kabir")
    rule = {"collection": "c", "field": "author", "value": "Kabir", "style": "didactic"}
    assert scripts.matching_rule("c", record, [rule]) is rule
    with pytest.raises(ValueError, match=f"Received: {copies} that match"):
        scripts.matching_rule("c", record, [rule] * copies)


def test_kural_couplets_stand_beside_their_english(converters):
    english = [f"line {n}" for n in range(14)]
    (record,) = converters.thirukkural([kural(2, english)])
    assert record.title == "தலைப்பு"
    assert record.lines[:4] == ("அ0", "அ1", "", "அ2")
    assert record.translation[:4] == ("line 0", "line 1", "", "line 2")
    assert [not line for line in record.translation] == [not x for x in record.lines]


def test_a_prose_couplet_takes_one_english_line(converters):
    (record,) = converters.thirukkural([kural(99, [f"line {n}" for n in range(13)])])
    assert record.translation[-4:] == ("line 10", "line 11", "", "line 12")
    assert record.metadata["translation_prose_couplet"] == 7


def test_english_that_does_not_fit_the_couplets_is_refused(converters):
    with pytest.raises(ValueError, match="13 English lines do not fit 7 couplets"):
        list(converters.thirukkural([kural(5, [f"line {n}" for n in range(13)])]))


def test_labels_are_headings_and_no_titles(converters):
    (record,) = converters.gurmukhi(SOURCES["gurbani_vaaran"])
    assert record.lines == ("ਪਉੜੀ ੭", "ਪੰਕਤੀ ।")
    assert record.metadata["line_types"] == ["heading", "line"]
    assert (record.title, record.metadata["title_from"]) == ("ਪੰਕਤੀ ।", "first line")


def test_a_hymn_keeps_its_heading_as_title(converters):
    record, aside = converters.gurmukhi(SOURCES["gurbani"])
    assert (record.title, record.metadata["title_from"]) == ("ਸਿਰਲੇਖ", "heading")
    assert record.metadata["line_types"] == ["heading", "refrain"]
    assert record.no_alter
    assert isinstance(aside, SetAside) and aside.reason == "no_verse"


@pytest.mark.parametrize(
    ("count", "colophon", "sizes"),
    [(10, False, [10]), (11, False, [5, 6]), (47, True, [9, 9, 10, 9, 11])],
)
def test_gita_passages_are_near_equal_and_end_with_the_colophon(
    converters, count, colophon, sizes
):
    rows = [verse(1, n, [f"श्लोक {n}"], [f"śloka {n}"]) for n in range(1, count + 1)]
    if colophon:
        rows.append(verse(1, count + 1, ["ॐ तत्सदिति अध्यायः"], ["OM tatsaditi"]))
    records = list(converters.gita(rows))
    assert [len(record.metadata["verses"]) for record in records] == sizes
    assert [v for r in records for v in r.metadata["verses"]] == [r["id"] for r in rows]
    assert records[0].id == "gita-01-01"


def test_moved_line_breaks_of_the_iast_are_put_right(converters):
    rows = [
        verse(2, 19, ["हतम्", "उभौ"], ["hatam ubhau"]),
        verse(2, 20, ["क", "ख", "ग"], ["ka", "kha"]),
        verse(2, 21, ["घ"], ["ga", "gha"]),
    ]
    (record,) = converters.gita(rows)
    assert record.romanized == ("hatam", "ubhau", "", "ka", "kha", "ga", "", "gha")


def test_a_missing_iast_line_is_refused(converters):
    with pytest.raises(ValueError, match="Chapter 3: 1 IAST lines do not fit"):
        list(converters.gita([verse(3, 1, ["क", "ख"], ["ka"])]))


def test_a_speaker_is_no_title(converters):
    lines = ["सञ्जय उवाच", "एवमुक्त्वा"]
    (record,) = converters.gita([verse(1, 1, lines, ["sañjaya uvāca", "evamuktvā"])])
    assert record.title == "एवमुक्त्वा"


@pytest.mark.parametrize(
    ("title", "verses", "translation", "headings"),
    [
        (
            "Psalm 1",
            ["It doesn`t. Psalm 9 stays.", "End. Psalm 2 A Psalm by David."],
            ("It doesn't. Psalm 9 stays.", "End."),
            {"2": "Psalm 2 A Psalm by David."},
        ),
        (
            "Psalm 41",
            ["Amen. BOOK II Psalm 42 For the Chief Musician."],
            ("Amen.",),
            {"1": "BOOK II Psalm 42 For the Chief Musician."},
        ),
        (
            "Psalm 119",
            ["Forever. SIN AND SHIN", "My ways. TAV", "The end."],
            ("Forever.", "My ways.", "The end."),
            {"1": "SIN AND SHIN", "2": "TAV"},
        ),
        (
            "Song of Songs 2",
            ["My beloved. Beloved", "Friends Eat, friends!"],
            ("My beloved.", "Friends Eat, friends!"),
            {"1": "Beloved"},
        ),
        ("Psalm 150", ["Praise Yah!"], ("Praise Yah!",), None),
    ],
)
def test_headings_of_what_follows_go_to_the_metadata(
    converters, title, verses, translation, headings
):
    (record,) = converters.psalms_tagalog([psalm(title, verses)])
    assert record.translation == translation
    assert record.metadata.get("translation_headings") == headings


@pytest.mark.parametrize(
    ("author", "reason"),
    [
        (None, "author_unnamed"),
        ("A Stranger", "author_unknown"),
        ("Late Poet", "author_too_recent"),
    ],
)
def test_only_poets_who_died_before_1940_are_kept(
    converters, monkeypatch, author, reason
):
    monkeypatch.setitem(converters.POETS, "Late Poet", (1940, "ur-Latn"))
    (aside,) = converters.romanised_urdu([{"id": "u", "author": author, "lines": []}])
    assert isinstance(aside, SetAside) and aside.reason == reason


def test_every_poet_of_the_table_died_before_1940(converters):
    assert all(died < 1940 for died, _ in converters.POETS.values())
