"""What a check of the machine found, and how it is told."""

import dataclasses
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from gemma_keras_ft.console import printable

if TYPE_CHECKING:
    from rich.console import Console

Status = Literal["ok", "warning", "error"]
_STYLES = {"ok": "green", "warning": "yellow", "error": "bold red"}
GIB = 2**30


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Args:
        check: Its name, such as `"jax"`; an error and a warning can share one.
        status: `"ok"`; `"warning"` for what works, but not as it could; `"error"` for
            what stops or falsifies training.
        found: What is the case.
        remedy: What to do; never empty where something is the matter.
    """

    check: str
    status: Status
    found: str
    remedy: str = ""

    def __post_init__(self):
        if self.status not in _STYLES:
            raise ValueError(
                f"`status` must be one of {[*_STYLES]}. Received: "
                f"status={self.status!r}."
            )
        if self.status != "ok" and not self.remedy:
            raise ValueError(
                "`remedy` must say what to do. Received: remedy='' for "
                f"status={self.status!r} of {self.check!r}."
            )


def has_error(findings: Iterable[Finding]) -> bool:
    """Returns whether something stops or falsifies training."""
    return any(finding.status == "error" for finding in findings)


def findings_json(findings: Iterable[Finding]) -> str:
    """Returns findings as a JSON list of objects, in ASCII."""
    return json.dumps([dataclasses.asdict(finding) for finding in findings], indent=1)


def print_findings(
    findings: Iterable[Finding], *, console: "Console | None" = None
) -> None:
    """Prints a line for each finding, and below it what to do.

    Args:
        findings: What `diagnose` returned.
        console: Where to print; the terminal by default.
    """
    from rich.console import Console
    from rich.text import Text

    findings = list(findings)
    console = console or Console()
    names = [_in_a_line(finding.check) for finding in findings]
    width = max(map(len, names), default=0)
    for name, finding in zip(names, findings, strict=True):
        line = Text(f"{finding.status:<7} ", style=_STYLES[finding.status])
        line.append(f"{name:<{width}}  ", style="bold")
        line.append(_in_a_line(finding.found), style="default not bold")
        # Soft wrap: a command that is broken into lines can't be copied.
        console.print(line, soft_wrap=True)
        if finding.remedy:
            remedy = f"{'':<{width + 8}}→ {_in_a_line(finding.remedy)}"
            console.print(Text(remedy), soft_wrap=True)


def in_gib(count: float) -> str:
    """Returns a number of bytes for people."""
    if count < GIB / 10:
        return f"{count / 2**20:.1f} MiB"
    return f"{count / GIB:.1f} GiB"


def _in_a_line(text: str) -> str:
    return printable(" ".join(text.split()))
