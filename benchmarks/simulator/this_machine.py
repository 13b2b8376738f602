"""Closes the loop: measure this machine, fit a cluster file, and compare what the simulator predicts.

python -m benchmarks.simulator.this_machine benchmarks/results/simulate/this_machine \
    --cluster configs/clusters/this_machine.yaml

Fitted are the rates of one process, the contention of two that send nothing to each other, and sums of
their own; two that train together are predicted only. The three ways take turns, so that a machine that is
slower for a while is so for all of them. Takes about 8 minutes on an idle machine. Results that the folder
holds are not measured again, so a run that was ended goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.tables import ROOT, Sections, fill_in
from gluonlab.bench.machine import describe_machine
from gluonlab.bench.result import Row, read_result
from gluonlab.build.benchmark import benchmark_config
from gluonlab.build.cluster import build_cluster, build_jobs
from gluonlab.build.run import package_versions
from gluonlab.checkout import git_commit
from gluonlab.config.cluster import ClusterFile, load_cluster
from gluonlab.reporting.run_files import write_json
from gluonlab.simulate.update import images_per_second, simulate_update

PAGE, RESULTS = ROOT / "docs/simulate.md", ROOT / "benchmarks/results"
PROCESSES = 2
THREADS = 1
# Batch of one process, pixels, and steps of a block that take one or two seconds.
SUBJECTS = {"resnet18_v1b": (8, 224, 2), "cifar_resnet20": (32, 32, 8), "small_resnet8": (16, 8, 150)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="for the results, and loop.json, which compares them")
    parser.add_argument("--cluster", type=Path, required=True, help="cluster file to write")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--blocks", type=int, default=4)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    fitted, predicted = measure(arguments.folder, arguments.rounds, arguments.blocks)
    run("fit", *map(str, fitted), "-o", str(arguments.cluster))
    rows = compare_all(load_cluster(arguments.cluster), predicted)
    result = {
        "cluster": str(arguments.cluster),
        "rows": rows,
        "largest_error": max(abs(row["error"]) for row in rows),
        "machine": describe_machine(),
        "versions": package_versions(),
        "git_commit": git_commit(),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
    }
    write_json(arguments.folder / "loop.json", result)
    PAGE.write_text(fill_in(PAGE.read_text(), RESULTS, HERE_SECTIONS))
    for row in rows:
        print(f"{row['model']}, {row['processes']} process(es): {row['error']:+.1%}")


def render_here(results: Path) -> str:
    """Predicted beside measured, one row for each network."""
    loop = json.loads((results / "simulate/this_machine/loop.json").read_text())
    lines = [
        "| network | batch | processes | images/s (median) | lowest to highest block | predicted | error |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for row in loop["rows"]:
        found = row["measured"]
        lines.append(
            f"| {row['model']} | {row['batch']} | {row['processes']} | {found['median']:.4g} | "
            f"{found['lowest']:.4g} to {found['highest']:.4g} | "
            f"{row['predicted']:.4g} | {row['error']:+.1%} |"
        )
    return "\n".join(lines) + "\n"


HERE_SECTIONS: Sections = {"here": render_here}


def measure(folder: Path, rounds: int, blocks: int) -> tuple[list[Path], list[Path]]:
    """The results to fit, and those to predict: of one process, and of several that train together."""
    fitted: list[Path] = []
    predicted: list[Path] = []
    several = ["-n", str(PROCESSES)]
    ways: dict[str, list[str]] = {"alone": [], "together": several, "apart": [*several, "--independent"]}
    for turn in range(1, rounds + 1):
        for model, (batch, size, steps) in SUBJECTS.items():
            options = [model, "--batch", str(batch), "--image-size", str(size), "--threads", str(THREADS)]
            options += ["--warmup", "2"]
            options += ["--blocks", str(blocks), "--steps", str(steps)]
            for way, more in ways.items():
                path = folder / f"{model}-{way}-{turn}.json"
                run_to(path, "throughput", *options, *more)
                (predicted if way == "together" else fitted).append(path)
    sums = folder / "sums.json"
    run_to(sums, "allreduce", "-n", str(PROCESSES), "--rounds", str(2 * blocks))
    return [*fitted, sums], predicted


def compare_all(cluster: ClusterFile, results: list[Path]) -> list[dict[str, Any]]:
    """Each model beside its prediction."""
    rows: dict[str, list[Row]] = defaultdict(list)
    for path in results:
        for row in read_result(path)["rows"]:
            rows[row["model"]].append(row)
    return [compare(cluster, together) for together in rows.values()]


def run(*arguments: str) -> None:
    command = [sys.executable, "-m", "gluonlab.cli.main", "bench", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def run_to(path: Path, *arguments: str) -> None:
    if not (path.exists() and read_result(path)["complete"]):
        run(*arguments, "--json", str(path))


def compare(cluster: ClusterFile, measured: list[Row]) -> dict[str, Any]:
    """What was measured of one model beside its prediction; ``error`` is relative."""
    model, batch, processes = (measured[0][key] for key in ("model", "batch", "processes"))
    predicted, parts = predict(cluster, model, batch, processes)
    rate = median(row["median"] for row in measured)
    return {
        "model": model,
        "batch": batch,
        "processes": processes,
        "measured": {
            "median": rate,
            "lowest": min(row["lowest"] for row in measured),
            "highest": max(row["highest"] for row in measured),
        },
        "predicted": predicted,
        "predicted_seconds": parts,
        "error": predicted / rate - 1,
    }


def predict(cluster: ClusterFile, model: str, batch: int, processes: int) -> tuple[float, dict[str, float]]:
    """Images per second of all processes, and the seconds of an update by cause."""
    config = benchmark_config(model, [], processes=processes, batch=batch, image_size=SUBJECTS[model][1])
    (job,) = build_jobs(config, cluster, [processes], is_weak=True)
    update = simulate_update(build_cluster(cluster), job.work, processes)
    parts = {
        "compute": update.compute_seconds,
        "contention": update.contention_seconds,
        "communication": update.communication_seconds,
        "straggler": update.straggler_seconds,
    }
    return images_per_second(update, job.work, processes), parts


if __name__ == "__main__":
    main()
