"""The update of many parameters at once, by the operators that are fastest on their device.

On the CPU one operator per parameter is faster than MXNet's multi-tensor operators, which visit element i
of all tensors before element i + 1 of any, unless parameters are so small that calls cost more than
arithmetic. On a GPU each call costs a launch, so parameters share calls.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gluonlab.runtime.mxnet import nd

MAX_TENSORS_PER_CALL = 60
"""MXNet's multi-tensor operators write beyond their arrays from 61 tensors on."""

SMALL = 1 << 14
"""Elements up to which a parameter shares a call on the CPU: from 36,864 on ten together took longer."""

SMALLEST_NORMAL = 1.2e-38


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
        return Parameters(*([values[i] for i in places] if values else [] for values in self._lists()))

    def in_chunks(self) -> Iterator[tuple[slice, Parameters]]:
        """Consecutive parameters for one call each: one on the CPU, up to 60 on a GPU."""
        for place in chunks(self.weights):
            yield place, Parameters(*(values[place] for values in self._lists()))

    def interleaved(self) -> list[Any]:
        """Weight, gradient, buffer (, master) of the first, then of the second: the operators' order."""
        return [array for parameter in zip(*filter(len, self._lists())) for array in parameter]

    def in_float32(self) -> tuple[Sequence[Any], list[Any]]:
        """What is updated, masters or weights, and the gradients, both float32."""
        gradients = [gradient.astype("float32", copy=False) for gradient in self.gradients]
        return self.masters or self.weights, gradients

    def copy_masters_to_weights(self) -> None:
        """Round the float32 masters to the weights they stand for; nothing to do without masters."""
        for master, weight in zip(self.masters, self.weights):
            nd.cast(master, dtype=weight.dtype, out=weight)

    def _lists(self) -> tuple[Sequence[Any], ...]:
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


def operator_number(value: float) -> float:
    """``value``, or 0 where float32 would hold it as a subnormal number, which MXNet's operators refuse."""
    return value if abs(value) >= SMALLEST_NORMAL else 0.0


def parameters_per_call(arrays: Sequence[Any]) -> int:
    """How many tensors an operator should be given at once on the device of ``arrays``."""
    return 1 if arrays[0].context.device_type == "cpu" else MAX_TENSORS_PER_CALL


def chunks(arrays: Sequence[Any]) -> Iterator[slice]:
    """Consecutive places of ``arrays`` that may share a call."""
    size = parameters_per_call(arrays)
    for first in range(0, len(arrays), size):
        yield slice(first, min(first + size, len(arrays)))


def shared_calls(parameters: Parameters) -> list[list[int]]:
    """The places of those that one call of `momentum_update` takes; the bits do not depend on it."""
    shared: list[int] = []
    alone: list[int] = []
    if parameters_per_call(parameters.weights) > 1:
        shared = list(range(len(parameters)))
    else:
        for place, weight in enumerate(parameters.weights):
            is_small = not parameters.masters and math.prod(weight.shape) <= SMALL
            (shared if is_small else alone).append(place)
    firsts = range(0, len(shared), MAX_TENSORS_PER_CALL)
    return [shared[first : first + MAX_TENSORS_PER_CALL] for first in firsts] + [[place] for place in alone]


def momentum_update(parameters: Parameters, rule: Rule, lrs: Sequence[float], wds: Sequence[float]) -> None:
    """Update in place with rates and decays known to the host, one for each parameter."""
    for places in shared_calls(parameters):
        part = parameters.chosen(places)
        if len(part) == 1:
            operator = nd.mp_sgd_mom_update if part.masters else nd.sgd_mom_update
            operator(
                *part.interleaved(),
                out=part.weights[0],
                lr=lrs[places[0]],
                wd=wds[places[0]],
                momentum=rule.momentum,
                rescale_grad=rule.rescale,
            )
            continue
        operator = nd.multi_mp_sgd_mom_update if part.masters else nd.multi_sgd_mom_update
        operator(
            *part.interleaved(),
            out=list(part.weights),
            num_weights=len(part),
            lrs=[lrs[place] for place in places],
            wds=[wds[place] for place in places],
            momentum=rule.momentum,
            rescale_grad=rule.rescale,
        )


