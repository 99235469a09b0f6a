"""Parsed arguments -> the objects that the library's calls take."""

import argparse
import dataclasses
from typing import Any

import gemma_keras_ft as gkf
from gemma_keras_ft.arguments.training import TASKS

# A model as small as ours takes large steps.
_LEARNING_RATES = {"tiny_gemma2": 1e-2}
_LEARNING_RATE = 2e-4


def adapter(arguments: argparse.Namespace) -> "gkf.Adapter":
    """Returns the adapter to train."""
    others = {"targets": tuple(arguments.targets)} if arguments.targets else {}
    return gkf.Adapter(
        rank=arguments.rank,
        alpha=arguments.alpha,
        rank_stabilized=arguments.rank_stabilized,
        dropout=arguments.adapter_dropout,
        **others,
    )


def trainer(arguments: argparse.Namespace) -> "gkf.Trainer":
    """Returns the trainer, with the learning rate that suits the preset."""
    suited = _LEARNING_RATES.get(arguments.preset, _LEARNING_RATE)
    return gkf.Trainer(
        epochs=arguments.epochs,
        global_batch_size=arguments.global_batch_size,
        learning_rate=arguments.learning_rate or suited,
        schedule=arguments.schedule,
        micro_batches=arguments.micro_batches,
        remat=arguments.remat,
        neftune_alpha=arguments.neftune_alpha,
        patience=arguments.patience,
        min_delta=arguments.min_delta,
        restore_best=not arguments.keep_last,
    )


def planned_adapter(arguments: argparse.Namespace) -> "gkf.Adapter":
    """Returns the adapter whose size is planned."""
    others: dict[str, Any] = {}
    if arguments.targets:
        others["targets"] = tuple(arguments.targets)
    return gkf.Adapter(rank=arguments.rank, **others)


def saves_memory(arguments: argparse.Namespace) -> bool:
    """Returns whether the run should rather be small than quick."""
    return arguments.remat != "none" or arguments.quantize is not None


def task(arguments: argparse.Namespace) -> "gkf.Task":
    """Returns the task of --task, in the script of --script."""
    name = arguments.task
    found: Any = getattr(gkf, TASKS[name])() if name in TASKS else gkf.load_task(name)
    if arguments.script is None:
        return found
    if not hasattr(found, "script"):
        raise ValueError(
            f"`--script` must be left out for the task {name!r}, which has no script "
            f"of that name. Received: --script {arguments.script}. Set it in a task of "
            "your own: --task FILE."
        )
    return dataclasses.replace(found, script=arguments.script)


def plan(arguments: argparse.Namespace) -> "gkf.RowPlan":
    """Returns how songs become rows."""
    return gkf.RowPlan(
        sequence_length=arguments.sequence_length,
        layout=arguments.layout,
        overflow=arguments.overflow,
    )
