"""What users need to test preprocessors and tasks of their own."""

import copy
import json
import pickle
from collections.abc import Iterable
from typing import Any

from gemma_keras_ft.config import Configurable, from_config
from gemma_keras_ft.data.tasks import Example, Task
from gemma_keras_ft.preprocessing.base import Preprocessor
from gemma_keras_ft.records import LyricRecord, SetAside


def check_preprocessor(
    preprocessor: Preprocessor,
    records: Iterable[LyricRecord] | None = None,
    *,
    idempotent: bool = True,
) -> None:
    """Checks that a preprocessor keeps the contract that curation relies on.

    It survives JSON and pickle, leaves its argument as it was, gives the same
    answer each time, and answers every record with a `LyricRecord` or a
    `SetAside` under the record's own id that can be written as JSON.

    Example:
        ```python
        def test_my_preprocessor():
            check_preprocessor(DropShort(minimum_words=4))
        ```

    Args:
        preprocessor: The preprocessor, of a registered, importable class.
        records: Records to try it on; `awkward_records()` by default.
        idempotent: Whether a second run must change nothing. Set it to False for
            a step that is meant to do more each time.

    Raises:
        AssertionError: If the contract is broken; it says how, and on which record.
    """
    restored = _restored_from_json(preprocessor)
    copied = _restored_from_pickle(preprocessor)
    for record in awkward_records() if records is None else records:
        before = _as_json(record, f"record {record.id!r}")
        result = _apply(preprocessor, record)
        where = f"{preprocessor!r} on record {record.id!r}"
        _check(
            _as_json(record, where) == before, f"{where} must not change its argument."
        )
        _check_result(result, record, where)
        for other, made in (
            (preprocessor, "a second call"),
            (restored, "a copy restored from JSON"),
            (copied, "a copy restored from pickle"),
        ):
            again = _apply(other, record)
            _check(
                again == result,
                f"{where} must give the same answer each time. "
                f"Received from {made}: {again!r:.300}, first: {result!r:.300}.",
            )
        if idempotent and isinstance(result, LyricRecord):
            twice = _apply(preprocessor, result)
            _check(
                twice == result,
                f"{where} must change nothing when it is applied again. "
                f"Received: {twice!r:.300}, first: {result!r:.300}. "
                "Pass idempotent=False if it is meant to.",
            )


def check_task(task: Task, records: Iterable[LyricRecord] | None = None) -> None:
    """Checks that a task keeps the contract that training relies on.

    It survives JSON and pickle, leaves a record as it was, and gives the same
    examples each time, in this process and in others. Each is an `Example` of the
    record it was made from that asks for something; in turns, its prompt neither is
    blank nor begins or ends with white space, as Gemma's chat template has it. A
    script that is `"auto"` can be decided.

    Example:
        ```python
        def test_my_task():
            check_task(LastLine())
            check_task(Meaning(), [record_with_a_meaning])
        ```

    Args:
        task: The task, of a registered, importable class.
        records: Records to try it on; `awkward_records()` by default. At least one
            must give an example.

    Raises:
        AssertionError: If the contract is broken; it says how, and on which record.
    """
    restored = _decided(_restored_from_json(task))
    copied = _decided(_restored_from_pickle(task))
    decided, given = _decided(task), 0
    for record in awkward_records() if records is None else records:
        before = _as_json(record, f"record {record.id!r}")
        examples = _examples(decided, record)
        where = f"{task!r} on record {record.id!r}"
        _check(
            _as_json(record, where) == before, f"{where} must not change its argument."
        )
        for example in examples:
            _check_example(example, record, where)
        for other, made in (
            (decided, "a second call"),
            (restored, "a copy restored from JSON"),
            (copied, "a copy restored from pickle"),
        ):
            again = _examples(other, record)
            _check(
                again == examples,
                f"{where} must give the same examples each time. "
                f"Received from {made}: {again!r:.300}, first: {examples!r:.300}.",
            )
        given += len(examples)
    _check(
        given > 0,
        f"{task!r} must give an example of at least one record, or nothing is tested. "
        "Pass records that hold what it needs.",
    )


