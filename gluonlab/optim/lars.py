"""LARS: a learning rate for each layer from the sizes of its weights and of its gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

from gluonlab import arrays as libraries
from gluonlab.optim.kernels import kernels_of
from gluonlab.optim.momentum import MomentumOptimizer
from gluonlab.optim.norms import SquaredNorms
from gluonlab.optim.rules import Parameters


class LARS(MomentumOptimizer):
    """``v = m * c * v - lr * ratio * (g + wd * w); w += v`` (You et al. 2017, algorithm 1).

    ``ratio = trust_coefficient * |w| / (|g| + wd * |w| + trust_eps)``, at most ``max_trust_ratio``, and 1
    where ``|w|`` or ``|g|`` is 0. ``larc_clip`` takes ``min(lr, ratio)`` for ``lr * ratio``. Parameters of
    one dimension (gamma, beta, biases) have ratio 1 unless ``scale_norm_and_bias``. The ratios stay on the
    device: nothing waits for them. c is the momentum correction.
    """

    def __init__(
        self,
        learning_rate: float,
        momentum: float,
        weight_decay: float,
        momentum_correction: bool = True,
        *,
        trust_coefficient: float = 0.001,
        trust_eps: float = 0.0,
        max_trust_ratio: Optional[float] = None,
        larc_clip: bool = False,
        scale_norm_and_bias: bool = False,
    ) -> None:
        super().__init__(learning_rate, momentum, weight_decay, momentum_correction)
        self.trust_coefficient = trust_coefficient
        self.trust_eps = trust_eps
        self.max_trust_ratio = max_trust_ratio
        self.larc_clip = larc_clip
        self.scale_norm_and_bias = scale_norm_and_bias
        self._weight_norms, self._gradient_norms = SquaredNorms(), SquaredNorms()

    def _update(self, indices: Sequence[int], parameters: Parameters) -> None:
        lrs, wds = self._get_lrs(indices), self._get_wds(indices)
        scaled = [
            place
            for place, weight in enumerate(parameters.weights)
            if self.scale_norm_and_bias or weight.ndim > 1
        ]
        plain = sorted(set(range(len(parameters))) - set(scaled))
        rule, kernels = self._corrected_rule(), kernels_of(parameters.weights[0])
        if plain:
            chosen = parameters.chosen(plain)
            kernels.momentum_update(chosen, rule, [lrs[i] for i in plain], [wds[i] for i in plain])
        if scaled:
            chosen, decays = parameters.chosen(scaled), [wds[i] for i in scaled]
            rates = self._layer_rates(chosen, [lrs[i] for i in scaled], decays)
            kernels.momentum_update_with_device_rates(chosen, rule, rates, decays)

    def _layer_rates(self, parameters: Parameters, lrs: Sequence[float], wds: Sequence[float]) -> Any:
        """The rate of each layer, (n,), on the device."""
        library = libraries.of(parameters.weights[0])
        lr, wd = (library.from_numpy(one, parameters.weights[0]) for one in (lrs, wds))
        weight_norm = self._weight_norms(parameters.masters or parameters.weights).sqrt()
        gradient_norm = self._gradient_norms(parameters.gradients).sqrt() * self.rescale_grad
        divisor = gradient_norm + wd * weight_norm + self.trust_eps
        has_ratio = (weight_norm > 0) * (gradient_norm > 0)
        one = library.full_like(divisor, 1.0)
        ratio = self.trust_coefficient * weight_norm / library.where(has_ratio, divisor, one)
        if self.max_trust_ratio is not None:
            ratio = library.minimum(ratio, self.max_trust_ratio)
        rate = library.minimum(lr, ratio) if self.larc_clip else lr * ratio
        return library.where(has_ratio, rate, lr)
