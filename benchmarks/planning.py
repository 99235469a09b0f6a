"""What plans say: of common devices, and beside runs on this machine.

    python benchmarks/planning.py              # the table of docs/planning.md
    python benchmarks/planning.py --measure    # plans beside what real runs take

The table is compiled for TPUs where the package `libtpu` is installed, which takes half
an hour; elsewhere it is an estimate, in some ten minutes.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from gemma_keras_ft.model.lora_settings import Adapter
from gemma_keras_ft.model.mesh import Mesh
from gemma_keras_ft.model.shapes import GEMMA2_SHAPES, known_shape, shape_in
from gemma_keras_ft.training.planning.described import plan_options
from gemma_keras_ft.training.planning.nearest import nearest_that_fits
from gemma_keras_ft.training.planning.planner import (
    CPU,
    plan_settings,
    plan_training,
    plan_with,
)
from gemma_keras_ft.training.planning.theory import StepSettings

GIB = 2**30
# Devices, the presets that people would try on them, and rows of a batch.
TABLE = (
    ("8xTPUv5e", "gemma2_2b_en", 16),
    ("8xTPUv5e", "gemma2_9b_en", 16),
    ("2xT4", "gemma2_2b_en", 4),
    ("2xT4", "gemma2_9b_en", 4),
    ("A100-80GB", "gemma2_2b_en", 8),
    ("A100-80GB", "gemma2_9b_en", 8),
    ("H100", "gemma2_9b_en", 8),
    ("H100", "gemma2_27b_en", 8),
    ("256xTPUv5e", "gemma2_9b_en", 256),
    ("256xTPUv5e", "gemma2_27b_en", 256),
)
HEADER = (
    "| devices | preset | mesh | options | weights | adapter, optimizer | activations "
    "| temporaries | on a device | tokens/s, at most | bytes are |"
)
# Half a billion numbers, half of them in the embedding, as in small Gemmas.
HALF_BILLION = {
    **GEMMA2_SHAPES["gemma2_2b_en"],
    "num_layers": 15,
    "hidden_dim": 1024,
    "intermediate_dim": 8192,
    "head_dim": 128,
}
# With a setting of malloc's, nothing of one step is kept for the next: what a step
# takes is asked.
_ENVIRONMENT = {"KERAS_BACKEND": "jax", "MALLOC_ARENA_MAX": "1"}
# Name, rows, places of a row, remat and micro-batches.
RUNS = (
    ("tiny_gemma2", 16, 512, "none", 1),
    ("tiny_gemma2", 16, 512, "none", 4),
    ("tiny_gemma2", 32, 512, "block", 1),
    ("500 M", 1, 256, "none", 1),
    ("500 M", 2, 256, "block", 1),
)


def main() -> None:
    """Prints what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--measure", action="store_true", help="train on this machine, and compare"
    )
    arguments = parser.parse_args()
    if arguments.measure:
        print_measured()
    else:
        print_table()


def print_table() -> None:
    """Prints a row for each of `TABLE`; of what fits not, the nearest that does."""
    print("Rows of 512 tokens, LoRA of rank 8 on all linear layers, bfloat16; GiB.\n")
    print(HEADER)
    print("|" + " --- |" * (HEADER.count("|") - 1))
    for devices, preset, rows in TABLE:
        plan = plan_training(preset, devices=devices, global_batch_size=rows)
        print(_row(devices, preset, plan), flush=True)
        if not plan.fits:
            nearest = nearest_that_fits(plan)
            if nearest:
                print(_row(devices, preset, nearest), flush=True)


def _row(devices: str, preset: str, plan) -> str:
    options, parts = plan_options(plan), plan.parts
    told = [f"{options['global_batch_size']} rows"]
    if options["sequence_length"] != 512:
        told.append(f"of {options['sequence_length']}")
    told += [
        f"{name} {options[name]}"
        for name, usual in (("remat", "none"), ("quantize", None), ("micro_batches", 1))
        if options[name] != usual
    ]
    trained = parts["adapter"] + parts["optimizer"]
    sizes = [parts["weights"], trained, parts["activations"], parts["temporaries"]]
    total = f"{plan.bytes / GIB:.1f} of {plan.kind.memory_bytes / GIB:.1f}"
    cells = [
        devices,
        preset,
        options["mesh"],
        ", ".join(told),
        *(f"{size / GIB:.2f}" for size in sizes),
        total if plan.fits else f"**{total}: too much**",
        f"{plan.roofline.tokens_per_second:,.0f} ({plan.roofline.bound})",
        "estimated" if "estimate" in plan.source else "compiled",
    ]
    return f"| {' | '.join(cells)} |"


def print_measured() -> None:
    """Prints what plans say of runs, and what those take, a process for each."""
    print("| model | rows | remat, parts | planned MiB | run MiB | planned / run |")
    print("| --- | --- | --- | ---: | ---: | ---: |")
    for name, rows, length, remat, parts in RUNS:
        shape = HALF_BILLION if name == "500 M" else shape_in(known_shape(name))
        settings = StepSettings(
            shape=shape,
            adapter=Adapter(),
            rows=rows,
            sequence_length=length,
            dtype="float32",
            remat=remat,
            micro_batches=parts,
            mesh=Mesh(),
        )
        _, cpu = plan_settings(
            "gemma2_2b_en",
            devices=CPU,
            mesh="auto",
            global_batch_size=1,
            dtype=None,
            adapter=None,
            micro_batches=1,
            sequence_length=length,
        )
        planned, run = plan_with(settings, cpu).bytes, _run(settings)
        print(
            f"| {name} | {rows} x {length} | {remat}, {parts} | {planned / 2**20:,.0f} "
            f"| {run / 2**20:,.0f} | {planned / run:.3f} |",
            flush=True,
        )


def _run(settings: StepSettings) -> int:
    """Trains for a few steps in another process; returns the bytes that took."""
    request = {
        "shape": dict(settings.shape),
        "rank": settings.adapter.rank,
        "rows": settings.rows,
        "sequence_length": settings.sequence_length,
        "remat": settings.remat,
        "micro_batches": settings.micro_batches,
    }
    script = Path(__file__).with_name("planning_run.py")
    found = subprocess.run(
        [sys.executable, str(script)],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        env={**os.environ, **_ENVIRONMENT},
    )
    if found.returncode:
        raise RuntimeError(found.stderr[-2000:])
    return sum(json.loads(found.stdout.splitlines()[-1]).values())


if __name__ == "__main__":
    main()
