"""What checkpoints cost training: ResNet-50 with momentum, one a minute, written in the background.

python benchmarks/checkpoint_stall.py            # about 3.5 minutes on an idle machine
python benchmarks/checkpoint_stall.py --quick -o /tmp/stall.json

Blocks of the same number of updates, in turn without a save and with one at their start; the save has
ended when its block ends. What a checkpoint costs is the difference within a pair of blocks: the time that
the training thread stands still (comparison of weights, snapshot), which is also given alone, and that for
which the thread that writes takes its share of the cores. Medians over the pairs, in seconds and as a part
of 60 s.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, stdev
from typing import TYPE_CHECKING, Any

import psutil
from accuracy import describe_machine

from gluonlab.reporting.run_files import write_json

if TYPE_CHECKING:
    from gluonlab.training.run import Run

OUT = Path(__file__).parent / "results/checkpoint_stall.json"
THREADS = psutil.cpu_count(logical=True)
IMAGES, BLOCK_SECONDS, PAIRS = 8, 12.0, 7
SECONDS_IN_ALL = 215.0


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="ResNet-18, two short pairs")
    parser.add_argument("-o", "--out", type=Path, default=OUT)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(THREADS)  # before MXNet is imported
    model, seconds, pairs = (
        ("resnet18_v1b", 4.0, 2) if options.quick else ("resnet50_v1b", BLOCK_SECONDS, PAIRS)
    )
    with tempfile.TemporaryDirectory(dir=".") as folder:
        result = measure(model, Path(folder), seconds, pairs)
    command = f"python benchmarks/checkpoint_stall.py{' --quick' if options.quick else ''}"
    write_json(options.out, {"model": model, "command": command, **result, **describe_machine()})
    sys.stdout.write(f"{result}\n")


class Log:
    """The reporter of a saver: what each checkpoint took; a save that failed is an error."""

    def __init__(self) -> None:
        self.stalls: list[float] = []
        self.writes: list[float] = []

    def log(self, kind: str, step: int, *, seconds: float, write_seconds: float) -> None:
        """One checkpoint is on the disk."""
        self.stalls.append(seconds)
        self.writes.append(write_seconds)

    def message(self, text: str) -> None:
        """Something went wrong."""
        raise RuntimeError(text)


def measure(model: str, folder: Path, block_seconds: float, pairs: int) -> dict[str, Any]:
    """Pairs of blocks, without and with a save, of about ``block_seconds`` each."""
    from gluonlab.metrics import Metrics
    from gluonlab.runtime.mxnet import nd
    from gluonlab.training.loop import train_step
    from gluonlab.training.saving import Saver
    from gluonlab.training.state import checkpoint_state

    run, log = build(model, folder), Log()
    saver: Any = Saver(run, log)  # type: ignore[arg-type]  # all that it asks of a reporter
    metrics = Metrics(run.world, run.ctx)
    batches = run.loader.batches(run.sampler.requests(0, run.total_steps, IMAGES, run.workers.mine))

    def block(updates: int, *, has_save: bool) -> float:
        start = time.perf_counter()
        if has_save:
            saver.save(checkpoint_state(run.state), None)
        for _ in range(updates):
            train_step(run.state, batches, run.loss_fn, run.schedule, run.workers, metrics)
        nd.waitall()
        return time.perf_counter() - start

    block(2, has_save=False)
    updates = max(2, round(block_seconds / (block(2, has_save=False) / 2)))
    without: list[float] = []
    with_save: list[float] = []
    begun = psutil.Process().create_time()
    while len(without) < pairs and time.time() - begun + 2.2 * max(with_save, default=0.0) < SECONDS_IN_ALL:
        without.append(block(updates, has_save=False))
        with_save.append(block(updates, has_save=True))
        saver.report()
        assert len(log.writes) == len(with_save), "the block was too short for the save"
    size = sum(path.stat().st_size for path in run.store.path_of(run.store.steps()[-1]).iterdir())
    saver.close()
    costs = [one - other for one, other in zip(with_save, without)]
    return {
        "stall_seconds": median(log.stalls),
        "cost_seconds": median(costs),
        "cost_seconds_sd": stdev(costs),
        "cost_percent_of_a_minute": 100 * median(costs) / 60,
        "checkpoint_bytes": size,
        "images_per_update": IMAGES,
        "updates_per_block": updates,
        "threads": THREADS,
        "load_average": os.getloadavg()[0],
        "seconds": {"without": without, "with": with_save, "stalls": log.stalls, "writes": log.writes},
    }


def build(model: str, folder: Path) -> Run:
    """A run on synthetic images, in one process."""
    from gluonlab.build.benchmark import benchmark_config
    from gluonlab.build.run import build_run
    from gluonlab.parallel.world import SingleProcess

    return build_run(benchmark_config(model, [], processes=1, batch=IMAGES), folder, SingleProcess())


if __name__ == "__main__":
    main()
