"""Losses and the metrics of a task as sums on the device; they become averages when somebody asks."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Any

from gluonlab import arrays as libraries
from gluonlab.parallel.world import World
from gluonlab.task import LOSS, Task

# Batches that may be queued on the device; one more would only take memory, the device is not idle.
MAX_IN_FLIGHT = 2


class Metrics:
    """Sums over the samples of this process; `compute` adds those of the others and divides once."""

    def __init__(self, world: World, ctx: Any, task: Task) -> None:
        self._world, self._task = world, task
        self._library = libraries.of(ctx)
        self._names = (LOSS, *task.metrics)
        shape = (len(self._names) + 1,)
        self._sums, self._totals = (self._library.zeros(shape, ctx, "float64") for _ in range(2))
        self._in_flight: deque[Callable[[], object]] = deque()

    def reset(self) -> None:
        """Forget all samples."""
        self._sums[:] = 0

    def update(self, losses: Any, outputs: Any, batch: tuple[Any, ...]) -> None:
        """Add one batch, and the losses (n,) and outputs that the task made of it.

        Waits for the batch before the last, so that a loader cannot run ahead of the device without
        bound; the device has work all the while.
        """
        sums = self._task.sums(losses, outputs, *batch)
        self._sums += sums
        self._in_flight.append(self._library.mark(sums))
        if len(self._in_flight) > MAX_IN_FLIGHT:
            self._in_flight.popleft()()  # the wait: the device has two batches more to do

    def compute(self) -> dict[str, float]:
        """Averages over the samples of all processes, which must call this together; waits once.

        Returns ``loss``, the metrics of the task by name and ``count``; the averages of nothing are NaN.
        """
        self._library.copy([self._sums], [self._totals])
        self._world.sum([self._totals], "metrics")  # the collective
        with self._world.progress.waiting_for_sums():
            *sums, count = self._library.to_numpy(self._totals).tolist()
        means = (total / count if count else math.nan for total in sums)
        return {**dict(zip(self._names, means)), "count": count}
