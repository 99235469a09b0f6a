"""A passage is given in one script and asked for in another."""

import dataclasses
from collections.abc import Iterator, Sequence

from gemma_keras_ft.config import register
from gemma_keras_ft.data.tasks.base import Example, Task, check_count, check_scored
from gemma_keras_ft.data.tasks.scripts import (
    NATIVE,
    SCRIPTS,
    lines_in_script,
    native_beside,
    stanzas,
)
from gemma_keras_ft.records import LyricRecord

_UNNAMED = "lyrics"


@register("transliteration")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Transliteration(Task):
    r"""A passage is given in one script, the same passage is asked for in another.

    Swap `source` and `target` for the way back. A song that both scripts write
    alike, such as one in Latin letters, gives nothing.

    Example:
        in:   lines "மழை", "மனம்", language "ta"
        out:  prompt "ta iso15919:\nmaḻai\nmaṉam\nta native:\n"
              response "மழை", "மனம்"

    Args:
        source: Script that is given: `"native"` or a romanization scheme.
        target: Script that is asked for, likewise.
        lines: Most lines of a passage. Passages end at stanza borders.
        scored: Where the loss falls: `"response"`, or `"all"`, the source too.

    Raises:
        ValueError: If source and target are the same or unknown, or `lines` is not
            positive.
    """

    source: str = "iso15919"
    target: str = NATIVE
    lines: int = 4
    scored: str = "response"

    def __post_init__(self):
        check_count("lines", self.lines, least=1)
        check_scored(self.scored)
        for name in ("source", "target"):
            script = getattr(self, name)
            if script not in SCRIPTS:
                raise ValueError(
                    f"`{name}` must be one of {[*SCRIPTS]}. Received: "
                    f"{name}={script!r}."
                )
        if self.source == self.target:
            raise ValueError(
                "`target` must be another script than `source`. Received: "
                f"source={self.source!r}, target={self.target!r}."
            )

    def examples(self, record: LyricRecord) -> Iterator[Example]:
        """Yields an example a passage, for a song that has both forms."""
        source = lines_in_script(record, self.source)
        target = lines_in_script(record, self.target)
        if source is None or target is None or len(source) != len(target):
            return
        if source == target:
            return
        native = native_beside(record, target)
        name = record.language or _UNNAMED
        for start, stop in _passages(source, target, self.lines):
            yield Example(
                record_id=record.id,
                prompt=source[start:stop],
                response=target[start:stop],
                lead=f"{name} {self.source}:\n",
                bridge=f"\n{name} {self.target}:\n",
                scored=self.scored,
                native=native and native[start:stop],
                task=self.config_name,
            )


def _passages(
    source: Sequence[str], target: Sequence[str], lines: int
) -> Iterator[tuple[int, int]]:
    """Yields start and stop of runs of at most `lines` lines that both sides have."""
    both = [s and t for s, t in zip(source, target, strict=True)]
    for start, stop in stanzas(both):
        for place in range(start, stop, lines):
            yield place, min(place + lines, stop)
