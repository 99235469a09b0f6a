import gzip
import importlib
import json
import random
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

with pytest.MonkeyPatch.context() as _patch:
    _patch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])
    references = importlib.import_module("romanization_references")
    benchmark = importlib.import_module("romanization")


def textbook_distance(text, reference):
    row = list(range(len(reference) + 1))
    for place, char in enumerate(text, 1):
        above, row = row, [place]
        for column, other in enumerate(reference, 1):
            changed = above[column - 1] + (char != other)
            row.append(min(changed, above[column] + 1, row[-1] + 1))
    return row[-1]


@given(st.text("abc", max_size=12), st.text("abcd", max_size=12))
def test_character_errors_are_the_textbooks(text, reference):
    found = references.character_errors(text, reference)
    assert found == textbook_distance(text, reference)


def test_long_texts_are_compared_too():
    letters = random.Random(0).choices("kaāirṃ ", k=300)
    text = "".join(letters)
    other = text[:100] + "x" + text[120:] + "yy"
    assert references.character_errors(text, other) == textbook_distance(text, other)


def test_a_convention_is_mapped_on_its_own_side_and_counted():
    table = references.Convention("letters", "[āī]", {"ā": "aa", "ī": "ee"})
    assert references.convert(["rāmī", "x"], ["ā"], table) == (
        ["raamee", "x"],
        ["ā"],
        2,
    )
    pauses = references.Convention("pauses", "[;.]", "", "theirs")
    assert references.convert(["a;"], ["sat; naam."], pauses) == (
        ["a;"],
        ["sat naam"],
        2,
    )


def test_gurbanis_conventions_lead_to_how_it_is_written():
    pairs = [
        ("ਸਤਿ ਨਾਮੁ ਕਰਤਾ ਪੁਰਖੁ ॥", "sat naam; karataa purakh |"),
        ("ਪਉੜੀ ॥", "paurree |"),
        ("ਮਨਿ ਬਸਹਿ ਪਾਇਆ", "man. baseh paaeaa"),
    ]
    rates = benchmark.error_rates(pairs, references.GURBANI, scheme="iso15919")
    assert rates[0]["texts_exact"] == "0.0%" and rates[-1]["texts_exact"] == "100.0%"
    assert rates[-1]["error_rate"] == "0.000%"
    places = {rate["mapped"]: rate["places"] for rate in rates}
    assert places["pauses of recitation: ; . ,"] == 2 and places["danda: a bar"] == 2


def test_rates_after_each_convention_are_those_computed_afresh():
    rows = [row for row in benchmark.embedded_rows() if row.get("translit_iast")][:5]
    pairs = [("\n".join(r["lines"]), "\n".join(r["translit_iast"])) for r in rows]
    rates = benchmark.error_rates(pairs, references.GITA, scheme="iast")
    ours = [benchmark.romanize_text(native, scheme="iast") for native, _ in pairs]
    theirs = [parallel for _, parallel in pairs]
    for convention in references.GITA:
        ours, theirs, _ = references.convert(ours, theirs, convention)
    errors = sum(map(references.character_errors, ours, theirs))
    assert rates[-1]["error_rate"] == f"{errors / sum(map(len, theirs)):.3%}"


def test_the_gita_differs_from_its_parallel_in_one_character_of_two_hundred():
    rows = list(benchmark.embedded_rows())
    rates = benchmark.references(rows)["Gita, IAST"]
    assert float(rates[-1]["error_rate"].rstrip("%")) < 0.5
    assert "Gurbani" not in benchmark.references(rows)


def test_speed_is_measured_on_both():
    lines = ["धर्मक्षेत्रे कुरुक्षेत्रे समवेता युयुत्सवः", "काम करो"] * 50
    found = benchmark.measure_speed(lines, "Deva", rounds=2)
    assert found["lines"] == 100
    assert found["lines_as_the_library_has_them"] == 1
    assert min(found.values()) > 0


def test_corpora_are_read_from_any_folder(tmp_path):
    (tmp_path / "inner").mkdir()
    rows = [
        {"lines": ["ਸਤਿ", "ਸਤਿ"], "script": "Guru"},
        {"lines": ["ਨਾਮੁ"], "latn": ["naam"]},
        {"lines": ["la"], "script": "Latn"},
    ]
    with gzip.open(tmp_path / "inner" / "songs.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    read = list(benchmark.read_corpora(tmp_path))
    assert [row["script"] for row in read] == ["Guru", "Guru", "Latn"]
    assert benchmark.distinct_lines(read)["Guru"] == ["ਸਤਿ", "ਨਾਮੁ"]
    assert benchmark.distinct_words(read) == {"Guru": ["ਨਾਮੁ", "ਸਤਿ"]}
    assert benchmark.references(read)["Gurbani"][-1]["texts_exact"] == "100.0%"


def test_round_trips_name_what_does_not_come_back():
    rows = [{"lines": ["काम क\u094d\u200dष ॐ १२"], "script": "Deva"}]
    found = benchmark.round_trips(rows)["Deva round trip"]
    assert found["words"] == 3 and found["changed"] == 2
    assert found["changed_by"] == {"joiner": 1, "om": 1}
    assert found["examples"] == ["क\u094d\u200dष", "ॐ"]
