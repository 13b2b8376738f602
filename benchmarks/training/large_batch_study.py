"""How large may a batch be? CIFAR-10 with five ways to choose the learning rate, batch 64 to 8,192.

python -m benchmarks.training.large_batch_study --data data/cifar-10-batches-bin

Base rates are tuned once at batch 64, then every setting runs with each seed: two hours on two cores. Each
finished run is a file in benchmarks/results/large_batch_study; what is there is not run again, so the
study may be stopped at any time. `python -m benchmarks.pages` makes the table and the plot.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.origin import describe_origin
from benchmarks.tables import ROOT
from benchmarks.training.accuracy import curves_of
from gluonlab.reporting.run_files import read_json, write_json

RECIPE = "configs/cifar10/large_batch.yaml"
RESULTS = ROOT / "benchmarks/results/large_batch_study"

BASE_BATCH = 64
BATCHES = (64, 256, 1024, 2048, 4096, 8192)
WARMUP_EPOCHS = 2
RATES_TO_TRY = {
    "sgd": (0.0125, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8),
    "lars": (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0),
}
TUNING_SEED = 1000
EXIT_NOT_FINITE = 5


@dataclass(frozen=True)
class Method:
    """A way to choose the learning rate for a batch that is larger than the one it was tuned for."""

    name: str
    optimizer: str
    scaling: str
    warmup_epochs: float


METHODS = (
    Method("unscaled", "sgd", "none", 0),
    Method("linear", "sgd", "linear", 0),
    Method("linear+warmup", "sgd", "linear", WARMUP_EPOCHS),
    Method("sqrt+warmup", "sgd", "sqrt", WARMUP_EPOCHS),
    Method("lars+warmup", "lars", "sqrt", WARMUP_EPOCHS),
)


@dataclass(frozen=True)
class Setting:
    """One run of the study."""

    method: Method
    batch: int
    base_lr: float
    seed: int

    @property
    def file_name(self) -> str:
        """Tells the setting; sorts by batch."""
        tuned = f"-lr{self.base_lr:g}" if self.seed == TUNING_SEED else ""
        return f"{self.batch:05d}-{self.method.name}{tuned}-seed{self.seed}.json"

    def overrides(self) -> list[str]:
        """What differs from the recipe."""
        return [
            f"seed={self.seed}",
            f"global_batch_size={self.batch}",
            f"optimizer.name={self.method.optimizer}",
            f"schedule.base_lr={self.base_lr:g}",
            f"schedule.scaling={self.method.scaling}",
            f"schedule.warmup_epochs={self.method.warmup_epochs:g}",
        ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("data/cifar-10-batches-bin"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--batches", type=int, nargs="+", default=list(BATCHES))
    parser.add_argument("--jobs", type=int, default=2, help="runs side by side, of one thread each")
    parser.add_argument("--work", type=Path, default=ROOT / "runs/large_batch_study")
    arguments = parser.parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    study = Study(arguments.data, arguments.work, arguments.jobs)
    study.run(tuning_settings())
    base_lrs = {name: best_rate(name) for name in RATES_TO_TRY}
    print(f"base rates at batch {BASE_BATCH}: {base_lrs}", flush=True)
    study.run(study_settings(base_lrs, arguments.batches, arguments.seeds))


def tuning_settings() -> list[Setting]:
    """Each base rate at the batch it is for, with a seed that the study itself does not use."""
    plain = {"sgd": METHODS[0], "lars": METHODS[-1]}
    return [
        Setting(plain[name], BASE_BATCH, rate, TUNING_SEED)
        for name, rates in RATES_TO_TRY.items()
        for rate in rates
    ]


def best_rate(optimizer: str) -> float:
    """The base rate with the best held-out accuracy in the tuning runs."""
    settings = [setting for setting in tuning_settings() if setting.method.optimizer == optimizer]
    best = max(settings, key=lambda setting: float(read_json(RESULTS / setting.file_name)["top1"] or 0))
    return best.base_lr


def study_settings(base_lrs: dict[str, float], batches: Sequence[int], seeds: Sequence[int]) -> list[Setting]:
    """Every method at every batch, seed by seed; at the base batch no way to scale the rate changes it."""
    return [
        Setting(method, batch, base_lrs[method.optimizer], seed)
        for seed in seeds
        for batch in batches
        for method in METHODS
        if batch != BASE_BATCH or method.name not in ("linear", "sqrt+warmup")
    ]


@dataclass(frozen=True)
class Study:
    """Where runs read and write, and how many go on at once."""

    data: Path
    work: Path
    jobs: int

    def run(self, settings: Sequence[Setting]) -> None:
        """Run what has no result yet."""
        missing = [setting for setting in settings if not (RESULTS / setting.file_name).exists()]
        print(f"{len(settings) - len(missing)} of {len(settings)} runs are there", flush=True)
        with ThreadPoolExecutor(self.jobs) as pool:
            for setting, top1 in zip(missing, pool.map(self.run_one, missing)):
                print(f"{setting.file_name}: {'not finite' if top1 is None else f'{top1:.4f}'}", flush=True)

    def run_one(self, setting: Setting) -> float | None:
        """Train (or go on with) one setting and write its result; top-1, None if it was not finite."""
        run_dir = self.work / setting.file_name.removesuffix(".json")
        command = [sys.executable, "-m", "gluonlab.cli.main", "train", str(ROOT / RECIPE)]
        overrides = [*setting.overrides(), f"data.path={self.data.absolute()}", f"run_dir={run_dir}"]
        job = subprocess.run([*command, *overrides], capture_output=True, text=True)
        if job.returncode not in (0, EXIT_NOT_FINITE):
            raise RuntimeError(f"{' '.join(command + overrides)}\n{job.stderr}")
        result = self.result_of(setting, run_dir, is_finite=job.returncode == 0)
        write_json(RESULTS / setting.file_name, result)
        return result["top1"]  # type: ignore[no-any-return]

    def result_of(self, setting: Setting, run_dir: Path, *, is_finite: bool) -> dict[str, Any]:
        """What is kept of a run."""
        summary = read_json(run_dir / "summary.json") if is_finite else {}
        config = json.loads((run_dir / "config.json").read_text())
        return {
            "method": setting.method.name,
            "global_batch_size": setting.batch,
            "base_lr": setting.base_lr,
            "seed": setting.seed,
            "top1": summary.get("top1"),
            "train_loss": summary.get("train_loss"),
            "val_loss": summary.get("val_loss"),
            "steps": config["total_steps"],
            "weights_sha256": summary.get("weights_sha256"),
            "wall_seconds": summary.get("wall_seconds"),
            "curves_epoch_loss_top1": curves_of(run_dir),
            "recipe": RECIPE,
            "overrides": setting.overrides(),
            **describe_origin(),
        }


if __name__ == "__main__":
    main()
