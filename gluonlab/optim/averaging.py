"""Averages of the weights over the updates of a run, which often generalise better than the last weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Optional

import numpy as np

from gluonlab import arrays as libraries
from gluonlab.arrays.parameters import Net, parameters_of

RUNNING_STATISTICS = ("running_mean", "running_var")


class WeightAverage:
    """What averages share: ``averages``, a float32 array for each parameter and running statistic of ``net``
    by structural name, on its device. ``net`` is initialised with known shapes. All processes have the same
    weights, so they have the same averages.
    """

    def __init__(self, net: Net) -> None:
        parameters = parameters_of(net)
        self._weights = {name: parameters[name].data() for name in sorted(parameters)}
        weights = list(self._weights.values())
        self._library = libraries.of(weights[0])
        copies = self._library.copies(self._library.cast(weights, "float32"))
        self.averages = dict(zip(self._weights, copies))
        self.kept: dict[str, Any] = {}
        """The weights, while the averages are `in_place_of_weights`."""

    @property
    def is_begun(self) -> bool:
        """Whether there is an average to evaluate."""
        return True

    def update(self, num_update: int) -> None:
        """Called after update ``num_update``, the first being 1; does not wait for the device."""

    def tensors(self) -> dict[str, np.ndarray[Any, Any]]:
        """The averages as a checkpoint keeps them; waits for the device."""
        return {name: self._library.to_numpy(average) for name, average in self.averages.items()}

    def counters(self) -> dict[str, int]:
        """What a checkpoint keeps beside arrays."""
        return {}

    def restore(
        self, tensors: Mapping[str, np.ndarray[Any, Any]], counters: Optional[Mapping[str, int]] = None
    ) -> None:
        """Continue from what `tensors` and `counters` returned."""
        for name, average in self.averages.items():
            self._library.fill(average, tensors[name])

    def restore_from_weights(self) -> None:
        """Begin with the weights as they are; no more than those that `counters` of a new one has."""
        weights = self._library.cast(list(self._weights.values()), "float32")
        self.restore({name: self._library.to_numpy(one) for name, one in zip(self._weights, weights)})

    @contextmanager
    def in_place_of_weights(self) -> Iterator[None]:
        """Within this context the network computes with the averages; its weights come back after it."""
        weights = list(self._weights.values())
        kept = self._library.copies(weights)
        self._wait_for(kept)
        self.kept = dict(zip(self._weights, kept))
        self._library.copy(list(self.averages.values()), weights)
        try:
            yield
        finally:
            self._library.copy(kept, weights)
            self._wait_for(weights)
            self.kept = {}

    def _wait_for(self, arrays: Sequence[Any]) -> None:
        for array in arrays:
            self._library.mark(array)()

    def _move_towards_weights(self, share: float) -> None:
        """``average += share * (weight - average)``.

        The difference first: rounded one by one, the share and what is left of 1 would not add up to it.
        """
        averages, weights = list(self.averages.values()), list(self._weights.values())
        self._library.move_towards(averages, weights, share)


class ExponentialMovingAverage(WeightAverage):
    """``average = d * average + (1 - d) * weight`` after each update, from the first weights on.

    d is ``decay``; with ``warm_up`` it is ``min(decay, (1 + t) / (10 + t))`` at update t = 1, 2, ..., so
    that the first weights are soon forgotten (as TensorFlow has it). Running statistics are averaged too.
    """

    def __init__(self, net: Net, decay: float, *, warm_up: bool = False) -> None:
        super().__init__(net)
        self.decay = decay
        self.warm_up = warm_up

    def decay_at(self, num_update: int) -> float:
        """The decay d of update ``num_update``, the first being 1."""
        return min(self.decay, (1 + num_update) / (10 + num_update)) if self.warm_up else self.decay

    def update(self, num_update: int) -> None:
        """Take in the weights after update ``num_update``; does not wait for the device."""
        self._move_towards_weights(1 - self.decay_at(num_update))


class StochasticWeightAverage(WeightAverage):
    """The mean of the weights at the times of `take_in` (Izmailov et al. arXiv:1803.05407).

    BatchNorm's running statistics of these weights are not those of their mean: they have to be computed
    anew, with the network `in_place_of_weights`, and handed to `keep_statistics`.
    """

    def __init__(self, net: Net) -> None:
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
        self._move_towards_weights(1 / self.count)

    def keep_statistics(self) -> None:
        """Take over the network's running statistics as they are."""
        names = [name for name in self.averages if name.endswith(RUNNING_STATISTICS)]
        now, kept = ([of[name] for name in names] for of in (self._weights, self.averages))
        self._library.copy(now, kept)

    def counters(self) -> dict[str, int]:
        """How many weights were taken in."""
        return {"count": self.count}

    def restore(
        self, tensors: Mapping[str, np.ndarray[Any, Any]], counters: Optional[Mapping[str, int]] = None
    ) -> None:
        """Continue from what `tensors` and `counters` returned."""
        super().restore(tensors)
        self.count = (counters or {}).get("count", 0)
