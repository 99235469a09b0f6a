"""How fast, how faithful and how correct is the romanizer?

    python benchmarks/romanization.py [--corpora DIR] [--json FILE]

Speed: `romanize_text` against `indic_transliteration.sanscript.transliterate`
called line by line, ISO 15919, all distinct lines of a script, one process. Every
round starts with all caches cold, tables and patterns too; rounds alternate; the
figure is the median of the rounds' ratios of processor time.

Faithfulness: how many distinct words come back from ISO 15919 as they were, and
what each scheme merges, by kind; a merge of no listed kind is printed.

Correctness: character error rate against parallel romanizations by others, after
their conventions are mapped, one by one, with the places that each touched.

DIR holds gzipped JSONL files, in any folders, whose rows have `lines` and `script`
and may have a parallel `translit_iast` or `latn`. Without it the embedded corpus
is measured, which has the Gita's parallel but not Gurbani's.
"""

import argparse
import gzip
import json
import multiprocessing
import platform
import re
import statistics
import time
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import regex
from romanization_references import (
    GITA,
    GURBANI,
    Convention,
    character_errors,
    convert,
)

from gemma_keras_ft.preprocessing.romanization.deromanize import (
    REVERSIBLE,
    deromanize_text,
)
from gemma_keras_ft.preprocessing.romanization.merges import count_merges
from gemma_keras_ft.preprocessing.romanization.romanize import (
    clear_caches,
    romanize_text,
)
from gemma_keras_ft.preprocessing.romanization.romanize_letters import script_runs
from gemma_keras_ft.preprocessing.romanization.romanize_tables import SCRIPTS
from gemma_keras_ft.resources.corpus import embedded_records

Row = Mapping[str, Any]


def main():
    """Runs the benchmark and prints its figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--corpora", type=Path, help="folder of gzipped JSONL files")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    rows = read_corpora(arguments.corpora) if arguments.corpora else embedded_rows()
    rows = [row for row in rows if row.get("script") in SCRIPTS]
    figures = {
        "machine": machine(),
        "speed": print_each(
            {
                code: measure_speed(lines, code, rounds=arguments.rounds)
                for code, lines in distinct_lines(rows).items()
            }
        ),
        "round_trip": print_each(round_trips(rows)),
        "merges": print_each(merges(rows)),
        "references": print_each(references(rows)),
    }
    print(json.dumps(figures["machine"]))
    if not any(row.get("latn") for row in rows):
        print(
            "Not measured: Gurbani's parallel romanization (CC BY-SA 4.0) is not "
            "embedded. Pass --corpora with a file whose rows have `lines` and `latn`."
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1, ensure_ascii=False))


def print_each(figures: dict[str, Any]) -> dict[str, Any]:
    """Prints one line for each name, and returns the figures."""
    for name, found in figures.items():
        print(name, json.dumps(found, ensure_ascii=False), flush=True)
    return figures


def machine() -> dict[str, str]:
    """Returns the processor and the versions that the figures depend on."""
    cpus = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    name = regex.search(r"model name\s*: (.*)", cpus)
    return {
        "processor": f"{multiprocessing.cpu_count()} x {name[1] if name else '?'}",
        "python": platform.python_version(),
        "indic-transliteration": version("indic-transliteration"),
        "regex": version("regex"),
    }


def read_corpora(folder: Path) -> Iterator[Row]:
    """Reads the rows of every gzipped JSONL file under a folder."""
    for path in sorted(folder.rglob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                # A parallel file has the lines of another and need not say its script.
                yield {"script": "Guru", **row} if row.get("latn") else row


def embedded_rows() -> Iterator[Row]:
    """Reads the embedded corpus as rows; the Gita's parallel is its own."""
    for record in embedded_records():
        row = {"lines": record.lines, "script": record.script}
        parallel = record.romanized if record.language == "sa" else None
        yield {**row, "translit_iast": parallel} if parallel else row


def distinct_lines(rows: Iterable[Row]) -> dict[str, list[str]]:
    """Returns each script's distinct lines, in the order of the corpus."""
    lines: dict[str, dict[str, None]] = defaultdict(dict)
    for row in rows:
        lines[row["script"]].update(dict.fromkeys(filter(None, row["lines"])))
    return {code: list(found) for code, found in sorted(lines.items())}


