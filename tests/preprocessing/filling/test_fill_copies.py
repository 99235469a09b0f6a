import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma_keras_ft.preprocessing.filling.fill import undo_fills
from gemma_keras_ft.preprocessing.filling.fill_copies import complete_from_copies
from gemma_keras_ft.preprocessing.filling.fill_punctuation import FillPunctuation
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.resources.corpus import embedded_records

WHOLE = LyricRecord(
    id="whole",
    lines=("दीप जले रे", "रात ढले रे", "मन गाए रे सारी रात", "भोर हुई"),
    language="hi",
    script="Deva",
)


def cut(last, **fields):
    return WHOLE.replace(id="cut", lines=(*WHOLE.lines[:2], last), **fields)


@pytest.mark.parametrize(
    ("last", "completed"),
    [
        ("मन गाए रे स", "मन गाए रे सारी रात"),
        ("मन गाए रे सार", "मन गाए रे सारी रात"),
        ("मन गाए", "मन गाए रे सारी रात"),
        ("मन गाए ", "मन गाए रे सारी रात"),
        ("मन गाए रे स…", "मन गाए रे सारी रात"),
        ("मन गाए रे ...", "मन गाए रे सारी रात"),
        ("मन गाए रे सा।", "मन गाए रे सारी रात।"),
        ("मन, गाए", "मन, गाए रे सारी रात"),
    ],
)
def test_a_line_that_was_cut_off_is_completed(last, completed):
    record = cut(last)
    found = complete_from_copies(record, [record, WHOLE])
    assert found.lines == (*WHOLE.lines[:2], completed)
    assert found.metadata["filled"][0]["source"] == "whole"
    assert undo_fills(found) == record


@pytest.mark.parametrize(
    "last",
    [
        "मन गाए रे सारी रात",  # Whole.
        "मन गाए रे सारी रात।",
        "मन गाए रे आधी",  # Another line.
        "गाए रे सारी",
        "…",
        "मन गाए रे सारी रात भर",  # The copy's is the shorter one.
    ],
)
def test_a_line_that_the_copy_does_not_begin_with_is_left_alone(last):
    record = cut(last)
    assert complete_from_copies(record, [WHOLE]) is record


def test_the_lines_before_must_be_the_same():
    record = cut("मन गाए रे स")
    other = WHOLE.replace(lines=("और कहीं", *WHOLE.lines[1:]))
    assert complete_from_copies(record, [other]) is record
    # Case, punctuation and stanzas make no difference.
    other = WHOLE.replace(lines=("दीप, जले रे ।", "", "रात ढले रे ॥", *WHOLE.lines[2:]))
    assert complete_from_copies(record, [other]).lines[-1] == "मन गाए रे सारी रात"


def test_a_longer_vocable_is_no_evidence():
    record = LyricRecord(id="a", lines=("rain came", "wind rose", "la la la"))
    longer = record.replace(id="b", lines=(*record.lines[:2], "la la la la la"))
    assert complete_from_copies(record, [longer]) is record
    # Unless the line says itself that it was cut.
    record = record.replace(lines=(*record.lines[:2], "la la la…"))
    assert complete_from_copies(record, [longer]).lines[-1] == "la la la la la"


def test_copies_must_agree():
    record = cut("मन गाए रे स")
    longer = WHOLE.replace(
        id="longer", lines=(*WHOLE.lines[:2], "मन गाए रे सारी रात भर")
    )
    other = cut("मन गाए रे सजनी").replace(id="other")
    same = cut("मन गाए रे स").replace(id="same")
    for order in ([WHOLE, longer], [longer, WHOLE]):
        assert complete_from_copies(record, order).lines[-1].endswith("भर")
    assert complete_from_copies(record, [WHOLE, other]) is record
    # One of the copies has the line just as it is: then it may be whole.
    assert complete_from_copies(record, [WHOLE, same]) is record


