"""Checks of what is installed: Python, packages, extras."""

import functools
import importlib.metadata
import platform
from collections.abc import Iterator
from types import MappingProxyType

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from gemma_keras_ft.workflow.doctor.finding import Finding

PACKAGE = "gemma_keras_ft"
# The one place that says with which versions the tests have passed.
TESTED = MappingProxyType(
    {
        "keras": ("3.15.1",),
        "keras-hub": ("0.32.0",),
        "jax": ("0.7.2", "0.10.2"),
        "tensorflow": ("2.20.0", "2.21.0"),
        "tensorflow-text": ("2.20.1", "2.21.1"),
        "orbax-checkpoint": ("0.12.8",),
        "indic-transliteration": ("2.3.82",),
        "sacrebleu": ("2.6.0",),
    }
)
# Why another version, though allowed, may do something else than it was tested to.
_BUILT_ON = {
    "keras-hub": "its attention and adapters are replaced from inside",
    "orbax-checkpoint": "checkpoints were restored with no other",
    "indic-transliteration": "its letter tables are corrected from outside",
}
_BROKEN = {("tensorflow-text", "2.21.0"): "it crashes at import"}
# `keras-nlp`, which is asked for, asks for KerasHub of its own version.
_ASKING = (PACKAGE, "keras-nlp")
# What JAX loads beside itself, in versions of which it is particular, by its extras.
_BESIDE_JAX = MappingProxyType(
    {
        "": "jaxlib",
        "tpu": "libtpu",
        "cuda12": "jax-cuda12-plugin",
        "cuda13": "jax-cuda13-plugin",
    }
)
# TensorFlow for machines of some kinds has names of its own.
_OTHER_NAMES = {"tensorflow": ("tensorflow-cpu", "tensorflow-tpu")}


def check_python() -> Iterator[Finding]:
    """Compares Python with what the package asks for, and says it was tested with."""
    here = platform.python_version()
    about = importlib.metadata.metadata(PACKAGE)
    allowed = SpecifierSet(about["Requires-Python"])
    prefix = "Programming Language :: Python :: "
    tested = [
        line.removeprefix(prefix)
        for line in about.get_all("Classifier") or ()
        if line.startswith(prefix + "3.")
    ]
    remedy = f"Make a virtual environment with Python {tested[-1]}."
    found = f"{here}; tested with {', '.join(tested)}"
    if not allowed.contains(here, prereleases=True):
        found = f"{here}; {PACKAGE} asks for {allowed}"
        yield Finding(check="python", status="error", found=found, remedy=remedy)
    elif ".".join(here.split(".")[:2]) not in tested:
        yield Finding(check="python", status="warning", found=found, remedy=remedy)
    else:
        yield Finding(check="python", status="ok", found=here)


def check_packages() -> Iterator[Finding]:
    """Compares every package of `TESTED` with what is asked for, and was tested."""
    for name in TESTED:
        yield _check_package(name, installed_version(name))
    yield from _check_tensorflow_pair()
    yield from _check_beside_jax()


def check_other_packages() -> Iterator[Finding]:
    """Compares all other packages that are asked for with what is installed."""
    asked = [
        requirement
        for requirement in requirements(PACKAGE)
        if canonicalize_name(requirement.name) not in TESTED
    ]
    amiss = [requirement for requirement in asked if not is_met(requirement)]
    if not amiss:
        yield Finding(
            check="packages", status="ok", found=f"all {len(asked)} others are there"
        )
    for requirement in amiss:
        version = installed_version(requirement.name)
        yield Finding(
            check="packages",
            status="error",
            found=f"{requirement} is asked for; {version or 'none'} is installed",
            remedy=_install(str(requirement)),
        )


def check_extras() -> Iterator[Finding]:
    """Says which of the optional extras are installed."""
    names = sorted(importlib.metadata.metadata(PACKAGE).get_all("Provides-Extra") or ())
    there = [name for name in names if is_met(Requirement(f"{PACKAGE}[{name}]"))]
    absent = [name for name in names if name not in there]
    found = f"{', '.join(there) or 'none'}; not installed: {', '.join(absent) or '-'}"
    yield Finding(check="extras", status="ok", found=found)


