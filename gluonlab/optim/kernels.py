"""The rules by which many parameters are updated at once: what each library has a half of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

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
        """Those that are not there are empty."""
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


class Kernels(Protocol):
    """Updates in place, which do not wait; rates and decays are one for each parameter."""

    def momentum_update(
        self, parameters: Parameters, rule: Rule, lrs: Sequence[float], wds: Sequence[float]
    ) -> None:
        """By ``rule``."""

    def momentum_update_with_device_rates(
        self, parameters: Parameters, rule: Rule, lrs: Any, wds: Sequence[float]
    ) -> None:
        """By ``rule``, with rates (n,) that only the device knows."""

    def nesterov_update(
        self,
        parameters: Parameters,
        rule: Rule,
        correction: float,
        lrs: Sequence[float],
        wds: Sequence[float],
    ) -> None:
        """Like ``rule``, but ``w += momentum * v - lr * (rescale * g + wd * w)`` with the new v.

        The buffer is multiplied by ``correction`` first.
        """

    def adam_step(
        self,
        targets: Sequence[Any],
        gradients: Sequence[Any],
        means: Sequence[Any],
        variances: Sequence[Any],
        rule: AdamRule,
        lrs: Sequence[float],
    ) -> None:
        """Move ``targets`` against the corrected mean gradients, and both means on."""

    def nesterov_adam_step(
        self,
        targets: Sequence[Any],
        gradients: Sequence[Any],
        means: Sequence[Any],
        variances: Sequence[Any],
        rule: AdamRule,
        lrs: Sequence[float],
    ) -> None:
        """Like `adam_step`, but along ``beta1 * m + (1 - beta1) * rescale * g`` with the new m.

        It is corrected as m is, by ``1 - beta1 ** updates``.
        """

    def subtract(self, targets: Sequence[Any], steps: Sequence[Any], rates: Sequence[float]) -> None:
        """``target -= rate * step``; a target may be its own step."""

    def subtract_with_device_rates(self, targets: Sequence[Any], steps: Sequence[Any], rates: Any) -> None:
        """``target -= rate * step`` with rates (n,) that only the device knows."""


def kernels_of(array: Any) -> Kernels:
    """Those for the library of ``array``."""
    if libraries.is_of_torch(array):
        from gluonlab.optim import kernels_in_torch

        return kernels_in_torch
    from gluonlab.optim import kernels_in_mxnet

    return kernels_in_mxnet


def in_update_type(gradients: Sequence[Any]) -> list[Any]:
    """``gradients`` in float32, if they are of a smaller type."""
    is_double = "float64" in str(gradients[0].dtype)
    return list(gradients) if is_double else libraries.of(gradients[0]).cast(gradients, "float32")
