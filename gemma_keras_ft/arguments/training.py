"""Arguments of `train`, and of `show`, which shows what it trains on."""

import argparse

from gemma_keras_ft.arguments.parser import (
    LARGEST_COUNT,
    LARGEST_SEED,
    add_command,
    add_devices,
    add_seed,
    integer,
)

# Names for --task, and the public name of each task's class.
TASKS = {
    "continuation": "Continuation",
    "translation": "Translation",
    "title_to_lyrics": "TitleToLyrics",
    "infill": "Infill",
    "transliteration": "Transliteration",
    "meaning": "Meaning",
    "plain_text": "PlainText",
}
_TASK_FILES = (".py", ".json")
_LONGEST_ROW = 8192


def add_train(commands) -> argparse.ArgumentParser:
    """Adds `train`."""
    command = add_command(commands, "train", "Fine-tune a LoRA adapter on a dataset.")
    command.add_argument("dataset", help="folder that `curate` wrote")
    command.add_argument("--out", required=True, help="folder for the run")
    _add_what(command, verb="train on")
    add_base_numbers(command.add_argument_group("frozen base"))
    adapter = command.add_argument_group("adapter")
    add_adapter_size(adapter)
    adapter.add_argument(
        "--alpha", type=float, default=16.0, help="updates are scaled by alpha / rank"
    )
    adapter.add_argument(
        "--rank-stabilized",
        action="store_true",
        help="scale by alpha / sqrt(rank), so that a larger rank changes no more",
    )
    adapter.add_argument(
        "--adapter-dropout",
        type=float,
        default=0.0,
        help="share of each update's inputs that is dropped in training",
    )
    training = command.add_argument_group("training")
    training.add_argument(
        "--epochs",
        type=integer(1, LARGEST_COUNT),
        default=8,
        help="times each song is seen",
    )
    training.add_argument(
        "--learning-rate",
        type=float,
        help="peak of the schedule (default: 1e-2 for tiny_gemma2, else 2e-4)",
    )
    training.add_argument(
        "--schedule",
        choices=("cosine", "linear", "constant"),
        default="cosine",
        help="how the learning rate falls after its peak",
    )
    training.add_argument(
        "--neftune-alpha",
        type=float,
        default=0.0,
        help="noise on embeddings in training, against learning by heart: 5 to 15",
    )
    training.add_argument(
        "--patience",
        type=integer(1, LARGEST_COUNT),
        help="end after so many evaluations without a better validation loss",
    )
    training.add_argument(
        "--min-delta",
        type=float,
        default=0.0,
        help="nats a token by which a loss must be lower to count as better",
    )
    training.add_argument(
        "--keep-last",
        action="store_true",
        help="keep the adapter of the last step, not that of the best evaluation",
    )
    training.add_argument(
        "--samples",
        type=integer(0, LARGEST_COUNT),
        default=0,
        help="validation songs to continue, or translate, at evaluations: chrF++ and "
        "BLEU join the curves, the texts are in samples.jsonl",
    )
    training.add_argument(
        "--samples-every",
        type=integer(1, LARGEST_COUNT),
        default=1,
        help="at every how many evaluations",
    )
    training.add_argument(
        "--peak-flops",
        type=_peak,
        help="what the devices can do in a second (such as 1e15), or `measured`, to "
        "tell the share that is used",
    )
    add_batch(training)
    _add_layout(training)
    add_devices(command)
    existing = command.add_mutually_exclusive_group()
    existing.add_argument(
        "--resume", action="store_true", help="continue the run in --out, if any"
    )
    existing.add_argument(
        "--overwrite", action="store_true", help="replace the run in --out"
    )
    add_seed(command)
    return command


