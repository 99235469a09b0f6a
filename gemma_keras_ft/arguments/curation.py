"""Arguments of `curate` and `review`."""

import argparse
import os

from gemma_keras_ft.arguments.parser import add_command, add_seed, integer, language


def add_curate(commands) -> argparse.ArgumentParser:
    """Adds `curate`."""
    command = add_command(
        commands, "curate", "Turn lyrics into a clean, split dataset."
    )
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
    known.add_argument(
        "--language", type=language, help='BCP 47 tag, such as "pa" or "ta"'
    )
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
        type=integer(1, 1024),
        default=os.cpu_count() or 1,
        help="worker processes",
    )
    add_seed(command)
    return command


def add_review(commands) -> argparse.ArgumentParser:
    """Adds `review`."""
    command = add_command(
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
        "--port", type=integer(0, 65535), default=0, help="0 takes a free one"
    )
    command.add_argument(
        "--no-browser", action="store_true", help="print the address only"
    )
    return command