def momentum_update_with_device_rates(parameters: Parameters, rule: Rule, lrs: Any, wds: Any) -> None:
    """Update in place with rates and decays that only the device knows, both (n,); does not wait."""
    for place, part in parameters.in_chunks():
        operator = nd.preloaded_multi_mp_sgd_mom_update if part.masters else nd.preloaded_multi_sgd_mom_update
        operator(
            *part.interleaved(),
            lrs[place],
            wds[place],
            out=list(part.weights),
            num_weights=len(part),
            momentum=rule.momentum,
            rescale_grad=rule.rescale,
        )


def adam_step(target: Any, gradient: Any, mean: Any, variance: Any, rule: AdamRule, lr: float) -> None:
    """Move ``target`` against the corrected mean gradient, and both means on, in place.

    One tensor a call on every device: MXNet's ``multi_adamw_update`` ends the process from 51 tensors on
    without saying why, and reads its scale from the device.
    """
    mean_scale = _stored_per_wanted(rule.beta1, rule)
    root = math.sqrt(_stored_per_wanted(rule.beta2, rule))
    nd.adam_update(
        target,
        gradient,
        mean,
        variance,
        out=target,
        lr=operator_number(lr * root / mean_scale),
        beta1=rule.beta1,
        beta2=rule.beta2,
        epsilon=operator_number(rule.eps * root),
        wd=0.0,
        rescale_grad=rule.rescale,
        lazy_update=False,
    )


def nesterov_adam_step(
    target: Any, gradient: Any, mean: Any, variance: Any, rule: AdamRule, lr: float
) -> None:
    """Like `adam_step`, but along ``beta1 * m + (1 - beta1) * rescale * g`` with the new m.

    It is corrected as m is, by ``1 - beta1 ** updates``. Takes the memory of one more array.
    """
    adam_step(target, gradient, mean, variance, rule, lr=0.0)
    ahead, stored, wanted = mean.copy(), float(np.float32(rule.beta1)), rule.beta1
    next_update = rule.updates + 1
    mean_scale = (1 - stored**next_update) / (1 - wanted**next_update) * (1 - wanted**rule.updates)
    root = math.sqrt(_stored_per_wanted(rule.beta2, rule))
    nd.adam_update(
        target,
        gradient,
        ahead,
        variance,
        out=target,
        lr=operator_number(lr * root / mean_scale),
        beta1=rule.beta1,
        beta2=1.0,  # the variance has this gradient
        epsilon=operator_number(rule.eps * root),
        wd=0.0,
        rescale_grad=rule.rescale,
        lazy_update=False,
    )


def _stored_per_wanted(beta: float, rule: AdamRule) -> float:
    """How many times the running mean that the rule wants the operator has stored.

    The operator takes beta as float32 and 1 - beta from that, which is 1.3e-5 off at 0.999.
    """
    sum_of_weights = 1 - float(np.float32(beta)) ** rule.updates
    return sum_of_weights if rule.bias_correction else sum_of_weights / (1 - beta**rule.updates)


def subtract_in_place(target: Any, step: Any, rate: float) -> None:
    """``target -= rate * step`` with a rate known to the host; a target may be its own step."""
    if rate:
        nd.sgd_update(target, step, out=target, lr=operator_number(rate), wd=0.0)


def subtract_with_device_rates(targets: Sequence[Any], steps: Sequence[Any], rates: Any) -> None:
    """``target -= rate * step`` with rates (n,) that only the device knows; does not wait."""
    no_decay = nd.zeros_like(rates)
    for place in chunks(targets):
        pairs = [array for pair in zip(targets[place], steps[place]) for array in pair]
        nd.preloaded_multi_sgd_update(
            *pairs, rates[place], no_decay[place], out=list(targets[place]), num_weights=len(pairs) // 2
        )
