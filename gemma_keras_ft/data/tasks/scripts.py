"""A record's lines in native script or romanized, and where its stanzas are."""

from collections.abc import Sequence

from gemma_keras_ft.preprocessing.romanization.romanize import SCHEMES, romanize_text
from gemma_keras_ft.records import LyricRecord

NATIVE, AUTO = "native", "auto"
# The scheme in which curation stores the romanized lines.
_STORED = "iso15919"
SCRIPTS = (NATIVE, *SCHEMES)


def script_for(
    record: LyricRecord, script: str, scripts: Sequence[tuple[str, str]] = ()
) -> str:
    """Returns the script of a record's language, or `script` where none is named.

    Raises:
        ValueError: If the script is still `"auto"`, which `train` decides.
    """
    script = dict(scripts).get(record.language or "", script)
    if script == AUTO:
        raise ValueError(
            "`script` must be decided before examples are made. Received: "
            "script='auto'. Train with it, or call `choose_scripts`."
        )
    return script


def lines_in_script(
    record: LyricRecord, script: str, scripts: Sequence[tuple[str, str]] = ()
) -> tuple[str, ...] | None:
    """Returns the record's lines in native script or romanized.

    Args:
        record: The record.
        script: `"native"` or a romanization scheme. `"iso15919"` gives the
            romanization that curation stored, or None where there is none; any other
            scheme is made from the native lines, and so is ISO 15919 where curation
            was told to store another scheme.
        scripts: Pairs of language and script, which go before `script`.

    Raises:
        ValueError: If the script is still `"auto"`, which `train` decides.
    """
    script = script_for(record, script, scripts)
    if script == NATIVE:
        return record.lines
    if script == _STORED == record.metadata.get("romanization", _STORED):
        return record.romanized
    return tuple(text_in_script(record, line, script) for line in record.lines)


def text_in_script(record: LyricRecord, text: str, script: str) -> str:
    """Returns a text of the record's language, such as its title, in a script.

    Args:
        record: The record.
        text: Text in native script.
        script: `"native"` or a romanization scheme, in which it is made anew.
    """
    if script == NATIVE:
        return text
    return romanize_text(text, scheme=script, language=record.language)


def native_beside(record: LyricRecord, lines: Sequence[str]) -> tuple[str, ...] | None:
    """Returns the native lines that run beside `lines`, another form of the song.

    None where `lines` are the native ones, or do not run line for line with them.
    """
    if lines == record.lines or len(lines) != len(record.lines):
        return None
    return record.lines


def stanzas(lines: Sequence[str]) -> list[tuple[int, int]]:
    """Returns start and stop of every run of lines between stanza borders.

    Example:
        in:   "a", "b", "", "c"
        out:  (0, 2), (3, 4)
    """
    found: list[tuple[int, int]] = []
    start = None
    for place, line in enumerate([*lines, ""]):
        if line and start is None:
            start = place
        elif not line and start is not None:
            found.append((start, place))
            start = None
    return found


def check_script(script: str, scripts: Sequence[tuple[str, str]] = ()) -> None:
    """Checks a task's `script` and `scripts`.

    Raises:
        ValueError: If one is unknown.
    """
    if script not in (*SCRIPTS, AUTO):
        raise ValueError(
            f"`script` must be one of {[*SCRIPTS, AUTO]}. Received: script={script!r}."
        )
    for pair in scripts:
        if len(pair) != 2 or pair[1] not in SCRIPTS:
            raise ValueError(
                "`scripts` must pair languages with scripts. Received: "
                f"{pair!r}. Available: {[*SCRIPTS]}."
            )
