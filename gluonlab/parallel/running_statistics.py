"""BatchNorm's running statistics under virtual workers: each update advances them once, by the mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

from gluonlab import arrays as libraries
from gluonlab.arrays.parameters import Net, parameters_of
from gluonlab.parallel.accumulation import Accumulator, PairwiseTree, RunningSum


class RunningStatistics:
    """Running means and variances, ``arrays`` (channels,), as one flat array ``total``.

    They are read after backward, since that is where MXNet updates them on the CPU.
    """

    def __init__(self, arrays: Sequence[Any], micro_steps: int, *, deterministic: bool) -> None:
        self._arrays = arrays
        self._micro_steps = micro_steps
        self._collected = 0
        self._library = libraries.of(arrays[0])
        self._start = self._library.copies(arrays)
        self.total = self._library.concatenated(arrays)
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


def find_running_statistics(
    net: Net, micro_steps: int, *, deterministic: bool
) -> Optional[RunningStatistics]:
    """Those of all BatchNorm layers of ``net``; None if it has none."""
    arrays = [
        parameter.data()
        for name, parameter in parameters_of(net).items()
        if name.endswith(("running_mean", "running_var"))
    ]
    return RunningStatistics(arrays, micro_steps, deterministic=deterministic) if arrays else None
