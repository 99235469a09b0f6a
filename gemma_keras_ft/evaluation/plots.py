"""Charts as inline SVG that takes its colors and fonts from the page."""

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

# Colors no chart would use, each a stand-in for a variable of the page's style,
# so that one drawing serves light, dark and print.
_INK, _MUTED, _RULE, _BASE, _TUNED = (f"#0{digit}0{digit}0{digit}" for digit in "12345")
_VARIABLES = {
    _INK: "var(--ink)",
    _MUTED: "var(--muted)",
    _RULE: "var(--rule)",
    _BASE: "var(--base)",
    _TUNED: "var(--tuned)",
}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "gemma_keras_ft",
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "text.color": _INK,
    "axes.edgecolor": _RULE,
    "axes.labelcolor": _MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": _RULE,
    "grid.linewidth": 0.5,
    "xtick.color": _RULE,
    "ytick.color": _RULE,
    "xtick.labelcolor": _MUTED,
    "ytick.labelcolor": _MUTED,
    "legend.frameon": False,
    "lines.solid_capstyle": "round",
}
_INCHES = (5.0, 3.1)


def plot_history(history: Mapping[str, Any], *, name: str) -> str | None:
    """Draws training and validation loss over steps.

    Args:
        history: `step`, `loss`, `validation_step` and `validation_loss`, lists;
            None in a list is a gap.
        name: A name unique to the page, of letters, digits and `-`, for ids.

    Returns:
        An `<svg>` element, or None where no loss is known.
    """
    training = _points(history.get("step"), history.get("loss"))
    validation = _points(history.get("validation_step"), history.get("validation_loss"))
    if not training and not validation:
        return None
    with matplotlib.rc_context():
        figure, axes = _new_figure()
        if training:
            axes.plot(
                *zip(*training, strict=True), color=_BASE, lw=1.2, label="training"
            )
        if validation:
            _plot_validation(axes, validation)
        axes.set_xlabel("optimizer step")
        axes.set_ylabel("loss, nats per token")
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        axes.legend(loc="upper right")
        return _to_svg(figure, name=name, label=_describe_history(training, validation))


def _plot_validation(axes: Axes, validation) -> None:
    axes.plot(
        *zip(*validation, strict=True),
        color=_TUNED,
        lw=2,
        marker="o",
        markersize=3.5,
        label="validation",
    )
    axes.plot(
        *min(validation, key=lambda point: point[1]),
        marker="o",
        markersize=9,
        markerfacecolor="none",
        markeredgecolor=_TUNED,
    )


def _describe_history(training, validation) -> str:
    parts = [
        f"{kind} loss falls from {points[0][1]:.3g} to {points[-1][1]:.3g}"
        if points[-1][1] < points[0][1]
        else f"{kind} loss goes from {points[0][1]:.3g} to {points[-1][1]:.3g}"
        for kind, points in (("training", training), ("validation", validation))
        if points
    ]
    if validation:
        step, loss = min(validation, key=lambda point: point[1])
        parts.append(f"validation is lowest, {loss:.3g}, at step {step:g}")
    return "Learning curve: " + "; ".join(parts) + "."


def plot_songs(songs: Sequence[Mapping[str, Any]], *, name: str) -> str | None:
    """Draws each song's perplexity under base and tuned, hardest song on top.

    Args:
        songs: Mappings with `base_perplexity` and `tuned_perplexity`.
        name: A name unique to the page, of letters, digits and `-`, for ids.

    Returns:
        An `<svg>` element, or None where no song has both.
    """
    pairs = _pairs(songs)
    if not pairs:
        return None
    lower = sum(tuned < base for base, tuned in pairs)
    label = (
        f"Perplexity of {len(pairs)} held-out songs under the base and the tuned "
        f"model: the tuned model's is lower for {lower} of {len(pairs)}."
    )
    with matplotlib.rc_context():
        figure, axes = _new_figure()
        _draw_pairs(axes, pairs)
        axes.set_ylabel(f"{len(pairs)} held-out songs")
        axes.set_xlabel("perplexity per token, log scale; left is better")
        figure.legend(
            *axes.get_legend_handles_labels(),
            loc="outside upper right",
            ncols=2,
            columnspacing=1,
            handletextpad=0,
        )
        return _to_svg(figure, name=name, label=label)


def _pairs(songs: Sequence[Mapping[str, Any]]) -> list[tuple[float, float]]:
    """Returns base and tuned perplexity of the songs that have both, easiest first."""
    pairs = []
    for song in songs:
        base, tuned = song.get("base_perplexity"), song.get("tuned_perplexity")
        # No logarithm of 0 or less.
        if base is not None and tuned is not None and base > 0 and tuned > 0:
            pairs.append((base, tuned))
    return sorted(pairs)


def _draw_pairs(axes: Axes, pairs: list[tuple[float, float]]) -> None:
    base, tuned = zip(*pairs, strict=True)
    places = range(len(pairs))
    size = max(1.5, 6.0 - len(pairs) / 40)
    width = min(size / 2.5, 100 / len(pairs))
    axes.set_xscale("log")
    axes.hlines(places, base, tuned, color=_RULE, lw=width, zorder=1)
    axes.plot(base, places, "o", color=_BASE, markersize=size, label="base")
    axes.plot(tuned, places, "o", color=_TUNED, markersize=size, label="tuned")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    _label_log_axis(axes, min(base + tuned), max(base + tuned))


def _label_log_axis(axes: Axes, low: float, high: float) -> None:
    """Labels in plain numbers; a log locator leaves a short range all but bare."""
    short = high / low < 20
    locator = MaxNLocator(nbins=6) if short else LogLocator(subs=(1, 2, 5), numticks=8)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _points(steps, values) -> list[tuple[float, float]]:
    pairs = zip(steps or (), values or (), strict=True)
    return [(step, value) for step, value in pairs if None not in (step, value)]


def _new_figure() -> tuple[Figure, Axes]:
    """Starts from matplotlib's own defaults: a user's style must not change a page."""
    matplotlib.rcdefaults()
    matplotlib.rcParams.update(_STYLE)
    figure = Figure(figsize=_INCHES, layout="constrained")
    axes = figure.add_subplot()
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    return figure, axes


def _to_svg(figure: Figure, *, name: str, label: str) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True)
    root = ElementTree.fromstring(buffer.getvalue())
    for parent in list(root.iter()):
        for child in list(parent):
            if _local(child.tag) in {"metadata", "style"}:
                parent.remove(child)
    referenced = set(re.findall(r'(?:url\(|href=")#([^")]+)', buffer.getvalue()))
    for element in root.iter():
        _adapt(element, name, referenced)
    for attribute in ("width", "height", "version"):
        root.attrib.pop(attribute, None)
    root.attrib.update({"class": "chart", "role": "img", "aria-label": label})
    return ElementTree.tostring(root, encoding="unicode")


def _adapt(element: ElementTree.Element, name: str, referenced: set[str]) -> None:
    """Drops namespaces and unused ids, and makes the rest unique to the page."""
    element.tag = _local(element.tag)
    attributes = {_local(key): value for key, value in element.attrib.items()}
    if attributes.get("id") not in referenced:
        attributes.pop("id", None)
    for key, value in attributes.items():
        if key == "id":
            value = f"{name}-{value}"
        value = value.replace("url(#", f"url(#{name}-")
        if key == "href":
            value = f"#{name}-{value.removeprefix('#')}"
        for color, variable in _VARIABLES.items():
            value = value.replace(color, variable)
        attributes[key] = value
    element.attrib.clear()
    element.attrib.update(attributes)


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
