"""The command line's arguments; light, so that `--help` answers at once."""

import argparse

from gemma_keras_ft.arguments.curation import add_curate, add_review
from gemma_keras_ft.arguments.doctor import add_doctor
from gemma_keras_ft.arguments.parser import Parser, add_command, add_seed
from gemma_keras_ft.arguments.plan import add_plan
from gemma_keras_ft.arguments.results import add_evaluate, add_generate, add_report
from gemma_keras_ft.arguments.training import TASKS, add_show, add_train

__all__ = ["TASKS", "build_parser"]


def build_parser() -> argparse.ArgumentParser:
    """Builds the parser of `gemma-keras-ft` and its commands."""
    parser = Parser(
        prog="gemma-keras-ft",
        description="Adapts Gemma 2 to a language through its song lyrics.",
        epilog="Start with: gemma-keras-ft quickstart",
    )
    parser.add_argument(
        "--version", action=_Version, nargs=0, help="say which version this is"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (
        _add_quickstart,
        add_curate,
        add_review,
        add_show,
        add_train,
        add_evaluate,
        add_generate,
        add_report,
        add_doctor,
        add_plan,
    ):
        command = add(commands)
        command.add_argument(
            "--traceback",
            action="store_true",
            help="show where in the code an error arose",
        )
    return parser


class _Version(argparse.Action):
    """Looks the version up when it is asked for, and not for every command."""

    def __call__(self, parser, *_):
        import importlib.metadata

        print(f"{parser.prog} {importlib.metadata.version('gemma_keras_ft')}")
        parser.exit()


def _add_quickstart(commands) -> argparse.ArgumentParser:
    command = add_command(
        commands,
        "quickstart",
        "Curate, fine-tune, evaluate and report on the embedded lyrics and model.",
    )
    command.add_argument(
        "--out", default="gemma-keras-ft-quickstart", help="folder for everything made"
    )
    add_seed(command)
    return command
