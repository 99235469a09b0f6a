"""Adapts Gemma 2 to a language and its culture through song lyrics.

The public names are imported when they are first used, so that importing the
package brings in neither TensorFlow, JAX nor Keras.
"""

import importlib
from typing import TYPE_CHECKING, Any

from gemma_keras_ft.backend import prefer_jax

if TYPE_CHECKING:
    from gemma_keras_ft.config import Configurable, from_config, register
    from gemma_keras_ft.data.builder import write_tfds
    from gemma_keras_ft.data.loader import Loader
    from gemma_keras_ft.data.rows import PlannedRows, RowPlan
    from gemma_keras_ft.data.tasks import (
        Continuation,
        Example,
        Infill,
        Instruction,
        Meaning,
        Mixture,
        PlainText,
        Task,
        TitleToLyrics,
        Translation,
        Transliteration,
    )
    from gemma_keras_ft.data.tasks.task_files import load_task
    from gemma_keras_ft.data.tokenize import tokenize_examples
    from gemma_keras_ft.evaluation.report import read_report, write_report
    from gemma_keras_ft.inference.generator import Generator
    from gemma_keras_ft.model.fingerprint import preset_fingerprint
    from gemma_keras_ft.model.hosts import join_hosts
    from gemma_keras_ft.model.lora import (
        Adapter,
        load_adapter,
        load_stock_adapter,
        merge_adapter,
        merged_adapter,
        unmerge_adapter,
    )
    from gemma_keras_ft.model.mesh import Mesh, parse_mesh
    from gemma_keras_ft.model.preset import load_preset
    from gemma_keras_ft.preprocessing.augmentation.augment import augment_split
    from gemma_keras_ft.preprocessing.augmentation.base import Augmentation
    from gemma_keras_ft.preprocessing.augmentation.variations import (
        DropLines,
        RomanizedCopy,
    )
    from gemma_keras_ft.preprocessing.augmentation.wording import (
        Paraphrase,
        ReorderWords,
        ReplaceWords,
    )
    from gemma_keras_ft.preprocessing.base import (
        CleaningPreprocessor,
        FilterPreprocessor,
        MapPreprocessor,
        Preprocessor,
    )
    from gemma_keras_ft.preprocessing.culture.decisions import Decisions
    from gemma_keras_ft.preprocessing.culture.exclusions import read_exclusions
    from gemma_keras_ft.preprocessing.culture.flags import ExcludeFlagged, FlagSpans
    from gemma_keras_ft.preprocessing.culture.phrase_lists import load_phrases
    from gemma_keras_ft.preprocessing.culture.protection import Guard, ProtectedPhrases
    from gemma_keras_ft.preprocessing.curate import curate_records
    from gemma_keras_ft.preprocessing.provenance.rights import AllowLicenses
    from gemma_keras_ft.preprocessing.recipe import default_recipe, load_recipe
    from gemma_keras_ft.preprocessing.romanization.deromanize import deromanize_text
    from gemma_keras_ft.preprocessing.romanization.fertility import measure_fertility
    from gemma_keras_ft.preprocessing.romanization.merges import (
        count_merges,
        merged_words,
    )
    from gemma_keras_ft.preprocessing.romanization.romanize import romanize_text
    from gemma_keras_ft.preprocessing.splitting.leaks import find_leaks
    from gemma_keras_ft.preprocessing.splitting.split import Split
    from gemma_keras_ft.preprocessing.store import LyricDataset, read_dataset
    from gemma_keras_ft.preprocessing.text.normalize import (
        comparison_form,
        normalize_text,
    )
    from gemma_keras_ft.preprocessing.text.words import (
        split_aksharas,
        split_words,
        word_segmenter,
    )
    from gemma_keras_ft.records import LyricRecord, SetAside
    from gemma_keras_ft.resources.own_songs import own_songs
    from gemma_keras_ft.sources import read_records
    from gemma_keras_ft.training.planning.nearest import nearest_that_fits
    from gemma_keras_ft.training.planning.planner import TrainingPlan, plan_training
    from gemma_keras_ft.training.trainer import Trainer
    from gemma_keras_ft.workflow.curation import curate
    from gemma_keras_ft.workflow.doctor.diagnose import diagnose
    from gemma_keras_ft.workflow.doctor.finding import Finding
    from gemma_keras_ft.workflow.evaluating import evaluate
    from gemma_keras_ft.workflow.generating import generate
    from gemma_keras_ft.workflow.lyric_dataset import lyric_dataset
    from gemma_keras_ft.workflow.quickstart import quickstart
    from gemma_keras_ft.workflow.review_page import write_review_page
    from gemma_keras_ft.workflow.review_queue import review_queue
    from gemma_keras_ft.workflow.review_server import serve_review
    from gemma_keras_ft.workflow.run import Run, read_run
    from gemma_keras_ft.workflow.script_choice import choose_scripts
    from gemma_keras_ft.workflow.show import show_rows
    from gemma_keras_ft.workflow.token_rows import plan_rows
    from gemma_keras_ft.workflow.training import train