def installed_version(name: str) -> str | None:
    """Returns the version of an installed package, which is not imported."""
    for known_as in (name, *_OTHER_NAMES.get(name, ())):
        try:
            return importlib.metadata.version(known_as)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def requirements(name: str, extra: str = "") -> list[Requirement]:
    """Returns what an installed package asks for on this machine.

    Args:
        name: Its name.
        extra: One of its extras, to have what that asks for alone.
    """
    found = map(Requirement, importlib.metadata.requires(name) or ())
    if not extra:
        return [asked for asked in found if _applies(asked, "")]
    return [a for a in found if _applies(a, extra) and not _applies(a, "")]


def bounds_of(name: str) -> SpecifierSet:
    """Returns the versions of a package that are asked for."""
    bounds = SpecifierSet()
    for asking in filter(installed_version, _ASKING):
        for asked in requirements(asking):
            if canonicalize_name(asked.name) == name:
                bounds &= asked.specifier
    return bounds


def is_met(requirement: Requirement) -> bool:
    """Returns whether a package is installed, in a version and with the extras asked.

    Args:
        requirement: Its marker is taken to hold.
    """
    version = installed_version(requirement.name)
    if version is None or not _contains(requirement.specifier, version):
        return False
    return all(
        is_met(asked)
        for extra in requirement.extras
        for asked in requirements(requirement.name, extra)
    )


def _check_package(name: str, version: str | None) -> Finding:
    bounds = bounds_of(name)
    error = functools.partial(
        Finding, check=name, status="error", remedy=_install(f"{name}{bounds}")
    )
    if version is None:
        return error(found="is not installed")
    broken = _BROKEN.get((name, version))
    if broken:
        return error(found=f"{version}: {broken}")
    if not _contains(bounds, version):
        return error(found=f"{version}; {PACKAGE} asks for {bounds}")
    if version in TESTED[name]:
        return Finding(check=name, status="ok", found=version)
    found = f"{version}; tested with {', '.join(TESTED[name])}"
    if name not in _BUILT_ON:
        return Finding(check=name, status="ok", found=found)
    return Finding(
        check=name,
        status="warning",
        found=f"{found}: {_BUILT_ON[name]}",
        remedy=_install(f"{name}=={TESTED[name][-1]}"),
    )


def _check_tensorflow_pair() -> Iterator[Finding]:
    pair = [installed_version(name) for name in ("tensorflow", "tensorflow-text")]
    minors = [version.split(".")[:2] for version in pair if version]
    if len(minors) == 2 and minors[0] != minors[1]:
        yield Finding(
            check="tensorflow-text",
            status="error",
            found=f"{pair[1]} beside tensorflow {pair[0]}: it loads only into the "
            "minor that it was built for",
            remedy=_install(f"tensorflow-text=={'.'.join(minors[0])}.*"),
        )


def _check_beside_jax() -> Iterator[Finding]:
    jax = installed_version("jax")
    for extra, name in _BESIDE_JAX.items() if jax else ():
        version = installed_version(name)
        for asked in requirements("jax", extra) if version else ():
            if canonicalize_name(asked.name) != name:
                continue
            if not _contains(asked.specifier, str(version)):
                yield Finding(
                    check=name,
                    status="warning" if extra else "error",
                    found=f"{version}; jax {jax} asks for {asked.specifier}",
                    remedy=_install(f"jax[{extra}]=={jax}" if extra else f"jax=={jax}"),
                )


def _applies(requirement: Requirement, extra: str) -> bool:
    marker = requirement.marker
    return marker is None or marker.evaluate({"extra": extra})


def _contains(bounds: SpecifierSet, version: str) -> bool:
    return bounds.contains(version, prereleases=True)


def _install(what: str) -> str:
    return f"pip install '{what}'"
