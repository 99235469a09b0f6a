"""A training run on disk: its facts and its adapter."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gemma_keras_ft.config import from_config
from gemma_keras_ft.data.rows import RowPlan
from gemma_keras_ft.data.tasks import Task
from gemma_keras_ft.model.fingerprint import preset_fingerprint
from gemma_keras_ft.model.hosts import is_first_host, wait_for_hosts
from gemma_keras_ft.model.lora import Adapter, load_adapter, save_adapter
from gemma_keras_ft.model.preset import load_preset
from gemma_keras_ft.records import write_text_atomically

RUN = "run.json"
ADAPTER = "adapter.safetensors"
CHECKPOINTS = "checkpoints"

_SHAPE = {
    "preset": str,
    "fingerprint": str,
    "dtype": str | None,
    "quantize": str | None,
    "dataset": {"directory": str, "version": str},
    "select": {"language": str | None, "style": str | None},
    "no_alter": bool,
    "task": dict,
    "adapter": dict,
    "plan": dict,
    "trainer": dict,
    "rows": dict,
    "result": {
        "history": dict,
        "steps": int,
        "seconds": int | float,
        "tokens_per_second": int | float,
        "best_step": int | None,
        "adapter_step": int,
        "stopped_early": bool,
    },
    "adapter_parameters": int,
    "base_parameters": int,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Run:
    """A finished training run: where it stands, and its `run.json`.

    Args:
        directory: Folder with `adapter.safetensors`, `run.json`, `checkpoints/`.
        facts: Everything needed to repeat or evaluate the run.
    """

    directory: Path
    facts: Mapping[str, Any]

    @property
    def task(self) -> Task:
        """The task that the adapter was trained on."""
        return from_config(self.facts["task"])

    @property
    def plan(self) -> RowPlan:
        """How its examples became rows."""
        return from_config(self.facts["plan"])

    @property
    def adapter(self) -> Adapter:
        """The adapter's settings."""
        return from_config(self.facts["adapter"])

    def load_model(self, *, preset: str | Path | None = None, model: Any = None) -> Any:
        """Loads the base preset and this run's adapter.

        Args:
            preset: Where the base preset stands now; where it stood, by default.
            model: A model of that preset, to use again; an adapter on it is
                replaced by this run's.

        Raises:
            ValueError: If the base is not the one trained on, or `model` carries an
                adapter of other settings.
        """
        if model is None:
            model = load_preset(
                preset or self.facts["preset"],
                dtype=self.facts.get("dtype"),
                quantize=self.facts.get("quantize"),
            )
        load_adapter(
            model, self.directory / ADAPTER, fingerprint=preset_fingerprint(model)
        )
        return model


def write_run(directory: Path, model, facts: Mapping[str, Any]) -> Run:
    """Writes the adapter and then `run.json`, which says that the run is finished.

    Args:
        directory: Folder of the run.
        model: The model that carries the adapter.
        facts: What `run.json` holds; `adapter`, `preset` and `fingerprint` go into
            the adapter's file too.
    """
    save_adapter(
        model,
        directory / ADAPTER,
        from_config(facts["adapter"]),
        base=facts["preset"],
        fingerprint=facts["fingerprint"],
    )
    if is_first_host():
        text = json.dumps(facts, indent=1, sort_keys=True) + "\n"
        write_text_atomically(directory / RUN, text)
    wait_for_hosts("the run is written")
    return Run(directory=directory, facts=facts)


def read_run(directory: str | Path) -> Run:
    """Reads a finished run.

    Raises:
        FileNotFoundError: If the folder holds no finished run.
        ValueError: If its `run.json` cannot be read.
    """
    path = Path(directory) / RUN
    if not path.is_file():
        raise FileNotFoundError(
            f"`run` must be a folder that `train` finished. Received: "
            f"run={str(directory)!r}, which has no {RUN}. Run `gemma-keras-ft train` "
            "first, with --resume if it was interrupted."
        )
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        _check_shape(facts, _SHAPE, "run.json")
        for name in ("task", "adapter", "plan"):
            from_config(facts[name])
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(
            f"{path} must be as `train` wrote it. Received: {error!r}. If "
            "its task is your own, import the module that defines it, or name its "
            "file: --task FILE. Otherwise train again, with --resume where the "
            "checkpoints are whole."
        ) from error
    return Run(directory=Path(directory), facts=facts)


def _check_shape(value: Any, shape: Any, name: str) -> None:
    kind = dict if isinstance(shape, dict) else shape
    if not isinstance(value, kind):
        raise ValueError(f"{name} is {value!r:.40}, not of {kind}")
    if isinstance(shape, dict):
        for key, inner in shape.items():
            _check_shape(value.get(key), inner, key)
