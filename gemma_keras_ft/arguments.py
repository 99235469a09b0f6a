"""The command line's arguments; light, so that `--help` answers at once."""

import argparse
import os


class _Formatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows a default where there is one to show."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default in (None, False):
            return action.help
        return super()._get_help_string(action)


def build_parser() -> argparse.ArgumentParser:
    """Builds the parser of `gemma-keras-ft` and its commands."""
    parser = argparse.ArgumentParser(
        prog="gemma-keras-ft",
        description="Adapts Gemma 2 to a language through its song lyrics.",
        epilog="Start with: gemma-keras-ft quickstart",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (
        _add_quickstart,
        _add_curate,
        _add_review,
        _add_train,
        _add_evaluate,
        _add_generate,
        _add_report,
    ):
        command = add(commands)
        command.add_argument(
            "--traceback",
            action="store_true",
            help="show where in the code an error arose",
        )
    return parser


def _add(commands, name: str, sentence: str) -> argparse.ArgumentParser:
    return commands.add_parser(
        name, help=sentence, description=sentence, formatter_class=_Formatter
    )


def _seed(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--seed",
        type=_integer(0, 2**31 - 1),
        default=0,
        help="makes the run repeatable",
    )


def _base(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--preset", help="the run's base preset, where it has been moved"
    )


def _integer(lowest: int, highest: int):
    """Returns a parser of integers that names the bounds where they are left."""

    def parse(text: str) -> int:
        value = int(text)
        if not lowest <= value <= highest:
            raise argparse.ArgumentTypeError(
                f"must be from {lowest} to {highest}. Received: {value}."
            )
        return value

    parse.__name__ = "integer"
    return parse


def _add_quickstart(commands) -> argparse.ArgumentParser:
    command = _add(
        commands,
        "quickstart",
        "Curate, fine-tune, evaluate and report on the embedded lyrics and model.",
    )
    command.add_argument(
        "--out", default="gemma-keras-ft-quickstart", help="folder for everything made"
    )
    _seed(command)
    return command


def _add_curate(commands) -> argparse.ArgumentParser:
    command = _add(commands, "curate", "Turn lyrics into a clean, split dataset.")
    command.add_argument(
        "sources",
        nargs="+",
        metavar="SOURCE",
        help="file or folder of JSONL, JSON, CSV, Parquet, text or LRC; or "
        '"embedded", or one collection such as "embedded:thirukkural"',
    )
    command.add_argument("--out", required=True, help="folder for the dataset")
    command.add_argument(
        "--songs",
        choices=("file", "blank_lines"),
        default="file",
        help="in plain text: one song a file, or songs separated by blank lines",
    )
    known = command.add_argument_group("for records that do not say it themselves")
    known.add_argument("--language", help='BCP 47 tag, such as "pa" or "ta"')
    known.add_argument("--script", help='ISO 15924 code, such as "Guru" or "Taml"')
    known.add_argument("--style", help="lyrical, narrative, devotional, didactic, ...")
    known.add_argument("--source", help="where the lyrics came from")
    known.add_argument("--license", help='terms of use, such as "CC0-1.0"')
    known.add_argument("--era", help='when the songs arose, such as "15th century"')
    known.add_argument("--contributor", help="who gave the songs to you")
    known.add_argument("--consent", help="what they agreed to")
    known.add_argument(
        "--no-alter", action="store_true", help="sacred text: score it, never vary it"
    )
    steps = command.add_argument_group("steps")
    steps.add_argument(
        "--recipe",
        metavar="FILE",
        help="steps of your own: a .py file with a function recipe(), or a .json",
    )
    steps.add_argument(
        "--allow-licenses",
        nargs="+",
        metavar="LICENSE",
        help="set songs under any other license aside",
    )
    steps.add_argument(
        "--protect",
        nargs="+",
        metavar="FILE",
        default=[],
        help="phrases that no step may change, beside the packaged ones",
    )
    steps.add_argument(
        "--flag-list",
        nargs="+",
        metavar="FILE",
        default=[],
        help="words to flag for `review`; nothing is dropped for them",
    )
    splits = command.add_argument_group("splits")
    splits.add_argument(
        "--validation", type=float, default=0.1, help="share to watch training on"
    )
    splits.add_argument(
        "--test", type=float, default=0.2, help="share to judge the result on"
    )
    splits.add_argument(
        "--keep-artists",
        action="store_true",
        help="put all songs of an author on one side",
    )
    command.add_argument(
        "--formats",
        nargs="+",
        choices=("csv", "parquet", "tfds"),
        default=[],
        help="write the dataset in these formats too",
    )
    command.add_argument(
        "--processes",
        type=_integer(1, 1024),
        default=os.cpu_count() or 1,
        help="worker processes",
    )
    _seed(command)
    return command


def _add_review(commands) -> argparse.ArgumentParser:
    command = _add(
        commands,
        "review",
        "Decide on flagged songs, in a web page on this machine or in a file.",
    )
    command.add_argument("dataset", help="folder that `curate` wrote")
    command.add_argument(
        "--out",
        metavar="FILE",
        help="write one HTML file to hand on, whose decisions can be downloaded",
    )
    command.add_argument("--reviewer", help="your name, kept with each decision")
    command.add_argument(
        "--port", type=_integer(0, 65535), default=0, help="0 takes a free one"
    )
    command.add_argument(
        "--no-browser", action="store_true", help="print the address only"
    )
    return command


def _add_train(commands) -> argparse.ArgumentParser:
    command = _add(commands, "train", "Fine-tune a LoRA adapter on a dataset.")
    command.add_argument("dataset", help="folder that `curate` wrote")
    command.add_argument("--out", required=True, help="folder for the run")
    command.add_argument(
        "--preset",
        default="tiny_gemma2",
        help="tiny_gemma2 (embedded), gemma2_2b_en, a preset folder, kaggle://, hf://",
    )
    command.add_argument(
        "--task",
        choices=("continuation", "translation"),
        default="continuation",
        help="go on from the first lines, or translate line by line",
    )
    command.add_argument(
        "--script",
        choices=("auto", "native", "iso15919", "iast", "itrans", "hk", "readable"),
        default="native",
        help="the lyrics' own script, a romanization, or what suits the preset best",
    )
    command.add_argument("--language", help="train on this language alone")
    command.add_argument("--style", help="train on this style alone")
    adapter = command.add_argument_group("adapter")
    adapter.add_argument("--rank", type=int, default=8, help="rank of each update")
    adapter.add_argument(
        "--alpha", type=float, default=16.0, help="updates are scaled by alpha / rank"
    )
    adapter.add_argument(
        "--targets", nargs="+", metavar="LAYER", help="layers (default: all linear)"
    )
    training = command.add_argument_group("training")
    training.add_argument(
        "--epochs", type=int, default=8, help="times each song is seen"
    )
    training.add_argument(
        "--global-batch-size", type=int, default=8, help="rows a step, on all devices"
    )
    training.add_argument(
        "--learning-rate",
        type=float,
        default=2e-4,
        help="peak of the schedule; 1e-2 suits tiny_gemma2",
    )
    training.add_argument(
        "--sequence-length", type=int, default=256, help="row length in tokens"
    )
    existing = command.add_mutually_exclusive_group()
    existing.add_argument(
        "--resume", action="store_true", help="continue the run in --out, if any"
    )
    existing.add_argument(
        "--overwrite", action="store_true", help="replace the run in --out"
    )
    _seed(command)
    return command


def _add_evaluate(commands) -> argparse.ArgumentParser:
    command = _add(
        commands, "evaluate", "Score base and tuned model on held-out songs."
    )
    command.add_argument("run", help="folder that `train` wrote")
    command.add_argument("--out", required=True, help="folder for the report")
    command.add_argument("--dataset", help="dataset folder (default: the run's own)")
    command.add_argument(
        "--split", choices=("validation", "test"), default="test", help="songs to score"
    )
    command.add_argument(
        "--samples",
        type=_integer(0, 1000),
        default=3,
        help="songs to continue for reading",
    )
    _base(command)
    _seed(command)
    return command


def _add_generate(commands) -> argparse.ArgumentParser:
    command = _add(commands, "generate", "Continue a line with a tuned model.")
    command.add_argument("run", help="folder that `train` wrote")
    command.add_argument("prompt", help="the line or lines to go on from")
    command.add_argument(
        "--count", type=_integer(1, 1000), default=1, help="how many continuations"
    )
    command.add_argument(
        "--max-new-tokens", type=int, default=96, help="length of each, in tokens"
    )
    command.add_argument(
        "--temperature", type=float, default=0.8, help="0 takes the likeliest token"
    )
    command.add_argument(
        "--top-p", type=float, default=0.95, help="draw from this much probability"
    )
    command.add_argument(
        "--base",
        action="store_true",
        help="leave the adapter out, to compare (not with tiny_gemma2)",
    )
    _base(command)
    _seed(command)
    return command


def _add_report(commands) -> argparse.ArgumentParser:
    command = _add(commands, "report", "Render report.html again from report.json.")
    command.add_argument("results", help="report.json, or the folder that holds it")
    command.add_argument("--out", required=True, help="folder for the page")
    return command
