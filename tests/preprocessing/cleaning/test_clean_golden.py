import csv
import json
import pathlib
import re
from collections import Counter

import pytest

from gemma_keras_ft.config import from_config
from gemma_keras_ft.preprocessing.cleaning.case import Lowercase
from gemma_keras_ft.preprocessing.cleaning.clean import Clean
from gemma_keras_ft.preprocessing.cleaning.labels import LabelSections
from gemma_keras_ft.preprocessing.cleaning.links import StripLinks
from gemma_keras_ft.preprocessing.cleaning.punctuation import TidyPunctuation
from gemma_keras_ft.preprocessing.cleaning.repeats import CapElongation, ExpandRepeats
from gemma_keras_ft.preprocessing.cleaning.residue import StripResidue
from gemma_keras_ft.preprocessing.cleaning.symbols import StripOrnaments, StripSymbols
from gemma_keras_ft.preprocessing.cleaning.whitespace import TidyWhitespace
from gemma_keras_ft.preprocessing.recipe import default_recipe
from gemma_keras_ft.preprocessing.text.normalize import Normalize
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.testing import check_preprocessor

# What cleans text; the steps behind it judge and complete records.
CLEANING = tuple(
    step
    for step in default_recipe()
    if isinstance(step, Normalize) or ".cleaning." in type(step).__module__
)
BY_CHOICE = (CapElongation(), Lowercase())
VARIANTS = (
    StripResidue(cues="keep"),
    LabelSections(labels="remove"),
    LabelSections(labels="keep"),
    ExpandRepeats(repeats="mark", danda_counts=True),
    ExpandRepeats(danda_counts=True, limit=2),
    StripLinks(urls="keep", emails="keep", handles="keep", hashtags="remove"),
    TidyPunctuation(punctuation="remove", verse_numbers="keep", bars="keep"),
    TidyPunctuation(punctuation="keep"),
    StripOrnaments(emoji="keep"),
    StripSymbols(emoji="keep"),
    TidyWhitespace(split_glued_danda=True),
    CapElongation(letters=2, avagraha=3),
)
STEPS = (*CLEANING, *BY_CHOICE, *VARIANTS)


def unescaped(text):
    code = {"n": "\n", "t": "\t"}
    return re.sub(
        r"\\(?:u([0-9a-f]{4})|([nt]))",
        lambda found: code.get(found[2]) or chr(int(found[1], 16)),
        text,
    )


def golden_rows():
    table = pathlib.Path(__file__).parents[2] / "golden" / "clean.tsv"
    with open(table, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    for row in rows:
        row["before"], row["after"] = unescaped(row["before"]), unescaped(row["after"])
    return rows


ROWS = golden_rows()


def steps_of(row):
    if row["step"] == "cleaning":
        return CLEANING
    return (from_config({"type": row["step"], **json.loads(row["options"])}),)


def applied(steps, record):
    for step in steps:
        record = step(record)
    return record


def song(row, **fields):
    lines = tuple(row["before"].split("\n")) if row["before"] else ()
    return LyricRecord(id="a", lines=lines, language=row["language"] or None, **fields)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['step']}:{row['before']}")
def test_golden(row):
    steps = steps_of(row)
    once = applied(steps, song(row))
    assert once.text == row["after"]
    assert applied(steps, once) == once


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['step']}:{row['before']}")
def test_what_runs_beside_a_song_stays_line_for_line(row):
    before = song(row)
    before = before.replace(
        romanized=before.lines,
        translation=before.lines,
        translation_language=before.language,
    )
    after = applied(steps_of(row), before)
    assert after.text == row["after"]
    assert len(after.romanized) == len(after.lines)
    if row["step"] != "lowercase":
        assert after.translation == after.lines


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['step']}:{row['before']}")
def test_sacred_text_stays(row):
    before = song(row, no_alter=True)
    steps = [step for step in steps_of(row) if type(step) not in (Clean, Normalize)]
    assert applied(steps, before) == before


def test_the_table_is_broad_and_says_why():
    counts = Counter(row["step"] for row in ROWS)
    own = {step.config_name for step in STEPS} - {"normalize"}
    assert set(counts) == {*own, "cleaning"}
    assert min(counts.values()) >= 10 and len(ROWS) >= 380
    assert len({row["language"] for row in ROWS}) >= 30
    assert all(row["source"] for row in ROWS)
    stays = sum(row["before"] == row["after"] for row in ROWS)
    assert stays >= 140


@pytest.mark.parametrize("step", STEPS, ids=repr)
def test_contract(step):
    check_preprocessor(step)


@pytest.mark.parametrize("step", STEPS, ids=repr)
def test_contract_on_every_row(step):
    check_preprocessor(
        step, [song(row).replace(id=str(i)) for i, row in enumerate(ROWS)]
    )


@pytest.mark.parametrize(
    ("step", "field"),
    [(type(step), name) for step in STEPS for name in step.to_config()],
)
def test_a_choice_that_is_none_is_refused(step, field):
    if field in ("type", "danda_counts", "split_glued_danda"):
        return
    wrong = 0 if isinstance(getattr(step(), field), int) else "delete"
    with pytest.raises(ValueError, match=rf"`{field}` must be .*Received: {field}="):
        step(**{field: wrong})
