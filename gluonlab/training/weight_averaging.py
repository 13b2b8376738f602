"""Averages of weights with statistics of their own: when weights are taken in, and the statistics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from gluonlab import arrays as libraries
from gluonlab.data.loader import Loader
from gluonlab.data.sampler import Sampler
from gluonlab.epochs import Epochs
from gluonlab.models.layers import BATCH_NORMS
from gluonlab.optim.averaging import StochasticWeightAverage
from gluonlab.parallel.virtual_workers import VirtualWorkers
from gluonlab.runtime.mxnet import gluon
from gluonlab.supervision.progress import VALIDATING, Progress
from gluonlab.training.network import Network
from gluonlab.training.state import TrainState


@dataclass(frozen=True)
class WeightAveraging:
    """The mean of the weights after the updates ``steps``, which ascend; x of a Schedule-Free optimizer then.

    BatchNorm's statistics of the mean come from the first ``samples`` of ``num_samples``, as ``loader`` gives
    them. They are the same on any number of processes.
    """

    average: StochasticWeightAverage
    steps: Sequence[int]
    loader: Loader
    num_samples: int
    samples: int
    seed: int

    def next_step(self, step: int) -> int:
        """The first of ``steps`` after ``step``, or the last of all."""
        return next((one for one in self.steps if one > step), self.steps[-1])

    def catch_up(self, state: TrainState, workers: VirtualWorkers, progress: Progress) -> None:
        """Take in the weights of this step if it is time to, on all processes."""
        if self.average.lacks([step for step in self.steps if step <= state.step]):
            self.average.take_in()
            with self.average.in_place_of_weights(), progress.doing(VALIDATING):
                self._recompute_statistics(state.network, workers, progress)
                self.average.keep_statistics()

    def _recompute_statistics(self, network: Network, workers: VirtualWorkers, progress: Progress) -> None:
        sampler = Sampler(Epochs(self.num_samples, workers.global_batch_size), self.seed)
        updates = max(self.samples // workers.global_batch_size, 1)
        requests = sampler.requests(0, updates, workers.worker_batch_size, workers.mine)
        with closing(progress.watch(self.loader.batches(requests))) as batches:
            set_mean_statistics(network, batches, workers, updates)


def set_mean_statistics(
    network: Network, batches: Iterator[Any], workers: VirtualWorkers, updates: int
) -> None:
    """Set running statistics to the mean over the virtual workers of ``updates`` updates of what each sees.

    Weights do not change. Takes a pass in training mode for each batch. From zero it leaves
    ``1 - momentum`` of those of the batch.
    """
    layers, arrays = list(_batch_norms(network.net)), {p.name: p.data() for p in network.parameters.values()}
    if not layers:
        return
    statistics = [arrays[one.name] for layer in layers for one in (layer.running_mean, layer.running_var)]
    factors = [1 - layer._kwargs["momentum"] for layer in layers for _ in range(2)]
    library = libraries.of(statistics[0])
    sums = library.zeros_like(statistics)
    for update in range(updates):
        for array in statistics:
            array[:] = 0
        for _ in workers.turns(update):
            network.advance_statistics(next(batches)[0])
        workers.reduce_statistics()
        library.add(sums, statistics, sums)
        library.mark(statistics[0])()  # or batches would pile up on the device
    means = [total / (updates * factor) for total, factor in zip(sums, factors)]
    library.copy(means, statistics)


def _batch_norms(block: gluon.Block) -> Iterator[Any]:
    if isinstance(block, BATCH_NORMS):
        yield block
    for child in block._children.values():
        yield from _batch_norms(child)
