"""What checkpoints cost training: ResNet-50 with momentum in a launched run of 2 processes of 1 thread.

python -m benchmarks.speed.checkpoint_stall            # about 3 minutes on an idle machine
python -m benchmarks.speed.checkpoint_stall --quick -o /tmp/stall.json

The run reports its rate every so many updates and saves at each second report; a report comes before the
save of its step, so intervals without a save and with one at their beginning take turns. What a checkpoint
costs is the difference within a pair of them: the time that training stands still (comparison of weights,
snapshot), which is also given alone, and that for which the thread that writes takes its share of the cores.
The run is stopped by SIGTERM once there are enough pairs. The result is
benchmarks/results/checkpoint_stall.json.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.origin import describe_origin
from benchmarks.tables import ROOT
from gluonlab.bench.statistics import summarize
from gluonlab.reporting.run_files import read_metrics, write_json

OUT = ROOT / "benchmarks/results/checkpoint_stall.json"
PROCESSES, IMAGES, UPDATES, PAIRS = 2, 4, 8, 7
LIMIT_SECONDS = 280.0
STOPPED = 75
NEVER = 10**6


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a small network, two short pairs")
    parser.add_argument("-o", "--out", type=Path, default=OUT)
    options = parser.parse_args()
    model, updates, pairs = ("cifar_resnet20", 20, 2) if options.quick else ("resnet50_v1b", UPDATES, PAIRS)
    with tempfile.TemporaryDirectory(dir=".") as folder:
        recipe = Path(folder) / "recipe.yaml"
        recipe.write_text(recipe_of(model, updates))
        rows, size = train(recipe, Path(folder) / "run", updates, pairs)
    command = f"python -m benchmarks.speed.checkpoint_stall{' --quick' if options.quick else ''}"
    result = {"model": model, "command": command, "checkpoint_bytes": size, **costs(rows, updates, pairs)}
    write_json(options.out, {**result, **describe_origin()})
    sys.stdout.write(f"{result}\n")


def recipe_of(model: str, updates: int) -> str:
    size, classes = (224, 1000) if model == "resnet50_v1b" else (32, 10)
    return f"""
data: {{name: synthetic, classes: {classes}, image_size: {size}, samples: 1000000}}
model: {{name: {model}}}
worker_batch_size: {IMAGES}
global_batch_size: {IMAGES * PROCESSES}
epochs: 1
optimizer: {{name: sgd, momentum: 0.9, weight_decay: 1.0e-4}}
schedule: {{name: constant, base_lr: 0.001, scaling: none}}
log_every: {updates}
checkpoint_every: {2 * updates}steps
check_weights_every: {NEVER}
tensorboard: false
cpu_threads: 1
"""


def train(recipe: Path, run_dir: Path, updates: int, pairs: int) -> tuple[list[dict[str, Any]], int]:
    """The rows of a run of so many pairs of intervals, and the bytes of its newest checkpoint."""
    launch = [sys.executable, "-m", "gluonlab.cli.main", "launch", "-n", str(PROCESSES), "--bind", "none"]
    end, deadline = updates * (2 * pairs + 1), time.monotonic() + LIMIT_SECONDS
    job = subprocess.Popen([*launch, str(recipe), f"run_dir={run_dir}"], stdout=subprocess.DEVNULL)
    try:
        while not is_trained(run_dir, end):
            if job.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"the run ended, code {job.poll()}, or took over {LIMIT_SECONDS:.0f} s")
            time.sleep(0.2)
    finally:
        if job.poll() is None:
            job.send_signal(signal.SIGTERM)
        code = job.wait()
    if code != STOPPED:
        raise SystemExit(f"the run ended with code {code}")
    newest = max((run_dir / "checkpoints").glob("step-*"))
    return read_metrics(run_dir / "metrics.jsonl"), sum(path.stat().st_size for path in newest.iterdir())


def is_trained(run_dir: Path, step: int) -> bool:
    path = run_dir / "metrics.jsonl"
    return path.exists() and any(row["kind"] == "train" and row["step"] >= step for row in read_metrics(path))


def costs(rows: list[dict[str, Any]], updates: int, pairs: int) -> dict[str, Any]:
    """Seconds of the intervals by pairs, and of the saves in them."""
    seconds = {row["step"]: updates * row["sec_per_step"] for row in rows if row["kind"] == "train"}
    saves = {row["step"]: row for row in rows if row["kind"] == "checkpoint"}
    first = [2 * updates * (number + 1) for number in range(pairs)]  # steps that are saved
    without, with_save = [seconds[step] for step in first], [seconds[step + updates] for step in first]
    missing = [step for step in first if step not in saves]
    if missing:
        raise SystemExit(f"no checkpoint at {missing}: the disk is too slow for intervals of this length")
    stalls, writes = ([saves[step][key] for step in first] for key in ("seconds", "write_seconds"))
    difference = summarize([one - other for one, other in zip(with_save, without)])
    return {
        "processes": PROCESSES,
        "images_per_update": IMAGES * PROCESSES,
        "updates_per_interval": updates,
        "stall_seconds": median(stalls),
        "cost_seconds": difference["median"],
        "cost_seconds_interval_95": difference["interval_95"],
        "load_average": os.getloadavg()[0],
        "seconds": {"without": without, "with": with_save, "stalls": stalls, "writes": writes},
    }


if __name__ == "__main__":
    main()
