"""Clipping the gradient before the update."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Optional

from gluonlab.optim.norms import SquaredNorms
from gluonlab.runtime.mxnet import nd


@dataclass(frozen=True)
class GradientClip:
    """First bound the norm of all gradients together, then the size of each element.

    Both bounds are for the averaged gradient. The first is that of Pascanu et al. 2013.
    """

    max_norm: Optional[float] = None
    max_value: Optional[float] = None
    _norms: SquaredNorms = field(default_factory=SquaredNorms, init=False, repr=False, compare=False)

    def __call__(self, gradients: Sequence[Any], count: float) -> None:
        """Clip ``gradients``, float32 sums over ``count`` samples, in place; does not wait."""
        if self.max_norm is not None:
            norm = self._norms(gradients).sum().sqrt() / count
            # A norm of 0 gives an infinite factor here, which the bound of 1 takes away.
            factor = nd.minimum(self.max_norm / norm, 1.0)
            for gradient in gradients:
                nd.broadcast_mul(gradient, factor.reshape((1,) * gradient.ndim), out=gradient)
        if self.max_value is not None:
            bound = self.max_value * count
            for gradient in gradients:
                not_finite = gradient - gradient  # 0, or NaN: an infinite gradient must not pass as the bound
                nd.elemwise_add(nd.clip(gradient, -bound, bound), not_finite, out=gradient)
