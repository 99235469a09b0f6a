"""Tokens a second of training: this package, stock KerasHub, transformers + PEFT.

    python benchmarks/training.py [--corpora DIR] [--json FILE]

All train adapters of as many numbers on the same songs, in float32, with AdamW and
clipping. Stock pads every song to 256 places, or sorts songs by length; the others
pack them. Everyone runs in a process of its own and takes a step when it is its
turn; figures are medians. Real tokens are counted, padding is not. It also prints
the share of the machine's measured matmul peak, what XLA keeps for a step and for
the loss alone, and how both grow with the length of rows. Transformers and PEFT
come with the extra [benchmark]; without them they are left out.
"""

import argparse
import importlib.util
import json
import multiprocessing
import os
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from training_contestants import CONTESTANTS, compete
from training_memory import measure_growth, measure_memory
from training_setup import Setup

from gemma_keras_ft.workflow.evaluating import environment

# What is to be reached, by vocabulary.
BARS = {
    8_192: {
        "ratio_to_stock": 5.5,
        "ratio_to_bucketed_stock": 1.8,
        "ratio_to_peft": 1.0,
        "fraction_of_peak": 0.5,
    },
    256_000: {
        "ratio_to_stock": 5.5,
        "ratio_to_bucketed_stock": 1.8,
        "ratio_to_peft": 2.0,
        "stock_temporaries_over_ours": 6.0,
    },
}
_PAUSE = 0.5
_RIVALS = {
    "ratio_to_stock": "stock",
    "ratio_to_bucketed_stock": "stock, bucketed",
    "ratio_to_peft": "transformers + peft",
}


def main() -> None:
    """Runs every part and prints the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--corpora", help="folder of songs in any format")
    parser.add_argument("--vocabularies", type=int, nargs="+", default=[8_192, 256_000])
    parser.add_argument("--contestants", nargs="+", choices=CONTESTANTS)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--no-memory", action="store_true", help="speed alone")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {
        "machine": {
            **environment(),
            "cores": os.cpu_count(),
            "load_before": os.getloadavg()[0],
        }
    }
    print(json.dumps(figures["machine"]))
    for vocabulary in arguments.vocabularies:
        setup = Setup(
            vocabulary=vocabulary,
            layers=arguments.layers,
            width=arguments.width,
            corpora=arguments.corpora,
        )
        found = race(setup, arguments.contestants or known(), arguments.rounds)
        if not arguments.no_memory:
            found.update(measure_memory(setup))
        figures[f"vocabulary_{vocabulary}"] = found
        show(vocabulary, found)
    if not arguments.no_memory:
        figures["growth"] = measure_growth(Setup(vocabulary=8_192))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))


def known() -> list[str]:
    """Returns the contestants that are installed."""
    missing = [n for n in ("torch", "peft") if importlib.util.find_spec(n) is None]
    if missing:
        print(f"left out: transformers + peft; pip install '.[benchmark]': {missing}")
    return [name for name in CONTESTANTS if not missing or "peft" not in name]


def race(setup: Setup, names: Sequence[str], rounds: int) -> dict[str, Any]:
    """Lets contestants take steps in turns; returns what they reached."""
    context = multiprocessing.get_context("spawn")
    lines, facts, processes = {}, {}, []
    for name in names:
        lines[name], other = context.Pipe()
        process = context.Process(
            target=compete, args=(name, setup, other), daemon=True
        )
        process.start()
        other.close()
        processes.append(process)
        facts[name] = _told(name, lines[name])
        # The first steps compile, and are taken alone.
        facts[name]["first_steps"] = [
            _step(name, lines[name])["seconds"] for _ in _kinds(facts[name])
        ]
    steps: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for number in range(rounds):
        # Each comes after each other one; what that still does dies down first.
        first = number % len(names)
        for name in (*names[first:], *names[:first]):
            time.sleep(_PAUSE)
            steps[name] += [_step(name, lines[name]) for _ in _kinds(facts[name])]
    for line in lines.values():
        line.close()
    for process in processes:
        process.join()
    return _compare(
        {name: _speed(facts[name], steps[name]) for name in names if name != "matmul"},
        facts,
        steps.get("matmul", []),
    )


def _kinds(facts: Mapping[str, Any]) -> range:
    return range(len(facts.get("kinds", [0])))


def _step(name: str, line) -> dict[str, Any]:
    line.send("step")
    return _told(name, line)


def _told(name: str, line) -> dict[str, Any]:
    found = line.recv()
    if "error" in found:
        raise RuntimeError(f"{name}: {found['error']}")
    return found


def _speed(facts: Mapping[str, Any], steps: Sequence[Mapping]) -> dict[str, Any]:
    """Returns real tokens a second over an epoch, from the median step of a length."""
    seconds = tokens = 0.0
    for length, kind in facts["kinds"].items():
        taken = [step["seconds"] for step in steps if step["length"] == length]
        seconds += kind["batches"] * statistics.median(taken)
        tokens += kind["tokens"]
    return {
        "tokens_per_second": tokens / seconds,
        "filled": facts["filled"],
        "adapter_parameters": facts["parameters"],
        "seconds_to_first_step": facts["first_steps"][0],
        "peak_resident_mib": steps[-1]["peak_mib"],
        "loss": steps[-1]["loss"],
    }


def _compare(speeds, facts, products) -> dict[str, Any]:
    found: dict[str, Any] = {"contestants": speeds}
    ours = speeds.get("ours")
    for key, rival in _RIVALS.items():
        if ours and rival in speeds:
            ratio = ours["tokens_per_second"] / speeds[rival]["tokens_per_second"]
            found[key] = ratio
    if ours and products:
        seconds = statistics.median(step["seconds"] for step in products)
        found["peak_gflops"] = facts["matmul"]["flops"] / seconds / 1e9
        found["mflop_per_token"] = facts["ours"]["flops_per_token"] / 1e6
        used = ours["tokens_per_second"] * found["mflop_per_token"] / 1e3
        found["fraction_of_peak"] = used / found["peak_gflops"]
    return found


def show(vocabulary: int, found: Mapping[str, Any]) -> None:
    """Prints a vocabulary's figures, and which bars they reach."""
    print(f"vocabulary {vocabulary:,}")
    for name, row in found["contestants"].items():
        cells = "  ".join(f"{key} {_short(value)}" for key, value in row.items())
        print(f"  {name:20} {cells}")
    for key, value in found.items():
        if isinstance(value, int | float):
            bar = BARS.get(vocabulary, {}).get(key)
            said = ""
            if bar:
                said = f"  (bar {bar}: {'reached' if value >= bar else 'missed'})"
            print(f"  {key}: {_short(value)}{said}", flush=True)


def _short(value: float) -> str:
    return f"{value:,.3f}" if abs(value) < 100 else f"{value:,.0f}"


if __name__ == "__main__":
    main()
