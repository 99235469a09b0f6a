import csv
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import pytest

from gemma_keras_ft.preprocessing.culture.personal_data import (
    find_personal_data,
    has_check_digit,
)

GOLDEN = Path(__file__).parents[2] / "golden" / "personal_data.tsv"


def golden_rows():
    with open(GOLDEN, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            assert row["source"]
            yield pytest.param(row["text"], row["found"], id=row["text"])


@pytest.mark.parametrize(("text", "expected"), [*golden_rows()])
def test_golden_texts(text, expected):
    found = find_personal_data(text)
    shown = "; ".join(f"{text[start:end]}={kind}" for start, end, kind, _ in found)
    assert shown == expected


def test_what_identifies_a_person_is_grave():
    text = "ABCPE1234F, 2345 6789 0123, 98450 00000, me@songs.example"
    severities = [item.severity for item in find_personal_data(text)]
    assert severities == ["high", "high", "medium", "medium"]


def test_nothing_is_found_across_lines():
    assert find_personal_data("98450\n00000") == []
    assert find_personal_data("2345 6789\n0123") == []
    assert find_personal_data("me@songs\n.example") == []


# Verhoeff's own example, and what it is made to catch.
def test_the_check_digit_is_verhoeffs():
    assert has_check_digit("2363")
    number = "234567890124"
    assert has_check_digit(number)
    for place, digit in enumerate(number):
        for other in "0123456789":
            changed = number[:place] + other + number[place + 1 :]
            assert has_check_digit(changed) == (other == digit)
        swapped = number[:place] + number[place : place + 2][::-1] + number[place + 2 :]
        assert has_check_digit(swapped) == (swapped == number)


def test_digits_of_a_newer_unicode_do_not_stop_the_search():
    # Nag Mundari digits, which Python 3.11 does not know.
    assert find_personal_data("\U0001e4f1" * 10) in ([], find_personal_data("1" * 10))


@hypothesis.given(st.text("0123456789९+-.() @a\n।", max_size=60))
def test_spans_are_in_order_and_within_a_line(text):
    found = find_personal_data(text)
    assert found == sorted(found)
    for start, end, _, _ in found:
        assert "\n" not in text[start:end]
        assert text[start:end] == text[start:end].strip()
