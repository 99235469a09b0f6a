import dataclasses
import json
import pickle
import unicodedata

import hypothesis
import hypothesis.strategies as st
import pytest
import regex

from gemma_keras_ft.config import from_config
from gemma_keras_ft.preprocessing.base import FilterPreprocessor, MapPreprocessor
from gemma_keras_ft.preprocessing.culture.protection import Guard, ProtectedPhrases
from gemma_keras_ft.preprocessing.romanization.romanize import (
    SCHEMES,
    Romanize,
    romanize_text,
)
from gemma_keras_ft.records import LyricRecord, SetAside
from gemma_keras_ft.testing import awkward_records


@dataclasses.dataclass(frozen=True, kw_only=True)
class Replace(MapPreprocessor):
    """Replaces what matches in lines and title."""

    pattern: str
    new: str = ""

    def map(self, record):
        def change(text):
            return text and regex.sub(self.pattern, self.new, text)

        return record.replace(
            lines=tuple(map(change, record.lines)), title=change(record.title)
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lower(MapPreprocessor):
    """Lowercases everything, romanization too."""

    def map(self, record):
        romanized = record.romanized
        return record.replace(
            lines=tuple(map(str.lower, record.lines)),
            romanized=romanized and tuple(map(str.lower, romanized)),
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Move(MapPreprocessor):
    """Moves lines that match to a list of the metadata."""

    pattern: str
    to: str = "removed"

    def map(self, record):
        gone = [line for line in record.lines if regex.search(self.pattern, line)]
        kept = tuple(line for line in record.lines if line not in gone)
        before = record.metadata.get(self.to, [])
        metadata = {**record.metadata, self.to: [*before, *gone]}
        return record.replace(lines=kept, metadata=metadata)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Badly(MapPreprocessor):
    """Romanizes by changing letters of every word."""

    def map(self, record):
        return record.replace(
            romanized=tuple(
                regex.sub(r"[aā]", "x", romanize_text(line)) for line in record.lines
            )
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class DropIf(FilterPreprocessor):
    """Sets records aside whose text matches."""

    pattern: str

    def reject(self, record):
        if regex.search(self.pattern, record.text):
            return "matched", "It matched."
        return None


def song(*lines, **fields):
    return LyricRecord(**{"id": "song", "lines": lines, **fields})


def test_a_step_that_touches_no_phrase_is_left_alone():
    record = song("जय राम!", "और सुनो!")
    result, undone = Guard(["जय राम"]).run(Replace(pattern="!"), record)
    assert not undone
    assert result.lines == ("जय राम", "और सुनो")


def test_a_step_that_would_alter_a_phrase_goes_around_it():
    record = song("ॐ नमः शिवाय ॐ, मन", "Allah Hoo, My Song", title="ॐ 1")
    guard = Guard(["ॐ", "Allah Hoo"])
    result, undone = guard.run(Replace(pattern=r"[ॐ,]"), record)
    assert not undone
    assert result.lines == ("ॐ नमः शिवाय ॐ मन", "Allah Hoo My Song")
    assert result.title == "ॐ 1"
    result, undone = guard.run(Lower(), record)
    assert not undone
    assert result.lines[1] == "Allah Hoo, my song"


def test_a_step_that_removes_what_is_no_word_leaves_placeholders_alone():
    # The pattern of the careless: all but letters, marks and digits.
    step = Replace(pattern=r"[^\p{L}\p{M}\p{N}\s]")
    record = song("राम-नाम, सत्य!", "fa-la-la!")
    result, undone = Guard(["राम-नाम", "fa-la-la!"]).run(step, record)
    assert not undone
    assert result.lines == ("राम-नाम सत्य", "fa-la-la!")


def test_a_step_that_cannot_go_around_a_phrase_is_undone():
    record = song("जय राम", "मन रे")
    assert Guard(["जय राम"]).run(Replace(pattern=".+"), record) == (record, True)
    result, undone = Guard(["जय राम"]).run(Replace(pattern=" "), record)
    assert not undone and result.lines == ("जय राम", "मनरे")


def test_a_phrase_that_gets_a_letter_beside_it_is_lost():
    record = song("राम-नाम")
    result, undone = Guard(["राम"]).run(Replace(pattern="-"), record)
    assert undone and result is record


def test_a_filter_may_set_a_record_aside():
    guard = Guard(["जय राम"])
    result, undone = guard.run(DropIf(pattern="राम"), song("जय राम"))
    assert isinstance(result, SetAside) and not undone
    record = song("जय राम")
    assert guard.run(DropIf(pattern="x"), record) == (record, False)


def test_a_title_is_guarded():
    record = song("पहला", title="जय राम [Official Video]")
    result, undone = Guard(["जय राम"]).run(Replace(pattern=r"\[.*\]|राम"), record)
    assert not undone and result.title == "जय राम "


def test_a_credit_takes_a_phrase_with_it_but_a_symbol_does_not():
    guard = Guard(["कबीर", "ॐ"])
    record = song("गीतकार: कबीर", "ॐ", "मन लागो")
    result, undone = guard.run(Move(pattern="गीतकार"), record)
    assert not undone and result.lines == ("ॐ", "मन लागो")
    assert result.metadata["removed"] == ["गीतकार: कबीर"]
    # The sign alone is no residue: the step is made to go around it.
    result, undone = guard.run(Move(pattern="^ॐ$|मन"), record)
    assert not undone and result.lines == ("गीतकार: कबीर", "ॐ")
    moved, undone = guard.run(Move(pattern="^ॐ$", to="credits"), record)
    assert not undone and moved.metadata["credits"] == ["ॐ"]
    copied, undone = guard.run(Move(pattern=".", to="copies"), record)
    assert undone and copied is record


def test_what_was_moved_before_excuses_nothing_now():
    record = song("कबीर गाए", metadata={"removed": ["गीतकार: कबीर"]})
    _, undone = Guard(["कबीर"]).run(Replace(pattern=".+", new="वह"), record)
    assert undone


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    ("language", "script", "line", "phrase"),
    [
        ("hi", "Deva", "मन में राम नाम, सदा", "राम नाम"),
        ("ta", "Taml", "நாளும் ஓம் நமசிவாய!", "ஓம் நமசிவாய"),
        ("pa", "Guru", "ਭਾਈ ਸਤਿ ਨਾਮੁ ਜਪ", "ਸਤਿ ਨਾਮੁ"),
        ("bn", "Beng", "মনের মানুষ কোথায়", "মনের মানুষ"),
    ],
)
def test_a_phrase_is_romanized_as_it_is_by_itself(
    scheme, language, script, line, phrase
):
    record = song(line, language=language, script=script)
    result, undone = Guard([phrase]).run(Romanize(scheme=scheme), record)
    assert not undone
    own = romanize_text(phrase, scheme=scheme, language=language)
    assert own in result.romanized[0]
    assert result == Romanize(scheme=scheme)(record)


def test_every_packaged_phrase_survives_romanization():
    phrases = ProtectedPhrases()
    guard = Guard(phrases)
    for place, text in enumerate(phrases.texts):
        record = song(text, f"{text}, {text}!", script="Deva")
        assert not guard.run(Romanize(), record)[1], (place, text)


def test_a_wrong_romanization_of_a_phrase_is_put_right():
    record = song("राम नाम गाओ", "मन गाओ", script="Deva")
    result, undone = Guard(["राम नाम"]).run(Badly(), record)
    assert not undone
    assert result.romanized == ("rāma nāma gxō", "mxnx gxō")


def test_a_romanization_that_the_record_brought_need_not_be_ours():
    record = song("राम नाम गाओ", romanized=("Raam Naam gaao",))
    result, undone = Guard(["राम नाम"]).run(Lower(), record)
    assert not undone and result.romanized == ("raam naam gaao",)
    record = song("Ram Naam", romanized=("Ram Naam",))
    result, undone = Guard(["Ram Naam"]).run(Lower(), record)
    assert undone and result is record


def test_of_a_script_that_is_not_romanized_nothing_is_asked():
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Hum(MapPreprocessor):
        def map(self, record):
            return record.replace(romanized=("allah hu",))

    record = song("اللہ ہو", script="Arab")
    result, undone = Guard(["اللہ ہو"]).run(Hum(), record)
    assert not undone and result.romanized == ("allah hu",)


def test_placeholders_collide_with_nothing():
    letters = "".join(map(chr, range(0x10600, 0x10640)))
    record = song(f"{letters} Ram", "RAM Ram")
    result, undone = Guard(["Ram"]).run(Lower(), record)
    assert not undone and result.lines == (f"{letters} Ram", "ram Ram")
    taken = "\U00010600\U000102a0\U00010c00"
    record = song(f"Ram {taken}")
    assert Guard(["Ram"]).run(Lower(), record) == (record, True)


def test_many_phrases_get_placeholders_of_their_own():
    names = [f"Name{place:03}" for place in range(300)]
    record = song(*names, " ".join(names))
    result, undone = Guard(names).run(Lower(), record)
    assert not undone and result == record


def test_a_phrase_that_was_not_composed_counts_as_the_same():
    record = song("Cafe\u0301 LA")
    result, undone = Guard(["Caf\u00e9"]).run(Lower(), record)
    assert not undone and result.lines == ("Caf\u00e9 la",)


def test_restored_text_reaches_metadata_and_other_fields():
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Note(MapPreprocessor):
        def map(self, record):
            lines = tuple(map(str.lower, record.lines))
            return record.replace(
                lines=lines, author=lines[0], metadata={"seen": [{"line": lines[0]}]}
            )

    result, undone = Guard(["Ram"]).run(Note(), song("Ram LA"))
    assert not undone
    assert result.author == "Ram la"
    assert result.metadata == {"seen": [{"line": "Ram la"}]}


def test_a_guard_survives_pickle():
    guard = pickle.loads(pickle.dumps(Guard(["Ram"])))
    assert guard.run(Lower(), song("Ram LA"))[0].lines == ("Ram la",)


def test_an_edit_says_which_phrases_it_would_lose():
    guard = Guard(["जय राम", "राम", "श्याम"])
    before = ("जय राम", "राम राम")
    assert guard.lost(before, ("जय राम", "राम राम", "श्याम")) == ()
    assert guard.lost(before, ("राम राम राम",)) == ("जय राम",)
    assert guard.lost(before, ()) == ("जय राम", "राम")


PIECES = [
    "जय राम",
    "ॐ",
    "Ram",
    "la",
    "मन",
    "é",
    "e\u0301",
    " ",
    ", ",
    "-",
    "(x2)",
    "\ud83d",
]
STEPS = [
    Lower(),
    Replace(pattern=r"[^\p{L}\p{M}\s]"),
    Replace(pattern=r"\s+", new=" "),
    Replace(pattern=r"ॐ|राम|Ra"),
    Replace(pattern=r"\p{M}"),
    Replace(pattern=r"(?<=.)(?=.)", new="·"),
    Replace(pattern=r".*"),
    Move(pattern="Ram"),
    Romanize(),
    Badly(),
]
PHRASES = ["जय राम", "राम", "ॐ", "Ram", "Ram la", "caf\u00e9"]


def occurrences(record):
    """Counts by another way than the guard's: words between borders."""
    text = unicodedata.normalize("NFC", "\n".join((record.title or "", *record.lines)))
    word = r"[\p{L}\p{M}\p{N}\u200c\u200d]"
    return {
        phrase: len(
            regex.findall(rf"(?<!{word}){regex.escape(phrase)}(?!{word})", text)
        )
        for phrase in PHRASES
    }


@hypothesis.settings(max_examples=300)
@hypothesis.given(
    st.lists(st.lists(st.sampled_from(PIECES), max_size=6).map("".join), max_size=4),
    st.lists(st.sampled_from(PIECES), max_size=3).map("".join),
    st.lists(st.sampled_from(STEPS), min_size=1, max_size=4),
)
def test_no_step_loses_a_phrase(lines, title, steps):
    record = song(*lines, title=title or None, script="Deva")
    guard = Guard(PHRASES)
    for step in steps:
        before = occurrences(record)
        result, undone = guard.run(step, record)
        if undone:
            assert result is record
        after = occurrences(result)
        moved = "\n".join(result.metadata.get("removed", []))
        for phrase in PHRASES:
            assert after[phrase] + moved.count(phrase) >= before[phrase]
        record = result


@pytest.mark.parametrize("step", STEPS, ids=repr)
def test_a_guard_never_raises_for_a_records_content(step):
    guard = Guard(ProtectedPhrases(phrases=("la", "मन", "song", "a", "b")))
    for record in awkward_records():
        result, _ = guard.run(step, record)
        assert result.id == record.id


def test_packaged_phrases_are_taken_by_language():
    assert "ਵਾਹਿਗੁਰੂ" in ProtectedPhrases(languages=("pa",)).texts
    assert "ਵਾਹਿਗੁਰੂ" not in ProtectedPhrases(languages=("ta",)).texts
    own = ProtectedPhrases(languages=(), phrases=("मेरा  गाँव", "मेरा गाँव"))
    assert own.texts == ("मेरा गाँव",)
    assert set(own.texts) < set(ProtectedPhrases(phrases=own.phrases).texts)


def test_protected_phrases_survive_json_and_pickle():
    phrases = ProtectedPhrases(languages=("pa",), phrases=("मेरा गाँव",))
    config = json.loads(json.dumps(phrases.to_config()))
    assert from_config(config) == phrases
    assert pickle.loads(pickle.dumps(phrases)).texts == phrases.texts
    assert from_config(config).sha256 == phrases.sha256
    assert ProtectedPhrases(languages=("pa",)).sha256 != phrases.sha256


def test_protected_phrases_are_read_from_files(tmp_path):
    (tmp_path / "own.txt").write_text("मेरा गाँव\n", encoding="utf-8")
    phrases = ProtectedPhrases.from_files(tmp_path / "own.txt", languages=())
    assert phrases.texts == ("मेरा गाँव",)


@pytest.mark.parametrize(
    "arguments",
    [
        {"languages": "pa"},
        {"phrases": "राम"},
        {"languages": ("xx",)},
        {"phrases": ("",)},
    ],
)
def test_wrong_phrases_are_refused(arguments):
    with pytest.raises(ValueError, match="must"):
        ProtectedPhrases(**arguments)
