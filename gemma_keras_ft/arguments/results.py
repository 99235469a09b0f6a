"""Arguments of what is done with a run: `evaluate`, `generate`, `report`."""

import argparse

from gemma_keras_ft.arguments.parser import (
    add_command,
    add_devices,
    add_seed,
    integer,
)

# One fewer than Gemma 2's context: the prompt takes at least a place.
_MOST_NEW_TOKENS = 8191


def add_evaluate(commands) -> argparse.ArgumentParser:
    """Adds `evaluate`."""
    command = add_command(
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
        type=integer(0, 1000),
        default=3,
        help="songs to continue for reading",
    )
    _add_origin(command)
    add_devices(command)
    add_seed(command)
    return command


def add_generate(commands) -> argparse.ArgumentParser:
    """Adds `generate`."""
    command = add_command(commands, "generate", "Continue a line with a tuned model.")
    command.add_argument("run", help="folder that `train` wrote")
    command.add_argument("prompt", help="the line or lines to go on from")
    command.add_argument(
        "--count", type=integer(1, 1000), default=1, help="how many continuations"
    )
    command.add_argument(
        "--max-new-tokens",
        type=integer(1, _MOST_NEW_TOKENS),
        default=96,
        help="length of each, in tokens",
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
    _add_origin(command)
    add_devices(command)
    add_seed(command)
    return command


def add_report(commands) -> argparse.ArgumentParser:
    """Adds `report`."""
    command = add_command(
        commands, "report", "Render report.html again from report.json."
    )
    command.add_argument("results", help="report.json, or the folder that holds it")
    command.add_argument("--out", required=True, help="folder for the page")
    return command


def _add_origin(command: argparse.ArgumentParser) -> None:
    """Adds where a run's base and task are found."""
    command.add_argument(
        "--preset", help="the run's base preset, where it has been moved"
    )
    command.add_argument(
        "--task",
        metavar="FILE",
        help="the .py or .json file that defines the run's task, if it is your own; "
        "it is run",
    )
