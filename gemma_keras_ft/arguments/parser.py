"""What the commands' parsers share."""

import argparse
import re
from collections.abc import Callable
from typing import NoReturn

from gemma_keras_ft.console import printable

# What one step, one epoch or one song can ask of a machine, and far beyond.
LARGEST_COUNT = 2**20
LARGEST_SEED = 2**31 - 1
# A language of two or three letters; then script, region and so on.
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")


class Parser(argparse.ArgumentParser):
    """A parser whose errors cannot move the cursor, whatever was typed."""

    def error(self, message: str) -> NoReturn:
        """Says what is wrong with the arguments, and exits with status 2."""
        super().error(printable(message))


class Formatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows a default where there is one to show."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default in (None, False):
            return action.help
        return super()._get_help_string(action)


def add_command(commands, name: str, sentence: str) -> argparse.ArgumentParser:
    """Adds a command that says in a sentence what it does."""
    return commands.add_parser(
        name, help=sentence, description=sentence, formatter_class=Formatter
    )


def add_seed(command: argparse.ArgumentParser) -> None:
    """Adds `--seed`."""
    command.add_argument(
        "--seed",
        type=integer(0, LARGEST_SEED),
        default=0,
        help="makes the run repeatable",
    )


def add_devices(command: argparse.ArgumentParser) -> None:
    """Adds how devices and hosts share the work."""
    devices = command.add_argument_group("devices")
    devices.add_argument(
        "--mesh",
        default="auto",
        help="how devices share the work: such as batch=8, fsdp=8, model=4 or "
        "batch=2,model=4; auto takes what suits them and the preset",
    )
    devices.add_argument(
        "--hosts",
        metavar="HOSTS",
        help="join other hosts, on which the same command runs: auto on Cloud TPU and "
        "SLURM, else ADDRESS:PORT of the first, their number and which this is, as in "
        "10.0.0.1:1234,2,0",
    )
    devices.add_argument(
        "--host-timeout",
        type=integer(1, 86_400),
        default=100,
        metavar="SECONDS",
        help="end where another host has given no sign of life for so long",
    )


def language(text: str) -> str:
    """Parses a language's tag, and refuses its name."""
    if not _LANGUAGE.fullmatch(text):
        raise argparse.ArgumentTypeError(
            'must be a BCP 47 tag, such as "pa" for Punjabi or "ta-Latn" for Tamil in '
            f"Latin letters. Received: {text!r}."
        )
    return text


def integer(lowest: int, highest: int) -> Callable[[str], int]:
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
