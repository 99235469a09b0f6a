"""The versioned dataset and a preset -> a trained adapter."""

import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gemma_keras_ft.data.rows import RowPlan
from gemma_keras_ft.data.tasks import Continuation, Task
from gemma_keras_ft.model.fingerprint import preset_fingerprint
from gemma_keras_ft.model.hosts import (
    check_hosts_agree,
    check_shared_folder,
    is_first_host,
)
from gemma_keras_ft.model.lora import (
    Adapter,
    count_adapter_parameters,
    enable_adapter,
    read_adapter,
)
from gemma_keras_ft.model.mesh import Mesh, mesh_scope
from gemma_keras_ft.model.mesh_choice import resolve_mesh
from gemma_keras_ft.model.preset import (
    TINY,
    load_preset,
    tiny_preset_path,
)
from gemma_keras_ft.model.quantization import count_base_parameters, quantization_of
from gemma_keras_ft.preprocessing.store import LyricDataset, read_dataset
from gemma_keras_ft.training.metrics_files import CSV, EVENTS
from gemma_keras_ft.training.trainer import Trainer
from gemma_keras_ft.workflow.doctor.diagnose import warn_of_installation
from gemma_keras_ft.workflow.run import ADAPTER, CHECKPOINTS, RUN, Run, write_run
from gemma_keras_ft.workflow.script_choice import resolve_script
from gemma_keras_ft.workflow.token_rows import plan_rows, split_examples
from gemma_keras_ft.workflow.training_samples import SAMPLES, training_samples

_SPLITS = ("train", "validation")


def train(
    dataset: LyricDataset | str | Path,
    out: str | Path,
    *,
    preset: str | Path = TINY,
    dtype: str | None = None,
    quantize: str | None = None,
    mesh: Mesh | str | None = None,
    task: Task | None = None,
    language: str | None = None,
    style: str | None = None,
    adapter: Adapter | None = None,
    trainer: Trainer | None = None,
    plan: RowPlan | None = None,
    seed: int = 0,
    resume: bool = False,
    overwrite: bool = False,
    callbacks: Sequence = (),
    model: Any = None,
    peak_flops: float | str | None = None,
    samples: int = 0,
    samples_every: int = 1,
) -> Run:
    """Fine-tunes a LoRA adapter on the train split.

    Example:
        ```python
        run = gkf.train("dataset", "run", language="ta", seed=1)
        ```

    Args:
        dataset: A dataset, or the folder of one.
        out: Folder for the adapter, the checkpoints, `run.json` and the curves in
            `metrics.csv`, with event files where `tensorboard` is installed.
        preset: Gemma preset; see `load_preset`.
        dtype: Of the base; see `load_preset`.
        quantize: Of the base; see `load_preset`.
        mesh: How the devices share the work: a mesh, text such as
            `"batch=2,model=4"`, or `"auto"`; see `resolve_mesh`. None takes the
            `keras.distribution` in whose scope this is called, or a single device.
        task: What to learn; continuation in native script by default.
        language: Train on this language alone.
        style: Train on this style alone.
        adapter: LoRA settings.
        trainer: Training settings; its seed is replaced by `seed`.
        plan: How examples become rows; packed into rows of 512 tokens by default.
        seed: Seed of adapter, rows and data order.
        resume: Continue the run that stands in `out`; start it if none does.
        overwrite: Replace the run that stands in `out`, once all else is in order.
        callbacks: Keras callbacks.
        model: A model that `load_preset` gave for these settings, to use again; an
            adapter of the same settings on it is drawn anew.
        peak_flops: Operations a second that all devices together are capable of, or
            `"measured"`, to tell how much of it is used; see `Trainer.fit`.
        samples: Validation songs that the model continues, or translates, at
            evaluations; chrF++ and BLEU of it join the curves.
        samples_every: At every how many evaluations.

    Returns:
        The run, as `read_run(out)` would read it.

    Raises:
        FileExistsError: If `out` holds a run and neither flag is set.
        ValueError: If no record fits, the run in `out` is another one, the base
            cannot be had in that dtype or quantization, `model` carries an adapter
            of other settings or is quantized otherwise, the trainer has patience and
            the dataset no validation split, there is nothing to sample, the mesh does
            not fit devices and preset, or hosts differ on what to do.
    """
    warn_of_installation()
    if not isinstance(dataset, LyricDataset):
        dataset = read_dataset(dataset)
    task = task or Continuation()
    adapter = adapter or Adapter()
    trainer = dataclasses.replace(trainer or Trainer(), seed=seed)
    plan = dataclasses.replace(plan or RowPlan(), seed=seed)
    out = Path(out)
    _check_folder(out, free=not (resume or overwrite))
    mesh = resolve_mesh(mesh, preset=preset, dtype=dtype)
    select = {"language": language, "style": style}
    settings = {"task": task, "adapter": adapter, "trainer": trainer, "plan": plan}
    check_hosts_agree(
        {name: setting.to_config() for name, setting in settings.items()}
        | {"dataset": dataset.version, "select": select, "mesh": str(mesh)}
        | {"preset": _stable_name(preset), "dtype": dtype, "quantize": quantize}
        | {"out": str(out), "resume": resume, "overwrite": overwrite}
    )
    with mesh_scope(mesh):
        model = _base(preset, model, dtype=dtype, quantize=quantize)
        enable_adapter(model, adapter, seed=seed)
        records = dataset.select("train", **select)
        task, choices = resolve_script(task, model, records, seed=seed)
        rows = _rows_by_split(
            dataset,
            task=task,
            tokenizer=model.preprocessor.tokenizer,
            plan=plan,
            select=select,
        )
        counts = {split: given.counts() for split, given in rows.items()}
        trainer.check_validation(rows.get("validation"))
        score = training_samples(
            model,
            task,
            list(dataset.select("validation", **select)),
            count=samples,
            every=samples_every,
            evaluations=trainer.evaluations,
            directory=out,
            preset=_stable_name(preset),
        )
        # What must be equal for a checkpoint to be continued.
        identity = {
            "fingerprint": preset_fingerprint(model),
            "dtype": dtype,
            "quantize": quantization_of(model),
            "select": select,
            "no_alter": all(record.no_alter for record in records),
            "task": task.to_config(),
            "adapter": adapter.to_config(),
            "plan": plan.to_config(),
        }
        check_hosts_agree({**identity, "rows": counts})
        _prepare_folder(out, clear=overwrite)
        result = trainer.fit(
            model,
            rows["train"],
            validation_rows=rows.get("validation"),
            directory=out / CHECKPOINTS,
            run=identity | {"dataset": dataset.version},
            callbacks=callbacks,
            metrics_directory=out,
            peak_flops=peak_flops,
            score=score,
        )
        facts = identity | {
            "preset": _stable_name(preset),
            "dataset": {
                "directory": str(dataset.directory.resolve()),
                "version": dataset.version,
            },
            "trainer": trainer.to_config(),
            "seed": seed,
            "rows": counts,
            "mesh": None if mesh is None else str(mesh),
            "script_choice": choices,
            "result": result,
            **_count_parameters(model),
        }
        return write_run(out, model, facts)


