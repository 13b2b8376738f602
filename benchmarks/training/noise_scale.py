"""How large a batch can CIFAR-10 use? The gradient noise scale over ten epochs, at two batches.

python -m benchmarks.training.noise_scale --data data/cifar-10-batches-bin

Recipe and rates are those of benchmarks/training/large_batch_study.py, so that the noise scale (McCandlish
et al. 2018) can be set beside the batch where that study loses accuracy: minutes for each run. A finished
run is a file in benchmarks/results/noise_scale; what is there is not run again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.origin import describe_origin
from benchmarks.tables import ROOT
from benchmarks.training.large_batch_study import RECIPE, WARMUP_EPOCHS, best_rate
from gluonlab.reporting.run_files import latest_by_step, read_json, read_metrics, write_json

RESULTS = ROOT / "benchmarks/results/noise_scale"
BATCHES = (256, 1024)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("data/cifar-10-batches-bin"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--batches", type=int, nargs="+", default=list(BATCHES))
    arguments = parser.parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    for seed in arguments.seeds:
        for batch in arguments.batches:
            path = RESULTS / f"{batch:05d}-seed{seed}.json"
            if not path.exists():
                write_json(path, train(batch, seed, arguments.data))
                print(f"{path.name}: {read_json(path)['largest_useful_batch']:,.0f}", flush=True)


def train(batch: int, seed: int, data: Path) -> dict[str, Any]:
    """A run with linear scaling and warm-up; its largest useful batch, and the estimates of each epoch."""
    overrides = [
        f"seed={seed}",
        f"global_batch_size={batch}",
        f"schedule.base_lr={best_rate('sgd'):g}",
        "schedule.scaling=linear",
        f"schedule.warmup_epochs={WARMUP_EPOCHS}",
        f"log_every={50_000 // batch}",
        "noise_every=5",
    ]
    with tempfile.TemporaryDirectory() as folder:
        run_dir = Path(folder) / "run"
        command = [sys.executable, "-m", "gluonlab.cli.main", "train", str(ROOT / RECIPE), *overrides]
        subprocess.run(
            [*command, f"data.path={data.absolute()}", f"run_dir={run_dir}"], check=True, capture_output=True
        )
        summary = read_json(run_dir / "summary.json")
        rows = latest_by_step(read_metrics(run_dir / "metrics.jsonl"), "train")
    keys = ("epoch", "gradient_variance", "gradient_square")
    return {
        "global_batch_size": batch,
        "seed": seed,
        **{key: summary[key] for key in ("top1", "largest_useful_batch", "wall_seconds", "weights_sha256")},
        "curve_epoch_variance_square": [[row[key] for key in keys] for row in rows if keys[1] in row],
        "recipe": RECIPE,
        "overrides": overrides,
        **describe_origin(),
    }


if __name__ == "__main__":
    main()
