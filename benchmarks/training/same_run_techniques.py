"""Is it the same run on two processes, whatever technique is on? CIFAR-10, W = 8, 20 updates, bit for bit.

python -m benchmarks.training.same_run_techniques --data data/cifar-10-batches-bin \
    -o benchmarks/results/engine/same_run_techniques.json

Each technique is trained with `deterministic: true` on one process, on two, and on one and from update 10
on two; the digests of the weights go into the result.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.origin import describe_origin
from gluonlab.reporting.run_files import read_json, write_json

RECIPE = "configs/cifar10/techniques.yaml"
UPDATES, BATCH, IMAGES = 20, 256, 50_000
EPOCHS = (UPDATES + 0.5) * BATCH / IMAGES  # 0.105
SETTINGS = [
    *(
        f"global_batch_size={BATCH}",
        "worker_batch_size=32",
        f"epochs={EPOCHS}",
        "schedule.warmup_epochs=0.02",
    ),
    *("deterministic=true", "checkpoint_every=10steps", "log_every=10", "noise_every=5"),
]
# fmt: off
TECHNIQUES = {
    "SGD": ["optimizer.name=sgd"],
    "LARS": ["optimizer.name=lars", "schedule.base_lr=4", "schedule.scaling=sqrt"],
    "LAMB": ["optimizer.name=lamb", "optimizer.clip_norm=1.0", "schedule.base_lr=0.005"],
    "AdamW": ["optimizer.name=adamw", "schedule.base_lr=0.001"],
    "RMSprop warm-up": ["optimizer.name=rmsprop_warmup", "optimizer.transition_center=0.05",
                        "optimizer.transition_period=0.04"],
    "EMA": ["averaging.name=ema", "averaging.decay=0.9"],
    "SWA": ["averaging.name=swa", "averaging.from_epoch=0.04", "averaging.every_epochs=0.02",
            "averaging.statistics_samples=1024"],
    "dropout": ["model.dropout=0.2"],
    "stochastic depth": ["model.stochastic_depth=0.3"],
    "mixup": ["mixing.mixup_alpha=0.4"],
    "CutMix, BCE": ["mixing.cutmix_alpha=1.0", "loss.name=bce"],
    "repeated augmentation": ["data.augment_repeats=2"],
    "batch growth": ["phases=[{from_epoch: 0.04, global_batch_size: 512}]"],
    "growing images": ["data.image_size=16", "data.val_image_size=32",
                       "phases=[{from_epoch: 0.04, data: {image_size: 32}}]"],
    "final collapse": ["phases=[{from_epoch: 0.07, data: {augment: none}, optimizer: {weight_decay: 0.001}, "
                       "schedule: {name: polynomial, base_lr: 0.02, base_batch_size: 64}}]"],
}
# fmt: on


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("data/cifar-10-batches-bin"))
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    digests = {}
    for name, overrides in TECHNIQUES.items():
        with tempfile.TemporaryDirectory() as folder:
            settings = [*SETTINGS, f"data.path={arguments.data.absolute()}", *overrides]
            digests[name] = weights_of(Path(folder), settings)
        print(f"{name}: {len(set(digests[name].values()))} result(s)", flush=True)
    result = {"recipe": RECIPE, "overrides": SETTINGS, "techniques": TECHNIQUES, "weights_sha256": digests}
    write_json(arguments.output, {**result, **describe_origin()})


def weights_of(folder: Path, settings: list[str]) -> dict[str, str]:
    """Digests of the weights: on one process, on two, and moved after update 10."""
    alone, moved = folder / "one", folder / "moved"
    digests = {"1": train(alone, 1, settings)["weights_sha256"]}
    digests["2"] = train(folder / "two", 2, settings)["weights_sha256"]
    shutil.copytree(alone, moved)
    (moved / "summary.json").unlink()
    for checkpoint in (moved / "checkpoints").glob("step-*"):  # as if it had been stopped after update 10
        if checkpoint.name > "step-00000010":
            shutil.rmtree(checkpoint)
    summary = train(moved, 2, settings)
    assert summary["restarts"] == 1
    digests["1, from update 10 on 2"] = summary["weights_sha256"]
    return digests


def train(run_dir: Path, processes: int, settings: list[str]) -> dict[str, Any]:
    """A run; its summary."""
    command = [sys.executable, "-m", "gluonlab.cli.main", "launch", "-n", str(processes), RECIPE]
    subprocess.run([*command, *settings, f"run_dir={run_dir}"], check=True, stdout=subprocess.DEVNULL)
    summary: dict[str, Any] = read_json(run_dir / "summary.json")
    return summary


if __name__ == "__main__":
    main()