def _base(preset, model, *, dtype: str | None, quantize: str | None) -> Any:
    """Returns `model`, or loads the preset, in the quantization that is asked for."""
    if model is None:
        return load_preset(preset, dtype=dtype, quantize=quantize)
    if quantization_of(model) != quantize:
        raise ValueError(
            "`model` must be quantized as `quantize` says. Received: quantize="
            f"{quantize!r}, for a model in {quantization_of(model)!r}."
        )
    return model


def _rows_by_split(dataset: LyricDataset, *, task: Task, select, **plan) -> dict:
    """Returns the rows of each split to train or measure on that gives any."""
    return {
        split: plan_rows(dataset, split, task=task, select=select, **plan)
        for split in _SPLITS
        if split == "train" or any(split_examples(dataset, split, task, select))
    }


def _count_parameters(model) -> dict[str, int]:
    adapter = count_adapter_parameters(model)
    base = count_base_parameters(model)
    return {"adapter_parameters": adapter, "base_parameters": base}


def _stable_name(preset: str | Path) -> str:
    """Names a preset so that it is found again from any working directory."""
    folder = Path(preset)
    if folder.resolve() == tiny_preset_path().resolve():
        return TINY
    return str(folder.resolve() if folder.is_dir() else preset)


def _check_folder(out: Path, *, free: bool) -> None:
    """Checks early what would otherwise fail after hours of training."""
    if out.exists() and not out.is_dir():
        raise FileExistsError(
            f"`out` must be a folder. Received: out={str(out)!r}, which is a file."
        )
    if free and ((out / RUN).exists() or (out / CHECKPOINTS).exists()):
        raise FileExistsError(
            f"`out` must not hold a run yet. Received: out={str(out)!r}. Continue that "
            "run with --resume, replace it with --overwrite, or choose another folder."
        )
    _check_ours(out)


def _check_ours(out: Path) -> None:
    """Checks that what --overwrite would remove is a run."""
    steps = out / CHECKPOINTS
    foreign = [path for path in steps.glob("*") if not path.name[:1].isdigit()]
    if not steps.exists() and not (out / RUN).exists():
        foreign += [
            out / name for name in (CSV, EVENTS, SAMPLES) if (out / name).exists()
        ]
    if (out / ADAPTER).exists():
        try:
            read_adapter(out / ADAPTER)
        except ValueError:
            foreign.append(out / ADAPTER)
    if foreign:
        raise FileExistsError(
            f"`out` must hold a run and nothing else under its names. Received: "
            f"out={str(out)!r}, in which {str(foreign[0])!r} is none of ours. Choose "
            "another folder."
        )


def _prepare_folder(out: Path, *, clear: bool) -> None:
    """Makes the folder on the first host; checks that all of them see it."""
    if is_first_host():
        if clear:
            _clear_folder(out)
        out.mkdir(parents=True, exist_ok=True)
    check_shared_folder(out)


def _clear_folder(out: Path) -> None:
    for name in (CHECKPOINTS, EVENTS):
        shutil.rmtree(out / name, ignore_errors=True)
    for name in (RUN, ADAPTER, CSV, SAMPLES):
        (out / name).unlink(missing_ok=True)
