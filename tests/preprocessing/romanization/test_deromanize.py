import csv
import pathlib
import re

import pytest

from gemma_keras_ft.preprocessing.romanization.deromanize import (
    REVERSIBLE,
    deromanize_text,
)
from gemma_keras_ft.preprocessing.romanization.merges import fold_merges
from gemma_keras_ft.preprocessing.romanization.romanize import romanize_text
from gemma_keras_ft.preprocessing.romanization.romanize_letters import script_runs

TABLE = pathlib.Path(__file__).parents[2] / "golden" / "romanize_iso15919.tsv"
with open(TABLE, encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.mark.parametrize(
    ("script", "romanized", "native"),
    [
        ("Deva", "dharmakṣētrē kurukṣētrē", "धर्मक्षेत्रे कुरुक्षेत्रे"),
        ("Deva", "ga:ila bhāī k:ha dar̆yā", "गइल भाई क्ह दऱ्या"),
        ("Deva", "rāmō'pi mām̐ namaḥ", "रामोऽपि माँ नमः"),
        ("Beng", "utsaba haṭhāt a:yāpa r:yāba", "উৎসব হঠাৎ অ্যাপ র\u200d্যাব"),
        ("Beng", "āmi tōmāẏa", "আমি তোমায\u09bc"),
        ("Guru", "akkha patthara prīta", "ਅੱਖ ਪੱਥਰ ਪ੍ਰੀਤ"),
        ("Taml", "kātal viṇ:iṉṟu eḵku", "காதல் விண்இன்று எஃகு"),
        ("Mlym", "kr̥ṣṇan atŭ malayāḷaṁ", "കൃഷ്ണൻ അത് മലയാളം"),
        ("Orya", "ōṛiā", "ଓଡ\u0b3cିଆ"),
        ("Knda", "kannaḍa", "ಕನ್ನಡ"),
        ("Telu", "rāmun̆ḍu", "రాముఁడు"),
        ("Gujr", "kôlēja", "કૉલેજ"),
    ],
)
def test_iso_is_read_back(script, romanized, native):
    assert deromanize_text(romanized, script) == native


@pytest.mark.parametrize(
    ("scheme", "romanized", "native"),
    [
        ("iast", "kṛṣṇa praüga", "कृष्ण प्रउग"),
        ("itrans", "kRRiShNa ga_ila OM so.aham||", "कृष्ण गइल ॐ सोऽहम्॥"),
        ("hk", "kRSNa zAntiH |", "कृष्ण शान्तिः ।"),
    ],
)
def test_other_schemes_are_read_back(scheme, romanized, native):
    assert deromanize_text(romanized, "Deva", scheme=scheme) == native


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["native"])
def test_golden_words_come_back(row):
    native = re.sub(
        r"\\u([0-9a-f]{4})", lambda code: chr(int(code[1], 16)), row["native"]
    )
    code = row["orthography"].removeprefix("as-")
    for word in native.split():
        # Danda, apostrophes and Latin are not the script's.
        if {run_code for run_code, _ in script_runs(word)} != {code}:
            continue
        for scheme in REVERSIBLE:
            romanized = romanize_text(word, scheme=scheme)
            back = deromanize_text(romanized, code, scheme=scheme)
            assert back == fold_merges(word, code, scheme)


def test_a_colon_of_the_texts_own_stays():
    assert deromanize_text("mantra: rāma : k:", "Deva") == "मन्त्र: राम : क्:"


def test_digits_and_what_no_scheme_uses_stay():
    assert deromanize_text("12 ॥ – kā?", "Deva") == "12 ॥ – का?"


def test_unknown_scripts_and_schemes_are_refused():
    with pytest.raises(ValueError, match="`script` must be one of"):
        deromanize_text("ka", "Arab")
    with pytest.raises(ValueError, match="`scheme` must be one of"):
        deromanize_text("ka", "Deva", scheme="readable")