def awkward_records() -> tuple[LyricRecord, ...]:
    """Returns short records, written for this project, that break careless code.

    Empty songs and lines, stanza borders at the ends, mixed scripts, joiners,
    lone marks, a line of 20,000 characters, right-to-left text, emoji, control
    characters, markup, half a surrogate pair, `no_alter`, parallel fields of equal
    and unequal length, nested metadata.
    """
    kept = {"source": "written for this project", "license": "CC0-1.0"}
    return tuple(
        LyricRecord(**{"id": f"awkward-{name}", **kept, **copy.deepcopy(fields)})
        for name, fields in _AWKWARD.items()
    )


_TAMIL = ("மழை வந்தது", "மனம் நனைந்தது")

_AWKWARD: dict[str, dict[str, Any]] = {
    "no-lines": {"lines": ()},
    "one-empty-line": {"lines": ("",)},
    "only-borders": {"lines": ("", "  ", "\u200b", "\ufeff", "")},
    "borders-at-the-ends": {"lines": ("", "", "la", "", "", "\u3000", "lo", "", "")},
    "plain": {"lines": ("The river sings", "all night long"), "language": "en"},
    "indic": {"lines": _TAMIL, "script": "Taml", "language": "ta", "title": "மழை"},
    "nothing-declared": {"lines": _TAMIL, "script": "", "language": ""},
    "mixed-scripts": {
        "lines": ("दिल says hello", "baby ਆਜਾ, ২ বার", "кажется 愛 사랑 ラララ"),
        "title": "दिल × heart",
    },
    "joiners": {
        "lines": ("दर्\u200dया किनारी", "ക\u0d4d\u200cഷ എന്\u200d", "می\u200cخواهم"),
        "script": "Deva",
        "language": "mr",
    },
    "lone-marks": {
        "lines": ("\u093e\u094d", "\u0301\u0301", "a\u0bbe\u200d", "\u0a71 \u0a3c"),
        "script": "Deva",
    },
    "not-composed": {
        "lines": ("Cafe\u0301 de\u200bs\u0301", "ज\u093c ज़ ড\u09bc ਸਿ\u0a3c"),
        "script": "Deva",
        "language": "hi",
    },
    "long-line": {"lines": ("लाला " * 4000, "end"), "script": "Deva"},
    "right-to-left": {
        "lines": ("\u202bدل ناداں\u202c تجھے", "שיר \u200fקטן"),
        "script": "Arab",
        "language": "ur",
    },
    "emoji": {"lines": ("👩🏽‍🎤🎶 ❤️ 1️⃣", "🇮🇳 la la"), "author": "🎤"},
    "controls": {"lines": ("a\tb\x00c\x1b[31m", "d\x85e\x9ff\r", "\u2028g\vh")},
    "symbols-only": {"lines": ("♪ ♪ ♪", "।। ०१ ।।", "!!! --- ???")},
    "markup": {
        "lines": ("<p>I <3 you<br>R&amp;B", "a < b &amp;lt;i&amp;gt;</p>", "5 > 4"),
        "title": "<b>Me &amp; you</b>",
    },
    "residue": {"lines": ("27 ContributorsRain Lyrics[Verse 1]", "rain, rain12Embed")},
    "broken-characters": {"lines": ("caf\ufffd\ufffd \ufffd", "x \ud83d y", "z")},
    "placeholder": {"lines": ("[Instrumental]",)},
    "no-alter": {
        "lines": ("", " <b>ਧੰਨੁ</b>\x07 ", "", "", "ਕ਼ ਅੱਖ&amp;"),
        "script": "Guru",
        "language": "pa",
        "no_alter": True,
        "title": " \t",
    },
    "parallel": {
        "lines": ("", "அ<br>ஆ", "", "", "இ"),
        "romanized": ("", "a<br>ā", "", "", "i"),
        "translation": ("", "one, two", "", "word where the song has none", "three"),
        "translation_language": "en",
        "script": "Taml",
    },
    "not-parallel": {
        "lines": _TAMIL,
        "romanized": ("maḻai vantatu maṉam naṉaintatu",),
        "translation": ("Rain came;", "", "", "the heart was drenched;", "so was I."),
        "translation_language": "en",
    },
    "metadata": {
        "lines": _TAMIL,
        "metadata": {"removed": "x", "filled": None, "nested": {"list": [1, [2.5]]}},
    },
}


