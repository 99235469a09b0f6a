"""What is wrong with a machine or an installation, before a run finds out."""

import functools
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

from gemma_keras_ft.workflow.doctor.attention import check_attention
from gemma_keras_ft.workflow.doctor.devices import (
    check_backend,
    check_devices,
    check_kept_memory,
    check_precision,
    check_tensorflow,
)
from gemma_keras_ft.workflow.doctor.finding import Finding
from gemma_keras_ft.workflow.doctor.folders import check_cache, check_programs
from gemma_keras_ft.workflow.doctor.memory import check_host_memory, check_weights
from gemma_keras_ft.workflow.doctor.presets import check_preset
from gemma_keras_ft.workflow.doctor.versions import (
    check_extras,
    check_other_packages,
    check_packages,
    check_python,
)

Check = Callable[[], Iterable[Finding]]
_NOTHING: frozenset[str] = frozenset()
# What must be right before heavy packages are imported: a wrong version can end the
# process, where no exception can be caught.
_PACKAGES = frozenset(
    {
        *("python", "versions", "backend"),
        *("keras", "keras-hub", "jax", "tensorflow", "tensorflow-text"),
    }
)
_IMPORTS = _PACKAGES | {"tensorflow import"}
_DEVICES = _IMPORTS | {"devices"}
_REMEDIES = {
    "tensorflow import": "pip install --force-reinstall 'tensorflow-text>=2.20.1,"
    "!=2.21.0'",
    "devices": "See that no other process holds the device, and that JAX_PLATFORMS, "
    "if it is set, names one that is here.",
}


def diagnose(preset: str | Path | None = None) -> list[Finding]:
    """Checks what fine-tuning needs on this machine; takes some ten seconds.

    Nothing is fetched, and no secret is shown. What needs another check's subject to
    be right is not checked where it is not.

    Example:
        ```python
        for finding in diagnose("gemma2_2b_en"):
            print(finding.status, finding.check, finding.found, finding.remedy)
        ```

    Args:
        preset: Also checks that this preset is there, or can be fetched, and that its
            weights fit; as for `load_preset`.

    Returns:
        What was found, in the order in which it is best mended. A check that fails
        by itself is an error among them.
    """
    findings: list[Finding] = []
    for name, needs, check in _checks(preset):
        wrong = sorted({f.check for f in findings if f.status == "error"} & needs)
        if wrong:
            findings.append(_not_checked(name, wrong))
        else:
            findings += _guarded(name, check)
    return findings


def warn_of_installation() -> None:
    """Warns where versions do not fit each other; `diagnose` checks much more."""
    checks = {"python": check_python, "versions": check_packages}
    for name, check in checks.items():
        for finding in _guarded(name, check):
            if finding.status == "error":
                sentence = f"{finding.check}: {finding.found} {finding.remedy}"
                warnings.warn(sentence, RuntimeWarning, stacklevel=3)


def _checks(preset: str | Path | None) -> list[tuple[str, frozenset[str], Check]]:
    """Returns each check with its name, and with the names that it needs in order."""
    checks: list[tuple[str, frozenset[str], Check]] = [
        ("python", _NOTHING, check_python),
        ("versions", _NOTHING, check_packages),
        ("packages", _NOTHING, check_other_packages),
        ("extras", _NOTHING, check_extras),
        ("backend", _NOTHING, check_backend),
        ("tensorflow import", _PACKAGES, check_tensorflow),
        ("devices", _IMPORTS, check_devices),
        ("precision", _DEVICES, check_precision),
        ("attention", _DEVICES, check_attention),
        ("host memory", _NOTHING, check_host_memory),
        ("step's memory", _DEVICES, check_kept_memory),
        ("cache", _NOTHING, check_cache),
        ("compiled programs", _NOTHING, check_programs),
    ]
    if preset is not None:
        checks += [
            ("preset", _IMPORTS, functools.partial(check_preset, preset)),
            (
                "weights",
                _DEVICES | {"preset"},
                functools.partial(check_weights, preset),
            ),
        ]
    return checks


def _guarded(name: str, check: Check) -> list[Finding]:
    findings = []
    try:
        for finding in check():
            findings.append(finding)
    except Exception as error:
        reason = " ".join(str(error).split())
        remedy = _REMEDIES.get(name, "Report it, with what this line says.")
        findings.append(
            Finding(
                check=name,
                status="error",
                found=f"cannot be checked: {type(error).__name__}: {reason}",
                remedy=remedy,
            )
        )
    return findings


def _not_checked(name: str, wrong: list[str]) -> Finding:
    return Finding(
        check=name,
        status="warning",
        found="not checked",
        remedy=f"Mend first: {', '.join(wrong)}.",
    )
