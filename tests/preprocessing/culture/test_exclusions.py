import json
import pickle

import pytest

from gemma_keras_ft.config import from_config
from gemma_keras_ft.preprocessing.culture.exclusions import (
    Exclusion,
    ExclusionList,
    read_exclusions,
)


def write(folder, name, content):
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def test_a_table_says_everything_itself(tmp_path):
    path = write(
        tmp_path,
        "own.tsv",
        "phrase\tcategory\tseverity\tlanguage\tnote\n"
        "one  word\tcaste\thigh\thi\task an elder\n"
        "two\t\t\t\t\n",
    )
    read = read_exclusions(path, category="gender", severity="low", language="ta")
    assert read == ExclusionList(
        name="own.tsv",
        entries=(
            Exclusion("one word", "caste", "high", "hi", "ask an elder"),
            Exclusion("two", "gender", "low", "ta"),
        ),
    )


def test_plain_text_is_one_phrase_a_line(tmp_path):
    path = write(tmp_path, "hi.txt", "# a comment\nएक\n\nदो\n")
    read = read_exclusions(path, name="words", language="hi")
    assert read.name == "words"
    assert read.entries == (
        Exclusion("एक", "slur", "medium", "hi"),
        Exclusion("दो", "slur", "medium", "hi"),
    )


def test_a_json_list_is_read(tmp_path):
    read = read_exclusions(write(tmp_path, "hi.json", '["एक", "दो"]'), language="hi")
    assert [entry[0] for entry in read.entries] == ["एक", "दो"]
    assert {entry.language for entry in read.entries} == {"hi"}


def test_json_lists_by_language_are_read(tmp_path):
    path = write(tmp_path, "build.json", '{"hi": ["एक"], "ta": ["ஒன்று"]}')
    assert read_exclusions(path, severity="low").entries == (
        Exclusion("एक", "slur", "low", "hi"),
        Exclusion("ஒன்று", "slur", "low", "ta"),
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.tsv", "phrase\tcategory\nx\trude\n", r"a.tsv:2: `category` must be one of"),
        ("a.tsv", "phrase\tseverity\nx\t9\n", r"a.tsv:2: `severity` must be one of"),
        ("a.json", "[", r"a.json must be JSON"),
        ("a.json", '"x"', r"a.json must hold a list of strings"),
        ("a.json", '{"hi": "x"}', r"a.json must hold a list of strings"),
        ("a.json", '["x", 7]', r"a.json: item 2: `phrase` must be a word"),
        ("a.json", '{"hi": [""]}', r"a.json: item 1 of 'hi': `phrase` must be"),
        ("a.json", "[" * 100_000, r"a.json must be JSON"),
    ],
)
def test_a_list_that_is_none_names_its_place(tmp_path, name, content, message):
    with pytest.raises(ValueError, match=message):
        read_exclusions(write(tmp_path, name, content))


def test_wrong_defaults_are_refused(tmp_path):
    path = write(tmp_path, "a.txt", "x")
    with pytest.raises(ValueError, match="`category` must be one of"):
        read_exclusions(path, category="rude")
    with pytest.raises(ValueError, match="`severity` must be one of"):
        read_exclusions(path, severity="9")
    with pytest.raises(FileNotFoundError, match=r"no\.txt"):
        read_exclusions(tmp_path / "no.txt")
    with pytest.raises(FileNotFoundError, match=r"no\.json"):
        read_exclusions(tmp_path / "no.json")


def test_a_list_survives_json_and_pickle():
    words = ExclusionList(name="own", entries=(Exclusion("x", "caste"), ("y",)))
    assert from_config(json.loads(json.dumps(words.to_config()))) == words
    assert pickle.loads(pickle.dumps(words)) == words
    assert words.entries[1] == Exclusion("y", "slur", "medium", None, "")
