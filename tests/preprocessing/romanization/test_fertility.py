import pytest

from gemma_keras_ft.preprocessing.romanization.fertility import measure_fertility

TAMIL = [["மழை வந்தது", "மனம் நனைந்தது"], ["காதல்"]]


def count_bytes(passages):
    return sum(len(line.encode()) for lines in passages for line in lines)


def test_every_form_is_charged_for_the_same_words():
    native, iso, readable = measure_fertility(
        TAMIL,
        count_tokens=count_bytes,
        language="ta",
        schemes=("iso15919", "readable"),
    )
    assert [row.form for row in (native, iso, readable)] == [
        "native",
        "iso15919",
        "readable",
    ]
    assert {row.words for row in (native, iso, readable)} == {5}
    assert native.tokens == count_bytes(TAMIL)
    assert native.tokens > iso.tokens >= readable.tokens
    assert native.aksharas == iso.aksharas == 17
    assert native.to_dict()["tokens_per_word"] == native.tokens / 5
    assert native.to_dict()["nats_per_word"] is None


def test_nats_are_those_of_the_form():
    rows = measure_fertility(
        TAMIL,
        count_tokens=count_bytes,
        nats=lambda passages: 2.0 * count_bytes(passages),
        language="ta",
    )
    assert all(row.nats == 2 * row.tokens for row in rows)
    assert rows[0].to_dict()["nats_per_word"] == 2 * rows[0].tokens / 5


def test_a_script_that_is_not_romanized_has_one_form():
    (row,) = measure_fertility([["rain on the roof"]], count_tokens=count_bytes)
    assert row.form == "native"


def test_passages_without_words_are_refused():
    with pytest.raises(ValueError, match="`passages` must hold words"):
        measure_fertility([["..."], []], count_tokens=count_bytes)
