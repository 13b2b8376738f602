"""Training in gluonlab: its updates, a whole run with all that it tells, or updates that tell nothing.

python -m benchmarks.speed.peers.gluonlab_training SIDE MODEL PRECISION BATCH SIZE CLASSES
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any

from benchmarks.speed.peers.protocol import Questions, serve
from gluonlab.bench.work import Training, wait_for_device
from gluonlab.build.benchmark import benchmark_config
from gluonlab.build.run import build_run
from gluonlab.data.loader import Batch
from gluonlab.data.sampler import Request
from gluonlab.parallel.world import SingleProcess
from gluonlab.runtime.mxnet import mx
from gluonlab.supervision.line import launcher_line
from gluonlab.supervision.stop import StopRequest
from gluonlab.supervision.switchboard import Switchboard
from gluonlab.supervision.variables import ADDRESS, KEY, LIMITS
from gluonlab.torch_engine import check_torch
from gluonlab.training.fit import fit
from gluonlab.training.loop import apply_gradients
from gluonlab.training.run import Run
from gluonlab.training.same_weights import state_checksums

ABOUT = {"mxnet": mx.__version__}
LOG_EVERY, CHECK_EVERY = 5, 10  # of `observed`: ten times as often as a run does by default


def main(side: str, model: str, precision: str, batch: int, size: int, classes: int) -> None:
    overrides = [f"data.classes={classes}", "data.channels=3", "data.mean=[0,0,0]", "data.std=[1,1,1]"]
    if side == "observed":
        overrides += [f"log_every={LOG_EVERY}", f"check_weights_every={CHECK_EVERY}"]
    if side == "torch_updates":
        overrides += ["engine=torch"]
        check_torch()
    config = benchmark_config(
        model, overrides, processes=1, batch=batch, image_size=size, precision=precision
    )
    with tempfile.TemporaryDirectory() as folder:
        SIDES[side](build_run(config, Path(folder), SingleProcess()))


def updates(run: Run) -> None:
    """The updates of a run, which `fit` goes through as well, at its own intervals."""
    serve(Training(run).step, wait_for_device, ABOUT)


def observed(run: Run) -> None:
    """A run that logs, counts, is watched by a launcher and has the checksums of its weights taken."""
    run.loader = AskedLoader(run)
    with Switchboard("127.0.0.1", size=1) as launcher:
        os.environ.update({ADDRESS: f"127.0.0.1:{launcher.port}", KEY: launcher.key, LIMITS: "600,600"})
        line = launcher_line()
        assert line is not None
        line.watch(run.world.progress, StopRequest())
        try:
            fit(run)
        finally:
            line.leave()


class AskedLoader:
    """The loader of ``run``, which yields a batch when the parent asks for a step.

    A single process has no others to compare its weights with, so their checksums are taken here.
    """

    def __init__(self, run: Run) -> None:
        self._run, self._loader = run, run.loader
        self._questions = Questions(wait_for_device, ABOUT)  # before a run prints anything

    def batches(self, requests: Iterable[Request]) -> Generator[Batch, None, None]:
        """One for each request."""
        for batch in self._loader.batches(requests):
            if not self._questions.wants_step():
                raise SystemExit
            if self._run.state.step % CHECK_EVERY == CHECK_EVERY - 1:
                state_checksums(self._run.state)
            yield batch

    def statistics(self) -> dict[str, float]:
        """Of the loader."""
        return self._loader.statistics()


def bare(run: Run) -> None:
    """The same updates, of which nothing is counted or told; the loss of the last but two is waited for."""
    work, losses = Training(run), []

    def step() -> None:
        for _ in run.workers.turns(run.state.step):
            loss, _ = run.state.network.train(next(work.batches), run.task)
        run.workers.reduce()
        apply_gradients(run.state, run.workers, run.schedule(run.state.step))
        run.state.step += 1
        losses.append(loss)
        if len(losses) > 2:
            losses.pop(0).wait_to_read()

    serve(step, wait_for_device, ABOUT)


SIDES: dict[str, Callable[[Any], None]] = {
    "updates": updates,
    "torch_updates": updates,
    "observed": observed,
    "bare": bare,
}


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], *map(int, sys.argv[4:7]))
