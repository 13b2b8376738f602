"""Which samples an update sees: a pure function of (seed, step), the same on any number of processes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Optional

import numpy as np
from numpy.typing import NDArray

from gluonlab.data.randomness import permutation
from gluonlab.epochs import Epochs

PADDING = -1


@dataclass(frozen=True)
class Request:
    """The samples of one micro-batch: ``indices`` and the epoch each is drawn in, both (n,).

    An index of `PADDING` fills up a last batch; its label is `PADDING` as well and no metric counts it.
    ``turn`` is (step, virtual worker) in training.
    """

    indices: NDArray[np.int64]
    epochs: NDArray[np.int64]
    turn: Optional[tuple[int, int]] = None


@dataclass(frozen=True)
class Sampler:
    """A random order per epoch, cut into updates of ``global_batch_size`` and virtual workers.

    The epochs are laid end to end; with ``rollover`` a batch may span two of them. With ``repeats`` each
    sample comes so many times in a row, augmented anew each time, and each batch keeps the copies as far
    apart as it can, in different virtual workers (Hoffer et al. 2020): an order lasts ``repeats`` epochs.
    """

    calendar: Epochs
    seed: int
    repeats: int = 1
    _orders: dict[int, NDArray[np.int64]] = field(default_factory=dict, repr=False, compare=False)

    def global_batch(self, step: int) -> Request:
        """All samples of update ``step``, in the order of the virtual workers."""
        calendar = self.calendar
        places = np.arange(calendar.batch_size_at(step), dtype=np.int64) + calendar.first_place_of(step)
        if self.repeats > 1:
            places = places[np.argsort(places % self.repeats, kind="stable")]
        numbers, offsets = np.divmod(places // self.repeats, calendar.num_samples)
        indices = np.empty_like(places)
        for number in np.unique(numbers):
            is_here = numbers == number
            indices[is_here] = self._order(int(number))[offsets[is_here]]
        return Request(indices, numbers * self.repeats + places % self.repeats)

    def requests(
        self, first_step: int, end_step: int, worker_batch_size: int, workers: range
    ) -> Iterator[Request]:
        """The micro-batches of ``workers`` for the updates from ``first_step`` until ``end_step``."""
        for step in range(first_step, end_step):
            batch = self.global_batch(step)
            for worker in workers:
                mine = slice(worker * worker_batch_size, (worker + 1) * worker_batch_size)
                yield Request(batch.indices[mine], batch.epochs[mine], (step, worker))

    def _order(self, number: int) -> NDArray[np.int64]:
        if number not in self._orders:
            for old in [known for known in self._orders if known < number - 1]:
                del self._orders[old]
            self._orders[number] = permutation(self.seed, number, self.calendar.num_samples)
        return self._orders[number]


def evaluation_requests(num_samples: int, batch_size: int, rank: int, size: int) -> Iterator[Request]:
    """Every ``size``-th sample from ``rank`` on, each once, the last batch filled up with `PADDING`."""
    mine = np.arange(rank, num_samples, size, dtype=np.int64)
    for start in range(0, len(mine), batch_size):
        indices = np.full(batch_size, PADDING, np.int64)
        part = mine[start : start + batch_size]
        indices[: len(part)] = part
        yield Request(indices, np.zeros(batch_size, np.int64))
