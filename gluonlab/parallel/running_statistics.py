"""BatchNorm's running statistics under virtual workers: each update advances them once, by the mean."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Optional

import numpy as np
from numpy.typing import NDArray

from gluonlab import arrays as libraries
from gluonlab.arrays.parameters import Net, parameters_of
from gluonlab.parallel.accumulation import Accumulator, PairwiseTree, RunningSum


class RunningStatistics:
    """Running means and variances (channels,) by name, as one flat array ``total``.

    They are read after backward, since that is where MXNet updates them on the CPU.
    """

    def __init__(self, statistics: Mapping[str, Any], micro_steps: int, *, deterministic: bool) -> None:
        self.names, arrays = list(statistics), list(statistics.values())
        self._arrays = arrays
        self._micro_steps = micro_steps
        self._collected = 0
        self._library = libraries.of(arrays[0])
        self._start = self._library.copies(arrays)
        self.total = self._library.concatenated(arrays)
        self.kept = self._library.concatenated(arrays)
        """Those of the last update, which ``arrays`` hold only until the next one's first pass."""
        accumulator = PairwiseTree if deterministic else RunningSum
        self._sum: Accumulator = accumulator([self.total], micro_steps)

    def remember(self) -> None:
        """Note the statistics that each of this process's workers starts from."""
        self._collected = 0
        if self._micro_steps > 1:
            self._sum.start()
            self._library.copy(self._arrays, self._start)

    def collect(self) -> None:
        """Add this micro-step's statistics to the sum, then put back those the update began with."""
        self._library.concatenated(self._arrays, out=self.total)
        if self._micro_steps > 1:
            self._sum.add()
        self._collected += 1
        if self._collected < self._micro_steps:
            self._library.copy(self._start, self._arrays)

    def advance(self, count: int) -> None:
        """Set the statistics to the mean over ``count`` workers, whose sum ``total`` holds by now."""
        self.total /= count
        self._library.split(self.total, self._arrays)
        self._library.copy([self.total], [self.kept])

    def keep(self) -> None:
        """Keep the statistics that there are before the first update."""
        self._library.concatenated(self._arrays, out=self.kept)

    def of_last_update(self) -> dict[str, NDArray[Any]]:
        """A copy of ``kept`` by ``names``, without waiting for the device."""
        flat = self._library.memory_of(self.kept).copy()
        ends = np.cumsum([math.prod(array.shape) for array in self._arrays])
        parts = np.split(flat, ends[:-1])
        return {
            name: part.reshape(tuple(array.shape))
            for name, part, array in zip(self.names, parts, self._arrays)
        }


def find_running_statistics(
    net: Net, micro_steps: int, *, deterministic: bool
) -> Optional[RunningStatistics]:
    """Those of all BatchNorm layers of ``net``; None if it has none."""
    found = {
        name: parameter.data()
        for name, parameter in parameters_of(net).items()
        if name.endswith(("running_mean", "running_var"))
    }
    return RunningStatistics(found, micro_steps, deterministic=deterministic) if found else None
