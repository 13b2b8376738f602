"""Dynamic loss scaling, which keeps small float16 gradients from vanishing (Micikevicius et al. 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gluonlab import arrays as libraries


@dataclass
class LossScaler:
    """The loss is multiplied by ``scale`` before backward; the update divides by it again.

    After ``growth_interval`` updates in a row with finite gradients the scale doubles; it is halved, and
    the update left out, when a gradient is not finite. All processes must ask with the same reduced
    gradients, and so decide alike. ``scale`` and ``finite_updates`` belong into a checkpoint.
    """

    scale: float = 2.0**16
    finite_updates: int = 0
    growth_interval: int = 2000
    floor: float = 1.0
    ceiling: float = 2.0**24

    def head_gradient(self, losses: Any) -> Any:
        """What backward starts from: the scale for each of ``losses`` (n,)."""
        return libraries.of(losses).full_like(losses, self.scale)

    def accepts(self, gradients: Sequence[Any]) -> bool:
        """Whether ``gradients``, of losses that were scaled, may be applied. Waits for the device.

        If not, the scale is halved and the caller must leave this update out; below ``floor`` there is no
        hope, and it should stop.
        """
        if libraries.of(gradients[0]).all_finite(gradients):
            self.finite_updates += 1
            return True
        self.finite_updates = 0
        self.scale /= 2
        return False

    def grow(self) -> None:
        """Double the scale after enough finite updates; to be called after an update was applied."""
        if self.finite_updates >= self.growth_interval and self.scale < self.ceiling:
            self.finite_updates = 0
            self.scale *= 2
