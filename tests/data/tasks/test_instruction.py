import dataclasses
import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemma_keras_ft.config import from_config, register
from gemma_keras_ft.data.tasks import (
    Continuation,
    Example,
    Infill,
    Instruction,
    Mixture,
    PlainText,
    Task,
    TitleToLyrics,
    Translation,
    Transliteration,
)
from gemma_keras_ft.records import LyricRecord

SONG = LyricRecord(
    id="song",
    lines=("a", "b", "", "c", "d"),
    romanized=("A", "B", "", "C", "D"),
    translation=("eins", "zwei", "", "drei", "vier"),
    title="River {style} {0} {{x",
    style="lyrical",
    language="ta",
    translation_language="de",
)
TELL = "Continue this song in {language}."


def test_the_instruction_stands_before_the_prompt_in_turns():
    (example,) = Instruction(task=Continuation(), text=TELL).examples(SONG)
    assert example.turns
    assert example.prompt_text == "Continue this song in Tamil.\n\na\nb"
    assert example.response_text == "c\nd"
    assert example.task == "instruction/continuation"


@pytest.mark.parametrize(
    ("task", "prompt"),
    [
        (PlainText(), "Do."),
        (TitleToLyrics(), "Do.\n\ntitle: River {style} {0} {{x\nlanguage: Tamil\n"),
        (Translation(), "Do.\n\nta: a\nde:"),
        (Transliteration(), "Do.\n\nta iso15919:\nA\nB\nta native:"),
        (Infill(seed=1), "Do.\n\na\nb\n\n[...]\n\n[...]"),
    ],
)
def test_no_blank_ends_the_turn(task, prompt):
    example = next(Instruction(task=task, text=" Do.\n").examples(SONG))
    assert example.prompt_text.startswith(prompt)
    assert example.prompt_text == example.prompt_text.strip()


@pytest.mark.parametrize("task", [Continuation(), TitleToLyrics(), Infill()])
def test_later_parts_keep_the_instruction_apart_from_the_lines(task):
    (example,) = Instruction(task=task, text="Do.").examples(SONG)
    (plain,) = task.examples(SONG)
    assert example.lead == "Do.\n\n"
    assert example.prompt
    assert example.context_lines == plain.context_lines


@given(st.from_type(LyricRecord), st.sampled_from(["native", "readable"]))
def test_all_else_is_as_the_task_gave_it(song, script):
    inner = Continuation(script=script, scored="all")
    plain = list(inner.examples(song))
    told = list(Instruction(task=inner, text=TELL).examples(song))
    assert len(plain) == len(told)
    for before, after in zip(plain, told, strict=True):
        for name in ("response", "native", "scored", "context_lines", "record_id"):
            assert getattr(before, name) == getattr(after, name)
        assert after.prompt_text.endswith("\n".join(before.prompt).rstrip())


def test_what_a_record_tells_is_never_read_as_a_placeholder():
    text = "A {style} song, {title}, in {translation_language}: {{{language}}}"
    made = Instruction(task=PlainText(), text=text)
    assert made.filled(SONG) == (
        "A lyrical song, River {style} {0} {{x, in German: {Tamil}"
    )


def test_what_a_record_does_not_tell_has_a_fallback():
    bare = SONG.replace(title=" ", style=None, language=None, translation_language=None)
    text = "{title}; {style}; {language}; {translation_language}"
    made = Instruction(task=PlainText(), text=text)
    assert made.filled(bare) == "untitled; fitting; its own language; another language"
    made = Instruction(
        task=PlainText(), text=text, fallbacks=(("style", "x"), ("title", ""))
    )
    assert made.filled(bare) == "; x; its own language; another language"
    assert made.filled(SONG).startswith("River")


@pytest.mark.parametrize(
    "text",
    [
        "{lines}",
        "{}",
        "{0}",
        "{language!r}",
        "{language:>9}",
        "{language.x}",
        "{language",
        "language}",
        "{record[id]}",
    ],
)
def test_wrong_placeholders_are_refused(text):
    with pytest.raises(ValueError, match="`text` must hold no placeholder but"):
        Instruction(task=PlainText(), text=text)


@register("test_tasks.chat")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Chat(Task):
    def examples(self, record: LyricRecord) -> Iterator[Example]:
        yield Example(
            record_id=record.id, prompt=("x",), response=("y",), bridge="", turns=True
        )


def test_turns_do_not_stand_in_turns():
    inner = Instruction(task=PlainText(), text="Sing.")
    for task in (inner, Mixture(tasks=(PlainText(), inner))):
        with pytest.raises(ValueError, match="turns do not stand in turns"):
            Instruction(task=task, text="Sing.")
    with pytest.raises(ValueError, match=r"one in turns, by 'test_tasks\.chat'"):
        list(Instruction(task=Chat(), text="Sing.").examples(SONG))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"text": " "}, "text=' '"),
        ({"text": 3}, "text=3"),
        ({"task": "continuation"}, "`task` must be a task.*'continuation'"),
        ({"fallbacks": (("author", "x"),)}, "`fallbacks` must pair.*author"),
        ({"fallbacks": (("style",),)}, "`fallbacks` must pair"),
        ({"fallbacks": (("style", 1),)}, "`fallbacks` must pair"),
    ],
)
def test_wrong_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        Instruction(**{"task": PlainText(), "text": "Sing.", **settings})


def test_it_round_trips_through_json_with_the_task_inside():
    task = Instruction(
        task=Mixture(
            tasks=(Continuation(prompt_lines=3), Translation()), weights=(2, 1)
        ),
        text=TELL,
        fallbacks=(("style", "quiet"),),
    )
    assert from_config(json.loads(json.dumps(task.to_config()))) == task
    names = {example.task for example in task.examples(SONG)}
    assert names == {"instruction/continuation", "instruction/translation"}


def test_no_blank_stands_before_the_end_of_the_users_turn():
    record = LyricRecord(id="r", lines=("one", "two  ", "three"))
    task = Instruction(task=Continuation(prompt_lines=2), text="Go on.")
    (example,) = task.examples(record)
    assert example.prompt_text.endswith("two")
