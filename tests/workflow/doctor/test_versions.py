import importlib.metadata
import platform
import subprocess
import sys

import pytest
from packaging.requirements import Requirement

from gemma_keras_ft.workflow.doctor import versions as doctor_versions
from gemma_keras_ft.workflow.doctor.versions import (
    TESTED,
    bounds_of,
    check_extras,
    check_other_packages,
    check_packages,
    check_python,
    installed_version,
    is_met,
    requirements,
)


@pytest.fixture
def installed(monkeypatch):
    """Versions by name, None for what is not installed; all others are the real ones.

    Those of `TESTED` are the ones tested last.
    """
    versions = {name: tested[-1] for name, tested in TESTED.items()}
    real = installed_version

    def version(name):
        return versions[name] if name in versions else real(name)

    monkeypatch.setattr(doctor_versions, "installed_version", version)
    return versions


def amiss(findings):
    return [finding for finding in findings if finding.status != "ok"]


@pytest.mark.parametrize("name", TESTED)
def test_what_was_tested_is_within_what_is_asked_for(name):
    assert len(set(TESTED[name])) == len(TESTED[name]) > 0
    for version in TESTED[name]:
        assert bounds_of(name).contains(version)
        assert (name, version) not in doctor_versions._BROKEN


def test_bounds_are_those_of_the_packages_own_metadata():
    asked = {r.name: r.specifier for r in requirements("gemma_keras_ft")}
    for name in ("keras", "jax", "orbax-checkpoint", "tensorflow-text", "sacrebleu"):
        assert bounds_of(name) == asked[name] != ""
    # Asked for through `keras-nlp`.
    hub = importlib.metadata.version("keras-hub")
    assert bounds_of("keras-hub").contains(hub)
    assert not bounds_of("keras-hub").contains("0.33.0")


def test_tested_versions_are_in_order(installed):
    findings = list(check_packages())
    assert [finding.check for finding in findings] == list(TESTED)
    assert amiss(findings) == []
    assert [finding.found for finding in findings] == [v[-1] for v in TESTED.values()]


@pytest.mark.parametrize(
    ("name", "version", "status", "said"),
    [
        ("keras", "3.14.0", "error", "asks for <3.16,>=3.15"),
        ("keras", "3.16.0", "error", "asks for <3.16,>=3.15"),
        ("keras", "3.15.2", "ok", "tested with 3.15.1"),
        ("keras", None, "error", "is not installed"),
        ("keras-hub", "0.33.0", "error", "0.32.0"),
        ("jax", "0.7.1", "error", ">=0.7.2"),
        ("jax", "0.9.0", "ok", "tested with 0.7.2, 0.10.2"),
        ("jax", "0.7.2", "ok", "0.7.2"),
        ("jax", "0.13.0", "error", "<0.13"),
        ("tensorflow", None, "error", "is not installed"),
        ("tensorflow-text", "2.21.0", "error", "crashes at import"),
        ("tensorflow-text", "2.19.0", "error", ">=2.20.1"),
        ("orbax-checkpoint", "0.12.9", "warning", "restored with no other"),
        ("orbax-checkpoint", "0.13.0", "error", "~=0.12.8"),
        ("indic-transliteration", "2.3.83", "warning", "corrected from outside"),
        ("sacrebleu", "2.5.1", "ok", "tested with 2.6.0"),
        ("sacrebleu", "3.0.0", "error", "<3"),
    ],
)
def test_other_versions_are_told(installed, name, version, status, said):
    installed[name] = version
    found = next(finding for finding in check_packages() if finding.check == name)
    assert found.status == status
    assert said in found.found
    if version:
        assert version in found.found
    if status != "ok":
        assert found.remedy.startswith(f"pip install '{name}")


def test_a_version_beyond_what_was_tested_is_told_with_the_reason(
    installed, monkeypatch
):
    # The bounds of today leave no other version of KerasHub.
    monkeypatch.setattr(doctor_versions, "_ASKING", ())
    installed["keras-hub"] = "0.32.1"
    (found,) = amiss(check_packages())
    assert (found.check, found.status) == ("keras-hub", "warning")
    assert "replaced from inside" in found.found
    assert found.remedy == "pip install 'keras-hub==0.32.0'"


@pytest.mark.parametrize(
    ("tensorflow", "text", "holds"),
    [
        ("2.21.0", "2.21.1", True),
        ("2.20.0", "2.20.1", True),
        ("2.20.0", "2.21.1", False),
        ("2.22.0", "2.21.1", False),
        ("3.21.0", "2.21.1", False),
    ],
)
def test_tensorflow_and_its_text_share_a_minor(installed, tensorflow, text, holds):
    installed.update({"tensorflow": tensorflow, "tensorflow-text": text})
    found = amiss(check_packages())
    assert bool(found) is not holds
    for finding in found:
        assert (finding.check, finding.status) == ("tensorflow-text", "error")
        assert text in finding.found and f"tensorflow {tensorflow}" in finding.found
        minor = tensorflow.rpartition(".")[0]
        assert finding.remedy == f"pip install 'tensorflow-text=={minor}.*'"


