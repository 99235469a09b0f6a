"""The versioned dataset and a preset -> a trained adapter."""

import dataclasses
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gemma_keras_ft.config import from_config
from gemma_keras_ft.data.tasks import Continuation, Task
from gemma_keras_ft.data.tokenize import TokenRows, tokenize_examples
from gemma_keras_ft.model.lora import (
    Adapter,
    adapter_variables,
    count_adapter_parameters,
    enable_adapter,
    load_adapter,
    reset_adapter,
    save_adapter,
)
from gemma_keras_ft.model.preset import (
    TINY,
    load_preset,
    preset_fingerprint,
    tiny_preset_path,
)
from gemma_keras_ft.preprocessing.store import LyricDataset, read_dataset
from gemma_keras_ft.records import LyricRecord, write_text_atomically
from gemma_keras_ft.training.trainer import Trainer

RUN = "run.json"
ADAPTER = "adapter.safetensors"
CHECKPOINTS = "checkpoints"


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
    def adapter(self) -> Adapter:
        """The adapter's settings."""
        return from_config(self.facts["adapter"])

    def load_model(self):
        """Loads the base preset and this run's adapter.

        Raises:
            ValueError: If the preset is no longer the one trained on.
        """
        model = load_preset(self.facts["preset"])
        load_adapter(
            model, self.directory / ADAPTER, fingerprint=preset_fingerprint(model)
        )
        return model


def train(
    dataset: LyricDataset | str | Path,
    out: str | Path,
    *,
    preset: str | Path = TINY,
    task: Task | None = None,
    language: str | None = None,
    style: str | None = None,
    adapter: Adapter | None = None,
    trainer: Trainer | None = None,
    sequence_length: int = 256,
    seed: int = 0,
    resume: bool = False,
    overwrite: bool = False,
    callbacks: Sequence = (),
    model: Any = None,
) -> Run:
    """Fine-tunes a LoRA adapter on the train split.

    Example:
        ```python
        run = gkf.train("dataset", "run", language="ta", seed=1)
        ```

    Args:
        dataset: A dataset, or the folder of one.
        out: Folder for the adapter, the checkpoints and `run.json`.
        preset: Gemma preset; see `load_preset`.
        task: What to learn; continuation in native script by default.
        language: Train on this language alone.
        style: Train on this style alone.
        adapter: LoRA settings.
        trainer: Training settings; its seed is replaced by `seed`.
        sequence_length: Row length in tokens.
        seed: Seed of adapter and data order.
        resume: Continue the run that stands in `out`.
        overwrite: Replace the run that stands in `out`.
        callbacks: Keras callbacks.
        model: A model that `load_preset(preset)` gave, to use again; an adapter
            of the same settings on it is drawn anew.

    Returns:
        The run, as `read_run(out)` would read it.

    Raises:
        FileExistsError: If `out` holds a run and neither flag is set.
        ValueError: If no record fits, or the run in `out` is another one.
    """
    if not isinstance(dataset, LyricDataset):
        dataset = read_dataset(dataset)
    task = task or Continuation()
    adapter = adapter or Adapter()
    trainer = dataclasses.replace(trainer or Trainer(), seed=seed)
    out = _prepare_folder(Path(out), resume=resume, overwrite=overwrite)
    if Path(preset).resolve() == tiny_preset_path().resolve():
        preset = TINY
    model = load_preset(preset) if model is None else model
    _adapt(model, adapter, seed)
    select = {"language": language, "style": style}
    rows = {
        split: rows_for(
            model, task, dataset.select(split, **select), sequence_length, split
        )
        for split in ("train", "validation")
        if split == "train" or _teaches(task, dataset.select(split, **select))
    }
    facts = {
        "preset": str(preset),
        "fingerprint": preset_fingerprint(model),
        "dataset": {"directory": str(dataset.directory), "version": dataset.version},
        "select": select,
        "no_alter": all(r.no_alter for r in dataset.select("train", **select)),
        "task": task.to_config(),
        "adapter": adapter.to_config(),
        "sequence_length": sequence_length,
    }
    result = trainer.fit(
        model,
        rows["train"].arrays,
        validation_rows=rows["validation"].arrays if "validation" in rows else None,
        directory=out / CHECKPOINTS,
        run={name: facts[name] for name in facts if name != "dataset"}
        | {"dataset": dataset.version},
        callbacks=callbacks,
    )
    save_adapter(
        model,
        out / ADAPTER,
        adapter,
        base=str(preset),
        fingerprint=facts["fingerprint"],
    )
    adapter_parameters = count_adapter_parameters(model)
    facts |= {
        "trainer": trainer.to_config(),
        "seed": seed,
        "adapter_parameters": adapter_parameters,
        "rows": {
            split: {
                "rows": len(given.record_ids),
                "scored_tokens": given.scored_tokens,
                "examples_left_out": len(given.left_out),
            }
            for split, given in rows.items()
        },
        "base_parameters": model.backbone.count_params() - adapter_parameters,
        "result": result,
    }
    write_text_atomically(out / RUN, json.dumps(facts, indent=1, sort_keys=True) + "\n")
    return Run(directory=out, facts=facts)


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
        for name in ("task", "adapter"):
            from_config(facts[name])
        return Run(directory=Path(directory), facts=facts)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} must be as `train` wrote it. Received: {error!r}."
        ) from error


def rows_for(
    model,
    task: Task,
    records: Sequence[LyricRecord],
    sequence_length: int,
    split: str,
) -> TokenRows:
    """Turns records into token rows; an error names the split."""
    examples = [example for record in records for example in task.examples(record)]
    if not examples:
        raise ValueError(
            f"The {split} split must hold records for the task. Received: "
            f"{len(records)} selected records, none of which gives an example of "
            f"{task.config_name!r}. Check --language, --style and --script."
        )
    tokenizer = model.preprocessor.tokenizer
    return tokenize_examples(examples, tokenizer, sequence_length=sequence_length)


def _teaches(task: Task, records: Sequence[LyricRecord]) -> bool:
    """Tells whether any record gives an example; validation may hold none."""
    return any(True for record in records for _ in task.examples(record))


def _prepare_folder(out: Path, *, resume: bool, overwrite: bool) -> Path:
    taken = (out / RUN).exists() or (out / CHECKPOINTS).exists()
    if taken and not (resume or overwrite):
        raise FileExistsError(
            f"`out` must not hold a run yet. Received: out={str(out)!r}. Continue that "
            "run with --resume, replace it with --overwrite, or choose another folder."
        )
    if overwrite:
        shutil.rmtree(out / CHECKPOINTS, ignore_errors=True)
        for name in (RUN, ADAPTER):
            (out / name).unlink(missing_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    return out


def _adapt(model, adapter: Adapter, seed: int) -> None:
    if adapter_variables(model):
        reset_adapter(model, seed=seed)
    else:
        enable_adapter(model, adapter, seed=seed)
