import csv
import unicodedata

import pytest

from gemma_keras_ft.preprocessing.culture.phrase_lists import (
    Phrase,
    load_phrases,
    packaged_languages,
    packaged_phrases,
)

KINDS = {"idiom", "name", "refrain", "ritual", "signature"}
ROWS = [
    (language, phrase)
    for language in packaged_languages()
    for phrase in packaged_phrases(language)
]


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_lists_for_seventeen_languages_are_packaged():
    assert len(packaged_languages()) == 17
    assert {"hi", "pa", "ta", "bn", "ur", "sa", "mr"} <= set(packaged_languages())
    assert len(ROWS) > 250


@pytest.mark.parametrize("language", packaged_languages())
def test_every_packaged_phrase_says_why_and_whence(language):
    phrases = packaged_phrases(language)
    for phrase in phrases:
        assert phrase.language == language
        assert phrase.kind in KINDS
        assert phrase.why and phrase.source
        assert unicodedata.is_normalized("NFC", phrase.phrase)
    texts = [phrase.phrase for phrase in phrases]
    assert len(texts) == len(set(texts))


def test_a_language_without_a_list_is_refused():
    with pytest.raises(ValueError, match=r"language='xx'.*'bn'"):
        packaged_phrases("xx")


def test_a_table_is_read_with_its_columns(tmp_path):
    path = write(
        tmp_path,
        "own.tsv",
        'phrase\tWhy\tlanguage\textra\nहरि  बोल\tsung "so"\thi\tx\n\nराम\r\n',
    )
    assert load_phrases(path) == (
        Phrase(phrase="हरि बोल", why='sung "so"', language="hi"),
        Phrase(phrase="राम"),
    )


def test_a_csv_table_is_read(tmp_path):
    path = write(tmp_path, "own.csv", '\ufeffphrase,why\n"la, la",its rhythm\n')
    assert load_phrases(path) == (Phrase(phrase="la, la", why="its rhythm"),)


def test_plain_text_is_one_phrase_a_line(tmp_path):
    path = write(tmp_path, "own.txt", "# mine\n\nहरि बोल\n  \nCafe\u0301\n")
    texts = [phrase.phrase for phrase in load_phrases(path)]
    assert texts == ["हरि बोल", "Caf\u00e9"]


@pytest.fixture(autouse=True)
def usual_field_limit():
    """Other readers raise the csv module's bound for the whole process."""
    before = csv.field_size_limit(131_072)
    yield
    csv.field_size_limit(before)


def test_an_empty_file_holds_no_phrase(tmp_path):
    assert load_phrases(write(tmp_path, "own.txt", "")) == ()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.tsv", "word\twhy\nx\ty\n", r"a.tsv must have the column `phrase`.*\.txt"),
        ("a.tsv", "", r"must have the column `phrase`"),
        ("a.tsv", "phrase\twhy\na\tb\tc\n", r"a.tsv:2 must have the header's 2 cells"),
        ("a.tsv", "phrase\twhy\nok\t\n\tb\n", r"a.tsv:3 must have a phrase"),
        ("a.csv", "phrase\n" + "x" * 200_000, r"a.csv:2 must be a row of cells"),
        ("a.txt", b"\xff\xfe\x00", r"a.txt must be UTF-8.*byte 0"),
    ],
)
def test_a_list_that_is_none_names_its_place(tmp_path, name, content, message):
    with pytest.raises(ValueError, match=message):
        load_phrases(write(tmp_path, name, content))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no\.tsv.*no file"):
        load_phrases(tmp_path / "no.tsv")
    with pytest.raises(FileNotFoundError, match="no file"):
        load_phrases(tmp_path)
