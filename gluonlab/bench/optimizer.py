"""Seconds of one update of all parameters of a network, without forward, backward and sums."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from gluonlab import arrays as libraries
from gluonlab.bench.work import wait_for_device
from gluonlab.timing import time_block
from gluonlab.training.loop import apply_gradients
from gluonlab.training.run import Run


class Update:
    """The update rule of ``run`` on gradients of random numbers, clipping and averages included."""

    def __init__(self, run: Run) -> None:
        self._run = run
        draw = np.random.RandomState(run.workers.count)
        for gradient in run.workers.gradients:
            values = 1e-3 * draw.standard_normal(tuple(gradient.shape))
            libraries.of(gradient).fill(gradient, values.astype(np.float32))

    def step(self) -> None:
        """Update the weights once and advance the step."""
        apply_gradients(self._run.state, self._run.workers, self._run.schedule(self._run.state.step))
        self._run.state.step += 1


def measure_updates(runs: Sequence[Run], rounds: int, updates: int) -> Iterator[list[list[float]]]:
    """Seconds of one update of each of ``runs`` so far, after each round.

    In a round all take turns, ``updates`` each.
    """
    steps = [Update(run).step for run in runs]
    seconds: list[list[float]] = [[] for _ in runs]
    for number in range(rounds + 1):
        for times, step in zip(seconds, steps):
            block = time_block(step, updates, wait_for_device)
            if number > 0:  # the first round makes states and finds the memory
                times.append(block.seconds / updates)
        if number > 0:
            yield seconds
