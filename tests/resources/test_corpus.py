import collections
import itertools
import subprocess
import sys
import unicodedata

import pytest

from gemma_keras_ft.resources import corpus

COUNTS = {
    "gita": 77,
    "gurbani": 5544,
    "gurbani_ghazal_nandlal": 64,
    "gurbani_vaaran": 941,
    "psalms_tagalog": 158,
    "romanised_urdu": 22,
    "shijing": 305,
    "thirukkural": 133,
}
SACRED = {
    "gita",
    "gurbani",
    "gurbani_ghazal_nandlal",
    "gurbani_vaaran",
    "psalms_tagalog",
}
LETTERS = {
    "Deva": "DEVANAGARI",
    "Guru": "GURMUKHI",
    "Hans": "CJK",
    "Latn": "LATIN",
    "Taml": "TAMIL",
}


@pytest.fixture(scope="module")
def songs():
    return {name: list(corpus.embedded_records([name])) for name in COUNTS}


@pytest.fixture(scope="module")
def all_songs(songs):
    return list(itertools.chain.from_iterable(songs.values()))


def test_collections_are_those_of_the_licence_file(songs):
    licences = (corpus.corpus_path() / "LICENSES").read_text(encoding="utf-8")
    assert corpus.embedded_collections() == sorted(COUNTS)
    for name in COUNTS:
        assert name in licences


def test_each_collection_holds_its_songs(songs):
    assert {name: len(records) for name, records in songs.items()} == COUNTS


def test_default_reads_every_collection_once(all_songs):
    assert list(corpus.embedded_records()) == all_songs


def test_collections_are_read_in_the_order_given():
    records = corpus.embedded_records(["shijing", "romanised_urdu"])
    scripts = [record.script for record in records]
    assert scripts == ["Hans"] * 305 + ["Latn"] * 22


def test_corpus_weighs_at_most_four_megabytes():
    files = [path for path in corpus.corpus_path().iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 4e6


def test_every_record_says_what_it_is(all_songs):
    for record in all_songs:
        for field in ("title", "author", "language", "script", "source", "license"):
            assert getattr(record, field), (record.id, field)
        assert any(record.lines), record.id


def test_ids_are_unique(all_songs):
    ids = collections.Counter(record.id for record in all_songs)
    assert ids.most_common(1)[0][1] == 1


def test_every_record_has_one_of_the_four_styles(all_songs):
    styles = collections.Counter(record.style for record in all_songs)
    assert set(styles) == {"lyrical", "narrative", "devotional", "didactic"}
    assert min(styles.values()) > 100


def test_letters_are_of_the_declared_script(all_songs):
    letters = collections.defaultdict(collections.Counter)
    for record in all_songs:
        for char in filter(str.isalpha, record.text):
            letters[record.script][unicodedata.name(char).split()[0]] += 1
    assert set(letters) == set(LETTERS)
    for script, counts in letters.items():
        # The Gita's source gives a few variants as "(or ...)".
        assert counts[LETTERS[script]] / counts.total() > 0.999, script


def test_language_tags_are_those_of_the_collections(songs):
    assert {
        name: {record.language for record in records} for name, records in songs.items()
    } == {
        "gita": {"sa"},
        "gurbani": {"pa"},
        "gurbani_ghazal_nandlal": {"fa-Guru"},
        "gurbani_vaaran": {"pa"},
        "psalms_tagalog": {"tl"},
        "romanised_urdu": {"ur-Latn", "hi-Latn"},
        "shijing": {"lzh"},
        "thirukkural": {"ta"},
    }


def test_sacred_texts_are_marked_and_others_are_not(songs):
    for name, records in songs.items():
        assert {record.no_alter for record in records} == {name in SACRED}, name


def test_a_title_from_the_first_line_stands_in_the_song(all_songs):
    named = [r for r in all_songs if r.metadata.get("title_from") == "first line"]
    assert len(named) > 2000
    for record in named:
        assert record.title in record.lines, record.id


def test_labels_never_serve_as_titles(songs):
    for record in songs["gurbani_vaaran"]:
        assert not record.title.startswith("ਪਉੜੀ"), record.id
    for record in songs["gita"]:
        assert not record.title.endswith("उवाच"), record.id


def test_line_types_of_gurmukhi_songs_are_one_for_one(songs):
    kinds = collections.Counter()
    for name in ("gurbani", "gurbani_vaaran", "gurbani_ghazal_nandlal"):
        for record in songs[name]:
            assert len(record.metadata["line_types"]) == len(record.lines), record.id
            kinds.update(record.metadata["line_types"])
    assert set(kinds) == {"invocation", "heading", "line", "refrain"}
    assert kinds["refrain"] == 5382


def test_each_kural_chapter_is_ten_couplets(songs):
    for record in songs["thirukkural"]:
        assert [len(s.split("\n")) for s in record.text.split("\n\n")] == [2] * 10


def test_english_couplets_stand_beside_the_tamil_ones(songs):
    prose = {}
    for record in songs["thirukkural"]:
        assert record.translation_language == "en"
        sizes = [
            len(s.split("\n")) for s in "\n".join(record.translation).split("\n\n")
        ]
        assert len(sizes) == 10, record.id
        number = record.metadata.get("translation_prose_couplet")
        assert sizes == [2 - (n == number) for n in range(1, 11)], record.id
        if number:
            prose[record.id] = number
    assert prose == {"kural-ch099": 7, "kural-ch126": 1, "kural-ch127": 7}


def test_the_books_of_the_kural_have_their_traditional_lengths(songs):
    books = collections.Counter(r.metadata["book"] for r in songs["thirukkural"])
    assert books == {"Righteousness": 38, "Wealth": 70, "Love": 25}


def test_love_poems_of_the_kural_are_lyrical_and_counsel_is_didactic(songs):
    for record in songs["thirukkural"]:
        is_love = record.metadata["book"] == "Love"
        assert record.style == ("lyrical" if is_love else "didactic"), record.id


def test_romanized_lines_are_one_for_one(songs):
    for record in songs["gita"]:
        borders = [not line for line in record.lines]
        assert [not line for line in record.romanized] == borders, record.id
        assert not any("\u0900" <= char <= "\u097f" for char in str(record.romanized))


def test_gita_passages_hold_all_verses_in_order(songs):
    verses = [v for record in songs["gita"] for v in record.metadata["verses"]]
    places = [tuple(map(int, verse.removeprefix("BG").split("."))) for verse in verses]
    assert places == sorted(places)
    assert len(set(places)) == 719
    assert max(len(record.metadata["verses"]) for record in songs["gita"]) == 11


def test_english_psalms_are_verse_for_verse_without_the_next_heading(songs):
    for record in songs["psalms_tagalog"]:
        assert len(record.translation) == len(record.lines), record.id
        text = "\n".join(record.translation)
        assert "`" not in text
        assert "Psalm " not in text, record.id
        assert not text.endswith(("Beloved", "Lover", "Friends")), record.id


@pytest.mark.parametrize("collections_", [["thirukkural", "beatles"], "gita"])
def test_a_wrong_collection_is_refused_at_the_call(collections_):
    with pytest.raises(ValueError, match=r"`collections` must .* Received: ") as error:
        corpus.embedded_records(collections_)
    assert "gita" in str(error.value)


def test_importing_the_reader_is_light():
    code = (
        "import sys, gemma_keras_ft.resources.corpus; "
        "print(sorted({'numpy', 'keras', 'tensorflow', 'jax'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
