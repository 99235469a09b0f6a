"""Rows of tokens as data, and how a terminal shows them."""

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from gemma_keras_ft.console import printable

if TYPE_CHECKING:
    from rich.console import RenderableType

# Texts of a row take turns; both are legible on light and on dark.
_COLORS = ("cyan", "magenta")
_GIVEN, _ASKED = "given", "asked"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Span:
    """A token, or a run of text.

    Args:
        text: The token as the vocabulary spells it, or the text.
        scored: Whether the loss falls on it.
        control: Whether it is a control token, such as `<bos>`, and no text.
    """

    text: str
    scored: bool
    control: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShownText:
    """One text of a row.

    Args:
        record_id: The record it comes from.
        tokens: Its tokens in order. The last is only ever predicted, so they are one
            more than the places it takes.
        spans: The same as decoded text: a new span where the loss begins or ends, and
            for each control token.
    """

    record_id: str
    tokens: tuple[Span, ...]
    spans: tuple[Span, ...]

    @property
    def places(self) -> int:
        """Places it takes in its row."""
        return len(self.tokens) - 1

    @property
    def scored(self) -> int:
        """Tokens that the loss falls on."""
        return sum(token.scored for token in self.tokens)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShownRow:
    """One row.

    Args:
        number: Its number among the rows of its length.
        sequence_length: Its places.
        texts: What it holds, in order.
    """

    number: int
    sequence_length: int
    texts: tuple[ShownText, ...]

    @property
    def filled(self) -> int:
        """Places that hold a token."""
        return sum(text.places for text in self.texts)

    @property
    def padding(self) -> int:
        """Places that hold none."""
        return self.sequence_length - self.filled


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShownBatch:
    """The rows of a batch; `rich.print` shows them in colors.

    Args:
        split: The split they are of.
        position: Where the batch stands, as `Loader.position` tells it.
        steps_per_epoch: Batches an epoch.
        layout: How rows are laid out.
        counts: What `PlannedRows.counts` says of the rows of an epoch.
        batch_rows: Rows of the batch, of which `rows` may be the first.
        rows: The rows.
    """

    split: str
    position: Mapping[str, int]
    steps_per_epoch: int
    layout: str
    counts: Mapping[str, int | float]
    batch_rows: int
    rows: tuple[ShownRow, ...]

    def __rich__(self) -> "RenderableType":
        from rich.console import Group

        parts = [*self._heading(), *_legend()]
        for place, row in enumerate(self.rows, 1):
            parts += _row(row, f"Row {place} of {self.batch_rows}")
        return Group(*parts)

    def _heading(self) -> Iterator["RenderableType"]:
        from rich.text import Text

        where, counts = self.position, self.counts
        yield Text(
            f"Batch {where['step']} of {self.split}: {where['batch'] + 1} of "
            f"{self.steps_per_epoch} in epoch {where['epoch'] + 1}",
            style="bold",
        )
        facts = [
            f"{_count(counts['texts'], 'text')} in {_count(counts['rows'], 'row')}, "
            f"{self.layout}",
            f"{counts['filled']:.1%} of the places filled",
            f"{_count(counts['scored_tokens'], 'token')} scored",
        ]
        if left_out := counts["examples_left_out"]:
            facts.append(f"{_count(left_out, 'example')} left out")
        if cut := counts["cut_tokens"]:
            facts.append(f"{_count(cut, 'token')} cut")
        yield Text(f"An epoch: {'; '.join(facts)}")


def visible(text: str) -> str:
    r"""Spells out what a terminal would obey instead of print.

    Example:
        in:   an escape character, then "[31mकबीर"
        out:  "\x1b[31mकबीर"
    """
    if printable(text) == text:
        return text
    return "".join(
        char if printable(char) == char else ascii(char)[1:-1] for char in text
    )


def _legend() -> Iterator["RenderableType"]:
    from rich.text import Text

    first, second = _COLORS
    yield Text.assemble(
        ("dim: given", f"dim {first}"),
        " · ",
        ("bright: asked for, scored", f"bold {first}"),
        " · ",
        ("another color", f"bold {second}"),
        ": another text · ",
        ("<bos>", f"reverse {first}"),
        " a control token · ▁ a space · ⏎ a line break",
    )


def _row(row: ShownRow, name: str) -> Iterator["RenderableType"]:
    from rich.text import Text

    yield Text()
    facts = (
        name,
        _count(len(row.texts), "text"),
        f"{row.filled} of {row.sequence_length} places filled "
        f"({row.filled / row.sequence_length:.1%})",
        f"{row.padding} padding",
    )
    yield Text(" · ".join(facts), style="bold")
    tokens = Text(overflow="fold")
    for text, color in zip(row.texts, itertools.cycle(_COLORS)):
        for token in text.tokens:
            shown = visible(token.text.replace("\n", "⏎"))
            tokens.append(shown, style=_style(token, color)).append(" ")
    yield tokens
    for place, text in enumerate(row.texts):
        color = _COLORS[place % len(_COLORS)]
        record = visible(" ".join(text.record_id.split("\n")))
        yield Text(
            f"{place + 1} · {record} · {text.places} places, {text.scored} scored",
            style=color,
        )
        yield _decoded(text, color)


def _decoded(text: ShownText, color: str) -> "RenderableType":
    """Returns the text in blocks that are given or asked for.

    The words beside them say so too, for terminals and readers without colors.
    """
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2), pad_edge=False)
    grid.add_column(width=len(f"  {_GIVEN}"))
    grid.add_column(overflow="fold")
    for scored, spans in itertools.groupby(text.spans, key=lambda span: span.scored):
        block = Text(overflow="fold")
        for span in spans:
            block.append(visible(span.text), style=_style(span, color))
        if block.plain.endswith("\n"):
            # The next block begins on a line of its own anyway.
            block.right_crop(1)
        grid.add_row(Text(f"  {_ASKED if scored else _GIVEN}", style="dim"), block)
    return grid


def _count(number: int | float, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _style(span: Span, color: str) -> str:
    if span.control:
        return f"reverse {color}"
    return f"bold {color}" if span.scored else f"dim {color}"
