import csv
import io
import json
import pickle
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma_keras_ft.preprocessing.provenance.rights import (
    AllowLicenses,
    RequireConsent,
    RightsLedger,
    collection_of,
    rights_csv,
    rights_ledger,
)
from gemma_keras_ft.records import LyricRecord, SetAside
from gemma_keras_ft.resources.corpus import embedded_records
from gemma_keras_ft.testing import check_preprocessor


def record(number=0, **fields):
    return LyricRecord(id=f"r{number}", lines=("नदी बहे", "पवन चले"), **fields)


def reason(step, **fields):
    result = step(record(**fields))
    return result.reason if isinstance(result, SetAside) else None


@pytest.mark.parametrize(
    ("license", "expected"),
    [
        ("CC BY 4.0", None),
        ("public domain", None),
        ("Public Domain Mark 1.0", None),
        ("CC-BY-NC-4.0", "license_refused"),
        ("all rights reserved", "license_refused"),
        (None, "license_missing"),
        ("", "license_missing"),
        (" \u200b", "license_missing"),
    ],
)
def test_only_allowed_licenses_pass(license, expected):
    step = AllowLicenses(allowed=("CC-BY-4.0", "public domain"))
    assert reason(step, license=license) == expected
    lenient = AllowLicenses(allowed=step.allowed, allow_missing=True)
    missing = expected == "license_missing"
    assert reason(lenient, license=license) == (None if missing else expected)


def test_a_refusal_names_the_license_and_the_remedy():
    found = AllowLicenses(allowed=("MIT",))(record(license="CC-BY-4.0"))
    assert found.detail == (
        "Is under 'CC-BY-4.0', none of ['MIT']. If that is the same, list it as it "
        "stands."
    )
    assert found.record["license"] == "CC-BY-4.0"


@pytest.mark.parametrize("allowed", [(), "MIT", ("MIT", " "), ("MIT", None)])
def test_a_list_of_licenses_must_name_some(allowed):
    with pytest.raises(ValueError, match="`allowed` must"):
        AllowLicenses(allowed=allowed)


@pytest.mark.parametrize(
    ("consent", "license", "expected"),
    [
        ("Given by the singers' circle, 2023", None, None),
        (None, None, "consent_missing"),
        ("", None, "consent_missing"),
        (" - ", None, "consent_missing"),
        ("Withdrawn.", None, "consent_refused"),
        ("NOT ASKED", None, "consent_refused"),
        ("withdrawn by nobody, confirmed twice", None, None),
        (None, "public domain", None),
        ("refused", "public domain", "consent_refused"),
        (None, "CC-BY-4.0", "consent_missing"),
    ],
)
def test_consent_is_required_or_exempt(consent, license, expected):
    step = RequireConsent(exempt_licenses=("public domain",))
    assert reason(step, consent=consent, license=license) == expected


def test_without_exemptions_no_license_replaces_consent():
    assert reason(RequireConsent(), license="CC0-1.0") == "consent_missing"


@pytest.mark.parametrize("fields", [{"refusals": "no"}, {"exempt_licenses": ("",)}])
def test_wrong_lists_of_consent_are_named(fields):
    with pytest.raises(ValueError, match=f"`{next(iter(fields))}` must"):
        RequireConsent(**fields)


@pytest.mark.parametrize(
    ("source", "collection"),
    [
        ("Songs of the river, page 12", "Songs of the river"),
        ("Songs of the river, pp. 12-13", "Songs of the river"),
        ("songs.jsonl:17", "songs.jsonl"),
        ("songs.csv#204", "songs.csv"),
        ("https://www.Songs.example/river/12?x=1", "songs.example"),
        ("npm:songs@4.8.3 Great Book, page 1430", "npm:songs@4.8.3 Great Book"),
        ("pypi:songs==1.1", "pypi:songs==1.1"),
        ("Film songs, 1956", "Film songs, 1956"),
        ("field recording", "field recording"),
        ("page 3", "page 3"),
        ("see https://songs.example for more", "see https://songs.example for more"),
        (" ", " "),
    ],
)
def test_a_source_is_counted_by_its_collection(source, collection):
    assert collection_of(source) == collection


