"""A trained adapter -> new text."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gemma_keras_ft.inference.generator import Generator
from gemma_keras_ft.model.hosts import check_hosts_agree
from gemma_keras_ft.model.lora import base_only
from gemma_keras_ft.model.mesh import Mesh, mesh_scope
from gemma_keras_ft.model.mesh_choice import resolve_mesh
from gemma_keras_ft.model.preset import SCORED_ONLY
from gemma_keras_ft.workflow.run import Run, read_run


def generate(
    run: Run | str | Path,
    prompts: Sequence[str],
    *,
    generator: Generator | None = None,
    base: bool = False,
    preset: str | Path | None = None,
    mesh: Mesh | str | None = None,
    model: Any = None,
) -> list[str]:
    r"""Continues each prompt with a run's tuned model.

    Example:
        ```python
        gkf.generate("run", ["akara mutala eḻuttellām āti\n"])
        ```

    Args:
        run: A run, or the folder of one.
        prompts: Texts to continue, in the script that the run was trained on. A
            prompt that ends in a line break starts a new line.
        generator: How to generate; `Generator()` by default.
        base: Use the base model without its adapter, to compare.
        preset: Where the run's base preset stands now, if it was moved.
        mesh: How devices share the work; as in `train`.
        model: A model of the run's preset, to use again; an adapter on it is
            replaced by the run's.

    Returns:
        The continuations, without the prompts.

    Raises:
        FileNotFoundError: If `run` is not the folder of a finished run.
        ValueError: If the run was trained on `no_alter` records alone, `base` is
            asked of the embedded tiny model, which was trained on scripture and
            would imitate it, a prompt leaves no room in the model's context, or hosts
            differ on what to do.
    """
    run = run if isinstance(run, Run) else read_run(run)
    if base and run.facts["preset"] in SCORED_ONLY:
        raise ValueError(
            f"`base` must not be {run.facts['preset']!r}. It was trained on scripture, "
            "so it is scored and never made to write by itself. Leave `base` out."
        )
    if run.facts["no_alter"]:
        raise ValueError(
            "`run` must have been trained on songs that may be varied. Received: "
            f"{str(run.directory)!r}, trained on records marked `no_alter` alone: "
            "scripture is scored, and no more of it is written."
        )
    mesh = resolve_mesh(
        mesh, preset=preset or run.facts["preset"], dtype=run.facts.get("dtype")
    )
    generator = generator or Generator()
    check_hosts_agree(
        {"prompts": list(prompts), "generator": generator.to_config(), "base": base}
        | {"fingerprint": run.facts["fingerprint"], "mesh": str(mesh)}
    )
    with mesh_scope(mesh):
        model = run.load_model(preset=preset, model=model)
        if base:
            with base_only(model):
                return generator.generate(model, prompts)
        return generator.generate(model, prompts)
