"""How fast is curation, and how does its memory grow with the corpus?

    python benchmarks/curation.py [--sizes 1000 10000 100000] [--json FILE]

Prints the romanizer's speed against `indic-transliteration` called line by line,
for each script; then, for each size, the records a second of the default recipe
with grouping, splitting and writing, and the peak memory of the process; and from
the two largest sizes the bytes of memory a record costs. Every size runs in a
process of its own on distinct songs, made by drawing words of the embedded corpus.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import romanization

import gemma_keras_ft as gkf
from gemma_keras_ft.preprocessing.romanization.romanize_tables import SCRIPTS
from gemma_keras_ft.preprocessing.store import write_dataset
from gemma_keras_ft.resources.corpus import embedded_records
from gemma_keras_ft.workflow.evaluating import environment

_LINES, _WORDS = 8, 5


def main() -> None:
    """Runs every size and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(arguments.one, arguments.processes)))
        return
    lines = romanization.distinct_lines(
        row for row in romanization.embedded_rows() if row["script"] in SCRIPTS
    )
    figures = {
        "environment": environment(),
        "romanizer": romanization.print_each(
            {
                code: romanization.measure_speed(given, code)
                for code, given in lines.items()
            }
        ),
    }
    figures["curation"] = runs = [
        in_a_process_of_its_own(size, arguments.processes) for size in arguments.sizes
    ]
    if len(runs) > 1:
        small, large = runs[-2:]
        grown = (large["peak_mib"] - small["peak_mib"]) * 2**20
        figures["bytes_per_record"] = grown / (large["records"] - small["records"])
        print(f"memory: {figures['bytes_per_record']:.0f} bytes a record")
    print(json.dumps(figures["environment"]))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))


def in_a_process_of_its_own(size: int, processes: int) -> dict[str, float]:
    """Measures one size; the peak is that of its process alone."""
    command = [sys.executable, __file__, "--one", str(size)]
    command += ["--processes", str(processes)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    print(
        f"{found['records']:,} songs in {found['processes']} process(es): "
        f"{found['records_per_second']:,.0f} records/s, peak {found['peak_mib']:,.0f} "
        f"MiB, leaks {found['leaks']}",
        flush=True,
    )
    return found


def measure(size: int, processes: int) -> dict[str, float]:
    """Curates and writes `size` songs; returns speed and peak memory."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        curation = gkf.curate_records(generated_songs(size), processes=processes)
        dataset = write_dataset(curation, folder)
        seconds = time.perf_counter() - start
        leaks = len(dataset.leaks["pairs"])
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "records": size,
        "processes": processes,
        "kept": dataset.report["kept"],
        "leaks": leaks,
        "records_per_second": size / seconds,
        "peak_mib": own / 1024,
    }


def generated_songs(count: int, seed: int = 0) -> Iterator[gkf.LyricRecord]:
    """Yields distinct songs of eight lines, drawn from the words of real ones."""
    draw = random.Random(seed)
    vocabularies = {}
    for name, language in (("thirukkural", "ta"), ("gurbani", "pa"), ("gita", "sa")):
        words = {
            word
            for record in embedded_records([name])
            for line in record.lines
            for word in line.split()
        }
        vocabularies[language] = sorted(words)
    languages = sorted(vocabularies)
    for number in range(count):
        language = languages[number % len(languages)]
        words = draw.choices(vocabularies[language], k=_LINES * _WORDS)
        yield gkf.LyricRecord(
            id=f"generated-{number}",
            lines=tuple(
                " ".join(words[line * _WORDS : (line + 1) * _WORDS])
                for line in range(_LINES)
            ),
            language=language,
            style="generated",
            license="CC0-1.0",
        )


if __name__ == "__main__":
    main()