@pytest.mark.parametrize(
    ("name", "extra", "status"),
    [
        ("jaxlib", "", "error"),
        ("libtpu", "tpu", "warning"),
        ("jax-cuda12-plugin", "cuda12", "warning"),
    ],
)
def test_what_jax_loads_beside_itself_must_fit_it(
    installed, monkeypatch, name, extra, status
):
    real = requirements

    def asked(package, of=""):
        if package != "jax":
            return real(package, of)
        return [Requirement(f"{name}<=0.10.2,>=0.10.2")] if of == extra else []

    monkeypatch.setattr(doctor_versions, "requirements", asked)
    for version, fits in {"0.10.2": True, "0.10.1": False}.items():
        installed[name] = version
        found = amiss(check_packages())
        assert [finding.check for finding in found] == [name] * (not fits)
    assert found[0].status == status
    assert "0.10.1; jax 0.10.2 asks for" in found[0].found
    wanted = f"jax[{extra}]" if extra else "jax"
    assert found[0].remedy == f"pip install '{wanted}==0.10.2'"
    installed[name] = None
    assert amiss(check_packages()) == []


def test_tensorflow_goes_by_several_names(monkeypatch):
    def version(name):
        if name == "tensorflow-tpu":
            return "2.20.0"
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert installed_version("tensorflow") == "2.20.0"
    assert installed_version("tensorflow-text") is None


@pytest.mark.parametrize(
    ("version", "status"),
    [
        ("3.10.14", "error"),
        ("3.11.7", "ok"),
        ("3.13.0", "ok"),
        ("3.13.0rc1", "ok"),
        ("3.14.0", "warning"),
    ],
)
def test_python_is_compared_with_the_packages_own_metadata(
    monkeypatch, version, status
):
    monkeypatch.setattr(platform, "python_version", lambda: version)
    (found,) = check_python()
    assert found.status == status and version in found.found
    if status != "ok":
        assert "Python 3.13" in found.remedy


def test_the_other_packages_are_in_order_here():
    (found,) = check_other_packages()
    assert found.status == "ok"


def test_a_missing_and_an_old_package_are_told(installed):
    installed.update({"rensa": None, "ftfy": "5.0"})
    missing, old = check_other_packages()
    assert missing.status == old.status == "error"
    assert missing.remedy.startswith("pip install 'rensa")
    assert missing.found.endswith("none is installed")
    assert "ftfy" in old.remedy and old.found.endswith("5.0 is installed")


def test_extras_are_told_apart_by_what_they_ask_for(installed):
    def extras():
        (finding,) = check_extras()
        there, _, absent = finding.found.partition("; not installed: ")
        return there.split(", "), absent.split(", ")

    installed["pyarrow"] = "20.0.0"
    there, absent = extras()
    assert "parquet" in there and "parquet" not in absent
    for version in (None, "16.0.0"):
        installed["pyarrow"] = version
        there, absent = extras()
        assert "parquet" in absent and "parquet" not in there
    # The tests' extra asks for Parquet's.
    assert "test" in absent


def test_an_extra_of_another_package_is_looked_into(installed, monkeypatch):
    asked = {
        ("jax", "cuda12"): [Requirement("jax-cuda12-plugin[with-cuda]<=0.10.2")],
        ("jax-cuda12-plugin", "with-cuda"): [Requirement("nvidia-cudnn-cu12>=9")],
    }
    monkeypatch.setattr(
        doctor_versions, "requirements", lambda name, extra: asked[name, extra]
    )
    cuda = Requirement("jax[cuda12]")
    assert is_met(Requirement("jax"))
    installed.update({"jax-cuda12-plugin": None, "nvidia-cudnn-cu12": "9.1"})
    assert not is_met(cuda)
    installed["jax-cuda12-plugin"] = "0.10.2"
    assert is_met(cuda)
    installed["nvidia-cudnn-cu12"] = None
    assert not is_met(cuda)


def test_what_an_extra_asks_for_is_kept_apart():
    plain = {r.name for r in requirements("gemma_keras_ft")}
    parquet = {r.name for r in requirements("gemma_keras_ft", "parquet")}
    assert "pyarrow" not in plain and "jax" in plain
    assert parquet == {"pyarrow"}


def test_no_package_is_imported_to_find_its_version():
    script = """
import sys
from gemma_keras_ft.workflow.doctor import diagnose as doctor
from gemma_keras_ft.workflow.doctor import versions as versions
found = [*versions.check_python(), *versions.check_packages()]
found += [*versions.check_other_packages(), *versions.check_extras()]
assert len(found) > 8
heavy = {"jax", "keras", "keras_hub", "tensorflow", "tensorflow_text", "scipy"}
print(sorted(heavy & sys.modules.keys()))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True
    )
    assert done.stdout == "[]\n", done.stderr
