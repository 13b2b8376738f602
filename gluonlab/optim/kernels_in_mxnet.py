"""`Kernels` for MXNet's arrays, by the operators that are fastest on their device.

On the CPU one operator per parameter is faster than MXNet's multi-tensor operators, which visit element i
of all tensors before element i + 1 of any, unless parameters are so small that calls cost more than
arithmetic. On a GPU each call costs a launch, so parameters share calls.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gluonlab.arrays import calls_in_mxnet
from gluonlab.arrays.calls_in_mxnet import MAX_TENSORS_PER_CALL, chunks
from gluonlab.arrays.in_mxnet import from_numpy, operator_number
from gluonlab.optim.rules import AdamRule, Parameters, Rule
from gluonlab.runtime.mxnet import nd

SMALL = 1 << 14
"""Elements up to which a parameter shares a call on the CPU: from 36,864 on ten together took longer."""


def shared_calls(parameters: Parameters) -> list[list[int]]:
    """The places of those that one call of `momentum_update` takes; the bits do not depend on it."""
    shared: list[int] = []
    alone: list[int] = []
    if calls_in_mxnet.parameters_per_call(parameters.weights) > 1:
        shared = list(range(len(parameters)))
    else:
        for place, weight in enumerate(parameters.weights):
            is_small = not parameters.masters and math.prod(weight.shape) <= SMALL
            (shared if is_small else alone).append(place)
    firsts = range(0, len(shared), MAX_TENSORS_PER_CALL)
    return [shared[first : first + MAX_TENSORS_PER_CALL] for first in firsts] + [[place] for place in alone]


def momentum_update(parameters: Parameters, rule: Rule, lrs: Sequence[float], wds: Sequence[float]) -> None:
    for places in shared_calls(parameters):
        part = parameters.chosen(places)
        if len(part) == 1:
            operator = nd.mp_sgd_mom_update if part.masters else nd.sgd_mom_update
            operator(
                *interleaved(part),
                out=part.weights[0],
                lr=lrs[places[0]],
                wd=wds[places[0]],
                momentum=rule.momentum,
                rescale_grad=rule.rescale,
            )
            continue
        operator = nd.multi_mp_sgd_mom_update if part.masters else nd.multi_sgd_mom_update
        operator(
            *interleaved(part),
            out=list(part.weights),
            num_weights=len(part),
            lrs=[lrs[place] for place in places],
            wds=[wds[place] for place in places],
            momentum=rule.momentum,
            rescale_grad=rule.rescale,
        )


def momentum_update_with_device_rates(
    parameters: Parameters, rule: Rule, lrs: Any, wds: Sequence[float]
) -> None:
    decays = from_numpy(wds, lrs)
    for place, part in in_chunks(parameters):
        operator = nd.preloaded_multi_mp_sgd_mom_update if part.masters else nd.preloaded_multi_sgd_mom_update
        operator(
            *interleaved(part),
            lrs[place],
            decays[place],
            out=list(part.weights),
            num_weights=len(part),
            momentum=rule.momentum,
            rescale_grad=rule.rescale,
        )


def nesterov_update(
    parameters: Parameters, rule: Rule, correction: float, lrs: Sequence[float], wds: Sequence[float]
) -> None:
    """MXNet has no multi-tensor NAG, and its operator for masters decays the buffer by the new weight."""
    targets, gradients = parameters.in_float32()
    for weight, gradient, buffer, lr, wd in zip(targets, gradients, parameters.buffers, lrs, wds):
        if correction != 1.0:
            buffer *= correction
        # In place, MXNet's operator decays the buffer by the weight it has just written.
        out = nd.empty(weight.shape, weight.context) if wd else weight
        nd.nag_mom_update(
            weight,
            gradient,
            buffer,
            out=out,
            lr=lr,
            wd=wd,
            momentum=rule.momentum,
            rescale_grad=rule.rescale,
        )
        if wd:
            out.copyto(weight)
    parameters.copy_masters_to_weights()


def adam_step(
    targets: Sequence[Any],
    gradients: Sequence[Any],
    means: Sequence[Any],
    variances: Sequence[Any],
    rule: AdamRule,
    lrs: Sequence[float],
) -> None:
    """One tensor a call on every device: MXNet's ``multi_adamw_update`` ends the process from 51 tensors on
    without saying why, and reads its scale from the device.
    """
    mean_scale = _stored_per_wanted(rule.beta1, rule)
    root = math.sqrt(_stored_per_wanted(rule.beta2, rule))
    for target, gradient, mean, variance, lr in zip(targets, gradients, means, variances, lrs):
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
    targets: Sequence[Any],
    gradients: Sequence[Any],
    means: Sequence[Any],
    variances: Sequence[Any],
    rule: AdamRule,
    lrs: Sequence[float],
) -> None:
    """Takes the memory of one more array."""
    adam_step(targets, gradients, means, variances, rule, [0.0] * len(lrs))
    stored, wanted = float(np.float32(rule.beta1)), rule.beta1
    next_update = rule.updates + 1
    mean_scale = (1 - stored**next_update) / (1 - wanted**next_update) * (1 - wanted**rule.updates)
    root = math.sqrt(_stored_per_wanted(rule.beta2, rule))
    for target, gradient, mean, variance, lr in zip(targets, gradients, means, variances, lrs):
        ahead = mean.copy()
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


def subtract(targets: Sequence[Any], steps: Sequence[Any], rates: Sequence[float]) -> None:
    for target, step, rate in zip(targets, steps, rates):
        if rate:
            nd.sgd_update(target, step, out=target, lr=operator_number(rate), wd=0.0)


def subtract_with_device_rates(targets: Sequence[Any], steps: Sequence[Any], rates: Any) -> None:
    no_decay = nd.zeros_like(rates)
    for place in chunks(targets):
        pairs = [array for pair in zip(targets[place], steps[place]) for array in pair]
        nd.preloaded_multi_sgd_update(
            *pairs, rates[place], no_decay[place], out=list(targets[place]), num_weights=len(pairs) // 2
        )


def in_chunks(parameters: Parameters) -> Iterator[tuple[slice, Parameters]]:
    """Consecutive parameters for one call each: one on the CPU, up to 60 on a GPU."""
    for place in chunks(parameters.weights):
        yield place, Parameters(*(values[place] for values in parameters.lists()))


def interleaved(parameters: Parameters) -> list[Any]:
    """Weight, gradient, buffer (, master) of the first, then of the second: the operators' order."""
    return [array for parameter in zip(*filter(len, parameters.lists())) for array in parameter]
