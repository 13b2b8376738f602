"""Seconds of one update of all parameters of a network, without forward, backward and sums."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gluonlab.bench.work import wait_for_device
from gluonlab.runtime.mxnet import nd
from gluonlab.timing import time_block
from gluonlab.training.loop import apply_gradients
from gluonlab.training.run import Run


class Update:
    """The update rule of ``run`` on gradients of random numbers, clipping and averages included."""

    def __init__(self, run: Run) -> None:
        self._run = run
        for gradient in run.workers.gradients:
            nd.random.normal(0, 1e-3, shape=gradient.shape, ctx=gradient.context).copyto(gradient)
        self._parameters = [
            parameter for parameter in run.state.net.collect_params().values() if parameter.grad_req != "null"
        ]

    def step(self) -> None:
        """One update."""
        for parameter in self._parameters:
            for array in parameter.list_data():
                array._fresh_grad = True  # what backward says to the trainer
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
