"""Averages of the weights over the updates of a run, which often generalise better than the last weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Optional

import numpy as np

from gluonlab.optim.kernels import subtract_in_place
from gluonlab.runtime.mxnet import gluon, nd

RUNNING_STATISTICS = ("running_mean", "running_var")


class WeightAverage:
    """What averages share: ``averages``, a float32 array for each parameter and running statistic of ``net``
    by structural name, on its device. ``net`` is initialised with known shapes. All processes have the same
    weights, so they have the same averages.
    """

    def __init__(self, net: gluon.Block) -> None:
        parameters = net._collect_params_with_prefix()
        self._weights = {name: parameters[name].data() for name in sorted(parameters)}
        self.averages = {name: weight.astype("float32") for name, weight in self._weights.items()}

    @property
    def is_begun(self) -> bool:
        """Whether there is an average to evaluate."""
        return True

    def update(self, num_update: int) -> None:
        """Called after update ``num_update``, the first being 1; does not wait for the device."""

    def tensors(self) -> dict[str, np.ndarray[Any, Any]]:
        """The averages as a checkpoint keeps them; waits for the device."""
        return {name: average.asnumpy() for name, average in self.averages.items()}

    def counters(self) -> dict[str, int]:
        """What a checkpoint keeps beside arrays."""
        return {}

    def restore(
        self, tensors: Mapping[str, np.ndarray[Any, Any]], counters: Optional[Mapping[str, int]] = None
    ) -> None:
        """Continue from what `tensors` and `counters` returned."""
        for name, average in self.averages.items():
            average[:] = tensors[name]

    @contextmanager
    def in_place_of_weights(self) -> Iterator[None]:
        """Within this context the network computes with the averages; its weights come back after it."""
        kept = {name: weight.copy() for name, weight in self._weights.items()}
        self._set_weights(self.averages)
        try:
            yield
        finally:
            self._set_weights(kept)

    def _set_weights(self, values: dict[str, Any]) -> None:
        for name, weight in self._weights.items():
            nd.cast(values[name], dtype=weight.dtype, out=weight)


class ExponentialMovingAverage(WeightAverage):
    """``average = d * average + (1 - d) * weight`` after each update, from the first weights on.

    d is ``decay``; with ``warm_up`` it is ``min(decay, (1 + t) / (10 + t))`` at update t = 1, 2, ..., so
    that the first weights are soon forgotten (as TensorFlow has it). Running statistics are averaged too.
    """

    def __init__(self, net: gluon.Block, decay: float, *, warm_up: bool = False) -> None:
        super().__init__(net)
        self.decay = decay
        self.warm_up = warm_up

    def decay_at(self, num_update: int) -> float:
        """The decay d of update ``num_update``, the first being 1."""
        return min(self.decay, (1 + num_update) / (10 + num_update)) if self.warm_up else self.decay

    def update(self, num_update: int) -> None:
        """Take in the weights after update ``num_update``; does not wait for the device."""
        share = 1 - self.decay_at(num_update)
        for name, average in self.averages.items():
            # The difference first: d and 1 - d rounded one by one would not add up to 1.
            difference = average - self._weights[name].astype("float32", copy=False)
            subtract_in_place(average, difference, share)


class StochasticWeightAverage(WeightAverage):
    """The mean of the weights at the times of `take_in` (Izmailov et al. arXiv:1803.05407).

    BatchNorm's running statistics of these weights are not those of their mean: they have to be computed
    anew, with the network `in_place_of_weights`, and handed to `keep_statistics`.
    """

    def __init__(self, net: gluon.Block) -> None:
        super().__init__(net)
        self.count = 0

    @property
    def is_begun(self) -> bool:
        """Whether any weights were taken in."""
        return self.count > 0

    def lacks(self, passed: Sequence[int]) -> bool:
        """Whether weights were not taken in after all of the updates ``passed``, which ascend."""
        return self.count < len(passed)

    def take_in(self) -> None:
        """``average += (weight - average) / n``, these being the n-th weights; does not wait."""
        self.count += 1
        for name, average in self.averages.items():
            difference = average - self._weights[name].astype("float32", copy=False)
            subtract_in_place(average, difference, 1 / self.count)

    def keep_statistics(self) -> None:
        """Take over the network's running statistics as they are."""
        for name, average in self.averages.items():
            if name.endswith(RUNNING_STATISTICS):
                nd.cast(self._weights[name], dtype="float32", out=average)

    def counters(self) -> dict[str, int]:
        """How many weights were taken in."""
        return {"count": self.count}

    def restore(
        self, tensors: Mapping[str, np.ndarray[Any, Any]], counters: Optional[Mapping[str, int]] = None
    ) -> None:
        """Continue from what `tensors` and `counters` returned."""
        super().restore(tensors)
        self.count = (counters or {}).get("count", 0)
