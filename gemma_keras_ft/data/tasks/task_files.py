"""A task from a file of one's own: Python, or JSON that names its modules."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gemma_keras_ft.config import from_config
from gemma_keras_ft.data.tasks.base import Task
from gemma_keras_ft.preprocessing.recipe import import_steps

TASK_FILES = (".py", ".json")


def load_task(source: str | Path) -> Task:
    """Loads a task from a file.

    A Python file has a function `task()` that returns the task. A JSON file holds
    `{"imports": [...], "task": {...}}`: the modules, by name or by the path of a file
    beside it, that define tasks of one's own, and the task's `to_config()`. Importing
    runs the module, so load tasks that you trust.

    Example:
        ```python
        gkf.train("dataset", "run", task=gkf.load_task("my_task.py"))
        ```

    Args:
        source: Path of a `.py` or `.json` file.

    Raises:
        FileNotFoundError: If there is no such file, or one that it imports.
        ValueError: If the file holds no task, or one that a run could not keep.
    """
    path = _task_file(source)
    if path.suffix == ".py":
        return _check_task(_from_module(path), path)
    return _check_task(_from_json(path), path)


def import_task(source: str | Path) -> None:
    """Makes the tasks known that a file defines, for a run that names one of them.

    A run's own JSON imports nothing, so that a stranger's run runs no code: whoever
    opens it names the file. Of a JSON file only the imports count.

    Args:
        source: Path of a `.py` or `.json` file; see `load_task`.

    Raises:
        FileNotFoundError: If there is no such file, or one that it imports.
        ValueError: If the file is of another kind, or no such JSON.
    """
    path = _task_file(source)
    if path.suffix == ".py":
        import_steps(str(path))
    else:
        _read_json(path)


def _task_file(source: str | Path) -> Path:
    path = Path(source)
    if path.suffix not in TASK_FILES:
        raise ValueError(
            f"`task` must be a .py or .json file. Received: task={str(path)!r}."
        )
    if not path.is_file():
        raise FileNotFoundError(
            f"`task` must be a Python or JSON file. Received: task={str(path)!r}, "
            "which is none."
        )
    return path


def _from_module(path: Path) -> Any:
    function = getattr(import_steps(str(path)), "task", None)
    if not callable(function):
        raise ValueError(
            f"{path} must define a function task() that returns the task. "
            f"Received: {function!r:.80}."
        )
    return function()


def _from_json(path: Path) -> Any:
    config = _read_json(path)
    try:
        return from_config(config)
    except TypeError as error:
        # A field that is missing, or not of its type.
        raise ValueError(
            f"{path} must hold a task as `to_config` gives it. Received: {error}."
        ) from error


def _read_json(path: Path) -> Mapping[str, Any]:
    """Returns the configuration in a JSON file, once what it imports is imported."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        config, imports = found["task"], found.get("imports", [])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _no_such_json(path, repr(error)) from error
    if not isinstance(config, dict):
        raise _no_such_json(path, f"task={config!r:.80}")
    if not isinstance(imports, list) or not all(isinstance(n, str) for n in imports):
        raise _no_such_json(path, f"imports={imports!r:.80}")
    for name in imports:
        # Files are named beside the task, wherever the command is run.
        import_steps(str(path.parent / name) if name.endswith(".py") else name)
    return config


def _no_such_json(path: Path, found: str) -> ValueError:
    return ValueError(
        f'{path} must hold {{"imports": [...], "task": {{...}}}}, names and a '
        f"`to_config()`. Received: {found}."
    )


def _check_task(task: Any, path: Path) -> Task:
    """Checks that a task is one, and that a run's JSON can hold it."""
    if not isinstance(task, Task):
        raise ValueError(
            f"{path} must give a task. Received: {task!r:.80}. Derive its class from "
            "Task, and give an instance."
        )
    try:
        restored = from_config(json.loads(json.dumps(task.to_config())))
    except (AttributeError, TypeError, ValueError) as error:
        raise _not_kept(task, path, repr(error)) from error
    if restored != task:
        raise _not_kept(task, path, repr(restored))
    return task


def _not_kept(task: Task, path: Path, found: str) -> ValueError:
    return ValueError(
        f"{path} must give a task that survives JSON, in which a run keeps it: "
        f"{task!r:.80}. Received: {found:.200}. Register its class, a frozen "
        "dataclass, and hold only JSON values, tuples and tasks."
    )