def test_the_ledger_has_a_row_for_each_set_of_terms():
    records = [
        record(1, source="Book, page 1", license="MIT", language="hi"),
        record(2, source="Book, page 2", license="MIT", language="pa", no_alter=True),
        record(3, source="Book, page 2", license="MIT", contributor="Asha"),
        record(4, license="", consent="yes", language="hi"),
    ]
    assert rights_ledger(records) == [
        {
            "source": None,
            "license": None,
            "contributor": None,
            "consent": "yes",
            "songs": 1,
            "languages": {"hi": 1},
            "no_alter": 0,
        },
        {
            "source": "Book",
            "license": "MIT",
            "contributor": None,
            "consent": None,
            "songs": 2,
            "languages": {"hi": 1, "pa": 1},
            "no_alter": 1,
        },
        {
            "source": "Book",
            "license": "MIT",
            "contributor": "Asha",
            "consent": None,
            "songs": 1,
            "languages": {"unknown": 1},
            "no_alter": 0,
        },
    ]
    sources = [row["source"] for row in rights_ledger(records, by_collection=False)]
    assert sources == [None, "Book, page 1", "Book, page 2", "Book, page 2"]


RECORDS = st.lists(
    st.builds(
        record,
        st.integers(0, 9),
        source=st.sampled_from([None, "Book, page 1", "Book, page 2", "x"]),
        license=st.sampled_from([None, "MIT", "CC0-1.0"]),
        contributor=st.sampled_from([None, "Asha"]),
        language=st.sampled_from([None, "hi", "pa"]),
        no_alter=st.booleans(),
    )
)


@given(RECORDS, st.integers(0, 20), st.randoms(use_true_random=False))
def test_ledgers_of_parts_in_any_order_make_the_ledger_of_the_whole(
    records, cut, shuffle
):
    whole = rights_ledger(records)
    assert sum(row["songs"] for row in whole) == len(records)
    assert sum(row["no_alter"] for row in whole) == sum(r.no_alter for r in records)
    assert all(row["songs"] == sum(row["languages"].values()) for row in whole)
    shuffle.shuffle(records)
    parts = [RightsLedger(), RightsLedger()]
    for place, item in enumerate(records):
        parts[place >= cut].add(item)
    # As another process would send it.
    parts[0].merge(pickle.loads(pickle.dumps(parts[1])))
    assert parts[0].rows() == whole
    json.dumps(whole)


def test_a_ledger_of_the_embedded_corpus_is_short_and_complete():
    records = list(embedded_records())
    random.Random(1).shuffle(records)
    rows = rights_ledger(records)
    assert len(rows) < 20
    assert sum(row["songs"] for row in rows) == len(records)
    assert all(row["license"] and row["source"] for row in rows)


def test_csv_says_the_same():
    rows = rights_ledger(
        [
            record(1, source='A "quoted", book', consent="line\nbreak", language="hi"),
            record(2, source='A "quoted", book', consent="line\nbreak", language="pa"),
        ]
    )
    (read,) = csv.DictReader(io.StringIO(rights_csv(rows)))
    assert read == {
        "source": 'A "quoted", book',
        "license": "",
        "contributor": "",
        "consent": "line\nbreak",
        "songs": "2",
        "languages": "hi: 1, pa: 1",
        "no_alter": "0",
    }


@pytest.mark.parametrize(
    "step",
    [
        AllowLicenses(allowed=("CC0-1.0",)),
        AllowLicenses(allowed=("MIT",), allow_missing=True),
        RequireConsent(),
        RequireConsent(refusals=(), exempt_licenses=("CC0",)),
    ],
    ids=["allow", "allow_missing", "consent", "consent_exempt"],
)
def test_contract(step):
    check_preprocessor(step)
