"""The updates by which many parameters are changed at once: what each library has a half of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from gluonlab import arrays as libraries
from gluonlab.optim.rules import AdamRule, Parameters, Rule


class Kernels(Protocol):
    """Updates in place, which do not wait; rates and decays are one for each parameter."""

    def momentum_update(
        self, parameters: Parameters, rule: Rule, lrs: Sequence[float], wds: Sequence[float]
    ) -> None:
        """Update buffers and weights by ``rule``."""

    def momentum_update_with_device_rates(
        self, parameters: Parameters, rule: Rule, lrs: Any, wds: Sequence[float]
    ) -> None:
        """Update by ``rule``, with rates (n,) that only the device knows."""

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
    """The kernels for the library that ``array`` belongs to."""
    if libraries.is_of_torch(array):
        from gluonlab.optim import kernels_in_torch

        return kernels_in_torch
    from gluonlab.optim import kernels_in_mxnet

    return kernels_in_mxnet
