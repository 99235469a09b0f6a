import argparse
import io
import json
import socket

import pytest
import rich.console

from gemma_keras_ft.arguments.doctor import add_doctor
from gemma_keras_ft.arguments.parser import Parser
from gemma_keras_ft.model.preset import TINY
from gemma_keras_ft.workflow.doctor import diagnose as doctor
from gemma_keras_ft.workflow.doctor.diagnose import (
    Finding,
    diagnose,
    warn_of_installation,
)
from gemma_keras_ft.workflow.doctor.finding import (
    findings_json,
    has_error,
    in_gib,
    print_findings,
)

CHECKS = [
    *("check_python", "check_packages", "check_other_packages", "check_extras"),
    *("check_backend", "check_tensorflow", "check_devices", "check_precision"),
    *("check_attention", "check_host_memory", "check_kept_memory", "check_cache"),
    *("check_programs", "check_preset", "check_weights"),
]
HEAVY = [
    *("tensorflow import", "devices", "precision", "attention", "step's memory"),
    *("preset", "weights"),
]
BROKEN = Finding(check="tensorflow-text", status="error", found="no", remedy="yes")


@pytest.fixture
def quiet(monkeypatch):
    """No check finds anything; the list names those that were run."""
    run = []

    def silent(name):
        def check(*_):
            run.append(name)
            return []

        return check

    for name in CHECKS:
        monkeypatch.setattr(doctor, name, silent(name))
    return run


def printed(findings, **options):
    file = io.StringIO()
    console = rich.console.Console(file=file, width=40, **options)
    print_findings(findings, console=console)
    return file.getvalue()


