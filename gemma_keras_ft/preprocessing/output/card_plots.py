"""Plots of a data card: small SVG files, the same bytes for the same counts."""

import io
import warnings
from collections.abc import Callable, Mapping
from typing import Any

_INK, _SOFT = "#22262a", "#8a8f94"
_COLORS = ("#0b6e66", "#a8741a", "#5a4e9b", "#a33b3b", "#3f7fb5", "#6b7d2e")
_LANGUAGES, _STYLES = 12, len(_COLORS)
_OTHER = "other"


def card_plots(report: Mapping[str, Any]) -> dict[str, bytes]:
    """Draws a dataset's counts.

    Args:
        report: As `Curation.report` gives it.

    Returns:
        SVG files by name: songs by language and style, lines a song, and records
        set aside by reason where there are some.
    """
    plots = {
        "styles.svg": _draw(_draw_styles, report["styles_by_language"]),
        "lines.svg": _draw(_draw_lines, report["lines_per_song"]),
    }
    if report["set_aside_reasons"]:
        plots["set_aside.svg"] = _draw(_draw_reasons, report["set_aside_reasons"])
    return plots


def _draw(draw: Callable[[Any, Any], None], counts: Any) -> bytes:
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    # Ids in the file are random otherwise, and text would be drawn as outlines.
    settings: dict[Any, Any] = {
        "svg.hashsalt": "card",
        "svg.fonttype": "none",
        "font.size": 9,
    }
    with matplotlib.rc_context(settings):
        # The file holds text, not outlines: the reader's own fonts have the glyphs.
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from font")
            figure = Figure(figsize=(6.4, 3.2), layout="constrained")
            axes = figure.add_subplot()
            draw(axes, counts)
            axes.spines[["top", "right"]].set_visible(False)
            axes.tick_params(colors=_INK)
            buffer = io.BytesIO()
            FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None})
    return buffer.getvalue()


def _draw_styles(axes: Any, counts: Mapping[str, Mapping[str, int]]) -> None:
    """Draws a bar a language, parted by style; the rarest are put together."""
    languages = _commonest({name: sum(c.values()) for name, c in counts.items()})
    totals: dict[str, int] = {}
    for styles in counts.values():
        for style, count in styles.items():
            totals[style] = totals.get(style, 0) + count
    shown = list(_commonest(totals, _STYLES))
    bottoms = [0.0] * len(languages)
    for style, color in zip(shown, _COLORS, strict=False):
        heights = [
            sum(
                count
                for language, styles in counts.items()
                if (language if language in languages else _OTHER) == name
                for given, count in styles.items()
                if (given if given in shown else _OTHER) == style
            )
            for name in languages
        ]
        axes.bar(
            [*map(_label, languages)],
            heights,
            bottom=bottoms,
            color=color,
            label=_label(style),
        )
        bottoms = [a + b for a, b in zip(bottoms, heights, strict=True)]
    axes.set_ylabel("songs", color=_INK)
    axes.legend(frameon=False, labelcolor=_INK)


def _draw_lines(axes: Any, counts: Mapping[str, int]) -> None:
    lengths = [int(length) for length in counts]
    axes.bar(lengths, list(counts.values()), width=0.9, color=_COLORS[0])
    axes.set_xlabel("lines with words, the last bar being that many or more")
    axes.set_ylabel("songs", color=_INK)


def _draw_reasons(axes: Any, counts: Mapping[str, int]) -> None:
    shown = _commonest(counts)
    names = [*reversed(shown)]
    bars = axes.barh(
        [*map(_label, names)], [shown[name] for name in names], color=_COLORS[1]
    )
    axes.bar_label(bars, color=_SOFT, padding=3)
    axes.set_xlabel("records set aside", color=_INK)


def _label(name: str) -> str:
    """Returns a name as it is drawn: short, visible, and never read as a formula."""
    visible = "".join(char for char in name if char.isprintable())
    # A legend leaves out names that begin with an underscore.
    return visible[:24].replace("$", r"\$").lstrip("_") or "–"


def _commonest(counts: Mapping[str, int], most: int = _LANGUAGES) -> dict[str, int]:
    """Returns the largest counts, the others added up as one."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    if len(ordered) <= most:
        return dict(ordered)
    shown = dict(ordered[: most - 1])
    rest = sum(count for _, count in ordered[most - 1 :])
    return {**shown, _OTHER: shown.get(_OTHER, 0) + rest}
