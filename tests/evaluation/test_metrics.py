import math
import subprocess
import sys

import numpy as np
import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st

from gemma_keras_ft.evaluation.metrics import (
    SongScore,
    bleu,
    chrf,
    summarize_scores,
)

HYPOTHESES = [
    "So learn that you may full and faultless learning gain,",
    "Are eyes, the wise say, to all on earth who live.",
    "கற்க கசடறக் கற்பவை கற்றபின்",
]
REFERENCES = [
    "So learn that you may full and faultless learning gain,",
    "Are eyes, the wise declare, to all on earth that live.",
    "கற்க கசடறக் கற்பவை கற்றபின் நிற்க",
]


def score(**changes):
    fields = {
        "id": "kural-1",
        "nats": 4 * math.log(8),
        "tokens": 4,
        "correct": 1,
        "words": 2,
        "characters": 12,
    }
    return SongScore(**{**fields, **changes})


def test_summary_is_the_docstring_example():
    summary = summarize_scores([score()])
    assert summary["songs"] == 1
    assert summary["tokens"] == 4
    assert summary["perplexity_per_token"] == pytest.approx(8)
    assert summary["perplexity_per_word"] == pytest.approx(64)
    assert summary["bits_per_character"] == pytest.approx(1)
    assert summary["nats_per_token"] == pytest.approx(math.log(8))
    assert summary["nats_per_word"] == pytest.approx(2 * math.log(8))
    assert summary["token_accuracy"] == 0.25


def test_summary_weighs_tokens_not_songs():
    short = score(id="a", tokens=1, correct=1, nats=1.0)
    long = score(id="b", tokens=9, correct=0, nats=27.0)
    summary = summarize_scores([short, long])
    assert summary["perplexity_per_token"] == pytest.approx(math.exp(2.8))
    assert summary["token_accuracy"] == 0.1


@given(st.lists(st.floats(0.01, 12), min_size=1, max_size=40))
def test_perplexity_is_exp_of_the_mean_textbook_loss(losses):
    songs = [
        score(id=str(place), nats=loss, tokens=1, correct=0)
        for place, loss in enumerate(losses)
    ]
    expected = np.exp(np.mean(np.array(losses)))
    found = summarize_scores(songs)["perplexity_per_token"]
    assert found == pytest.approx(expected, rel=1e-9)


def test_perplexity_beyond_floats_stays_a_number():
    summary = summarize_scores([score(nats=1e6, words=1)])
    assert summary["perplexity_per_word"] == pytest.approx(sys.float_info.max)
    assert summary["nats_per_word"] == 1e6


def test_summary_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="at least one song"):
        summarize_scores([])


@pytest.mark.parametrize("name", ["words", "characters"])
def test_summary_without_a_denominator_is_an_error(name):
    with pytest.raises(ValueError, match=f"`{name}` must be above 0"):
        summarize_scores([score(**{name: 0})])


@pytest.mark.parametrize(
    "changes",
    [
        {"nats": -0.1},
        {"nats": math.nan},
        {"nats": math.inf},
        {"nats": "3"},
        {"nats": True},
        {"tokens": 0},
        {"tokens": 2.0},
        {"tokens": -1},
        {"correct": 5},
        {"correct": -1},
        {"correct": True},
        {"words": -1},
        {"characters": None},
        {"id": ""},
        {"id": 7},
    ],
)
def test_impossible_scores_are_refused(changes):
    with pytest.raises(ValueError, match=f"`{next(iter(changes))}` must be"):
        score(**changes)


def test_array_scalars_become_python_numbers():
    found = score(nats=np.float32(3.5), tokens=np.int64(4))
    assert type(found.nats) is float
    assert type(found.tokens) is int