def _restored_from_json(configurable: Configurable) -> Any:
    try:
        restored = from_config(json.loads(json.dumps(configurable.to_config())))
    except (AttributeError, TypeError, ValueError) as error:
        raise AssertionError(
            f"{configurable!r} must survive JSON. Received: {error!r:.300}. "
            "Register its class, and hold only JSON values and tuples of them."
        ) from error
    _check(
        restored == configurable,
        f"{configurable!r} must survive JSON. Received: {restored!r:.300}.",
    )
    return restored


def _restored_from_pickle(configurable: Configurable) -> Any:
    try:
        copied = pickle.loads(pickle.dumps(configurable))
    except (AttributeError, TypeError, pickle.PicklingError) as error:
        raise AssertionError(
            f"{configurable!r} must survive pickle, which carries it to other "
            f"processes. Received: {error}. Define its class in a module."
        ) from error
    _check(
        copied == configurable,
        f"{configurable!r} must survive pickle. Received: {copied!r:.300}.",
    )
    return copied


def _apply(preprocessor: Preprocessor, record: LyricRecord) -> Any:
    try:
        return preprocessor(record)
    except Exception as error:
        raise AssertionError(
            f"{preprocessor!r} must not raise for a record's content. "
            f"Received: {error!r:.300} on record {record.id!r}."
        ) from error


def _check_result(result: Any, record: LyricRecord, where: str) -> None:
    _check(
        isinstance(result, LyricRecord | SetAside),
        f"{where} must return a LyricRecord or a SetAside. Received: {result!r:.300}.",
    )
    _check(
        result.id == record.id,
        f"{where} must keep the record's id. Received: id={result.id!r}.",
    )
    if isinstance(result, SetAside):
        _check(
            bool(result.reason) and result.record is not None,
            f"{where} must set a record aside with a reason and the record. "
            f"Received: {result!r:.300}.",
        )
    written = _as_json(result, where)
    if isinstance(result, LyricRecord):
        read = LyricRecord.from_dict(json.loads(written))
        _check(
            read == result,
            f"{where} must return what JSON can hold. "
            f"Received: {result!r:.300}, read back as {read!r:.300}.",
        )


def _decided(task: Task) -> Task:
    decided = task.replace_scripts(())
    _check(
        isinstance(decided, Task) and not decided.has_auto_script,
        f"{task!r} must have every script decided by `replace_scripts`. Received: "
        f"{decided!r:.300}. Hold tasks in fields of their own, or in tuples.",
    )
    return decided


def _examples(task: Task, record: LyricRecord) -> list[Any]:
    try:
        examples = task.examples(record)
        if isinstance(examples, Iterable):
            return list(examples)
    except Exception as error:
        raise AssertionError(
            f"{task!r} must not raise for a record's content. "
            f"Received: {error!r:.300} on record {record.id!r}."
        ) from error
    raise AssertionError(
        f"{task!r} must yield examples, or nothing. Received: {examples!r:.300} on "
        f"record {record.id!r}."
    )


def _check_example(example: Any, record: LyricRecord, where: str) -> None:
    _check(
        isinstance(example, Example),
        f"{where} must yield Examples. Received: {example!r:.300}.",
    )
    _check(
        example.record_id == record.id,
        f"{where} must name its record. Received: record_id={example.record_id!r}.",
    )
    _check(
        any(example.response),
        f"{where} must ask for something. Received: {example!r:.300}.",
    )
    prompt = example.prompt_text
    _check(
        not example.turns or (bool(prompt) and prompt == prompt.strip()),
        f"{where} must have a prompt for the user's turn, without white space around "
        f"it. Received: {prompt!r:.300}.",
    )


def _as_json(value: LyricRecord | SetAside, where: str) -> str:
    try:
        return json.dumps(value.to_dict(), sort_keys=True)
    except (TypeError, ValueError) as error:
        raise AssertionError(
            f"{where} must return what JSON can hold. Received: {value!r:.300}, {error}"
        ) from error


def _check(kept: bool, message: str) -> None:
    # Not an `assert` statement, which `python -O` would take out.
    if not kept:
        raise AssertionError(message)
