"""Every result of which docs/benchmarks.md has a table, one command after the other.

python -m benchmarks.speed.bench_results                     # all of them, about eight minutes on 2 cores
python -m benchmarks.speed.bench_results --only startup      # one
python -m benchmarks.speed.bench_results --quick             # few blocks: does it run at all?

Run it alone on the machine, then `python -m benchmarks.pages`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.tables import ROOT

RESULTS = ROOT / "benchmarks/results/bench"

# result: script and its options; what makes it quick comes after these
COMMANDS: dict[str, tuple[list[str], list[str]]] = {
    "resnet50_synthetic": (["resnet50_synthetic"], ["--blocks", "2", "--warmup", "1"]),
    "resnet50_inference": (["resnet50_inference"], ["--blocks", "2", "--steps", "4", "--warmup", "1"]),
    "resnet50_scaling": (["resnet50_scaling"], ["--rounds", "1", "--blocks", "1"]),
    "allreduce_mpi": (["allreduce"], ["--rounds", "2"]),
    "allreduce_gloo": (["allreduce", "--backend", "gloo"], ["--rounds", "2"]),
    "allreduce_kvstore": (["allreduce", "--backend", "kvstore"], ["--rounds", "2"]),
    "allreduce_torch": (["allreduce", "--backend", "torch"], ["--rounds", "2"]),
    "optimizer": (["optimizer"], ["--rounds", "2"]),
    "startup": (["startup"], ["--rounds", "2"]),
}


def main() -> None:
    """Measure what was asked for; ends with the first command that fails."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=COMMANDS, action="append", help="repeatable")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args()
    for name in options.only or COMMANDS:
        (script, *more), quick = COMMANDS[name]
        start = time.perf_counter()
        result = os.path.relpath(options.output / f"{name}.json")  # the file says by what command it was made
        command = [sys.executable, "-m", f"benchmarks.speed.{script}", "-o", result]
        job = subprocess.run([*command, *more, *(quick if options.quick else [])])
        print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)
        if job.returncode:
            sys.exit(job.returncode)


if __name__ == "__main__":
    main()
