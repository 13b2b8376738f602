"""Clipping the gradient before the update."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Optional

from gluonlab import arrays as libraries
from gluonlab.optim.norms import SquaredNorms


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
        library = libraries.of(gradients[0])
        if self.max_norm is not None:
            norm = self._norms(gradients).sum().sqrt() / count
            # A norm of 0 gives an infinite factor here, which the bound of 1 takes away.
            factor = library.minimum(self.max_norm / norm, 1.0)
            library.scale_on_device(gradients, factor)
        if self.max_value is not None:
            library.clip(gradients, self.max_value * count)
