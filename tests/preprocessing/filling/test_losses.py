import time

import pytest

from gemma_keras_ft.preprocessing.filling.fill import FillTitle
from gemma_keras_ft.preprocessing.filling.fill_brackets import CloseBrackets
from gemma_keras_ft.preprocessing.filling.fill_copies import complete_from_copies
from gemma_keras_ft.preprocessing.filling.fill_punctuation import FillPunctuation
from gemma_keras_ft.preprocessing.filling.losses import (
    lost_letters,
    residue_share,
    says_nothing,
)
from gemma_keras_ft.preprocessing.filling.missing import (
    DetectLanguage,
    DetectScript,
    RequireText,
)
from gemma_keras_ft.preprocessing.provenance.rights import AllowLicenses, collection_of
from gemma_keras_ft.records import LyricRecord

STEPS = (
    DetectScript(),
    DetectLanguage(),
    RequireText(),
    FillTitle(),
    FillPunctuation(),
    CloseBrackets(),
    AllowLicenses(allowed=("MIT",)),
)


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ("", 0),
        ("why??? who??? ???", 0),
        ("????", 0),
        ("????\n????", 8),
        ("??? ?? ????\n?? ???", 14),
        ("el ni?o canta en la ma?ana", 2),
        ("el ni?o canta", 0),
        ("Why?Because what?No", 0),
        ("Quoi ? ? ?\n? ? ?", 0),
        ("□□ 河□", 3),
    ],
)
def test_letters_that_were_lost_are_counted(text, lost):
    assert lost_letters(text) == lost


@pytest.mark.parametrize(
    ("lines", "share"),
    [
        ((), 0),
        (("♪", "..."), 0),
        (("rain", "roof"), 0),
        (("[rain]", "roof"), 0.5),
        (("[rain]", "[rain]", "roof"), 2 / 3),
        (("rain https://roof", "rain roof"), 9 / 21),
        (("Am F C", "rain roof"), 4 / 12),
        (("e|--0--2--|", "rain"), 3 / 7),
    ],
)
def test_what_is_no_lyrics_is_weighed_by_its_letters(lines, share):
    record = LyricRecord(id="a", lines=lines)
    assert residue_share(record) == pytest.approx(share)


def test_a_heading_says_nothing_only_beside_a_placeholder():
    record = LyricRecord(id="a", lines=("Rain", "No lyrics."), title="Rain")
    assert says_nothing(record) == "placeholder"
    assert says_nothing(record.replace(lines=("Rain", "Rain"))) is None
    assert says_nothing(record.replace(title=None)) is None


LONG_LINES = [
    begin + part * (30_000 // len(part)) + end
    for part in (" ", "-", "।", "? ", "a?b", "A ", "(a", "|--", ".", "@.", "1 ", "{")
    for begin, end in (("", ""), ("", "x"), ("x", "x"))
]


@pytest.mark.parametrize("line", LONG_LINES, ids=lambda line: line[:4] + line[-1])
def test_no_line_takes_quadratic_time(line):
    record = LyricRecord(id="a", lines=(line, "la", line), license=line, source=line)
    begun = time.perf_counter()
    for step in STEPS:
        step(record)
    collection_of(line)
    copy = record.replace(id="b", lines=(line, "la", line + " a"))
    complete_from_copies(record, [copy])
    assert time.perf_counter() - begun < 5
