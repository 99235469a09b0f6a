import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma_keras_ft.preprocessing.cleaning.clean import Clean, RepairMojibake
from gemma_keras_ft.preprocessing.cleaning.markup import markup_to_text
from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.resources.corpus import embedded_records
from gemma_keras_ft.testing import check_preprocessor


def song(*lines, **fields):
    return LyricRecord(id="a", lines=lines, **fields)


def cleaned(text, **fields):
    return Clean()(song(*text.split("\n"), **fields))


MARKUP = [
    ("<p>one<br>two</p>", "one\ntwo"),
    ("one<br/>two<BR />three</br>four", "one\ntwo\nthree\nfour"),
    ("<div>one</div><div>two</div>", "one\ntwo"),
    ("one<p>two", "one\ntwo"),
    # A page's own line breaks add none to those of its tags.
    ("one<br>\ntwo<br>\n<br>\nthree", "one\ntwo\n\nthree"),
    # Where `<br>` parts the lines, `</p>` parts the stanzas.
    ("<p>one<br>two</p><p>three</p>", "one\ntwo\n\nthree"),
    ('<a href="x>y" id=z>one</a> <i>two</i>', "one two"),
    ("<td>one</td><td>two</td>", "one two"),
    ("one<script>alert('<br>')</script>\ntwo<style>b {}</style>", "one\ntwo"),
    ('<script>var a="गीत";</script><b>मन</b> लागो', "मन लागो"),
    ("<!DOCTYPE html><title>Page</title>one", "one"),
    ("<!-- a note\nof two lines -->one", "one"),
    ("a &amp; b &#2309; &#x905; &lt;3 &quot;&nbsp;&eacute;", 'a & b अ अ <3 "\xa0é'),
    ("R&amp;amp;amp;B &amp;lt;i&amp;gt;x", "R&B x"),
    ("<b<b>>one", "one"),
]
NO_MARKUP = [
    "I <3 you",
    "a < b and c > d",
    "if <i and you> agree",
    "R&B AT&T &copy 2024 &foo; &notit; &;",
    "<chorus> la <00:01.50> la",
    "<!-- never closed",
    "<script> never closed",
    "< br > </ p>",
    "1 | 2",
]


@pytest.mark.parametrize(("before", "after"), MARKUP)
def test_markup_becomes_text(before, after):
    assert cleaned(before).text == after


@pytest.mark.parametrize("text", NO_MARKUP)
def test_what_only_looks_like_markup_stays(text):
    assert cleaned(text).text == text


def test_controls_go_and_space_stays():
    assert cleaned("a\tb\x00c\x1b[31m d\x85e\x9ff").text == "a bc[31m d ef"
    assert Clean()(song("a\rb", "c\u2028d\v")).lines == ("a", "b", "c", "d")


def test_stanzas_are_parted_by_one_empty_line():
    found = Clean()(song("", " ", " one", "", "\u3000", "\u200b", "two ", "three", ""))
    assert found.lines == ("one", "", "two", "three")
    assert Clean()(song("", "  ")).lines == ()


def test_title_and_author_are_one_line_of_text():
    found = cleaned("one", title="<b>Me &amp;<br>you\x00</b>", author=" <i></i> ")
    assert (found.title, found.author) == ("Me & you", None)


def test_markup_inside_markup_has_an_end():
    nested = "<b" * 15 + ">" * 15
    assert cleaned(f"one {nested}two").text == "one two"
    trap = "<b" * 500 + ">" * 500
    assert cleaned(trap).text == trap


def test_many_openings_cost_no_more_than_their_length_asks():
    text = "<script><!-- " * 40_000
    start = time.perf_counter()
    assert markup_to_text(text) == text
    # Half a minute if each looked for its end.
    assert time.perf_counter() - start < 5


def test_lists_of_one_value_a_line_follow_the_lines():
    times = [1.0, None, None, 4.0]
    kept = {"line_times_seconds": times, "other": [1, 2, 3, 4]}
    found = Clean()(song("one", "", "", "two", metadata=kept))
    assert found.lines == ("one", "", "two")
    assert found.metadata == {
        "line_times_seconds": [1.0, None, 4.0],
        "other": [1, 2, 3, 4],
    }
    split = Clean()(song("one<br>two", metadata={"line_types": ["line"]}))
    assert split.metadata == {}


def test_no_alter_loses_controls_and_outer_space_only():
    found = cleaned(
        "\n <b>ੴ</b>\x07 3Embed \n\n\nਸਤਿ\tਨਾਮੁ&amp;\r",
        romanized=("", "x\x00 ", "", "", "y"),
        title=" <i>T</i>\t",
        no_alter=True,
    )
    assert found.lines == ("", "<b>ੴ</b> 3Embed", "", "", "ਸਤਿ ਨਾਮੁ&amp;")
    assert found.romanized == ("", "x", "", "", "y")
    assert found.title == "<i>T</i>"
    assert found.metadata == {}


