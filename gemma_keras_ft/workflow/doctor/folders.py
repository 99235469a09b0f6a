"""Checks of where rows and compiled programs are kept."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gemma_keras_ft.data.cache import FOLDER, cache_folder
from gemma_keras_ft.workflow.doctor.finding import GIB, Finding, in_gib

# For the rows of a large dataset, checkpoints and compiled programs.
_LEAST_FREE = 2 * GIB


def check_cache() -> Iterator[Finding]:
    """Tries whether the cache can be written, and says how much room there is."""
    folder = cache_folder()
    try:
        # What is not there yet is made within the first parent that is.
        standing = next(path for path in (folder, *folder.parents) if path.exists())
        with tempfile.TemporaryFile(dir=standing):
            free = shutil.disk_usage(standing).free
    except OSError as error:
        yield Finding(
            check="cache",
            status="warning",
            found=f"{folder} cannot be written ({error.strerror}): rows and compiled "
            "programs are made anew each time",
            remedy=f"Set {FOLDER} to a folder that can be.",
        )
        return
    found = f"{folder}, {in_gib(free)} free"
    if free < _LEAST_FREE:
        remedy = f"Make room, or set {FOLDER} to a folder on another disk."
        yield Finding(check="cache", status="warning", found=found, remedy=remedy)
    else:
        yield Finding(check="cache", status="ok", found=found)


def check_programs() -> Iterator[Finding]:
    """Says how much compiled programs take, of which JAX forgets none by itself."""
    folder = compiled_folder()
    sizes = []
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # just replaced by a process
            sizes.append(path.stat().st_size if path.is_file() else 0)
    found = f"{in_gib(sum(sizes))} in {folder}"
    free = shutil.disk_usage(folder).free if sizes else 0
    if sum(sizes) > free:
        yield Finding(
            check="compiled programs",
            status="warning",
            found=f"{found}, more than the {in_gib(free)} that are left",
            remedy=f"Delete {folder}: what is needed is compiled again.",
        )
    else:
        yield Finding(check="compiled programs", status="ok", found=found)


def compiled_folder() -> Path:
    """Returns where `keep_compiled_programs` keeps them."""
    chosen = os.environ.get("JAX_COMPILATION_CACHE_DIR")
    return Path(chosen) if chosen else cache_folder() / "compiled"
