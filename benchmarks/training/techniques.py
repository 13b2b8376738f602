"""What each technique of large-batch training does to one small run: CIFAR-10, four epochs, batch 1,024.

python -m benchmarks.training.techniques --data data/cifar-10-batches-bin

Each technique is switched on alone, with each seed: about 50 runs. A finished run is a file in
benchmarks/results/techniques; what is there is not run again, so the study may be stopped at any time.
`python -m benchmarks.pages` makes the tables of docs/techniques.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.origin import describe_origin
from benchmarks.tables import ROOT
from benchmarks.training.accuracy import curves_of
from gluonlab.reporting.run_files import read_json, write_json

RECIPE = "configs/cifar10/techniques.yaml"
RESULTS = ROOT / "benchmarks/results/techniques"
BASE = "warm-up"
EXIT_NOT_FINITE = 5

MULTISTEP = ["schedule.name=multistep", "schedule.milestones=[2, 3]", "schedule.factor=0.25"]
SMALL = ["global_batch_size=256", "schedule.warmup_epochs=0.2"]
GROWTH = "phases=[{from_epoch: 2, global_batch_size: 1024}, {from_epoch: 3, global_batch_size: 4096}]"
COLLAPSE = (
    "phases=[{from_epoch: 3, data: {augment: none}, optimizer: {weight_decay: 1.0e-3}, "
    "schedule: {name: polynomial, power: 2, base_lr: 0.02, base_batch_size: 64}}]"
)
SIZES = "phases=[{from_epoch: 1.5, data: {image_size: 24}}, {from_epoch: 3, data: {image_size: 32}}]"


@dataclass(frozen=True)
class Technique:
    """A ``name``, who is to be credited, what the recipe's keys are set to, and which run to compare with."""

    name: str
    paper: str
    overrides: tuple[str, ...] = ()
    against: str = BASE

    @property
    def file_stem(self) -> str:
        """The name as a file may have it."""
        return self.name.replace(" ", "-").replace(",", "")


