"""Builds the embedded corpus from the collected source files.

    python scripts/build_corpus.py --corpora DIR [--out DIR]

`DIR/embeddable/` holds one `<collection>.jsonl.gz` per source, in the shape in
which it was extracted from its package; the result is one file of records per
collection, converted by `corpus_collections.py` and given a style by
`styles.csv`. Building twice gives the same bytes.

Left out on purpose:
    - `gurbani_dasam`: as large as the whole rest, in Braj, Persian and Punjabi
      by turns without a mark where one ends, so no language tag would be true.
    - `gurbani_kabit`: Braj under a Punjabi tag; the Vaaran already stand for
      its author.
    - `daily_mantra`: each verse is tagged Sanskrit, Hindi or Marathi at once.
    - Couplets of `romanised_urdu` whose poet is unnamed, or died after 1939.
    - Records of `gurbani` that hold a heading and no verse.
"""

import argparse
import collections
import csv
import gzip
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from corpus_collections import COLLECTIONS

from gemma_keras_ft.records import LyricRecord, SetAside
from gemma_keras_ft.resources.corpus import corpus_path


def read_style_rules(path: str | os.PathLike) -> list[dict[str, str]]:
    """Reads `styles.csv`: collection, field, value, style, reason."""
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def matching_rule(
    collection: str, record: LyricRecord, rules: Iterable[Mapping[str, str]]
) -> Mapping[str, str]:
    """Returns the one rule that gives `record` its style.

    Args:
        collection: Name of the record's collection.
        record: The record; a rule's `field` is `author` or a metadata key, and
            an empty `field` matches the whole collection.
        rules: Rows of `styles.csv`.

    Raises:
        ValueError: If no rule or more than one matches.
    """
    values = {**record.metadata, "author": record.author, "": ""}
    found = [
        rule
        for rule in rules
        if rule["collection"] == collection
        and values.get(rule["field"]) == rule["value"]
    ]
    if len(found) != 1:
        raise ValueError(
            f"`rules` must hold exactly one rule for {record.id!r} of {collection!r}. "
            f"Received: {len(found)} that match. Edit styles.csv."
        )
    return found[0]


def write_collection(path: str | os.PathLike, records: Iterable[LyricRecord]) -> int:
    """Writes gzipped JSONL without a time stamp; returns the size in bytes."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.partial")
    with (
        open(temporary, "wb") as file,
        gzip.GzipFile("", "wb", compresslevel=9, fileobj=file, mtime=0) as packed,
    ):
        for record in records:
            line = json.dumps(record.to_dict(), ensure_ascii=False, sort_keys=True)
            packed.write(line.encode("utf-8") + b"\n")
    os.replace(temporary, path)
    return path.stat().st_size


def build_collection(
    name: str, source: str | os.PathLike, rules: Iterable[Mapping[str, str]]
) -> tuple[list[LyricRecord], collections.Counter[str]]:
    """Reads one source file; returns styled records and counted reasons."""
    with gzip.open(source, "rt", encoding="utf-8", newline="\n") as lines:
        results = list(COLLECTIONS[name](json.loads(line) for line in lines))
    records = [
        result.replace(style=matching_rule(name, result, rules)["style"])
        for result in results
        if isinstance(result, LyricRecord)
    ]
    reasons = collections.Counter(
        result.reason for result in results if isinstance(result, SetAside)
    )
    return records, reasons


def build_corpus(corpora: str | os.PathLike, out: str | os.PathLike) -> None:
    """Builds every collection and prints a table of what became of it.

    Args:
        corpora: Folder that holds `embeddable/`.
        out: Folder that holds `styles.csv` and receives the files.

    Raises:
        ValueError: If an id occurs twice, or a record has not exactly one style.
    """
    out = Path(out)
    rules = read_style_rules(out / "styles.csv")
    seen: set[str] = set()
    print(_table_row("collection", "records", "lines", "characters", "bytes", ""))
    for name in sorted(COLLECTIONS):
        source = Path(corpora) / "embeddable" / f"{name}.jsonl.gz"
        records, reasons = build_collection(name, source, rules)
        for record in records:
            if record.id in seen:
                raise ValueError(f"`id` must be unique. Received: {record.id!r} twice.")
            seen.add(record.id)
        size = write_collection(out / f"{name}.jsonl.gz", records)
        print(_summary(name, records, size, reasons))


def _summary(
    name: str, records: Sequence[LyricRecord], size: int, reasons: Mapping[str, int]
) -> str:
    lines = [line for record in records for line in record.lines if line]
    styles = collections.Counter(str(record.style) for record in records)
    notes = [str(records[0].script)]
    notes += [f"{style} {count}" for style, count in sorted(styles.items())]
    notes += [f"set aside: {reason} {count}" for reason, count in reasons.items()]
    characters = sum(map(len, lines))
    return _table_row(name, len(records), len(lines), characters, size, *notes)


def _table_row(name: object, *columns: object) -> str:
    counts = "".join(f"{column:>12}" for column in columns[:4])
    return f"{name:<24}{counts}  {', '.join(map(str, columns[4:]))}".rstrip()


def main() -> None:
    """Runs the build from the command line."""
    parser = argparse.ArgumentParser(
        description="Build the embedded corpus from the collected source files."
    )
    parser.add_argument(
        "--corpora", type=Path, required=True, help="folder that holds embeddable/"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=corpus_path(),
        help="folder with styles.csv that receives the files (default: the package)",
    )
    arguments = parser.parse_args()
    build_corpus(arguments.corpora, arguments.out)


if __name__ == "__main__":
    main()
