"""Arguments of `plan`, which tells what training would take."""

import argparse

from gemma_keras_ft.arguments.parser import LARGEST_COUNT, add_command, integer
from gemma_keras_ft.arguments.training import (
    add_adapter_size,
    add_base_numbers,
    add_batch,
)


def add_plan(commands) -> argparse.ArgumentParser:
    """Adds `plan`."""
    command = add_command(
        commands,
        "plan",
        "Say whether training would fit devices that need not be here, and how fast "
        "it could be.",
    )
    command.add_argument(
        "--preset",
        required=True,
        help="a Gemma by name, of which nothing is fetched, or a preset folder",
    )
    command.add_argument(
        "--devices",
        required=True,
        help="number and kind: 8xTPUv5e, 2xT4, A100-80GB, H100, ...; or CPU, this one",
    )
    command.add_argument(
        "--mesh", default="auto", help="how they share the work: as for `train`"
    )
    add_base_numbers(command)
    add_adapter_size(command)
    add_batch(command)
    command.add_argument(
        "--rows",
        dest="global_batch_size",
        type=integer(1, LARGEST_COUNT),
        default=argparse.SUPPRESS,
        help="the same as --global-batch-size",
    )
    command.add_argument("--json", action="store_true", help="print the plan as JSON")
    return command