def test_bleu_and_chrf_equal_sacrebleu():
    expected = sacrebleu.corpus_bleu(HYPOTHESES, [REFERENCES], tokenize="intl")
    assert bleu(HYPOTHESES, REFERENCES)["score"] == expected.score
    assert 0 < expected.score < 100
    expected = sacrebleu.corpus_chrf(HYPOTHESES, [REFERENCES], word_order=2)
    assert chrf(HYPOTHESES, REFERENCES)["score"] == expected.score


def test_scores_and_signatures_equal_sacrebleu_on_files(tmp_path):
    for name, lines in (("hypotheses", HYPOTHESES), ("references", REFERENCES)):
        text = "".join(f"{line}\n" for line in lines)
        (tmp_path / name).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "sacrebleu", "references", "-i", "hypotheses"]
    options = ["-m", "bleu", "chrf", "-tok", "intl", "--chrf-word-order", "2"]
    printed = subprocess.run(
        [*command, *options, "-w", "10", "-f", "text"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    ).stdout
    for found in (bleu(HYPOTHESES, REFERENCES), chrf(HYPOTHESES, REFERENCES)):
        line = next(line for line in printed.splitlines() if found["signature"] in line)
        value = line.split(" = ")[1].split()[0]
        assert float(value) == pytest.approx(found["score"], abs=1e-8)


def test_signatures_say_how_a_score_was_made():
    assert "tok:intl" in bleu(HYPOTHESES, REFERENCES)["signature"]
    assert "nrefs:1" in bleu(HYPOTHESES, REFERENCES)["signature"]
    assert "nw:2" in chrf(HYPOTHESES, REFERENCES)["signature"]


def test_spellings_of_one_letter_score_as_equal():
    precomposed = ["वह प\u095d़ता है और ल\u095cता है"]
    decomposed = ["वह प\u0922\u093c़ता है और ल\u0921\u093cता है"]
    assert bleu(precomposed, decomposed)["score"] == pytest.approx(100)
    assert chrf(precomposed, decomposed)["score"] == pytest.approx(100)
    raw = sacrebleu.corpus_bleu(precomposed, [decomposed], tokenize="intl")
    assert raw.score < 50


def test_a_danda_that_touches_its_word_is_no_other_word():
    attached = ["मन रे तू काहे न धीर धरे।"]
    apart = ["मन रे तू काहे न धीर धरे ।"]
    assert bleu(attached, apart)["score"] == pytest.approx(100)
    assert sacrebleu.corpus_bleu(attached, [apart]).score < 90


def test_several_references_help_and_may_differ_in_number():
    alone = bleu(HYPOTHESES, REFERENCES)
    several = [[text] for text in REFERENCES]
    assert bleu(HYPOTHESES, several) == alone
    several[1].append(HYPOTHESES[1])
    helped = bleu(HYPOTHESES, several)
    assert helped["score"] > alone["score"]
    assert "nrefs:var" in helped["signature"]
    streams = [REFERENCES, [None, HYPOTHESES[1], None]]
    expected = sacrebleu.corpus_bleu(HYPOTHESES, streams, tokenize="intl")
    assert helped["score"] == expected.score


def test_an_empty_hypothesis_is_a_bad_answer_not_an_error():
    assert bleu([""], ["the wise declare"])["score"] == 0
    assert chrf([""], ["the wise declare"])["score"] == 0


@pytest.mark.parametrize("metric", [bleu, chrf])
@pytest.mark.parametrize(
    ("hypotheses", "references", "message"),
    [
        ([], [], "above 0"),
        (["one"], [], "one length"),
        (["one", "two"], ["one"], "one length"),
        (["one"], [[]], r"`references\[0\]` must hold a text"),
        (["one", "two"], ["one", ""], r"`references\[1\]` must hold a text"),
        ("one", ["one"], "`hypotheses` must be a list"),
        (["one"], "o", "`references` must be a list"),
    ],
)
def test_ragged_or_empty_lists_are_refused(metric, hypotheses, references, message):
    with pytest.raises(ValueError, match=message):
        metric(hypotheses, references)
