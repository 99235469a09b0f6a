"""The main job: the whole road on what is embedded in the package."""

import dataclasses
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gemma_keras_ft.config import check_seed
from gemma_keras_ft.data.rows import RowPlan
from gemma_keras_ft.data.tasks import Continuation, Task, Translation
from gemma_keras_ft.evaluation.report import check_report_folder, write_report
from gemma_keras_ft.model.preset import TINY, load_preset
from gemma_keras_ft.training.trainer import Trainer
from gemma_keras_ft.workflow.curation import EMBEDDED, curate
from gemma_keras_ft.workflow.evaluating import evaluate
from gemma_keras_ft.workflow.training import train

# A model this small and this far from Tamil takes large steps; for a real Gemma 2,
# 2e-4 is a better start.
_SHORT = Trainer(
    epochs=1, max_steps=24, global_batch_size=4, learning_rate=1e-2, evaluations=1
)

_ROWS = RowPlan(sequence_length=256)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Target:
    name: str
    description: str
    task: Task
    language: str
    trainer: Trainer
    plan: RowPlan = _ROWS
    samples: int = 3


ROMANIZED = _Target(
    name="kural-romanized",
    description=(
        "Each chapter of the Thirukkural goes on from its first couplet, in ISO 15919. "
        "The tiny base model has never seen Tamil, nor its letters."
    ),
    task=Continuation(script="iso15919"),
    language="ta",
    trainer=dataclasses.replace(_SHORT, epochs=2, max_steps=None, evaluations=4),
)
NATIVE = _Target(
    name="kural-native",
    description=(
        "The same chapters in Tamil script, which the tiny vocabulary can only spell "
        "out byte by byte."
    ),
    task=Continuation(script="native"),
    language="ta",
    # Rows are twice as long, and half as many a step: steps cost the same.
    trainer=dataclasses.replace(_SHORT, global_batch_size=2),
    plan=dataclasses.replace(_ROWS, sequence_length=512),
    samples=0,
)
PSALMS = _Target(
    name="psalms-translation",
    description=(
        "Verses of the psalms and the Song of Songs, from Tagalog into English. "
        "Scripture: scored, never shown."
    ),
    task=Translation(),
    language="tl",
    trainer=_SHORT,
)
_ROMANIZATION_NOTE = (
    "Nats a word compare scripts where nats a token cannot: the words are the same, "
    "only their spelling differs. The two runs saw unequally much, as the steps above "
    "say, and a base that knows the script often reverses the order: measure with your "
    "own before you choose."
)


def quickstart(
    out: str | Path = "gemma-keras-ft-quickstart",
    *,
    seed: int = 0,
    callbacks: Callable[[str], Sequence] = lambda name: (),
    say: Callable[[str], None] = lambda sentence: None,
) -> dict[str, Any]:
    """Curates, trains, evaluates and reports on the embedded corpus and model.

    Example:
        ```python
        results = gkf.quickstart("quickstart", seed=0)
        ```

    Args:
        out: Folder for dataset, runs and report; an earlier quickstart in it is
            replaced.
        seed: Seed of split, adapters, data order and samples: the same seed gives
            the same scores on the same machine.
        callbacks: Gives the Keras callbacks for the run of a name.
        say: Is told what begins.

    Returns:
        The results that the report shows.
    """
    out = Path(out)
    check_seed(seed)
    check_report_folder(out / "report")
    say("Curating the embedded corpus: real lyrics in five scripts")
    dataset = curate(EMBEDDED, out / "dataset", seed=seed)
    say(f"Dataset version {dataset.version}: {dataset.report['kept']} songs")
    model = load_preset(TINY)
    found = {}
    for target in (ROMANIZED, NATIVE, PSALMS):
        say(f"Fine-tuning {target.name}")
        run = train(
            dataset,
            out / "runs" / target.name,
            task=target.task,
            language=target.language,
            trainer=target.trainer,
            plan=target.plan,
            seed=seed,
            overwrite=True,
            callbacks=callbacks(target.name),
            model=model,
        )
        say(f"Evaluating {target.name} on songs it has never seen")
        found[target.name] = evaluate(
            run,
            dataset=dataset,
            samples=target.samples,
            translations=32,
            seed=seed,
            model=model,
        )
        found[target.name]["runs"][0]["description"] = target.description
    results = _merge(found, out, seed)
    write_report(results, out / "report")
    return results


def _merge(
    found: Mapping[str, Mapping[str, Any]], out: Path, seed: int
) -> dict[str, Any]:
    first = found[ROMANIZED.name]
    runs = [results["runs"][0] for results in found.values()]
    return {
        **first,
        "title": "Gemma 2, tiny, before and after the Thirukkural",
        "command": f"gemma-keras-ft quickstart --seed {seed}",
        "runs": runs,
        "romanization": {
            "rows": [_romanization_row(runs[0]), _romanization_row(runs[1])],
            "note": _ROMANIZATION_NOTE,
        },
        "where": {
            "report": str(out / "report" / "report.html"),
            "scores": str(out / "report" / "report.json"),
            "dataset": str(out / "dataset"),
            "adapter": str(out / "runs" / ROMANIZED.name / "adapter.safetensors"),
        },
        "next": _next_commands(out),
    }


def _romanization_row(run: Mapping[str, Any]) -> dict[str, Any]:
    base, tuned = run["base"], run["tuned"]
    return {
        "script": run["script"],
        "tokens_per_word": base["nats_per_word"] / base["nats_per_token"],
        "base_nats_per_word": base["nats_per_word"],
        "tuned_nats_per_word": tuned["nats_per_word"],
    }


def _next_commands(out: Path) -> list[dict[str, str]]:
    run = str(out / "runs" / ROMANIZED.name)
    return [
        {
            "say": "Continue a verse with the tuned adapter",
            "command": f"gemma-keras-ft generate {shlex.quote(run)} "
            '"akara mutala eḻuttellām āti" --temperature 0',
        },
        {
            "say": "Curate your own folder of lyrics",
            "command": "gemma-keras-ft curate my_lyrics/ --out dataset --language pa",
        },
        {
            "say": "Train a real Gemma 2 on it, on a TPU or GPU",
            "command": "gemma-keras-ft train dataset --preset gemma2_2b_en --out run",
        },
    ]
