import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma_keras_ft.preprocessing.provenance.representation import (
    REPRESENTED,
    Representation,
)
from gemma_keras_ft.records import LyricRecord


def counted(records):
    representation = Representation()
    for record in records:
        representation.add(record)
    return representation


def record(**fields):
    return LyricRecord(id="a", lines=("नदी बहे",), **fields)


def test_songs_are_counted_by_what_is_known_of_them():
    records = [
        record(language="hi", script="Deva", style="lyrical", source="Book, page 1"),
        record(language="hi", script="Latn", era="1950s", source="Book, page 2"),
        record(language="pa", license="CC0-1.0", source="https://songs.example/1"),
    ]
    assert counted(records).counts() == {
        "language": {"hi": 2, "pa": 1},
        "script": {"Deva": 1, "Latn": 1, "unknown": 1},
        "style": {"unknown": 2, "lyrical": 1},
        "era": {"unknown": 2, "1950s": 1},
        "source": {"Book": 2, "songs.example": 1},
        "license": {"unknown": 2, "CC0-1.0": 1},
    }


def test_the_most_frequent_stand_first():
    records = [record(language=tag) for tag in ("pa", "bn", "hi", "hi", "")]
    counts = counted(records).counts()["language"]
    assert list(counts) == ["hi", "bn", "pa", "unknown"]


RECORDS = st.lists(
    st.builds(
        record,
        language=st.sampled_from([None, "hi", "pa"]),
        style=st.sampled_from([None, "lyrical"]),
        source=st.sampled_from(["Book, page 1", "Book, page 2"]),
    )
)


@given(RECORDS, RECORDS)
def test_counts_of_parts_make_the_counts_of_the_whole(left, right):
    merged = counted(left)
    merged.merge(pickle.loads(pickle.dumps(counted(right))))
    whole = counted([*right, *left])
    assert merged.counts() == whole.counts()
    for field in REPRESENTED:
        assert sum(whole.counts()[field].values()) == len(left) + len(right)
    written = json.loads(json.dumps(whole.counts()))
    assert Representation.from_counts(written).counts() == whole.counts()


def test_counts_of_an_unknown_field_are_refused():
    with pytest.raises(ValueError, match="`counts` must be by field"):
        Representation.from_counts({"x": {"y": 1}})
