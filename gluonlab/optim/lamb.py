"""LAMB: Adam's direction, with a step for each layer from the sizes of its weights and of the direction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

from gluonlab.optim.adam import AdamOptimizer
from gluonlab.optim.decay import is_bias
from gluonlab.optim.kernels import Parameters, adam_step, subtract_with_device_rates
from gluonlab.optim.norms import SquaredNorms
from gluonlab.runtime.mxnet import nd


class LAMB(AdamOptimizer):
    """``r = m / (sqrt(v) + eps) + wd * w; w -= lr * |w| / |r| * r`` (You et al. 2020, algorithm 2).

    m and v are the running means of the gradient and its square; ``bias_correction`` corrects them for
    their start at 0. The authors' code does not. The ratio |w| / |r| is held between ``min_trust_ratio``
    and ``max_trust_ratio``, and is 1 where |w| or |r| is 0. Parameters of one dimension have ratio 1 unless
    ``scale_norm`` (gamma, beta) or ``scale_bias``. The ratios stay on the device: nothing waits for them.
    """

    def __init__(
        self,
        learning_rate: float,
        weight_decay: float,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-6,
        bias_correction: bool = True,
        min_trust_ratio: float = 0.0,
        max_trust_ratio: Optional[float] = None,
        scale_norm: bool = False,
        scale_bias: bool = False,
    ) -> None:
        super().__init__(learning_rate, weight_decay, beta1, beta2, eps)
        self.bias_correction = bias_correction
        self.min_trust_ratio = min_trust_ratio
        self.max_trust_ratio = max_trust_ratio
        self.scale_norm = scale_norm
        self.scale_bias = scale_bias
        self._directions: dict[int, Any] = {}  # kept, so that their norms are those of the same arrays
        self._weight_norms, self._direction_norms = SquaredNorms(), SquaredNorms()

    def _update(self, indices: Sequence[int], parameters: Parameters) -> None:
        weights, gradients = parameters.in_float32()
        rule = self._rule(bias_correction=self.bias_correction)
        directions = self._decays(indices, weights)
        arrays = zip(directions, gradients, parameters.buffers, parameters.variances)
        for direction, gradient, mean, variance in arrays:
            adam_step(direction, gradient, mean, variance, rule, lr=-1.0)
        has_ratio = [self._has_ratio(index, weight) for index, weight in zip(indices, weights)]
        rates = nd.array(self._get_lrs(indices), weights[0].context)
        rates = rates * self._trust_ratios(weights, directions, has_ratio)
        subtract_with_device_rates(weights, directions, rates)
        parameters.copy_masters_to_weights()

    def _decays(self, indices: Sequence[int], weights: Sequence[Any]) -> list[Any]:
        """``wd * w`` of each, where its direction will be."""
        for index, weight, wd in zip(indices, weights, self._get_wds(indices)):
            if index not in self._directions:
                self._directions[index] = nd.empty(weight.shape, weight.context, weight.dtype)
            nd._internal._mul_scalar(weight, scalar=wd, out=self._directions[index])
        return [self._directions[index] for index in indices]

    def _has_ratio(self, index: int, weight: Any) -> bool:
        if weight.ndim > 1:
            return True
        return self.scale_bias if is_bias(self.param_dict[index].name) else self.scale_norm

    def _trust_ratios(
        self, weights: Sequence[Any], directions: Sequence[Any], has_ratio: Sequence[bool]
    ) -> Any:
        """|w| / |r| within its bounds for each layer that has one, else 1; (n,), on the device."""
        weight_norm = self._weight_norms(weights).sqrt()
        direction_norm = self._direction_norms(directions).sqrt()
        one = nd.ones_like(weight_norm)
        is_scaled = nd.array(has_ratio, one.context) * (weight_norm > 0) * (direction_norm > 0)
        ratio = nd.maximum(weight_norm / nd.where(is_scaled, direction_norm, one), self.min_trust_ratio)
        if self.max_trust_ratio is not None:
            ratio = nd.minimum(ratio, self.max_trust_ratio)
        return nd.where(is_scaled, ratio, one)