_HOMES = {
    "Adapter": "model.lora",
    "AllowLicenses": "preprocessing.provenance.rights",
    "Augmentation": "preprocessing.augmentation.base",
    "Configurable": "config",
    "Continuation": "data.tasks",
    "Decisions": "preprocessing.culture.decisions",
    "DropLines": "preprocessing.augmentation.variations",
    "Example": "data.tasks",
    "ExcludeFlagged": "preprocessing.culture.flags",
    "FilterPreprocessor": "preprocessing.base",
    "Finding": "workflow.doctor.finding",
    "FlagSpans": "preprocessing.culture.flags",
    "Generator": "inference.generator",
    "Guard": "preprocessing.culture.protection",
    "Infill": "data.tasks",
    "Instruction": "data.tasks",
    "Loader": "data.loader",
    "LyricDataset": "preprocessing.store",
    "LyricRecord": "records",
    "CleaningPreprocessor": "preprocessing.base",
    "MapPreprocessor": "preprocessing.base",
    "Meaning": "data.tasks",
    "Mesh": "model.mesh",
    "Mixture": "data.tasks",
    "Paraphrase": "preprocessing.augmentation.wording",
    "PlainText": "data.tasks",
    "PlannedRows": "data.rows",
    "Preprocessor": "preprocessing.base",
    "ProtectedPhrases": "preprocessing.culture.protection",
    "ReorderWords": "preprocessing.augmentation.wording",
    "ReplaceWords": "preprocessing.augmentation.wording",
    "RomanizedCopy": "preprocessing.augmentation.variations",
    "RowPlan": "data.rows",
    "Run": "workflow.run",
    "SetAside": "records",
    "Split": "preprocessing.splitting.split",
    "Task": "data.tasks",
    "TitleToLyrics": "data.tasks",
    "Trainer": "training.trainer",
    "TrainingPlan": "training.planning.planner",
    "Translation": "data.tasks",
    "Transliteration": "data.tasks",
    "augment_split": "preprocessing.augmentation.augment",
    "choose_scripts": "workflow.script_choice",
    "comparison_form": "preprocessing.text.normalize",
    "count_merges": "preprocessing.romanization.merges",
    "curate": "workflow.curation",
    "curate_records": "preprocessing.curate",
    "default_recipe": "preprocessing.recipe",
    "deromanize_text": "preprocessing.romanization.deromanize",
    "diagnose": "workflow.doctor.diagnose",
    "evaluate": "workflow.evaluating",
    "find_leaks": "preprocessing.splitting.leaks",
    "from_config": "config",
    "generate": "workflow.generating",
    "join_hosts": "model.hosts",
    "load_adapter": "model.lora",
    "load_phrases": "preprocessing.culture.phrase_lists",
    "load_preset": "model.preset",
    "load_recipe": "preprocessing.recipe",
    "load_stock_adapter": "model.lora",
    "load_task": "data.tasks.task_files",
    "lyric_dataset": "workflow.lyric_dataset",
    "measure_fertility": "preprocessing.romanization.fertility",
    "merge_adapter": "model.lora",
    "merged_adapter": "model.lora",
    "merged_words": "preprocessing.romanization.merges",
    "nearest_that_fits": "training.planning.nearest",
    "normalize_text": "preprocessing.text.normalize",
    "own_songs": "resources.own_songs",
    "parse_mesh": "model.mesh",
    "plan_rows": "workflow.token_rows",
    "plan_training": "training.planning.planner",
    "preset_fingerprint": "model.fingerprint",
    "quickstart": "workflow.quickstart",
    "read_dataset": "preprocessing.store",
    "read_exclusions": "preprocessing.culture.exclusions",
    "read_records": "sources",
    "read_report": "evaluation.report",
    "read_run": "workflow.run",
    "register": "config",
    "review_queue": "workflow.review_queue",
    "romanize_text": "preprocessing.romanization.romanize",
    "serve_review": "workflow.review_server",
    "show_rows": "workflow.show",
    "split_aksharas": "preprocessing.text.words",
    "split_words": "preprocessing.text.words",
    "tokenize_examples": "data.tokenize",
    "train": "workflow.training",
    "unmerge_adapter": "model.lora",
    "word_segmenter": "preprocessing.text.words",
    "write_report": "evaluation.report",
    "write_review_page": "workflow.review_page",
    "write_tfds": "data.builder",
}

__all__ = [
    "Adapter",
    "AllowLicenses",
    "Augmentation",
    "CleaningPreprocessor",
    "Configurable",
    "Continuation",
    "Decisions",
    "DropLines",
    "Example",
    "ExcludeFlagged",
    "FilterPreprocessor",
    "Finding",
    "FlagSpans",
    "Generator",
    "Guard",
    "Infill",
    "Instruction",
    "Loader",
    "LyricDataset",
    "LyricRecord",
    "MapPreprocessor",
    "Meaning",
    "Mesh",
    "Mixture",
    "Paraphrase",
    "PlainText",
    "PlannedRows",
    "Preprocessor",
    "ProtectedPhrases",
    "ReorderWords",
    "ReplaceWords",
    "RomanizedCopy",
    "RowPlan",
    "Run",
    "SetAside",
    "Split",
    "Task",
    "TitleToLyrics",
    "Trainer",
    "TrainingPlan",
    "Translation",
    "Transliteration",
    "augment_split",
    "choose_scripts",
    "comparison_form",
    "count_merges",
    "curate",
    "curate_records",
    "default_recipe",
    "deromanize_text",
    "diagnose",
    "evaluate",
    "find_leaks",
    "from_config",
    "generate",
    "join_hosts",
    "load_adapter",
    "load_phrases",
    "load_preset",
    "load_recipe",
    "load_stock_adapter",
    "load_task",
    "lyric_dataset",
    "measure_fertility",
    "merge_adapter",
    "merged_adapter",
    "merged_words",
    "nearest_that_fits",
    "normalize_text",
    "own_songs",
    "parse_mesh",
    "plan_rows",
    "plan_training",
    "preset_fingerprint",
    "quickstart",
    "read_dataset",
    "read_exclusions",
    "read_records",
    "read_report",
    "read_run",
    "register",
    "review_queue",
    "romanize_text",
    "serve_review",
    "show_rows",
    "split_aksharas",
    "split_words",
    "tokenize_examples",
    "train",
    "unmerge_adapter",
    "word_segmenter",
    "write_report",
    "write_review_page",
    "write_tfds",
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
