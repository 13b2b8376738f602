"""Lookahead: slow weights that follow the fast ones, and which these return to every few updates."""

from __future__ import annotations

from typing import Any, Optional

from gluonlab.arrays.parameters import Net
from gluonlab.optim.averaging import RUNNING_STATISTICS, WeightAverage
from gluonlab.optim.base import MASTER, Optimizer

RETENTION, POWER = 0.95, 3
"""Of one update, and of the growth, as in the CIFAR-10 speedrun."""


class Lookahead(WeightAverage):
    """Every k updates ``slow = d * slow + (1 - d) * fast; fast = slow`` (Zhang et al. 2019, algorithm 1).

    With an ``alpha``, d is 1 - alpha and running statistics are left alone. Without, d grows from 0 to
    ``0.95**k`` as ``(t / total_steps)**3``, running statistics take part, and the last update ends at the
    slow weights (Jordan arXiv:2404.00498). Momentum goes on as it is. ``averages`` are the slow weights.
    """

    def __init__(self, net: Net, every: int, alpha: Optional[float], total_steps: int) -> None:
        super().__init__(net)
        self.every = every
        self.alpha = alpha
        self.total_steps = total_steps
        if alpha is not None:
            own = [name for name in self.averages if not name.endswith(RUNNING_STATISTICS)]
            self._weights = {name: self._weights[name] for name in own}
            self.averages = {name: self.averages[name] for name in own}

    def decay_at(self, step: int) -> float:
        """The d after update ``step``, the first being 1."""
        if self.alpha is not None:
            return 1 - self.alpha
        if step == self.total_steps:
            return 1.0
        return float(RETENTION**self.every * (step / self.total_steps) ** POWER)

    def after_update(self, step: int, optimizer: Optimizer, states: Any) -> None:
        """Called after update ``step`` of ``optimizer``, whose arrays are ``states``; does not wait."""
        ends_slow = self.alpha is None and step == self.total_steps
        if step % self.every and not ends_slow:
            return
        weights, slow = list(self._weights.values()), list(self.averages.values())
        self._library.move_towards(slow, weights, 1 - self.decay_at(step))
        self._library.copy(slow, weights)
        self._set_masters(optimizer, states)

    def _set_masters(self, optimizer: Optimizer, states: Any) -> None:
        """Bring the float32 copies of weights that are not float32 to them."""
        for index, parameter in optimizer.param_dict.items():
            names = optimizer.state_names_of(parameter)
            if MASTER in names and index in states:
                self._library.copy([parameter.data()], [states[index][names.index(MASTER)]])
