"""The report's first page for the terminal."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gemma_keras_ft.console import printable
from gemma_keras_ft.evaluation import tables
from gemma_keras_ft.evaluation.results import check_results
from gemma_keras_ft.training.overfitting import find_loss_gap

if TYPE_CHECKING:
    from rich.console import Console


def print_summary(
    results: Mapping[str, Any], *, console: "Console | None" = None
) -> None:
    """Prints scores, verdicts, one sample, and what to do next.

    Args:
        results: What `write_report` takes.
        console: Where to print; the terminal by default.

    Raises:
        ValueError: If `results` has not the shape of a report's results.
    """
    from rich.console import Console
    from rich.text import Text

    results = check_results(results)
    console = console or Console()
    console.print()
    console.print(Text(printable(results["title"]), style="bold"))
    if results.get("summary"):
        console.print(Text(printable(results["summary"])))
    runs = [run for run in results.get("runs") or () if run]
    if runs:
        console.print(_score_table(runs))
    for run in runs:
        for finding in _findings(run):
            console.print(Text(printable(f"{_name(run)}: {finding}")))
    samples = [sample for sample in results.get("samples") or () if sample]
    if samples:
        _print_sample(console, samples[0])
    _print_paths(console, results)


def _name(run: Mapping[str, Any]) -> str:
    return run.get("name") or "run"


def _findings(run: Mapping[str, Any]) -> list[str]:
    """Returns what to say below the table: the verdict, and what limits it."""
    findings = [(run.get("comparison") or {}).get("verdict")]
    tuned = run.get("tuned") or {}
    if tables.is_unusable(tuned):
        score = tables.format_score(tuned["bleu"])
        findings.append(f"BLEU {score} is not usable as a translation.")
    findings.append(tables.left_out_note(run))
    gap = find_loss_gap(run.get("history") or {})
    if gap and gap.overfitting:
        findings.append(gap.describe())
    return [finding for finding in findings if finding]


def _score_table(runs):
    from rich import box
    from rich.table import Table
    from rich.text import Text

    columns = {
        "Perplexity": lambda side: tables.format_number(
            side.get("perplexity_per_token")
        ),
        "Accuracy": lambda side: tables.format_percent(side.get("token_accuracy")),
        "BLEU": lambda side: tables.format_score(side.get("bleu")),
        "chrF++": lambda side: tables.format_score(side.get("chrf")),
    }
    rows = [[_change(run, column) for column in columns.values()] for run in runs]
    shown = [place for place in range(len(columns)) if any(row[place] for row in rows)]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Run, base → tuned", min_width=18)
    for place in shown:
        table.add_column(list(columns)[place], justify="right", no_wrap=True)
    for run, row in zip(runs, rows, strict=True):
        cells = [_name(run), *(row[place] or tables.MISSING for place in shown)]
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table


def _change(run: Mapping[str, Any], column) -> str:
    """Returns "base → tuned", or nothing where neither is known."""
    base, tuned = (column(run.get(side) or {}) for side in ("base", "tuned"))
    return "" if base == tuned == tables.MISSING else f"{base} → {tuned}"


def _print_sample(console, sample: Mapping[str, Any]) -> None:
    from rich.text import Text

    console.print()
    console.print(Text(printable(sample.get("title") or "Sample"), style="bold"))
    labels = {
        "prompt": "given",
        "tuned": "tuned model writes",
        "base": "base model writes",
        "reference": "the poet wrote",
        "translation": "in translation",
    }
    for name, label in labels.items():
        if sample.get(name):
            console.print(Text(f"  {label}", style="dim"))
            for line in printable(sample[name]).splitlines():
                console.print(Text(f"    {line}"))


def _print_paths(console, results: Mapping[str, Any]) -> None:
    from rich.text import Text

    where = {key: path for key, path in (results.get("where") or {}).items() if path}
    if where:
        console.print()
        width = max(len(printable(label)) for label in where)
        for label, path in where.items():
            # Soft wrap: a path or command that is broken into lines can't be copied.
            row = f"{printable(label):<{width}}  {printable(path)}"
            console.print(Text(row), soft_wrap=True)
    steps = [step for step in results.get("next") or () if step]
    if steps:
        console.print()
        console.print(Text("Next", style="bold"))
    for step in steps:
        console.print(Text(printable(f"  {step.get('say') or ''}").rstrip()))
        if step.get("command"):
            console.print(Text(printable(f"    {step['command']}")), soft_wrap=True)