def add_show(commands) -> argparse.ArgumentParser:
    """Adds `show`."""
    command = add_command(
        commands, "show", "Show the rows of a batch as the model is given them."
    )
    command.add_argument("dataset", help="folder that `curate` wrote")
    command.add_argument(
        "--batch",
        type=integer(0, LARGEST_SEED),
        default=0,
        help="which batch: that of this step of training, from 0",
    )
    command.add_argument(
        "--rows",
        type=integer(1, LARGEST_COUNT),
        default=4,
        help="rows of the batch to print, from the first",
    )
    command.add_argument(
        "--split",
        choices=("train", "validation", "test"),
        default="train",
        help="songs to show",
    )
    _add_what(command, verb="show")
    rows = command.add_argument_group("rows")
    _add_row_numbers(rows)
    _add_layout(rows)
    add_seed(command)
    return command


def _add_what(command: argparse.ArgumentParser, *, verb: str) -> None:
    """Adds what is learned, by which base, from which songs."""
    command.add_argument(
        "--preset",
        default="tiny_gemma2",
        help="tiny_gemma2 (embedded), gemma2_2b_en, a preset folder, kaggle://, hf://",
    )
    command.add_argument(
        "--task",
        type=_task,
        default="continuation",
        metavar="TASK",
        help=f"{', '.join(TASKS)}; or a task of your own: a .py file with a function "
        "task(), or a .json",
    )
    command.add_argument(
        "--script",
        choices=("auto", "native", "iso15919", "iast", "itrans", "hk", "readable"),
        help="the lyrics' own script, a romanization, or what suits the preset best "
        "(default: the task's, which is native)",
    )
    command.add_argument("--language", help=f"{verb} this language alone")
    command.add_argument("--style", help=f"{verb} this style alone")


def add_base_numbers(group) -> None:
    """Adds in which numbers the base is held."""
    group.add_argument(
        "--dtype",
        choices=("float32", "bfloat16", "mixed_bfloat16"),
        help="of weights and computation (default: what suits the device)",
    )
    group.add_argument(
        "--quantize",
        choices=("int8", "int4"),
        help="hold the frozen kernels in fewer bits, for more room to train in",
    )


def add_adapter_size(group) -> None:
    """Adds how large the adapter is."""
    group.add_argument(
        "--rank", type=integer(1, 1024), default=8, help="rank of each update"
    )
    group.add_argument(
        "--targets", nargs="+", metavar="LAYER", help="layers (default: all linear)"
    )


def add_batch(group) -> None:
    """Adds how large a batch is, and how much of it is kept in memory at once."""
    _add_row_numbers(group)
    group.add_argument(
        "--micro-batches",
        type=integer(1, LARGEST_COUNT),
        default=1,
        help="compute a batch in so many parts: less memory, the same result",
    )
    group.add_argument(
        "--remat",
        choices=("none", "block"),
        default="none",
        help="block: compute each block twice, and keep one in memory instead of all",
    )


def _add_row_numbers(group) -> None:
    group.add_argument(
        "--global-batch-size",
        type=integer(1, LARGEST_COUNT),
        default=8,
        help="rows a step, on all devices",
    )
    group.add_argument(
        "--sequence-length",
        type=integer(8, _LONGEST_ROW),
        default=512,
        help="row length in tokens",
    )


def _add_layout(group) -> None:
    """Adds how texts become rows."""
    group.add_argument(
        "--layout",
        choices=("packed", "bucketed", "single"),
        default="packed",
        help="short songs share a row, or have rows of a few lengths, or of one",
    )
    group.add_argument(
        "--overflow",
        choices=("split", "truncate"),
        default="split",
        help="a song too long for a row goes on in the next, or ends there",
    )


def _peak(text: str) -> float | str:
    try:
        return text if text == "measured" else float(text)
    except ValueError:
        message = f"must be a number, or `measured`. Received: {text!r}."
        raise argparse.ArgumentTypeError(message) from None


def _task(text: str) -> str:
    if text not in TASKS and not text.endswith(_TASK_FILES):
        raise argparse.ArgumentTypeError(
            f"must be one of {[*TASKS]}, or a .py or .json file. Received: {text!r}."
        )
    return text