def test_a_copy_that_offers_two_places_is_not_used():
    refrain = ("रात ढले रे", "दीप जले रे")
    twice = WHOLE.replace(lines=(*refrain, "मन गाए", "", *refrain, "मन नाचे"))
    record = WHOLE.replace(id="cut", lines=(*refrain, "मन"))
    assert complete_from_copies(record, [twice]) is record


@pytest.mark.parametrize(
    "fields",
    [
        {"language": "mr"},
        {"script": "Gujr"},
        {"script": None, "lines": ("dīp jale re", "rāt ḍhale re", "man gāe re sārī")},
    ],
)
def test_only_copies_in_the_same_script_and_language_are_asked(fields):
    record = cut("मन गाए रे स")
    assert complete_from_copies(record, [WHOLE.replace(**fields)]) is record


def test_a_sacred_text_is_left_as_it_is():
    record = cut("मन गाए रे स", no_alter=True)
    assert complete_from_copies(record, [WHOLE]) is record
    # It may show what another record lacks.
    shown = complete_from_copies(cut("मन गाए रे स"), [WHOLE.replace(no_alter=True)])
    assert shown.lines[-1] == "मन गाए रे सारी रात"


def test_a_romanization_is_completed_too():
    record = cut(
        "मन गाए रे स", romanized=("dīp jale re", "rāt ḍhale re", "man gāe re s")
    )
    romanized = ("dīp jale re", "rāt ḍhale re", "man gāe re sārī rāt", "bhor huī")
    found = complete_from_copies(record, [WHOLE.replace(romanized=romanized)])
    assert found.romanized == romanized[:3]
    assert undo_fills(found) == record
    # It would no longer fit the line.
    assert complete_from_copies(record, [WHOLE]) is record


def test_a_mark_that_was_filled_after_the_cut_stays_at_the_end():
    lines = ("दीप जले रे आज।", "रात ढले रे आज।", "मन गाए रे आज।", "चाँद उगे रे आ")
    whole = WHOLE.replace(lines=(*lines[:3], "चाँद उगे रे आज।"))
    closed = FillPunctuation()(WHOLE.replace(id="cut", lines=lines))
    assert closed.lines[-1] == "चाँद उगे रे आ।"
    found = complete_from_copies(closed, [whole])
    assert found.lines == whole.lines
    assert undo_fills(found).lines == lines


def test_real_songs_are_completed_wherever_they_are_cut():
    completed = 0
    records = [record for record in embedded_records() if record.language == "ta"]
    for number, record in enumerate(records):
        lines = record.lines[:8]
        end = 3 + number % (len(lines[-1]) - 3)
        short = record.replace(id="cut", lines=(*lines[:-1], lines[-1][:end].strip()))
        found = complete_from_copies(short, [record])
        assert found.lines[:-1] == lines[:-1]
        assert found.lines[-1] in (lines[-1], short.lines[-1])
        completed += found.lines == lines
    assert completed >= 0.9 * len(records)


@given(
    st.lists(st.text(alphabet="ab .,…क्ष।", max_size=8), max_size=6),
    st.lists(st.text(alphabet="ab .,…क्ष।", max_size=8), max_size=6),
    st.integers(0, 8),
)
def test_only_the_last_line_gets_longer(head, tail, end):
    record = LyricRecord(id="a", lines=(*head, "".join(tail[:1])[:end]), script="Latn")
    copies = [
        LyricRecord(id=name, lines=(*head, *lines), script="Latn")
        for name, lines in (("b", tail), ("c", tail[1:]), ("d", [*tail[:1], "b a"]))
    ]
    found = complete_from_copies(record, copies)
    assert undo_fills(found) == record
    if found is not record:
        assert found.lines[:-1] == record.lines[:-1]
        rest = iter(found.lines[-1])
        assert all(char in rest for char in record.lines[-1].rstrip(" .…"))
        assert complete_from_copies(found, copies) == found


@pytest.mark.parametrize("lines", [(), ("a",), ("", "", "a"), ("♪", "a")])
def test_a_song_without_context_is_left_as_it_is(lines):
    record = LyricRecord(id="a", lines=lines)
    assert complete_from_copies(record, [record.replace(id="b")]) is record
