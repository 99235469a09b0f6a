"""A song with a gap is given, what stood in it is asked for."""

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence

from gemma_keras_ft.config import check_seed, register
from gemma_keras_ft.data.tasks.base import Example, Task, check_scored
from gemma_keras_ft.data.tasks.scripts import (
    NATIVE,
    check_script,
    lines_in_script,
    native_beside,
    stanzas,
)
from gemma_keras_ft.records import LyricRecord

# Of a song of one stanza, a run of this part of its lines is left out.
_PART = 4


@register("infill")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Infill(Task):
    r"""A song with a stanza left out is given, the stanza is asked for.

    Of a song of a single stanza a run of lines inside it is left out, a quarter of
    them. Which one depends on `seed` and the record's id alone.

    Example:
        in:   lines "a", "b", "", "c", "d", "", "e"
        out:  prompt "a\nb\n\n[...]\n\ne\n\n[...]\n"; response "c", "d"

    The prompt is never split: a song longer than a row is left out and counted.

    Args:
        placeholder: The line that stands for what is left out. A song that has it as
            a line of its own gives nothing.
        seed: Seed of the choice.
        script: `"native"`, a romanization scheme, or `"auto"`: `train` decides for
            each language by what the base makes of it.
        scripts: Pairs of language and script, which go before `script`.
        scored: Where the loss falls: `"response"`, or `"all"`, the rest of the song
            too.

    Raises:
        ValueError: If an argument is out of range.
    """

    placeholder: str = "[...]"
    seed: int = 0
    script: str = NATIVE
    scripts: tuple[tuple[str, str], ...] = ()
    scored: str = "response"

    def __post_init__(self):
        check_script(self.script, self.scripts)
        check_scored(self.scored)
        check_seed(self.seed)
        text = self.placeholder
        if not isinstance(text, str) or not text.strip() or "\n" in text:
            raise ValueError(
                "`placeholder` must be one line of text. Received: "
                f"placeholder={text!r:.80}."
            )

    def examples(self, record: LyricRecord) -> Iterator[Example]:
        """Yields one example; none for a single stanza of fewer than three lines."""
        lines = lines_in_script(record, self.script, self.scripts)
        if lines is None or self.placeholder in lines:
            return
        gaps = _gaps(lines)
        if not gaps:
            return
        start, stop = gaps[_ticket(self.seed, record.id) % len(gaps)]
        native = native_beside(record, lines)
        yield Example(
            record_id=record.id,
            prompt=(*lines[:start], self.placeholder, *lines[stop:]),
            response=lines[start:stop],
            bridge=f"\n\n{self.placeholder}\n",
            scored=self.scored,
            native=native and native[start:stop],
            task=self.config_name,
        )


def _gaps(lines: Sequence[str]) -> list[tuple[int, int]]:
    """Returns what may be left out so that something is left on both sides."""
    found = stanzas(lines)
    if len(found) != 1:
        return found
    ((first, last),) = found
    size = max(1, (last - first) // _PART)
    return [(start, start + size) for start in range(first + 1, last - size)]


def _ticket(seed: int, record_id: str) -> int:
    # Python's own hash differs from process to process.
    drawn = f"{seed}\n{record_id}".encode("utf-8", "replace")
    return int.from_bytes(hashlib.blake2b(drawn, digest_size=8).digest(), "big")
