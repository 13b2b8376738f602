"""LAMB: Adam's direction, with a step for each layer from the sizes of its weights and of the direction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

from gluonlab import arrays as libraries
from gluonlab.optim.adam import AdamOptimizer
from gluonlab.optim.decay import is_bias
from gluonlab.optim.kernels import kernels_of
from gluonlab.optim.norms import SquaredNorms
from gluonlab.optim.rules import Parameters


class LAMB(AdamOptimizer):
    """``r = m / (sqrt(v) + eps) + wd * w; w -= lr * |w| / |r| * r`` (You et al. 2020, algorithm 2).

    m and v are the running means of the gradient and its square; ``bias_correction`` corrects them for
    their start at 0. The authors' code does not. The ratio ``|w| / |r|`` is held between ``min_trust_ratio``
    and ``max_trust_ratio``, and is 1 where ``|w|`` or ``|r|`` is 0. Parameters of one dimension have
    ratio 1 unless ``scale_norm`` (gamma, beta) or ``scale_bias``. The ratios stay on the device: nothing
    waits for them.
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
        rule, kernels = self._rule(bias_correction=self.bias_correction), kernels_of(weights[0])
        directions = self._decays(indices, weights)
        means = parameters.buffers, parameters.variances
        kernels.adam_step(directions, gradients, *means, rule, [-1.0] * len(weights))
        has_ratio = [self._has_ratio(index, weight) for index, weight in zip(indices, weights)]
        rates = libraries.of(weights[0]).from_numpy(self._get_lrs(indices), weights[0])
        rates = rates * self._trust_ratios(weights, directions, has_ratio)
        kernels.subtract_with_device_rates(weights, directions, rates)
        parameters.copy_masters_to_weights()

    def _decays(self, indices: Sequence[int], weights: Sequence[Any]) -> Sequence[Any]:
        """``wd * w`` of each, where its direction will be."""
        library = libraries.of(weights[0])
        for index, weight in zip(indices, weights):
            if index not in self._directions:
                self._directions[index] = library.empty_like(weight)
        directions = [self._directions[index] for index in indices]
        return library.scaled(weights, self._get_wds(indices), out=directions)

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
        library = libraries.of(weights[0])
        one = library.full_like(weight_norm, 1.0)
        is_scaled = library.from_numpy(has_ratio, one) * (weight_norm > 0) * (direction_norm > 0)
        ratio = weight_norm / library.where(is_scaled, direction_norm, one)
        ratio = library.maximum(ratio, self.min_trust_ratio)
        if self.max_trust_ratio is not None:
            ratio = library.minimum(ratio, self.max_trust_ratio)
        return library.where(is_scaled, ratio, one)
