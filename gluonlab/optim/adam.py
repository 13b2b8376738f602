"""Adam with decoupled weight decay, and what LAMB shares with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gluonlab.optim.base import MOMENTUM, VARIANCE, Optimizer
from gluonlab.optim.kernels import Kernels, kernels_of
from gluonlab.optim.rules import AdamRule, Parameters

AdamStep = Callable[..., None]


class AdamOptimizer(Optimizer):
    """What `AdamW` and `LAMB` share: running means of the gradient and of its square, not in units of the
    rate, so that a change of the rate needs no correction.
    """

    state_names = (MOMENTUM, VARIANCE)

    def __init__(
        self, learning_rate: float, weight_decay: float, beta1: float, beta2: float, eps: float
    ) -> None:
        super().__init__(learning_rate, weight_decay)
        self.beta1 = beta1
        self.beta2 = beta2
        self.eps = eps

    def _rule(self, *, bias_correction: bool) -> AdamRule:
        return AdamRule(self.beta1, self.beta2, self.eps, self.rescale_grad, self.num_update, bias_correction)


class AdamW(AdamOptimizer):
    """``w -= lr * wd * w; w -= lr * m / (sqrt(v) + eps)`` (Loshchilov & Hutter 2019, algorithm 2).

    m and v are the running means of the gradient and its square by ``beta1`` and ``beta2``, corrected for
    their start at 0. The decay is scaled by the whole learning rate.
    """

    def __init__(
        self,
        learning_rate: float,
        weight_decay: float,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
    ) -> None:
        super().__init__(learning_rate, weight_decay, beta1, beta2, eps)

    def _update(self, indices: Sequence[int], parameters: Parameters) -> None:
        weights, gradients = parameters.in_float32()
        lrs, wds, kernels = self._get_lrs(indices), self._get_wds(indices), kernels_of(weights[0])
        kernels.subtract(weights, weights, [lr * wd for lr, wd in zip(lrs, wds)])
        means = parameters.buffers, parameters.variances
        self._step(kernels)(weights, gradients, *means, self._rule(bias_correction=True), lrs)
        parameters.copy_masters_to_weights()

    def _step(self, kernels: Kernels) -> AdamStep:
        return kernels.adam_step


class NAdamW(AdamW):
    """`AdamW` with Nesterov's momentum: ``beta1 * m + (1 - beta1) * g`` stands for m in the step.

    Dozat 2016 with decoupled decay and a constant beta1, all corrected by ``1 - beta1 ** t``, as the
    baseline of AlgoPerf has it (Dahl et al. arXiv:2306.07179).
    """

    def _step(self, kernels: Kernels) -> AdamStep:
        return kernels.nesterov_adam_step
