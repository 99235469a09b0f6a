import subprocess
import sys
import threading
import time
import unicodedata

import pytest

from gemma_keras_ft.preprocessing.romanization.romanize import romanize_text
from gemma_keras_ft.preprocessing.text import language
from gemma_keras_ft.preprocessing.text.language import detect_language
from gemma_keras_ft.resources.corpus import embedded_records

HINDI = "शाम ढली तो घर में दीप जले हैं\nहवा ने पेड़ से कुछ बात कही है\nवह मेरा गाँव है"


def texts(tag, places):
    records = [record for record in embedded_records() if record.language == tag]
    return ["\n".join(record.lines[:8]) for record in records[places]]


@pytest.mark.parametrize(
    ("tag", "least"), [("tl", 0.98), ("sa", 0.85)], ids=["Tagalog", "Sanskrit"]
)
def test_a_language_of_the_corpus_is_found_and_never_mistaken(tag, least):
    found = [detect_language(text) for text in texts(tag, slice(None))]
    assert set(found) <= {tag, None}
    assert found.count(tag) >= least * len(found)


def test_english_translations_are_found():
    english = [
        "\n".join(record.translation[:8])
        for record in embedded_records()
        if record.language == "tl" and record.translation
    ]
    found = [detect_language(text) for text in english]
    assert found and set(found) == {"en"}


def bare(text):
    decomposed = unicodedata.normalize("NFD", text)
    return "".join(char for char in decomposed if not unicodedata.combining(char))


@pytest.mark.parametrize("spelling", [str, bare], ids=["iso15919", "ascii"])
@pytest.mark.parametrize(
    ("tag", "places"),
    [("ta", slice(None)), ("pa", slice(0, None, 50)), ("sa", slice(None))],
)
def test_no_language_is_guessed_for_a_romanized_song(tag, places, spelling):
    for text in texts(tag, places):
        assert detect_language(spelling(romanize_text(text))) is None


def test_no_language_is_guessed_for_couplets_as_people_romanize_them():
    couplets = [*texts("ur-Latn", slice(None)), *texts("hi-Latn", slice(None))]
    assert len(couplets) > 20
    assert {detect_language(text) for text in couplets} == {None}
    # Together they are long enough for any detector, and still no language.
    assert detect_language("\n".join(couplets)) is None


def test_a_song_that_takes_turns_between_two_languages_has_neither():
    urdu = "\n".join(texts("ur-Latn", slice(None))).split("\n")
    english = [
        line
        for record in embedded_records()
        if record.language == "ta" and record.translation
        for line in record.translation
        if line
    ]
    assert detect_language("\n".join(english[: len(urdu)])) == "en"
    turns = [line for pair in zip(urdu, english, strict=False) for line in pair]
    for start in range(0, len(turns), 8):
        assert detect_language("\n".join(turns[start : start + 8])) is None


def test_words_of_another_script_do_not_count():
    mixed = HINDI.replace("कुछ", "some").replace("मेरा", "my own")
    assert detect_language(mixed) == "hi"


def test_both_witnesses_are_needed(monkeypatch):
    class Witness:
        def __init__(self, answer):
            self.answer = answer

        def classify(self, text):
            return self.answer

    for answer, expected in (
        (("hi", 0.8), "hi"),
        (("hi", 0.79), None),
        (("mr", 1.0), None),  # Not what the words say.
    ):
        monkeypatch.setattr(language, "_loaded", [Witness(answer)])
        assert detect_language(HINDI) == expected
    # The words deny it: Awadhi, written for this project, which py3langid calls Hindi.
    monkeypatch.setattr(language, "_loaded", [Witness(("hi", 1.0))])
    awadhi = "सावन आवा बदरा छावा\nमोर पपीहा बोलन लागे\nपिय बिनु सूनी सेज हमारी"
    assert detect_language(awadhi) is None


def test_a_very_long_text_is_read_in_part():
    begun = time.perf_counter()
    assert detect_language(HINDI + "\nनदी" * 1_000_000) == "hi"
    assert time.perf_counter() - begun < 5


@pytest.mark.parametrize(
    "text", ["", "\n\n", "\ud800" * 50, "\u093e" * 50, "♪ 12 " * 20]
)
def test_a_text_without_words_has_no_language(text):
    assert detect_language(text) is None


def test_the_model_is_read_once_by_many_threads(monkeypatch):
    from py3langid.langid import LanguageIdentifier

    reads = []

    def slow_read(*args, **kwargs):
        reads.append(threading.get_ident())
        time.sleep(0.05)
        return object()

    monkeypatch.setattr(language, "_loaded", [])
    monkeypatch.setattr(LanguageIdentifier, "from_model_file", slow_read)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(language._identifier()))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(reads) == 1
    assert len(found) == 8 and len(set(map(id, found))) == 1


def run_python(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60
    )


def test_a_process_that_is_forked_during_the_read_does_not_wait_forever():
    done = run_python(
        "import os, signal\n"
        "from gemma_keras_ft.preprocessing.text import language\n"
        "language._lock.acquire()\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    signal.alarm(30)\n"
        "    text = 'the river and the rain are here and you are not with me'\n"
        "    os._exit(0 if language.detect_language(text) == 'en' else 1)\n"
        "raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    assert done.returncode == 0, done.stderr


def test_the_model_is_not_imported_before_it_is_asked():
    done = run_python(
        "import sys\n"
        "from gemma_keras_ft.preprocessing.filling.missing import DetectLanguage\n"
        "from gemma_keras_ft.records import LyricRecord\n"
        "DetectLanguage()(LyricRecord(id='a', lines=('நதி ஓடும்',) * 9))\n"
        "raise SystemExit('py3langid' in sys.modules)\n"
    )
    assert done.returncode == 0, done.stderr
