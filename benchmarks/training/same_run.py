"""Is it the same run on another number of processes? ResNet-20 on CIFAR-10 with augmentation, W = 8.

python -m benchmarks.training.same_run --data data/cifar-10-batches-bin \
    -o benchmarks/results/engine/same_run.json
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from benchmarks.origin import describe_origin
from gluonlab.reporting.run_files import read_json, write_json

RECIPE = "configs/cifar10/resnet20.yaml"
IMAGES, BATCH, WORKERS = 50_000, 256, 8
PROCESSES = (1, 2, 4)
SETTINGS = [
    f"global_batch_size={BATCH}",
    f"worker_batch_size={BATCH // WORKERS}",
    "schedule.name=cosine",
    "schedule.milestones=null",
    "schedule.factor=null",
    "tensorboard=false",
    "cpu_threads=1",
]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("data/cifar-10-batches-bin"))
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = [*SETTINGS, f"data.path={arguments.data}"]
        result = {
            "recipe": RECIPE,
            "overrides": SETTINGS,
            "one_update": compare_one_update(Path(folder), settings),
            "deterministic": compare_bits(Path(folder), settings),
            **describe_origin(),
        }
    write_json(arguments.output, result)
    print(result["one_update"], result["deterministic"])


def train(run_dir: Path, processes: int, updates: int, settings: list[str]) -> dict[str, Any]:
    """A run of ``updates`` updates; its summary."""
    command = [sys.executable, "-m", "gluonlab.cli.main", "launch", "-n", str(processes), RECIPE]
    length = [f"epochs={(updates + 0.5) * BATCH / IMAGES}", f"schedule.warmup_epochs={BATCH / IMAGES / 2}"]
    subprocess.run(
        [*command, *settings, *length, f"run_dir={run_dir}"], check=True, stdout=subprocess.DEVNULL
    )
    summary: dict[str, Any] = read_json(run_dir / "summary.json")
    assert summary["steps"] == updates
    return summary


def compare_one_update(folder: Path, settings: list[str]) -> dict[str, Any]:
    """Largest relative L2 difference of a tensor (weights, statistics, momentum) to one process."""
    tensors = {}
    for processes in PROCESSES:
        run_dir = folder / f"one-update-{processes}"
        train(run_dir, processes, 1, settings)
        checkpoint = run_dir / "checkpoints/step-00000001"
        tensors[processes] = {
            f"{name}/{key}": values.astype(float)
            for name in ("model", "optimizer")
            for key, values in load_file(checkpoint / f"{name}.safetensors").items()
        }
    alone = tensors[1]
    differences = {
        str(processes): max(relative_difference(tensors[processes][key], alone[key]) for key in alone)
        for processes in PROCESSES[1:]
    }
    return {"tensors": len(alone), "largest_relative_difference": differences}


def relative_difference(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """L2 norm of the difference over that of ``other``."""
    return float(np.linalg.norm(one - other)) / max(float(np.linalg.norm(other)), 1e-30)


def compare_bits(folder: Path, settings: list[str]) -> dict[str, Any]:
    """Digests of the weights after 20 updates with ``deterministic: true``, whole or moved after 10."""
    settings = [*settings, "deterministic=true", "checkpoint_every=10steps"]
    digests = {}
    for processes in PROCESSES:
        summary = train(folder / f"whole-{processes}", processes, 20, settings)
        digests[f"{processes} process(es)"] = summary["weights_sha256"]
    for before, after in ((1, 2), (2, 4), (4, 1)):
        moved = folder / f"moved-{before}-{after}"
        shutil.copytree(folder / f"whole-{before}", moved)
        (moved / "summary.json").unlink()
        shutil.rmtree(moved / "checkpoints/step-00000020")  # as if it had been stopped after update 10
        summary = train(moved, after, 20, settings)
        assert summary["restarts"] == 1
        digests[f"{before} process(es), from update 10 on {after}"] = summary["weights_sha256"]
    return {"updates": 20, "weights_sha256": digests}


if __name__ == "__main__":
    main()
