"""RMSprop warm-up: a run starts as RMSprop and turns into SGD with momentum."""

from __future__ import annotations

from collections.abc import Sequence

from gluonlab import arrays as libraries
from gluonlab.optim.base import MOMENTUM, VARIANCE
from gluonlab.optim.kernels import kernels_of
from gluonlab.optim.momentum import MomentumOptimizer
from gluonlab.optim.rules import AdamRule, Parameters


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
        library, kernels, buffers = libraries.of(weights[0]), kernels_of(weights[0]), parameters.buffers
        scaled = library.scaled(gradients, self.rescale_grad)
        kernels.subtract(scaled, weights, [-wd for wd in self._get_wds(indices)])
        library.scaled(buffers, momentum, out=buffers)
        means, rates = library.zeros_like(scaled), [rmsprop_lr] * len(buffers)
        kernels.adam_step(buffers, scaled, means, parameters.variances, rule, rates)
        kernels.subtract(buffers, scaled, sgd_lrs)
        library.add(weights, buffers, weights)
        parameters.copy_masters_to_weights()