# fmt: off
TECHNIQUES = (
    Technique("moving average", "Polyak & Juditsky 1992", (
        "averaging.name=ema", "averaging.decay=0.95")),
    Technique("rate not scaled", "", ("schedule.scaling=none", "schedule.warmup_epochs=0")),
    Technique("square root scaling", "Krizhevsky 2014", ("schedule.scaling=sqrt",), "rate not scaled"),
    Technique("linear scaling", "Krizhevsky 2014", ("schedule.warmup_epochs=0",), "rate not scaled"),
    Technique("dropout", "Srivastava et al. 2014", ("model.dropout=0.1",)),
    Technique("label smoothing", "Szegedy et al. 2016", ("label_smoothing=0.1",)),
    Technique("stochastic depth", "Huang et al. 2016", ("model.stochastic_depth=0.1",)),
    Technique(BASE, "Goyal et al. 2017", against="linear scaling"),
    Technique("zero gamma", "Goyal et al. 2017", ("model.zero_last_gamma=true",)),
    Technique("decay of norm and bias", "", ("optimizer.decay_norm_and_bias=true",)),
    Technique("no momentum correction", "", ("optimizer.momentum_correction=false",)),
    Technique("LARS", "You et al. 2017", (
        "optimizer.name=lars", "schedule.scaling=sqrt", "schedule.base_lr=4")),
    Technique("RMSprop warm-up", "Akiba et al. 2017", (
        "optimizer.name=rmsprop_warmup", "optimizer.transition_center=0.4", "optimizer.transition_period=0.4",
        "optimizer.rmsprop_lr=0.001", "optimizer.beta2=0.99", "schedule.warmup_epochs=0")),
    Technique("final collapse", "Codreanu et al. 2017", (COLLAPSE,)),
    Technique("256, rate falls", "", (*SMALL, *MULTISTEP)),
    Technique("256, batch grows", "Smith et al. 2018", (
        *SMALL, GROWTH, "schedule.name=constant"), "256, rate falls"),
    Technique("mixup", "Zhang et al. 2018", ("mixing.mixup_alpha=0.2",)),
    Technique("weight averaging", "Izmailov et al. 2018", (
        "averaging.name=swa", "averaging.from_epoch=3", "averaging.every_epochs=0.25",
        "averaging.statistics_samples=10000")),
    Technique("growing images", "Howard 2018", ("data.image_size=16", "data.val_image_size=32", SIZES)),
    Technique("CutMix", "Yun et al. 2019", ("mixing.cutmix_alpha=1.0",)),
    Technique("AdamW", "Loshchilov & Hutter 2019", (
        "optimizer.name=adamw", "schedule.scaling=sqrt", "schedule.base_lr=0.001",
        "optimizer.weight_decay=0.05")),
    Technique("LAMB", "You et al. 2020", (
        "optimizer.name=lamb", "schedule.scaling=sqrt", "schedule.base_lr=0.005",
        "optimizer.weight_decay=0.05")),
    Technique("repeated augmentation", "Hoffer et al. 2020", ("data.augment_repeats=2",)),
    Technique("binary cross entropy", "Wightman et al. 2021", (
        "loss.name=bce", "optimizer.name=lamb", "schedule.scaling=sqrt", "schedule.base_lr=0.005",
        "optimizer.weight_decay=0.05"), "LAMB"),
)
# fmt: on


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("data/cifar-10-batches-bin"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--jobs", type=int, default=2, help="runs side by side, of one thread each")
    parser.add_argument("--only", nargs="+", default=[], help="names of techniques; default: all")
    arguments = parser.parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    run_missing(arguments.data, arguments.seeds, arguments.jobs, arguments.only)


def run_missing(data: Path, seeds: Sequence[int], jobs: int, only: Sequence[str]) -> None:
    """Run what has no result yet, seed by seed."""
    settings = [(one, seed) for seed in seeds for one in TECHNIQUES if not only or one.name in only]
    missing = [(one, seed) for one, seed in settings if not result_file(one, seed).exists()]
    print(f"{len(settings) - len(missing)} of {len(settings)} runs are there", flush=True)
    with ThreadPoolExecutor(jobs) as pool:
        for (one, seed), top1 in zip(missing, pool.map(lambda job: run_one(job[0], job[1], data), missing)):
            shown = "not finite" if top1 is None else f"{top1:.4f}"
            print(f"{one.name}, seed {seed}: {shown}", flush=True)


def result_file(technique: Technique, seed: int) -> Path:
    """Where the result of a run is kept."""
    return RESULTS / f"{technique.file_stem}-seed{seed}.json"


def run_one(technique: Technique, seed: int, data: Path) -> float | None:
    """Train with one technique and write the result; top-1, None if it was not finite."""
    overrides = [f"seed={seed}", *technique.overrides]
    with tempfile.TemporaryDirectory() as folder:
        run_dir = Path(folder) / "run"
        command = [sys.executable, "-m", "gluonlab.cli.main", "train", str(ROOT / RECIPE), *overrides]
        job = subprocess.run(
            [*command, f"data.path={data.absolute()}", f"run_dir={run_dir}"], capture_output=True, text=True
        )
        if job.returncode not in (0, EXIT_NOT_FINITE):
            raise RuntimeError(f"{' '.join(command)}\n{job.stderr}")
        result = result_of(technique, run_dir, is_finite=job.returncode == 0)
    write_json(result_file(technique, seed), {"seed": seed, "overrides": overrides, **result})
    return result["top1"]  # type: ignore[no-any-return]


def result_of(technique: Technique, run_dir: Path, *, is_finite: bool) -> dict[str, Any]:
    """What is kept of a run."""
    summary = read_json(run_dir / "summary.json") if is_finite else {}
    kept = ("top1", "val_loss", "train_loss", "wall_seconds", "weights_sha256")
    return {
        "technique": technique.name,
        **{key: summary.get(key) for key in kept},
        "steps": json.loads((run_dir / "config.json").read_text())["total_steps"],
        "curves_epoch_loss_top1": curves_of(run_dir),
        "recipe": RECIPE,
        **describe_origin(),
    }


if __name__ == "__main__":
    main()
