"""RMSprop warm-up: a run starts as RMSprop and turns into SGD with momentum."""

from __future__ import annotations

from collections.abc import Sequence

from gluonlab.optim.base import MOMENTUM, VARIANCE
from gluonlab.optim.kernels import AdamRule, Parameters, adam_step, subtract_in_place
from gluonlab.optim.momentum import MomentumOptimizer
from gluonlab.runtime.mxnet import nd


class RMSpropWarmup(MomentumOptimizer):
    """``n = beta2 * n + (1 - beta2) * g**2``,
    ``v = m * c * v - (lr * a + rmsprop_lr * (1 - a) / (sqrt(n) + eps)) * g; w += v`` (Akiba et al. 2017).

    g includes weight decay, and c is the momentum correction: with it the rule is that of the paper, whose
    buffer is ``v / lr``. a, ``sgd_share``, goes from about 0 to 1: the training loop sets it before each
    update as it sets the rate, from `gluonlab.schedules.rmsprop_to_sgd`. Until then it is 0, plain RMSprop.
    """

    state_names = (MOMENTUM, VARIANCE)

    def __init__(
        self,
        learning_rate: float,
        momentum: float,
        weight_decay: float,
        momentum_correction: bool = True,
        *,
        rmsprop_lr: float = 3e-4,
        beta2: float = 0.99,
        eps: float = 1e-8,
    ) -> None:
        super().__init__(learning_rate, momentum, weight_decay, momentum_correction)
        self.rmsprop_lr = rmsprop_lr
        self.beta2 = beta2
        self.eps = eps
        self.sgd_share = 0.0

    def _update(self, indices: Sequence[int], parameters: Parameters) -> None:
        weights, gradients = parameters.in_float32()
        sgd_lrs = [lr * self.sgd_share for lr in self._get_lrs(indices)]
        rmsprop_lr = self.rmsprop_lr * (1 - self.sgd_share)
        momentum = self._corrected_rule().momentum
        # With beta1 = 0 Adam's mean is the gradient of this update itself, and the step is RMSprop's.
        rule = AdamRule(0.0, self.beta2, self.eps, 1.0, self.num_update, bias_correction=False)
        arrays = zip(weights, gradients, parameters.buffers, parameters.variances, self._get_wds(indices))
        for (weight, gradient, buffer, variance, wd), sgd_lr in zip(arrays, sgd_lrs):
            gradient = gradient * self.rescale_grad
            subtract_in_place(gradient, weight, -wd)
            buffer *= momentum
            adam_step(buffer, gradient, nd.zeros_like(gradient), variance, rule, rmsprop_lr)
            subtract_in_place(buffer, gradient, sgd_lr)
            weight += buffer
        parameters.copy_masters_to_weights()
