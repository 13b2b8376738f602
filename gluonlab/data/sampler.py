"""Which samples an update sees: a pure function of (seed, step), the same on any number of processes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gluonlab.data.randomness import permutation
from gluonlab.epochs import Epochs

PADDING = -1


@dataclass(frozen=True)
class Request:
    """The samples of one micro-batch: ``indices`` and the epoch each is drawn in, both (n,).

    An index of `PADDING` fills up a last batch; its label is `PADDING` as well and no metric counts it.
    """

    indices: NDArray[np.int64]
    epochs: NDArray[np.int64]


@dataclass(frozen=True)
class Sampler:
    """A random order per epoch, cut into updates of ``global_batch_size`` and virtual workers.

    The epochs are laid end to end; with ``rollover`` a batch may span two of them.
    """

    calendar: Epochs
    seed: int
    _orders: dict[int, NDArray[np.int64]] = field(default_factory=dict, repr=False, compare=False)

    def global_batch(self, step: int) -> Request:
        """All samples of update ``step``, in the order of the virtual workers."""
        calendar = self.calendar
        places = np.arange(calendar.global_batch_size, dtype=np.int64)
        if calendar.last_batch == "rollover":
            epochs, offsets = np.divmod(step * calendar.global_batch_size + places, calendar.num_samples)
        else:
            epoch, step_in_epoch = divmod(step, int(calendar.steps_per_epoch))
            epochs, offsets = np.full_like(places, epoch), step_in_epoch * calendar.global_batch_size + places
        indices = np.empty_like(places)
        for epoch in np.unique(epochs):
            is_here = epochs == epoch
            indices[is_here] = self._order(int(epoch))[offsets[is_here]]
        return Request(indices, epochs)

    def requests(
        self, first_step: int, end_step: int, worker_batch_size: int, workers: range
    ) -> Iterator[Request]:
        """The micro-batches of ``workers`` for the updates from ``first_step`` until ``end_step``."""
        for step in range(first_step, end_step):
            batch = self.global_batch(step)
            for worker in workers:
                mine = slice(worker * worker_batch_size, (worker + 1) * worker_batch_size)
                yield Request(batch.indices[mine], batch.epochs[mine])

    def _order(self, epoch: int) -> NDArray[np.int64]:
        if epoch not in self._orders:
            for old in [known for known in self._orders if known < epoch - 1]:
                del self._orders[old]
            self._orders[epoch] = permutation(self.seed, epoch, self.calendar.num_samples)
        return self._orders[epoch]


def evaluation_requests(num_samples: int, batch_size: int, rank: int, size: int) -> Iterator[Request]:
    """Every ``size``-th sample from ``rank`` on, each once, the last batch filled up with `PADDING`."""
    mine = np.arange(rank, num_samples, size, dtype=np.int64)
    for start in range(0, len(mine), batch_size):
        indices = np.full(batch_size, PADDING, np.int64)
        part = mine[start : start + batch_size]
        indices[: len(part)] = part
        yield Request(indices, np.zeros(batch_size, np.int64))
