"""Where the time of an update goes: each part alone, with a wait for the device after it."""

from __future__ import annotations

import time
from collections import defaultdict
from statistics import median
from typing import Any

from gluonlab import arrays as libraries
from gluonlab.bench.work import Training, wait_for_device
from gluonlab.parallel.world import World
from gluonlab.training.loop import apply_gradients

PARTS = ("input", "forward", "backward", "waiting", "communication", "optimizer")
"""``waiting`` is for the slowest process, before ``communication``."""

BOUND_SHARE = 0.1
"""An update of which the device spends less than this with waiting for data or peers is bound by compute."""


def split_time(training: Training, world: World, updates: int) -> dict[str, float]:
    """Median seconds of each part over ``updates`` updates of this process.

    The waits keep parts from overlapping, so their sum is more than the time of an update.
    """
    laps = [_timed_update(training, world) for _ in range(updates)]
    return {part: median(lap[part] for lap in laps) for part in PARTS}


def bound_by(parts: dict[str, float]) -> str:
    """``input``, ``communication`` or ``compute``: what an update waits for most, or computes."""
    waits = {
        "input": parts["input"],
        "communication": parts["waiting"] + parts["communication"],
    }
    longest = max(waits, key=lambda name: waits[name])
    return longest if waits[longest] > BOUND_SHARE * sum(parts.values()) else "compute"


class _Stopwatch:
    """Seconds by part, each up to the moment when the device is done with it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._last = time.perf_counter()

    def lap(self, part: str) -> None:
        wait_for_device()
        now = time.perf_counter()
        self.seconds[part] += now - self._last
        self._last = now


def _timed_update(training: Training, world: World) -> dict[str, float]:
    run, watch = training.run, _Stopwatch()
    scaler = run.state.loss_scaler

    def head_gradient(losses: Any) -> Any:
        """The gradient of the losses; asked for between forward and backward, where the stopwatch is read."""
        watch.lap("forward")
        return scaler.head_gradient(losses) if scaler else libraries.of(losses).full_like(losses, 1.0)

    for _ in run.workers.turns(run.state.step):
        batch = next(training.batches)
        watch.lap("input")
        run.state.network.train(batch, run.task, head_gradient)
        watch.lap("backward")
    world.exchange("")
    watch.lap("waiting")
    run.workers.reduce()
    watch.lap("communication")
    apply_gradients(run.state, run.workers, run.schedule(run.state.step))
    run.state.step += 1
    watch.lap("optimizer")
    return watch.seconds
