"""The update of many parameters at once, by the operators that are fastest on their device.

On the CPU one operator per parameter is faster than MXNet's multi-tensor operators, which visit element i
of all tensors before element i + 1 of any. On a GPU each call costs a launch, so parameters share calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gluonlab.runtime.mxnet import nd

MAX_TENSORS_PER_CALL = 60
"""MXNet's multi-tensor operators write beyond their arrays from 61 tensors on."""


@dataclass(frozen=True)
class Parameters:
    """Equally long lists: weights, gradients, momentum buffers, and float32 masters where weights are
    float16 (else empty).
    """

    weights: Sequence[Any]
    gradients: Sequence[Any]
    buffers: Sequence[Any]
    masters: Sequence[Any] = ()

    def __len__(self) -> int:
        return len(self.weights)

    def chosen(self, places: Sequence[int]) -> Parameters:
        """The parameters at ``places``."""
        lists = (self.weights, self.gradients, self.buffers, self.masters)
        return Parameters(*([values[place] for place in places] if values else [] for values in lists))

    def in_chunks(self) -> Iterator[tuple[slice, Parameters]]:
        """Consecutive parameters for one call each: one on the CPU, up to 60 on a GPU."""
        size = parameters_per_call(self.weights)
        for first in range(0, len(self), size):
            place = slice(first, min(first + size, len(self)))
            yield (
                place,
                Parameters(
                    self.weights[place], self.gradients[place], self.buffers[place], self.masters[place]
                ),
            )

    def interleaved(self) -> list[Any]:
        """Weight, gradient, buffer (, master) of the first, then of the second: the operators' order."""
        lists = [self.weights, self.gradients, self.buffers, *([self.masters] if self.masters else [])]
        return [array for parameter in zip(*lists) for array in parameter]


@dataclass(frozen=True)
class Rule:
    """``v = momentum * v - lr * (clip(rescale * g) + wd * w); w += v``, without lr and wd."""

    momentum: float
    rescale: float


def parameters_per_call(arrays: Sequence[Any]) -> int:
    """How many tensors an operator should be given at once on the device of ``arrays``."""
    return 1 if arrays[0].context.device_type == "cpu" else MAX_TENSORS_PER_CALL


def momentum_update(parameters: Parameters, rule: Rule, lrs: Sequence[float], wds: Sequence[float]) -> None:
    """Update in place with rates and decays known to the host, one for each parameter."""
    for place, part in parameters.in_chunks():
        if len(part) == 1:
            operator = nd.mp_sgd_mom_update if part.masters else nd.sgd_mom_update
            operator(
                *part.interleaved(),
                out=part.weights[0],
                lr=lrs[place][0],
                wd=wds[place][0],
                momentum=rule.momentum,
                rescale_grad=rule.rescale,
            )
            continue
        operator = nd.multi_mp_sgd_mom_update if part.masters else nd.multi_sgd_mom_update
        operator(
            *part.interleaved(),
            out=list(part.weights),
            num_weights=len(part),
            lrs=lrs[place],
            wds=wds[place],
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


def squared_norms(arrays: Sequence[Any]) -> Any:
    """Sum of squares of each array, float32 (n,), on their device; does not wait.

    On the CPU a dot product is used: MXNet's own operator adds up in one float32 there and is 0.2 % off
    at two million elements.
    """
    size = parameters_per_call(arrays)
    if size > 1:
        chunks = [arrays[first : first + size] for first in range(0, len(arrays), size)]
        return nd.concat(*(nd.multi_sum_sq(*chunk, num_arrays=len(chunk)) for chunk in chunks), dim=0)
    flat = [array.reshape(-1).astype("float32", copy=False) for array in arrays]
    return nd.concat(*(nd.dot(values, values) for values in flat), dim=0)
