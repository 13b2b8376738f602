"""Parameters, their gradients and the arrays that an optimizer keeps of them, brought together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gluonlab.arrays.parameters import Parameter
from gluonlab.optim.base import Optimizer


class Trainer:
    """Lets ``optimizer`` update ``parameters``, those of one type in one call; nothing is added up before.

    ``states`` are the optimizer's arrays of a parameter by its place, made at the first update.
    """

    def __init__(self, parameters: Sequence[Parameter], optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.states: dict[int, tuple[Any, ...]] = {}
        self._parameters = list(parameters)
        self._of_type: dict[np.dtype[Any], list[int]] = {}
        for place, parameter in enumerate(self._parameters):
            self._of_type.setdefault(np.dtype(parameter.dtype), []).append(place)
        optimizer.param_dict = dict(enumerate(self._parameters))

    def set_learning_rate(self, lr: float) -> None:
        """Set the rate of the next updates."""
        self.optimizer.set_learning_rate(lr)

    def step(self, count: float) -> None:
        """One update by the gradients divided by ``count``; does not wait for the device."""
        self.optimizer.rescale_grad = 1.0 / count
        for places in self._of_type.values():
            weights = [self._parameters[place].data() for place in places]
            gradients = [self._parameters[place].grad() for place in places]
            for place, weight in zip(places, weights):
                if place not in self.states:
                    self.states[place] = self.optimizer.create_state_multi_precision(place, weight)
            states = [self.states[place] for place in places]
            self.optimizer.update_multi_precision(places, weights, gradients, states)
