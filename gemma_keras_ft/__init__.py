"""Adapts Gemma 2 to a language and its culture through song lyrics.

The public names are imported when they are first used, so that importing the
package brings in neither TensorFlow, JAX nor Keras.
"""

import importlib
from typing import TYPE_CHECKING, Any

from gemma_keras_ft.backend import prefer_jax

if TYPE_CHECKING:
    from gemma_keras_ft.config import Configurable, from_config, register
    from gemma_keras_ft.data.loader import Loader
    from gemma_keras_ft.data.tasks import Continuation, Example, Task, Translation
    from gemma_keras_ft.evaluation.report import read_report, write_report
    from gemma_keras_ft.inference.generator import Generator
    from gemma_keras_ft.model.lora import Adapter, load_adapter
    from gemma_keras_ft.model.preset import load_preset, preset_fingerprint
    from gemma_keras_ft.preprocessing.base import (
        FilterPreprocessor,
        MapPreprocessor,
        Preprocessor,
    )
    from gemma_keras_ft.preprocessing.curate import default_recipe
    from gemma_keras_ft.preprocessing.romanize import romanize_text
    from gemma_keras_ft.preprocessing.store import LyricDataset, read_dataset
    from gemma_keras_ft.records import LyricRecord, SetAside
    from gemma_keras_ft.sources import read_records
    from gemma_keras_ft.training.trainer import Trainer
    from gemma_keras_ft.workflow.curation import curate
    from gemma_keras_ft.workflow.evaluating import evaluate
    from gemma_keras_ft.workflow.generating import generate
    from gemma_keras_ft.workflow.quickstart import quickstart
    from gemma_keras_ft.workflow.run import Run, read_run
    from gemma_keras_ft.workflow.training import train

_HOMES = {
    "Adapter": "model.lora",
    "Configurable": "config",
    "Continuation": "data.tasks",
    "Example": "data.tasks",
    "FilterPreprocessor": "preprocessing.base",
    "Generator": "inference.generator",
    "Loader": "data.loader",
    "LyricDataset": "preprocessing.store",
    "LyricRecord": "records",
    "MapPreprocessor": "preprocessing.base",
    "Preprocessor": "preprocessing.base",
    "Run": "workflow.run",
    "SetAside": "records",
    "Task": "data.tasks",
    "Trainer": "training.trainer",
    "Translation": "data.tasks",
    "curate": "workflow.curation",
    "default_recipe": "preprocessing.curate",
    "evaluate": "workflow.evaluating",
    "from_config": "config",
    "generate": "workflow.generating",
    "load_adapter": "model.lora",
    "load_preset": "model.preset",
    "preset_fingerprint": "model.preset",
    "quickstart": "workflow.quickstart",
    "read_dataset": "preprocessing.store",
    "read_records": "sources",
    "read_report": "evaluation.report",
    "read_run": "workflow.run",
    "register": "config",
    "romanize_text": "preprocessing.romanize",
    "train": "workflow.training",
    "write_report": "evaluation.report",
}

__all__ = [
    "Adapter",
    "Configurable",
    "Continuation",
    "Example",
    "FilterPreprocessor",
    "Generator",
    "Loader",
    "LyricDataset",
    "LyricRecord",
    "MapPreprocessor",
    "Preprocessor",
    "Run",
    "SetAside",
    "Task",
    "Trainer",
    "Translation",
    "curate",
    "default_recipe",
    "evaluate",
    "from_config",
    "generate",
    "load_adapter",
    "load_preset",
    "preset_fingerprint",
    "quickstart",
    "read_dataset",
    "read_records",
    "read_report",
    "read_run",
    "register",
    "romanize_text",
    "train",
    "write_report",
]

prefer_jax()


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(
            f"module 'gemma_keras_ft' has no attribute {name!r}. Available: {__all__}."
        )
    module = importlib.import_module(f"gemma_keras_ft.{_HOMES[name]}")
    return getattr(module, name)


def __dir__() -> list[str]:
    return __all__
