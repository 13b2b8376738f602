"""SGD with momentum and Nesterov's variant, right under a changing learning rate.

MXNet's operators keep ``v = momentum * v - lr * gradient``, so the buffer is in units of the rate that
was in force. The papers' ``u = momentum * u + gradient; w -= lr * u`` needs the buffer brought into the
new unit when the rate changes: momentum correction (Goyal et al. 2017, remark 2).
"""

from __future__ import annotations

from typing import Any, Optional

from gluonlab.runtime.mxnet import mx, nd


class MomentumOptimizer(mx.optimizer.Optimizer):
    """What `SGD` and `NAG` share: the buffer and its correction.

    ``applied_lr`` is the rate of the last update; a checkpoint has to keep it.
    """

    def __init__(
        self, learning_rate: float, momentum: float, weight_decay: float, momentum_correction: bool = True
    ) -> None:
        super().__init__(learning_rate=learning_rate, wd=weight_decay)
        self.momentum = momentum
        self.momentum_correction = momentum_correction
        self.applied_lr: Optional[float] = None
        self._update_number = 0
        self._correction = 1.0

    def create_state(self, index: int, weight: Any) -> Any:
        """A buffer of zeros like the weight."""
        return nd.zeros_like(weight)

    def _begin_update(self, index: int) -> None:
        """Count the update; at the first parameter of each, find the correction for all of them."""
        self._update_count(index)
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

    def _clip(self) -> float:
        return self.clip_gradient if self.clip_gradient else -1.0


class SGD(MomentumOptimizer):
    """``v = m * c * v - lr * (g + wd * w); w += v`` with the momentum correction c."""

    def update(self, index: int, weight: Any, grad: Any, state: Any) -> None:
        """One parameter, in place."""
        self._begin_update(index)
        nd.sgd_mom_update(
            weight,
            grad,
            state,
            out=weight,
            lr=self._get_lr(index),
            wd=self._get_wd(index),
            momentum=self.momentum * self._correction,
            rescale_grad=self.rescale_grad,
            clip_gradient=self._clip(),
        )


class NAG(MomentumOptimizer):
    """``v = m * c * v - lr * (g + wd * w); w += m * v - lr * (g + wd * w)`` (Sutskever et al. 2013)."""

    def update(self, index: int, weight: Any, grad: Any, state: Any) -> None:
        """One parameter, in place."""
        self._begin_update(index)
        if self._correction != 1.0:
            state *= self._correction  # only the buffer: the look-ahead's momentum stays
        wd = self._get_wd(index)
        # In place, MXNet's operator decays the buffer by the weight it has just written.
        out = nd.empty(weight.shape, weight.context, weight.dtype) if wd else weight
        nd.nag_mom_update(
            weight,
            grad,
            state,
            out=out,
            lr=self._get_lr(index),
            wd=wd,
            momentum=self.momentum,
            rescale_grad=self.rescale_grad,
            clip_gradient=self._clip(),
        )
        if wd:
            out.copyto(weight)


def correction_factor(old_lr: Optional[float], new_lr: float) -> float:
    """``new_lr / old_lr``; 1 before the first update and when either rate is 0."""
    if not old_lr or not new_lr:
        return 1.0
    return new_lr / old_lr