def test_parallel_lines_stay_parallel():
    found = cleaned(
        "\none\n\n\ntwo",
        romanized=("", "ONE", "", " ", "TWO"),
        translation=("", "eins", "", "", "zwei"),
    )
    assert found.lines == ("one", "", "two")
    assert found.romanized == ("ONE", "", "TWO")
    assert found.translation == ("eins", "", "zwei")


def test_a_line_that_one_field_has_is_blank_in_none():
    found = cleaned("\none\n\n\ntwo", translation=("Title", "eins", "", "und", "zwei"))
    assert found.lines == ("", "one", "", "", "two")
    assert found.translation == ("Title", "eins", "", "und", "zwei")


def test_parallel_lines_are_split_together():
    found = cleaned("one<br>two", romanized=("ONE<br>TWO",), translation=("1<br/>2",))
    assert found.romanized == ("ONE", "TWO")
    assert found.translation == ("1", "2")


def test_a_romanization_that_lost_its_lines_is_made_anew():
    found = cleaned("one<br>two", romanized=("one two",), translation=("<i>1 2</i>",))
    assert found.lines == ("one", "two")
    assert found.romanized is None
    assert found.translation == ("1 2",)


def test_a_free_translation_is_tidied_by_itself():
    found = cleaned("one\n\n\ntwo", translation=("", "eins und", "", "", "zwei"))
    assert found.lines == ("one", "", "two")
    assert found.translation == ("eins und", "", "zwei")


def test_the_embedded_corpus_is_clean():
    for record in itertools.islice(embedded_records(), 0, None, 20):
        assert Clean()(record) == record
        assert Clean()(record.replace(no_alter=False)).lines == record.lines


PIECES = [
    *"ab <>/&;#3\n\r\v\x00!-\"'=",
    *("<br>", "</p>", "<p", "<b>", "<i x=y>", "<!--", "-->", "&lt;", "&amp;", "&#60;"),
    *("<script>", "</script>", "3Embed", "K", "2 Contributors", " Lyrics", "amp;"),
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)


@given(TEXTS, TEXTS, st.booleans())
def test_cleaning_twice_is_cleaning_once(text, translation, no_alter):
    before = song(
        *text.split("\n"),
        romanized=text.upper().split("\n"),
        translation=translation.split("\n"),
        title=text.replace("\n", " "),
        no_alter=no_alter,
    )
    once = Clean()(before)
    assert Clean()(once) == once


def misread(text, encoding):
    return "".join(
        bytes([byte]).decode(encoding, "ignore") or chr(byte) for byte in text.encode()
    )


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_misread_lines_are_repaired_in_every_field(encoding):
    lines, other = ("चाँद निकला", "நிலா வந்தது", "ночная река"), ("Été à l’île", "a", "b")
    fields = {"romanized": other, "translation": other[::-1]}
    names = {"title": "নদী বয়ে যায়", "author": "Şükrü Işık"}
    damaged = {
        name: tuple(misread(line, encoding) for line in values)
        for name, values in {"lines": lines, **fields}.items()
    }
    damaged |= {name: misread(value, encoding) for name, value in names.items()}
    found = RepairMojibake()(LyricRecord(id="a", **damaged))
    assert found == LyricRecord(id="a", lines=lines, **fields, **names)


def test_nothing_but_the_encoding_is_repaired():
    text = "“ﬁne” ＡＢＣ ‘ok’… ব’লে &amp; e\u0301 \u00a0x\u200d☺"
    before = song(text, "\ufeffx", "")
    assert RepairMojibake()(before) is before


def test_sacred_text_is_not_repaired():
    before = song(misread("ਸਤਿ ਨਾਮੁ", "cp1252"), no_alter=True)
    assert RepairMojibake()(before) is before


def test_clean_songs_are_not_misread():
    for record in itertools.islice(embedded_records(), 0, None, 20):
        open_record = record.replace(no_alter=False)
        assert RepairMojibake()(open_record) is open_record


@given(st.text(max_size=30), st.sampled_from(["latin-1", "cp1252"]))
def test_repairing_twice_is_repairing_once(text, encoding):
    line = misread(text.encode("utf-8", "replace").decode(), encoding)
    once = RepairMojibake()(song(line.replace("\n", " ")))
    assert RepairMojibake()(once) == once


@given(st.text(st.characters(categories=["L", "M", "N", "P", "Zs"]), max_size=40))
def test_text_without_markup_loses_nothing(text):
    plain = text.replace("&", "")
    assert "".join(Clean()(song(plain)).lines) == plain.strip()


def test_contract():
    check_preprocessor(Clean())
