"""The parameters that are updated at once, and the rules by which they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gluonlab import arrays as libraries


@dataclass(frozen=True)
class Parameters:
    """Equally long lists: weights, gradients, momentum buffers, and float32 masters where weights are
    float16 (else empty); ``variances`` are the running means of squared gradients, for those who keep any.
    """

    weights: Sequence[Any]
    gradients: Sequence[Any]
    buffers: Sequence[Any]
    masters: Sequence[Any] = ()
    variances: Sequence[Any] = ()

    def __len__(self) -> int:
        return len(self.weights)

    def chosen(self, places: Sequence[int]) -> Parameters:
        """The parameters at ``places``."""
        return Parameters(*([values[i] for i in places] if values else [] for values in self.lists()))

    def in_float32(self) -> tuple[Sequence[Any], list[Any]]:
        """What is updated, masters or weights, and the gradients in its type."""
        return self.masters or self.weights, in_update_type(self.gradients)

    def copy_masters_to_weights(self) -> None:
        """Round the float32 masters to the weights they stand for; nothing to do without masters."""
        if self.masters:
            libraries.of(self.weights[0]).copy(self.masters, self.weights)

    def lists(self) -> tuple[Sequence[Any], ...]:
        """All five lists, in the order of the fields; an absent one is empty."""
        return self.weights, self.gradients, self.buffers, self.masters, self.variances


@dataclass(frozen=True)
class Rule:
    """``v = momentum * v - lr * (clip(rescale * g) + wd * w); w += v``, without lr and wd."""

    momentum: float
    rescale: float


@dataclass(frozen=True)
class AdamRule:
    """``target -= lr * m / (sqrt(v) + eps)``, with ``m = beta1 * m + (1 - beta1) * rescale * g`` and ``v``
    likewise of the squared gradient by beta2 (Kingma & Ba 2015).

    ``updates`` counts this one too. ``bias_correction`` divides m by ``1 - beta1 ** updates`` and v likewise.
    """

    beta1: float
    beta2: float
    eps: float
    rescale: float
    updates: int
    bias_correction: bool


def in_update_type(gradients: Sequence[Any]) -> list[Any]:
    """``gradients`` in float32, if they are of a smaller type."""
    is_double = "float64" in str(gradients[0].dtype)
    return list(gradients) if is_double else libraries.of(gradients[0]).cast(gradients, "float32")
