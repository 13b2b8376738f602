"""Train a recipe with several seeds and write what came out, with its spread and where it ran.

python -m benchmarks.training.accuracy configs/digits.yaml -n 2 -o benchmarks/results/digits.json
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.origin import describe_origin
from gluonlab.reporting.plots import curves_svg
from gluonlab.reporting.run_files import latest_by_step, read_json, read_metrics, write_json


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe", type=Path)
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    parser.add_argument("-n", "--processes", type=int, default=2)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_intermixed_args()
    with tempfile.TemporaryDirectory() as directory:
        runs = [
            train(arguments.recipe, arguments.overrides, arguments.processes, seed, Path(directory))
            for seed in arguments.seeds
        ]
    top1 = [run["top1"] for run in runs]
    result = {
        "recipe": str(arguments.recipe),
        "overrides": arguments.overrides,
        "processes": arguments.processes,
        "top1_mean": statistics.mean(top1),
        "top1_std": statistics.stdev(top1) if len(top1) > 1 else None,
        "top1_min": min(top1),
        "wall_seconds_median": statistics.median(run["wall_seconds"] for run in runs),
        "runs": runs,
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        **describe_origin(),
    }
    write_json(arguments.output, result)
    print(
        f"{arguments.output}: top-1 {result['top1_mean']:.4f}, lowest {result['top1_min']:.4f}, "
        f"{len(runs)} run(s)"
    )


def train(recipe: Path, overrides: list[str], processes: int, seed: int, directory: Path) -> dict[str, Any]:
    """One run; its summary with the curves of loss and accuracy."""
    run_dir = directory / f"seed-{seed}"
    command = [sys.executable, "-m", "gluonlab.cli.main", "launch", "-n", str(processes), str(recipe)]
    subprocess.run([*command, *overrides, f"seed={seed}", f"run_dir={run_dir}"], check=True)
    return {
        "seed": seed,
        **read_json(run_dir / "summary.json"),
        "curves_epoch_loss_top1": curves_of(run_dir),
    }


def curves_of(run_dir: Path) -> dict[str, list[list[float]]]:
    """[epoch, loss, top-1] of each log interval and of each validation."""
    rows = read_metrics(run_dir / "metrics.jsonl")
    return {
        kind: [
            [round(row[key], 5) for key in ("epoch", "loss", "top1")] for row in latest_by_step(rows, kind)
        ]
        for kind in ("train", "validation")
    }


def render_accuracy(results: Path) -> str:
    """One row for each result of benchmarks/training/accuracy.py, in the order of the file names."""
    lines = [
        "| recipe | epochs | processes | runs | top-1 (mean ± sd) | lowest | median time | result |",
        "|---|--:|--:|--:|--:|--:|--:|---|",
    ]
    for path in sorted(results.glob("*.json")):
        result = json.loads(path.read_text())
        if "top1_mean" not in result:
            continue
        machine = result["machine"]
        spread = f" ± {result['top1_std']:.2%}" if result["top1_std"] is not None else ""
        lines.append(
            f"| `{result['recipe']}` | {result['runs'][0]['epochs']:.0f} | {result['processes']} | "
            f"{len(result['runs'])} | {result['top1_mean']:.2%}{spread} | {result['top1_min']:.2%} | "
            f"{result['wall_seconds_median']:.0f} s | [{path.name}](../benchmarks/results/{path.name}) |"
        )
    lines += [
        "",
        f"Made on {machine['cores']} cores of {machine['processor']}, no GPU, by "
        "`benchmarks/training/accuracy.py`.",
    ]
    return "\n".join(lines) + "\n"


def draw_quickstart(result_file: Path) -> str:
    """Top-1 on held-out images against the epoch, one curve for each seed, as SVG."""
    curves = {
        f"seed {run['seed']}": [
            (epoch, top1) for epoch, _, top1 in run["curves_epoch_loss_top1"]["validation"]
        ]
        for run in json.loads(result_file.read_text())["runs"]
    }
    return curves_svg(curves, "epoch", "top-1", title="Quick start, five seeds", is_percent=True)


if __name__ == "__main__":
    main()