def measure_speed(
    lines: Sequence[str], code: str, *, rounds: int = 5
) -> dict[str, float]:
    """Times the romanizer against the library; see the top of this file.

    Args:
        lines: Distinct lines.
        code: ISO 15924 code of their script.
        rounds: How many times each of the two is timed.
    """
    from indic_transliteration import sanscript

    name = SCRIPTS[code][0]

    def library(line: str) -> str:
        return sanscript.transliterate(line, name, sanscript.ISO)

    ours, theirs = [], []
    same = 0
    for _ in range(rounds):
        clear_caches()
        re.purge()
        spent, romanized = timed(romanize_text, lines)
        ours.append(spent)
        sanscript._get_scheme_map.cache_clear()
        spent, expected = timed(library, lines)
        theirs.append(spent)
        same = sum(a == b for a, b in zip(romanized, expected, strict=True))
    ratios = [slow / fast for slow, fast in zip(theirs, ours, strict=True)]
    return {
        "lines": len(lines),
        "lines_as_the_library_has_them": round(same / len(lines), 4),
        "ratio": round(statistics.median(ratios), 2),
        "ratio_lowest": round(min(ratios), 2),
        "lines_per_second": round(len(lines) / statistics.median(ours)),
        "library_lines_per_second": round(len(lines) / statistics.median(theirs)),
        "lines_per_second_two_processes": round(two_processes(lines)),
    }


def timed(work: Callable[[str], str], lines: Sequence[str]) -> tuple[float, list[str]]:
    """Returns the processor time of a call for each line, and the results."""
    start = time.process_time()
    results = [work(line) for line in lines]
    return time.process_time() - start, results


def two_processes(lines: Sequence[str]) -> float:
    """Returns lines per second of wall time over two processes.

    They have made their tables and met no akshara; carrying the lines there and
    back is part of the time.
    """
    half = (len(lines) + 1) // 2
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.map(romanize_text, ["क"] * 2, chunksize=1)
        start = time.perf_counter()
        pool.map(romanize_text, lines, chunksize=half)
        return len(lines) / (time.perf_counter() - start)


def distinct_words(rows: Iterable[Row]) -> dict[str, list[str]]:
    """Returns each script's distinct words in NFC, numbers left out."""
    words = defaultdict(set)
    for lines in distinct_lines(rows).values():
        for word in {word for line in lines for word in line.split()}:
            for code, run in script_runs(unicodedata.normalize("NFC", word)):
                if code and not regex.fullmatch(r"\p{N}+", run):
                    words[code].add(run)
    return {code: sorted(found) for code, found in sorted(words.items())}


def round_trips(rows: Sequence[Row]) -> dict[str, Any]:
    """Returns, by script, how many distinct words ISO 15919 gives back."""
    found = {}
    for code, words in distinct_words(rows).items():
        changed = [
            word for word in words if deromanize_text(romanize_text(word), code) != word
        ]
        counts = count_merges(words)[code]
        found[f"{code} round trip"] = {
            "words": len(words),
            "come_back": f"{1 - len(changed) / len(words):.4%}",
            "changed": len(changed),
            "changed_by": counts.changed,
            "examples": changed[:20],
        }
    return found


def merges(rows: Sequence[Row]) -> dict[str, Any]:
    """Returns, by script and scheme, what is merged."""
    return {
        f"{code} {scheme}": count._asdict()
        for scheme in REVERSIBLE
        for words in distinct_words(rows).values()
        for code, count in count_merges(words, scheme).items()
    }


def references(rows: Sequence[Row]) -> dict[str, Any]:
    """Returns the character error rates against each parallel romanization."""
    gita = [
        ("\n".join(row["lines"]), "\n".join(row["translit_iast"]))
        for row in rows
        if row.get("translit_iast")
    ]
    gurbani = [
        pair
        for row in rows
        if row.get("latn")
        for pair in zip(row["lines"], row["latn"], strict=True)
    ]
    found = {}
    if gita:
        found["Gita, IAST"] = error_rates(gita, GITA, scheme="iast")
    if gurbani:
        found["Gurbani"] = error_rates(gurbani, GURBANI, scheme="iso15919")
    return found


def error_rates(
    pairs: Sequence[tuple[str, str]], conventions: Sequence[Convention], *, scheme: str
) -> list[dict[str, Any]]:
    """Returns the error rate as it is, then after each convention is mapped."""
    ours = [romanize_text(native, scheme=scheme) for native, _ in pairs]
    theirs = [unicodedata.normalize("NFC", parallel) for _, parallel in pairs]
    both = list(zip(ours, theirs, strict=True))
    errors = [character_errors(*pair) for pair in both]
    rows = [{"mapped": "nothing", "places": 0, **rate(errors, both)}]
    for convention in conventions:
        ours, theirs, places = convert(ours, theirs, convention)
        before, both = both, list(zip(ours, theirs, strict=True))
        errors = [
            known if pair == old else character_errors(*pair)
            for known, old, pair in zip(errors, before, both, strict=True)
        ]
        rows.append({"mapped": convention.name, "places": places, **rate(errors, both)})
    return rows


def rate(errors: Sequence[int], pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Returns the character error rate and the share of texts without an error."""
    characters = sum(len(reference) for _, reference in pairs)
    return {
        "error_rate": f"{sum(errors) / characters:.3%}",
        "texts_exact": f"{errors.count(0) / len(errors):.1%}",
    }


if __name__ == "__main__":
    main()
