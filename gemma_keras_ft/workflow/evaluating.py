"""A trained adapter -> scores of base and tuned model, side by side."""

import collections
import dataclasses
import importlib.metadata
import math
import platform
from pathlib import Path
from typing import Any

from gemma_keras_ft.config import check_seed
from gemma_keras_ft.data.tasks import NATIVE, Task
from gemma_keras_ft.evaluation.compare import compare_scores
from gemma_keras_ft.evaluation.metrics import summarize_scores
from gemma_keras_ft.model.hosts import check_hosts_agree
from gemma_keras_ft.model.lora import base_only
from gemma_keras_ft.model.mesh import Mesh, mesh_scope
from gemma_keras_ft.model.mesh_choice import resolve_mesh
from gemma_keras_ft.preprocessing.store import LyricDataset, read_dataset
from gemma_keras_ft.workflow.run import Run, read_run
from gemma_keras_ft.workflow.samples import continue_songs, translation_scores
from gemma_keras_ft.workflow.song_scores import hold_out, song_scores

_NAMED_PACKAGES = (
    "gemma_keras_ft",
    "keras",
    "keras-hub",
    "jax",
    "tensorflow-text",
    "orbax-checkpoint",
    "indic-transliteration",
    "sacrebleu",
    "numpy",
)


def evaluate(
    run: Run | str | Path,
    *,
    dataset: LyricDataset | str | Path | None = None,
    split: str = "test",
    samples: int = 3,
    translations: int = 64,
    seed: int = 0,
    preset: str | Path | None = None,
    mesh: Mesh | str | None = None,
    model: Any = None,
) -> dict[str, Any]:
    """Scores base and tuned model on songs that neither was trained on.

    Example:
        ```python
        results = gkf.evaluate("run", samples=5)
        gkf.write_report(results, "report")
        ```

    Args:
        run: A run, or the folder of one.
        dataset: The dataset; by default the one the run names.
        split: Which split to score.
        samples: Songs to continue for people to read. Songs marked `no_alter` are
            scored and never continued.
        translations: Lines to translate for BLEU and chrF++, where that is the
            task; the translations themselves are not kept.
        seed: Seed of the samples and of the resampling.
        preset: Where the run's base preset stands now, if it was moved.
        mesh: How devices share the work; as in `train`.
        model: A model of the run's preset, to use again; an adapter on it is
            replaced by the run's.

    Returns:
        JSON values as `write_report` takes them.

    Raises:
        ValueError: If the dataset or the base is not the one trained on, the split
            holds no record for the task, a number is negative, or hosts differ on what
            to do.
    """
    for name, value in {"samples": samples, "translations": translations}.items():
        if value < 0:
            raise ValueError(f"`{name}` must be 0 or more. Received: {name}={value!r}.")
    check_seed(seed)
    run = run if isinstance(run, Run) else read_run(run)
    dataset = _open_dataset(run, dataset)
    base_name = run.facts["preset"]
    mesh = resolve_mesh(mesh, preset=preset or base_name, dtype=run.facts.get("dtype"))
    check_hosts_agree(
        {"dataset": dataset.version, "split": split, "samples": samples, "seed": seed}
        | {"fingerprint": run.facts["fingerprint"], "translations": translations}
        | {"mesh": str(mesh)}
    )
    with mesh_scope(mesh):
        model = run.load_model(preset=preset, model=model)
        records = dataset.select(split, **run.facts["select"])
        held_out = hold_out(
            records,
            task=run.task,
            tokenizer=model.preprocessor.tokenizer,
            sequence_length=run.plan.sequence_length,
            split=split,
        )
        with base_only(model):
            base = song_scores(model, held_out)
        tuned = song_scores(model, held_out)
        section = {
            **describe_run(run),
            "base": summarize_scores(base),
            "tuned": summarize_scores(tuned),
            "comparison": compare_scores(base, tuned, seed=seed).to_dict(),
            "songs": _song_rows(records, base, tuned),
        }
        section["left_out"][split] = len(held_out.left_out)
        with base_only(model):
            section["base"] |= translation_scores(model, run, records, translations)
        section["tuned"] |= translation_scores(model, run, records, translations)
        return {
            "title": f"{dataset.directory.name}: {base_name} before and after",
            "summary": section["comparison"]["verdict"],
            "seed": seed,
            "environment": environment(),
            "dataset": dataset_facts(dataset),
            "base_model": {
                "name": base_name,
                "parameters": run.facts["base_parameters"],
                "fingerprint": run.facts["fingerprint"],
            },
            "runs": [section],
            "samples": continue_songs(model, run, records, count=samples, seed=seed),
        }


