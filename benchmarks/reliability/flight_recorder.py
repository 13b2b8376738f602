"""What the flight recorder and the look-out for slow processes cost an update of digits on 2 processes.

python -m benchmarks.reliability.flight_recorder -o FILE.json    # about 2 minutes on an idle machine

Blocks of updates with and without them take turns within the same processes, in either order; the cost is
the median over pairs of blocks. Without: a recorder that only counts, and no calls back of the engine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from gluonlab.bench.statistics import median_interval
from gluonlab.launch import launch
from gluonlab.parallel.environment import launched_process
from gluonlab.reporting.run_files import write_json
from gluonlab.supervision.flight_recorder import FlightRecorder

PROCESSES, UPDATES, PAIRS = 2, 100, 40


class CountingRing:
    """A ring that keeps nothing."""

    count = 0

    def enter(self, name: str, step: int, size: int = 0) -> int:
        """Count."""
        self.count += 1
        return self.count

    def leave(self, number: int) -> None:
        """Nothing to do."""


class CountingRecorder(FlightRecorder):
    """A recorder that keeps nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.collectives = CountingRing()  # type: ignore[assignment]

    def turn_to(self, phase: str, step: int) -> None:
        """Nothing to do."""


def main() -> None:
    """Start the processes, or be one of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--updates", type=int, default=UPDATES, help="of a block")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("-o", "--out", type=Path, required=True)
    options = parser.parse_args()
    if launched_process().size == 1:
        launch([sys.executable, "-m", "benchmarks.reliability.flight_recorder", *sys.argv[1:]], PROCESSES)
        sys.stdout.write(options.out.read_text())
        return
    from gluonlab.runtime.leaving import leave

    measure(options.updates, options.pairs, options.out)
    leave(0)


def measure(updates: int, pairs: int, out: Path) -> None:
    """Train in blocks of ``updates``; rank 0 writes the result to ``out``."""
    from gluonlab.build.run import build_run
    from gluonlab.cli.bench.session import join_with_threads
    from gluonlab.cli.bench.session import leave as leave_world
    from gluonlab.config import load_config
    from gluonlab.metrics import Metrics
    from gluonlab.parallel.agreement import NONE, Agreement
    from gluonlab.runtime.mxnet import nd
    from gluonlab.training.loop import train_step

    world, _ = join_with_threads(1)
    config = load_config(Path("configs/digits.yaml"), ["tensorboard=false", "noise_every=0", "epochs=100000"])
    with tempfile.TemporaryDirectory() as folder:
        run = build_run(config, Path(folder), world)
        run.enter_phase()
        workers, progress = run.workers, world.progress
        size, mine = workers.worker_batch_size, workers.mine
        batches = progress.watch(run.loader.batches(run.sampler.requests(0, 10**9, size, mine)))
        metrics, agreement = Metrics(world, run.ctx, run.task), Agreement(world)
        sides: dict[bool, tuple[FlightRecorder, Any]] = {
            True: (progress.recorder, workers._waiting),
            False: (CountingRecorder(), None),
        }

        def block(is_on: bool) -> float:
            progress.recorder, workers._waiting = sides[is_on]
            began = time.perf_counter()
            for _ in range(updates):
                train_step(run.state, batches, run.task, run.schedule, workers, metrics)
                progress.mark_step(run.state.step)
                agreement.exchange(workers, NONE)
            nd.waitall()
            return (time.perf_counter() - began) / updates

        block(True), block(False)
        rows = []
        for number in range(pairs):
            order = (True, False) if number % 2 == 0 else (False, True)
            seconds = {is_on: block(is_on) for is_on in order}
            rows.append((seconds[True], seconds[False]))
        batches.close()
    if world.rank == 0:
        write_json(out, result_of(rows))
    leave_world(world)


def result_of(rows: list[tuple[float, float]]) -> dict[str, Any]:
    """Seconds of an update on either side, and by how many percent more it takes with the recorder."""
    from benchmarks.origin import describe_origin

    percent = [100 * (with_it / without - 1) for with_it, without in rows]
    return {
        "with": [row[0] for row in rows],
        "without": [row[1] for row in rows],
        "percent": {"median": median(percent), "interval": median_interval(percent)},
        **describe_origin(),
    }


if __name__ == "__main__":
    main()
