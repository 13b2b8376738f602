"""`Kernels` for PyTorch's tensors: one call for all of them where there is one.

Nothing is rounded to another type on the way: tensors of float64 are updated in float64.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from gluonlab.arrays.in_torch import scale_on_device
from gluonlab.optim.rules import AdamRule, Parameters, Rule


def _groups(*numbers: Sequence[float]) -> Iterator[tuple[list[int], tuple[float, ...]]]:
    """The places at which all of ``numbers`` are the same, and these; so they share a call."""
    places: dict[tuple[float, ...], list[int]] = {}
    for place, key in enumerate(zip(*numbers)):
        places.setdefault(key, []).append(place)
    for key, found in places.items():
        yield found, key


def _chosen(places: Sequence[int], *lists: Sequence[Any]) -> list[list[Any]]:
    return [[one[place] for place in places] for one in lists]


def momentum_update(parameters: Parameters, rule: Rule, lrs: Sequence[float], wds: Sequence[float]) -> None:
    weights, gradients = parameters.in_float32()
    for places, (lr, wd) in _groups(lrs, wds):
        targets, steps, buffers = _chosen(places, weights, gradients, parameters.buffers)
        torch._foreach_mul_(buffers, rule.momentum)
        torch._foreach_add_(buffers, steps, alpha=-lr * rule.rescale)
        if wd:
            torch._foreach_add_(buffers, targets, alpha=-lr * wd)
        torch._foreach_add_(targets, buffers)
    parameters.copy_masters_to_weights()


def momentum_update_with_device_rates(
    parameters: Parameters, rule: Rule, lrs: Tensor, wds: Sequence[float]
) -> None:
    weights, gradients = (list(arrays) for arrays in parameters.in_float32())
    buffers = list(parameters.buffers)
    steps = torch._foreach_mul(gradients, rule.rescale)
    torch._foreach_add_(steps, torch._foreach_mul(weights, list(wds)))
    scale_on_device(steps, lrs)
    torch._foreach_mul_(buffers, rule.momentum)
    torch._foreach_sub_(buffers, steps)
    torch._foreach_add_(weights, buffers)
    parameters.copy_masters_to_weights()


def nesterov_update(
    parameters: Parameters, rule: Rule, correction: float, lrs: Sequence[float], wds: Sequence[float]
) -> None:
    weights, gradients = parameters.in_float32()
    for places, (lr, wd) in _groups(lrs, wds):
        targets, steps, buffers = _chosen(places, weights, gradients, parameters.buffers)
        torch._foreach_mul_(buffers, rule.momentum * correction)
        torch._foreach_add_(buffers, steps, alpha=-lr * rule.rescale)
        if wd:
            torch._foreach_add_(buffers, targets, alpha=-lr * wd)
            torch._foreach_mul_(targets, 1 - lr * wd)
        torch._foreach_add_(targets, steps, alpha=-lr * rule.rescale)
        torch._foreach_add_(targets, buffers, alpha=rule.momentum)
    parameters.copy_masters_to_weights()


def adam_step(
    targets: Sequence[Tensor],
    gradients: Sequence[Tensor],
    means: Sequence[Tensor],
    variances: Sequence[Tensor],
    rule: AdamRule,
    lrs: Sequence[float],
) -> None:
    _move_means(gradients, means, variances, rule)
    _step(targets, list(means), variances, rule, lrs)


def nesterov_adam_step(
    targets: Sequence[Tensor],
    gradients: Sequence[Tensor],
    means: Sequence[Tensor],
    variances: Sequence[Tensor],
    rule: AdamRule,
    lrs: Sequence[float],
) -> None:
    scaled = _move_means(gradients, means, variances, rule)
    ahead = torch._foreach_mul(list(means), rule.beta1)
    torch._foreach_add_(ahead, scaled, alpha=1 - rule.beta1)
    _step(targets, list(ahead), variances, rule, lrs)


def _move_means(
    gradients: Sequence[Tensor], means: Sequence[Tensor], variances: Sequence[Tensor], rule: AdamRule
) -> list[Tensor]:
    """Take the gradients into their running means; returns the rescaled ones."""
    scaled, means, variances = torch._foreach_mul(list(gradients), rule.rescale), list(means), list(variances)
    torch._foreach_mul_(means, rule.beta1)
    torch._foreach_add_(means, scaled, alpha=1 - rule.beta1)
    torch._foreach_mul_(variances, rule.beta2)
    torch._foreach_addcmul_(variances, scaled, scaled, 1 - rule.beta2)
    return list(scaled)


def _step(
    targets: Sequence[Tensor],
    directions: list[Tensor],
    variances: Sequence[Tensor],
    rule: AdamRule,
    lrs: Sequence[float],
) -> None:
    of_mean, of_variance = (
        1 - beta**rule.updates if rule.bias_correction else 1.0 for beta in (rule.beta1, rule.beta2)
    )
    divisors = torch._foreach_sqrt(list(variances))
    torch._foreach_div_(divisors, math.sqrt(of_variance))
    torch._foreach_add_(divisors, rule.eps)
    torch._foreach_addcdiv_(list(targets), directions, divisors, [-lr / of_mean for lr in lrs])


def subtract(targets: Sequence[Tensor], steps: Sequence[Tensor], rates: Sequence[float]) -> None:
    for places, (rate,) in _groups(rates):
        if not rate:
            continue
        ours, theirs = _chosen(places, targets, steps)
        if ours[0] is theirs[0]:
            torch._foreach_mul_(ours, 1 - rate)
        else:
            torch._foreach_add_(ours, theirs, alpha=-rate)


def subtract_with_device_rates(targets: Sequence[Tensor], steps: Sequence[Tensor], rates: Tensor) -> None:
    scaled = torch._foreach_mul(list(steps), list(rates.unbind()))
    torch._foreach_sub_(list(targets), scaled)
