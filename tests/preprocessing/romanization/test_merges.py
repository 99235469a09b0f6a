import itertools
import re
import unicodedata

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from gemma_keras_ft.preprocessing.romanization import merges
from gemma_keras_ft.preprocessing.romanization.deromanize import (
    REVERSIBLE,
    deromanize_text,
)
from gemma_keras_ft.preprocessing.romanization.merges import (
    count_merges,
    fold_merges,
    merged_words,
)
from gemma_keras_ft.preprocessing.romanization.romanize import romanize_text
from gemma_keras_ft.preprocessing.romanization.romanize_letters import script_runs
from gemma_keras_ft.preprocessing.romanization.romanize_tables import (
    HALF_U,
    SCRIPTS,
    script_letters,
)
from gemma_keras_ft.resources.corpus import embedded_records


def corpus_words():
    """The embedded corpus's distinct words, by script."""
    words = {}
    for record in embedded_records():
        for word in itertools.chain.from_iterable(map(str.split, record.lines)):
            for code, run in script_runs(unicodedata.normalize("NFC", word)):
                if code and not regex.fullmatch(r"\p{N}+", run):
                    words.setdefault(code, set()).add(run)
    return words


WORDS = corpus_words()


@pytest.mark.parametrize("scheme", REVERSIBLE)
@pytest.mark.parametrize("code", sorted(WORDS))
def test_every_word_of_the_corpus_comes_back_but_for_listed_merges(code, scheme):
    words = sorted(WORDS[code])[:: 3 if code == "Guru" else 1]
    assert len(words) > 4_000
    for word in words:
        romanized = romanize_text(word, scheme=scheme)
        back = deromanize_text(romanized, code, scheme=scheme)
        assert back == fold_merges(word, code, scheme), (word, romanized)
    assert count_merges(words, scheme)[code].unlisted == ()


def test_most_words_of_the_corpus_come_back_as_they_were():
    shares = {
        code: sum(fold_merges(word, code) == word for word in words) / len(words)
        for code, words in WORDS.items()
    }
    assert shares["Taml"] == 1
    # Om; and in Gurmukhi two signs with which scripture spells what a conjunct does.
    assert shares["Deva"] > 0.999 and shares["Guru"] > 0.98


@st.composite
def aksharas(draw, code):
    """A well-formed akshara, or a vowel letter."""
    table = script_letters(code)
    # Letters of which two make one, and om, are tested by themselves.
    others = [
        key
        for key, roman in table.others.items()
        if roman in ("ṁ", "ṃ", "m̐", "ḥ", "n̆", "ḵ", "'")
    ]
    sign = draw(st.sampled_from(["", "", *others]))
    if draw(st.integers(0, 5)) == 0:
        return draw(st.sampled_from(sorted(table.vowels))) + sign
    cluster = draw(
        st.lists(st.sampled_from(sorted(table.consonants)), min_size=1, max_size=3)
    )
    vowels = sorted(set(table.signs) - {HALF_U})
    vowel = draw(st.sampled_from(["", "", table.virama, *vowels]))
    return table.virama.join(cluster) + vowel + ("" if vowel == table.virama else sign)


def words(code):
    return st.tuples(
        st.just(code),
        st.lists(aksharas(code), min_size=1, max_size=4).map(
            lambda parts: unicodedata.normalize("NFC", "".join(parts))
        ),
    )


@settings(max_examples=300)
@given(st.sampled_from(sorted(SCRIPTS)).flatmap(words), st.sampled_from(REVERSIBLE))
def test_any_well_formed_word_comes_back_but_for_listed_merges(case, scheme):
    code, word = case
    romanized = romanize_text(word, scheme=scheme)
    # What the table leaves out: letters that no known word has side by side.
    if ("RR" if scheme == "hk" else "h̤") in romanized:
        return
    back = deromanize_text(romanized, code, scheme=scheme)
    assert back == fold_merges(word, code, scheme), (word, romanized)


def documented_rows():
    """The rows of the module's table: name, scripts, schemes, examples."""
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \| (.+?) \|$", merges.__doc__, re.M)
    return [row for row in rows if row[0] not in ("merge", "---")]


def example_pairs():
    for name, _, schemes, examples in documented_rows():
        schemes = REVERSIBLE if schemes == "all" else schemes.split(", ")
        for pair in examples.split(", "):
            first, _, second = pair.partition(" ")
            yield pytest.param(first, second, schemes, id=f"{name}: {pair}")


@pytest.mark.parametrize(("first", "second", "schemes"), [*example_pairs()])
def test_what_the_table_says_is_so(first, second, schemes):
    assert unicodedata.normalize("NFC", first) != unicodedata.normalize("NFC", second)
    for scheme in REVERSIBLE:
        same = romanize_text(first, scheme=scheme) == romanize_text(
            second, scheme=scheme
        )
        assert same == (scheme in schemes), scheme


def test_the_table_names_every_merge_and_no_other():
    found = set()
    for code, scheme in itertools.product(SCRIPTS, REVERSIBLE):
        found |= {name for name, _ in merges.merge_folds(code, scheme)}
    names = {regex.sub(":.*", "", row[0]) for row in documented_rows()}
    assert {regex.sub(":.*", "", name) for name in found} == names


def test_merged_words_are_grouped():
    words = ["ਪੱਤਾ", "ਪੱਤਾ", "ਪਤ੍ਤਾ", "ਪਤਾ", "পাতা"]
    assert merged_words(words) == {"pattā": ("ਪਤ੍ਤਾ", "ਪੱਤਾ")}
    assert merged_words(["कइ", "कै"]) == {}
    assert merged_words(["कइ", "कै"], "hk") == {"kai": ("कइ", "कै")}
    # Two ways to compose one word are one word.
    assert merged_words(["\u0958", "क\u093c"]) == {}


def test_merges_are_counted_by_script():
    words = ["ਪੱਤਾ", "ਪਤ੍ਤਾ", "ਜਿਹੱ", "ਰੰਗ", "ਰਂਗ", "কাৰ", "কার", "mixedਕ"]
    counts = count_merges(words)
    assert set(counts) == {"Guru", "Beng"}
    assert counts["Guru"].words == 5 and counts["Guru"].merged == 2
    assert counts["Guru"].changed == {
        "addak: a doubled letter": 1,
        "addak: with nothing to double": 1,
    }
    assert counts["Beng"] == (2, {"letter": 1}, 2, ())
    assert count_merges(words, "itrans")["Guru"].changed["letter"] == 1


def test_a_merge_that_is_not_listed_is_shown(monkeypatch):
    monkeypatch.setattr(merges, "merge_folds", lambda code, scheme: ())
    assert count_merges(["কাৰ", "কার"])["Beng"].unlisted == (("কার", "কাৰ"),)
