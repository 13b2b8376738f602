"""SGD with momentum and Nesterov's variant, right under a changing learning rate.

MXNet's operators keep ``v = momentum * v - lr * gradient``, so the buffer is in units of the rate that
was in force. The papers' ``u = momentum * u + gradient; w -= lr * u`` needs the buffer brought into the
new unit when the rate changes: momentum correction (Goyal et al. 2017, remark 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

from gluonlab.optim.kernels import Parameters, Rule, momentum_update
from gluonlab.runtime.mxnet import mx, nd

ALL_PARAMETERS = 1 << 30
SMALLEST_NORMAL = 1.2e-38


class MomentumOptimizer(mx.optimizer.Optimizer):
    """What `SGD`, `NAG` and `LARS` share: buffers, float32 masters of float16 weights, the correction.

    ``applied_lr`` is the rate of the last update; a checkpoint has to keep it.
    """

    def __init__(
        self, learning_rate: float, momentum: float, weight_decay: float, momentum_correction: bool = True
    ) -> None:
        super().__init__(learning_rate=learning_rate, wd=weight_decay)
        self.aggregate_num = ALL_PARAMETERS  # how many of one type the trainer hands over at once
        self.momentum = momentum
        self.momentum_correction = momentum_correction
        self.applied_lr: Optional[float] = None
        self._update_number = 0
        self._correction = 1.0

    def create_state_multi_precision(self, index: int, weight: Any) -> tuple[Any, ...]:
        """A buffer of zeros, and a float32 copy of a weight that is not float32."""
        buffer = nd.zeros(weight.shape, weight.context, "float32")
        return (buffer,) if weight.dtype == buffer.dtype else (buffer, weight.astype("float32"))

    def update_multi_precision(
        self, indices: Sequence[int], weights: Sequence[Any], gradients: Sequence[Any], states: Sequence[Any]
    ) -> None:
        """Update all parameters of one type in place, after counting the update."""
        self._begin_update(indices)
        buffers, *masters = zip(*states)
        self._update(indices, Parameters(weights, gradients, buffers, masters[0] if masters else ()))

    def _update(self, indices: Sequence[int], parameters: Parameters) -> None:
        raise NotImplementedError

    def _begin_update(self, indices: Sequence[int]) -> None:
        """Count the update; at the first call of each, find the correction for all of them."""
        self._update_count(indices)
        if self.num_update == self._update_number:
            return
        self._update_number = self.num_update
        self._correction = correction_factor(self.applied_lr, self.lr) if self.momentum_correction else 1.0
        self.applied_lr = self.lr

    def resume(self, num_update: int, applied_lr: Optional[float], num_parameters: int) -> None:
        """Continue as if ``num_update`` updates, the last at ``applied_lr``, had been made here."""
        self.begin_num_update = self.num_update = self._update_number = num_update
        self._index_update_count = dict.fromkeys(range(num_parameters), num_update)
        self._all_index_update_counts = {0: self._index_update_count}
        self.applied_lr = applied_lr

    def _corrected_rule(self) -> Rule:
        return Rule(operator_number(self.momentum * self._correction), self.rescale_grad)

    def _get_lrs(self, indices: Sequence[int]) -> list[float]:
        return [operator_number(lr) for lr in super()._get_lrs(indices)]

    def _get_wds(self, indices: Sequence[int]) -> list[float]:
        return [operator_number(wd) for wd in super()._get_wds(indices)]


class SGD(MomentumOptimizer):
    """``v = m * c * v - lr * (g + wd * w); w += v`` with the momentum correction c."""

    def _update(self, indices: Sequence[int], parameters: Parameters) -> None:
        momentum_update(parameters, self._corrected_rule(), self._get_lrs(indices), self._get_wds(indices))


class NAG(MomentumOptimizer):
    """``v = m * c * v - lr * (g + wd * w); w += m * v - lr * (g + wd * w)`` (Sutskever et al. 2013)."""

    def _update(self, indices: Sequence[int], parameters: Parameters) -> None:
        # MXNet has no multi-tensor NAG, and its operator for masters decays the buffer by the new weight.
        targets = parameters.masters or parameters.weights
        gradients = [gradient.astype("float32", copy=False) for gradient in parameters.gradients]
        rates = zip(self._get_lrs(indices), self._get_wds(indices))
        for weight, gradient, buffer, (lr, wd) in zip(targets, gradients, parameters.buffers, rates):
            if self._correction != 1.0:
                buffer *= self._correction  # only the buffer: the look-ahead's momentum stays
            self._update_one(weight, gradient, buffer, lr, wd)
        for master, weight in zip(parameters.masters, parameters.weights):
            nd.cast(master, dtype=weight.dtype, out=weight)

    def _update_one(self, weight: Any, gradient: Any, buffer: Any, lr: float, wd: float) -> None:
        # In place, MXNet's operator decays the buffer by the weight it has just written.
        out = nd.empty(weight.shape, weight.context) if wd else weight
        nd.nag_mom_update(
            weight,
            gradient,
            buffer,
            out=out,
            lr=lr,
            wd=wd,
            momentum=self.momentum,
            rescale_grad=self.rescale_grad,
        )
        if wd:
            out.copyto(weight)


def operator_number(value: float) -> float:
    """``value``, or 0 where float32 would hold it as a subnormal number, which MXNet's operators refuse."""
    return value if abs(value) >= SMALLEST_NORMAL else 0.0


def correction_factor(old_lr: Optional[float], new_lr: float) -> float:
    """``new_lr / old_lr``; 1 before the first update and when either rate is 0."""
    if not old_lr or not new_lr:
        return 1.0
    return new_lr / old_lr
