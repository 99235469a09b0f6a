"""Arguments of `doctor`, which checks machine and installation."""

import argparse

from gemma_keras_ft.arguments.parser import add_command


def add_doctor(commands) -> argparse.ArgumentParser:
    """Adds `doctor`."""
    command = add_command(
        commands, "doctor", "Check this machine and installation; say what to mend."
    )
    command.add_argument(
        "--preset",
        help="also whether this one is there, or can be fetched, and fits: as for "
        "`train`",
    )
    command.add_argument(
        "--json", action="store_true", help="print what was found as JSON"
    )
    return command
