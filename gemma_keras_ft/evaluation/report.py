"""One self-contained page about an evaluation, and the same as JSON."""

import functools
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from gemma_keras_ft.console import printable
from gemma_keras_ft.evaluation import plots, tables
from gemma_keras_ft.evaluation.compare import format_p_value, format_ratios
from gemma_keras_ft.evaluation.results import check_results
from gemma_keras_ft.records import write_text_atomically
from gemma_keras_ft.training.overfitting import find_loss_gap

_LARGEST_REPORT_BYTES = 64 * 2**20


def write_report(
    results: Mapping[str, Any], directory: str | os.PathLike
) -> tuple[Path, Path]:
    """Writes `report.html` and `report.json`, atomically.

    The page needs no network and runs no script; equal results give equal bytes.

    Args:
        results: JSON values in the shape of `check_results`; only `title` is
            needed, and a section is shown only where its data is there. Records
            marked `no_alter` must not be among `samples`.
        directory: Where to write; created if it isn't there.

    Returns:
        The paths of the page and of the JSON.

    Raises:
        FileExistsError: If `directory` is a file.
        ValueError: If `results` has not the shape of a report's results.
    """
    results = check_results(results)
    check_report_folder(directory)
    directory = Path(directory)
    html_path, json_path = directory / "report.html", directory / "report.json"
    # Both are made before either is written: a failure leaves no odd pair behind.
    page = render_report(results)
    write_text_atomically(json_path, _dump(results, indent=2) + "\n")
    write_text_atomically(html_path, page)
    return html_path, json_path


def check_report_folder(directory: str | os.PathLike) -> None:
    """Checks what would otherwise fail once everything has been scored.

    Raises:
        FileExistsError: If `directory`, or a folder above it, is a file.
    """
    for folder in (Path(directory), *Path(directory).parents):
        if folder.exists() and not folder.is_dir():
            raise FileExistsError(
                f"`out` must be a folder. Received: out={str(directory)!r}, where "
                f"{folder} is a file. Choose another folder."
            )


def read_report(path: str | os.PathLike) -> dict[str, Any]:
    """Reads the results that `write_report` wrote, to render them again.

    Args:
        path: `report.json`, or the folder that holds it.

    Returns:
        The checked results.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a report, or larger than 64 MiB.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "report.json"
    if not path.is_file():
        raise FileNotFoundError(
            "`path` must be a report.json or its folder. Received: "
            f"path={str(path)!r}. Run an evaluation first; it writes one."
        )
    try:
        if path.stat().st_size > _LARGEST_REPORT_BYTES:
            raise ValueError("The file is larger than 64 MiB.")
        text = path.read_text(encoding="utf-8")
        return check_results(json.loads(text, parse_constant=_refuse_constant))
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"`path` must hold a report. Received: path={str(path)!r}. "
            f"{str(error).rstrip('.')}. Write it again by running the evaluation."
        ) from error


def render_report(results: Mapping[str, Any]) -> str:
    """Renders results as one HTML page.

    Args:
        results: As for `write_report`.

    Returns:
        The page, without references to anything outside it.

    Raises:
        ValueError: If `results` has not the shape of a report's results.
    """
    results = check_results(results)
    shown = _printable_values(results)
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            results=shown,
            runs=[
                _present_run(run, place)
                for place, run in enumerate(shown.get("runs") or ())
            ],
            embedded=_embed(results),
        )
    )


def _present_run(run: dict[str, Any] | None, place: int) -> dict[str, Any]:
    run = run or {}
    name = f"run-{place + 1}"
    curves = run.get("history") or {}
    history = plots.plot_history(curves, name=f"{name}-history")
    gap = find_loss_gap(curves)
    songs = [song for song in run.get("songs") or () if song]
    chart = plots.plot_songs(songs, name=f"{name}-songs")
    return {
        **run,
        "anchor": name,
        "name": run.get("name") or f"Run {place + 1}",
        "rows": tables.metric_rows(run),
        "unusable": tables.is_unusable(run.get("tuned") or {}),
        "left_out_note": tables.left_out_note(run),
        "fit_note": gap.describe() if gap else None,
        "overfitting": bool(gap and gap.overfitting),
        "marks": tables.interval_marks(run.get("comparison") or {}),
        "songs": songs,
        # The charts are our own drawings: no text of the results is in them.
        "history_chart": Markup(history) if history else None,
        "songs_chart": Markup(chart) if chart else None,
    }


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gemma_keras_ft.evaluation", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        bars=tables.bars,
        count=tables.format_count,
        facets=tables.facets,
        hold_together=tables.hold_together,
        language_tag=tables.language_tag,
        number=tables.format_number,
        percent=tables.format_percent,
        p_value=format_p_value,
        plain=tables.format_plain,
        ratios=format_ratios,
        score=tables.format_score,
        seconds=tables.format_seconds,
    )
    return environment


def _dump(results: Mapping[str, Any], *, indent: int | None = None) -> str:
    text = json.dumps(
        results, ensure_ascii=False, allow_nan=False, sort_keys=True, indent=indent
    )
    # UTF-8 can't hold a lone surrogate, JSON's escapes can.
    return re.sub("[\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", text)


def _embed(results: Mapping[str, Any]) -> Markup:
    """Returns JSON that can't end the script element it stands in."""
    text = json.dumps(results, allow_nan=False, sort_keys=True)
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return Markup(text)


def _printable_values(value: Any) -> Any:
    """Copies JSON values with every text, keys too, made fit to be shown."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable(key): _printable_values(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_printable_values(item) for item in value]
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number.")