def test_this_machine_is_in_order_and_nothing_is_fetched(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    findings = diagnose(TINY)
    assert not has_error(findings), findings
    names = [finding.check for finding in findings]
    for name in ("python", "keras", "jax", "backend", "devices", "precision"):
        assert name in names
    for name in ("soft cap", "packing", "host memory", "cache", "preset", "weights"):
        assert name in names


def test_every_check_is_run_and_those_of_a_preset_only_with_one(quiet):
    assert diagnose() == []
    assert quiet == CHECKS[:-2]
    quiet.clear()
    diagnose("gemma2_2b_en")
    assert quiet == CHECKS


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_that_fails_is_a_finding(quiet, monkeypatch, name):
    def fail(*_):
        yield Finding(check="first", status="ok", found="told before")
        raise KeyError("what\nwas\nnot there")

    monkeypatch.setattr(doctor, name, fail)
    findings = diagnose("gemma2_2b_en")
    assert findings[0].found == "told before"
    failed = findings[1]
    assert failed.status == "error" and failed.remedy
    assert "KeyError" in failed.found and "not there" in failed.found
    # What was to be checked with it is told to be left out, and nothing else is run.
    assert all(finding.found == "not checked" for finding in findings[2:])
    assert len(quiet) + len(findings[2:]) + 1 == len(CHECKS)


def test_an_interrupt_is_not_a_finding(quiet, monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr(doctor, "check_devices", interrupt)
    with pytest.raises(KeyboardInterrupt):
        diagnose()


def test_nothing_heavy_is_imported_where_a_version_is_wrong(quiet, monkeypatch):
    monkeypatch.setattr(doctor, "check_packages", lambda: [BROKEN])
    findings = diagnose("gemma2_2b_en")
    assert findings[0] == BROKEN
    assert [finding.check for finding in findings[1:]] == HEAVY
    assert all(finding.status == "warning" for finding in findings[1:])
    assert all("tensorflow-text" in finding.remedy for finding in findings[1:])
    for name in ("check_tensorflow", "check_devices", "check_attention"):
        assert name not in quiet
    for name in ("check_cache", "check_host_memory", "check_programs"):
        assert name in quiet


@pytest.mark.parametrize(
    ("check", "amiss", "left_out"),
    [
        ("check_devices", "devices", ["precision", "attention", "step's memory"]),
        ("check_preset", "preset", ["weights"]),
        ("check_cache", "cache", []),
    ],
)
def test_what_needs_another_check_is_left_out_with_it(
    quiet, monkeypatch, check, amiss, left_out
):
    error = Finding(check=amiss, status="error", found="no", remedy="yes")
    monkeypatch.setattr(doctor, check, lambda *_: [error])
    found = [f.check for f in diagnose("gemma2_2b_en") if f.found == "not checked"]
    assert [name for name in found if name != "weights"] == [
        name for name in left_out if name != "weights"
    ]
    assert ("weights" in found) == (amiss in ("devices", "preset"))


def test_a_warning_leaves_nothing_out(quiet, monkeypatch):
    warning = Finding(check="keras-hub", status="warning", found="0.32.1", remedy="x")
    monkeypatch.setattr(doctor, "check_packages", lambda: [warning])
    assert diagnose() == [warning]


def test_a_finding_says_what_to_do_where_something_is_amiss():
    with pytest.raises(ValueError, match=r"`remedy` must say what to do.*'error'.*jax"):
        Finding(check="jax", status="error", found="is not installed")
    with pytest.raises(ValueError, match=r"`status` must be one of .*'fine'"):
        # What a type checker refuses is refused when it runs too.
        Finding(check="jax", status="fine", found="0.10.2")  # type: ignore[arg-type]


def test_findings_are_printed_as_lines_that_can_be_copied():
    remedy = "pip install 'tensorflow-text>=2.20.1,!=2.21.0' and a few more words"
    findings = [
        Finding(check="jax", status="ok", found="0.10.2"),
        Finding(
            check="cache\x1b[2J",
            status="warning",
            found="[red]/tmp/\u202efolder[/red]\nis full",
            remedy=remedy,
        ),
    ]
    shown = printed(findings)
    first, second, third = shown.splitlines()
    assert first.split() == ["ok", "jax", "0.10.2"]
    assert "warning" in second and "[red]/tmp/folder[/red] is full" in second
    assert third.strip() == f"→ {remedy}"
    assert "\x1b" not in shown
    assert printed([]) == ""
    assert "\x1b[32mok" in printed(findings, force_terminal=True, color_system="256")


def test_findings_are_told_as_json():
    findings = [BROKEN, Finding(check="é\x1b", status="ok", found="\udcff")]
    told = findings_json(findings)
    assert told.isascii() and "\x1b" not in told
    assert json.loads(told)[0] == {
        "check": "tensorflow-text",
        "status": "error",
        "found": "no",
        "remedy": "yes",
    }
    assert has_error(findings) and not has_error(findings[1:])


def test_bytes_are_told_in_units_that_people_read():
    assert in_gib(5 * 2**20) == "5.0 MiB"
    assert in_gib(2**30 * 4.87) == "4.9 GiB"


def test_the_command_has_a_preset_and_json():
    parser = Parser()
    command = add_doctor(parser.add_subparsers(dest="command"))
    assert isinstance(command, argparse.ArgumentParser)
    plain = parser.parse_args(["doctor"])
    assert plain.preset is None and plain.json is False
    told = parser.parse_args(["doctor", "--preset", "gemma2_2b_en", "--json"])
    assert told.preset == "gemma2_2b_en" and told.json is True


def test_training_warns_of_versions_that_do_not_fit(quiet, monkeypatch):
    warn_of_installation()
    monkeypatch.setattr(doctor, "check_packages", lambda: [BROKEN])
    with pytest.warns(RuntimeWarning, match="tensorflow-text: no yes"):
        warn_of_installation()


def test_training_goes_on_where_versions_cannot_be_checked(quiet, monkeypatch):
    def fail():
        raise LookupError("no metadata")

    monkeypatch.setattr(doctor, "check_packages", fail)
    with pytest.warns(RuntimeWarning, match=r"cannot be checked.*no metadata"):
        warn_of_installation()
