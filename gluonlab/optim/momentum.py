"""SGD with momentum and Nesterov's variant, right under a changing learning rate.

MXNet's operators keep ``v = momentum * v - lr * gradient``, so the buffer is in units of the rate that
was in force. The papers' ``u = momentum * u + gradient; w -= lr * u`` needs the buffer brought into the
new unit when the rate changes: momentum correction (Goyal et al. 2017, remark 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

from gluonlab.arrays.in_mxnet import operator_number
from gluonlab.arrays.parameters import Parameter
from gluonlab.optim.base import Optimizer
from gluonlab.optim.kernels import kernels_of
from gluonlab.optim.rules import Parameters, Rule


class MomentumOptimizer(Optimizer):
    """What `SGD`, `NAG`, `LARS` and `RMSpropWarmup` share: a buffer in units of the rate, its correction."""

    def __init__(
        self, learning_rate: float, momentum: float, weight_decay: float, momentum_correction: bool = True
    ) -> None:
        super().__init__(learning_rate, weight_decay)
        self.momentum = momentum
        self.momentum_correction = momentum_correction
        self._correction = 1.0

    def _change_rate(self, old: Optional[float], new: float) -> None:
        self._correction = correction_factor(old, new) if self.momentum_correction else 1.0

    def has_rate_in_momentum(self, parameter: Parameter) -> bool:
        """True unless momentum correction is off."""
        return self.momentum_correction

    def _corrected_rule(self) -> Rule:
        return Rule(operator_number(self.momentum * self._correction), self.rescale_grad)


class SGD(MomentumOptimizer):
    """``v = m * c * v - lr * (g + wd * w); w += v`` with the momentum correction c."""

    def _update(self, indices: Sequence[int], parameters: Parameters) -> None:
        update = kernels_of(parameters.weights[0]).momentum_update
        update(parameters, self._corrected_rule(), self._get_lrs(indices), self._get_wds(indices))


class NAG(MomentumOptimizer):
    """``v = m * c * v - lr * (g + wd * w); w += m * v - lr * (g + wd * w)`` (Sutskever et al. 2013)."""

    def _update(self, indices: Sequence[int], parameters: Parameters) -> None:
        # Only the buffer is corrected: the look-ahead's momentum stays.
        rule = Rule(self.momentum, self.rescale_grad)
        update = kernels_of(parameters.weights[0]).nesterov_update
        update(parameters, rule, self._correction, self._get_lrs(indices), self._get_wds(indices))


def correction_factor(old_lr: Optional[float], new_lr: float) -> float:
    """``new_lr / old_lr``; 1 before the first update and when either rate is 0."""
    if not old_lr or not new_lr:
        return 1.0
    return new_lr / old_lr