def describe_run(run: Run) -> dict[str, Any]:
    """Returns a run's settings and curves as the report shows them."""
    facts, result = run.facts, run.facts["result"]
    history = dict(result["history"])
    if "validation_loss" in history:
        history["validation_step"] = history["step"]
    return {
        "name": run.directory.name,
        "task": run.task.config_name,
        "script": _scripts(run.task, facts["select"]["language"]),
        "language": facts["select"]["language"],
        "adapter": {
            **dataclasses.asdict(run.adapter),
            "parameters": facts["adapter_parameters"],
        },
        "training": {
            "epochs": facts["trainer"]["epochs"],
            "steps": result["steps"],
            "seconds": result["seconds"],
            "tokens_per_second": result["tokens_per_second"],
            "global_batch_size": facts["trainer"]["global_batch_size"],
            "sequence_length": run.plan.sequence_length,
            "layout": run.plan.layout,
            "filled": facts["rows"]["train"]["filled"],
            "learning_rate": facts["trainer"]["learning_rate"],
        },
        "history": history,
        "left_out": {
            split: counts["examples_left_out"]
            for split, counts in facts["rows"].items()
        },
    }


def _scripts(task: Task, language: str | None) -> str:
    """Names the scripts in which a task's lyrics are written."""
    found: dict[str, None] = {}
    for inner in task.walk():
        chosen = dict(getattr(inner, "scripts", ()))
        script = getattr(inner, "script", None)
        if script and language:
            found[chosen.get(language, script)] = None
        elif script:
            found |= dict.fromkeys(chosen.values() or [script])
    return ", ".join(found) or NATIVE


def dataset_facts(dataset: LyricDataset) -> dict[str, Any]:
    """Returns what the report says of a dataset."""
    names = ("kept", "set_aside", "set_aside_reasons", "counts")
    return {
        "name": dataset.directory.name,
        "version": dataset.version,
        **{name: dataset.report[name] for name in names},
    }


def environment() -> dict[str, str]:
    """Returns the machine, Python and library versions."""
    import jax

    devices = collections.Counter(device.device_kind for device in jax.devices())
    versions = {name: importlib.metadata.version(name) for name in _NAMED_PACKAGES}
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "devices": ", ".join(f"{count} x {kind}" for kind, count in devices.items()),
        **versions,
    }


def _open_dataset(run: Run, dataset: LyricDataset | str | Path | None) -> LyricDataset:
    trained = run.facts["dataset"]
    if not isinstance(dataset, LyricDataset):
        dataset = read_dataset(dataset or trained["directory"])
    if dataset.version != trained["version"]:
        raise ValueError(
            "`dataset` must be the version trained on, or songs of its test split may "
            f"have been trained on. Received: version {dataset.version} in "
            f"{dataset.directory}; the run used {trained['version']}."
        )
    return dataset


def _song_rows(records, base, tuned) -> list[dict[str, Any]]:
    titles = {record.id: record.title for record in records}
    return [
        {
            "id": ours.id,
            "title": titles[ours.id] or ours.id,
            "base_perplexity": math.exp(ours.nats / ours.tokens),
            "tuned_perplexity": math.exp(theirs.nats / theirs.tokens),
        }
        for ours, theirs in zip(base, tuned, strict=True)
    ]
