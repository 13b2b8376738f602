"""Virtual workers: the recipe's number of workers W, run by however many processes there are.

Each process plays W / P of them one after another and the update is that of W real workers: BatchNorm
normalises each worker's micro-batch by its own statistics, gradients add up over all of them, and the
running statistics advance once per update, by the mean over all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

from gluonlab.parallel.shares import workers_of_process
from gluonlab.parallel.world import World
from gluonlab.runtime.mxnet import gluon, nd


class VirtualWorkers:
    """The share of this process in the W workers of a network that is initialised.

    ``micro_steps`` forward and backward passes make one update; call `collect` after each and `reduce`
    after the last.
    """

    def __init__(
        self, net: gluon.Block, world: World, global_batch_size: int, worker_batch_size: int
    ) -> None:
        self.count = global_batch_size // worker_batch_size
        self.mine = workers_of_process(self.count, world.rank, world.size)
        self.micro_steps = len(self.mine)
        self.global_batch_size = global_batch_size
        self.worker_batch_size = worker_batch_size
        self._world = world
        self._net = net
        parameters = net._collect_params_with_prefix()
        trained = [parameter for parameter in parameters.values() if parameter.grad_req != "null"]
        if self.micro_steps > 1:
            for parameter in trained:
                parameter.grad_req = "add"
        self._gradients = [parameter.grad() for parameter in trained]
        self._statistics = _running_statistics(net, self.micro_steps) if self.count > 1 else None

    def begin(self) -> None:
        """Start an update: gradients to zero where they add up."""
        if self.micro_steps > 1:
            self._net.collect_params().zero_grad()
            if self._statistics:
                self._statistics.remember()

    def collect(self) -> None:
        """Take one worker's running statistics; the next worker starts where this one did."""
        if self._statistics:
            self._statistics.collect()

    def reduce(self) -> None:
        """Leave the gradient's sum over all samples of the update, and the mean running statistics."""
        if self._statistics is None:
            self._world.sum(self._gradients, "update")
            return
        # Last in the list is first to be reduced, and the statistics are there before the gradients.
        self._world.sum([*self._gradients, self._statistics.total], "update")
        self._statistics.advance(self.count)


class RunningStatistics:
    """BatchNorm's running means and variances, ``arrays`` (channels,), as one flat array.

    They are read after backward, since that is where MXNet updates them on the CPU.
    """

    def __init__(self, arrays: Sequence[Any], micro_steps: int) -> None:
        self._arrays = arrays
        self._micro_steps = micro_steps
        self._collected = 0
        self._start = [array.copy() for array in arrays]
        self._flat = nd.concat(*arrays, dim=0)
        self.total = self._flat.zeros_like()

    def remember(self) -> None:
        """Note the statistics that each of this process's workers starts from."""
        for array, start in zip(self._arrays, self._start):
            array.copyto(start)

    def collect(self) -> None:
        """Add this micro-step's statistics to the sum, then put back those the update began with."""
        if self._collected == 0:
            nd.concat(*self._arrays, dim=0, out=self.total)
        else:
            nd.concat(*self._arrays, dim=0, out=self._flat)
            self.total += self._flat
        self._collected += 1
        if self._collected < self._micro_steps:
            for array, start in zip(self._arrays, self._start):
                start.copyto(array)

    def advance(self, count: int) -> None:
        """Set the statistics to the mean over ``count`` workers, whose sum ``total`` holds by now."""
        self._collected = 0
        self.total /= count
        first = 0
        for array in self._arrays:
            self.total[first : first + array.size].copyto(array)
            first += array.size


def _running_statistics(net: gluon.Block, micro_steps: int) -> Optional[RunningStatistics]:
    arrays = [
        parameter.data()
        for name, parameter in net._collect_params_with_prefix().items()
        if name.endswith(("running_mean", "running_var"))
    ]
    return RunningStatistics(arrays, micro_steps) if arrays else None
