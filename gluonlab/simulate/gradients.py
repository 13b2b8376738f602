"""When gradients are ready during the backward pass, how they are fused, and what of it is not hidden."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True)
class GradientTensor:
    """``elements`` numbers; ``multiply_adds`` of the forward pass of one image that its layer costs."""

    name: str
    elements: int
    multiply_adds: int


@dataclass(frozen=True)
class Fusion:
    """Horovod's fusion buffer: at most ``threshold_bytes`` in one all-reduce, started once per cycle."""

    threshold_bytes: float
    cycle_seconds: float


Cost = Callable[[float], float]
"""Seconds of an all-reduce of so many bytes."""


def ready_fractions(tensors: Sequence[GradientTensor]) -> list[float]:
    """Share of the backward pass that is over when each of ``tensors``, in backward order, is ready.

    A layer takes time in proportion to its multiply-adds; without any, all tensors take the same.
    """
    total = sum(tensor.multiply_adds for tensor in tensors)
    if total == 0:
        return [(index + 1) / len(tensors) for index in range(len(tensors))]
    return [done / total for done in accumulate(tensor.multiply_adds for tensor in tensors)]


def exposed_seconds(
    tensors: Sequence[GradientTensor],
    bytes_per_element: float,
    backward_seconds: float,
    is_overlapped: bool,
    fusion: Fusion,
    cost: Cost,
) -> float:
    """Seconds from the end of the backward pass to the end of the last all-reduce.

    All-reduces run one after another. While one runs, gradients gather, so a busy network sees fewer and
    larger messages: of windows of 1, 2, 4, ... cycles the one that ends first is taken. (The windows do not
    depend on the network, so more bandwidth never costs time.)
    """
    sizes = [tensor.elements * bytes_per_element for tensor in tensors]
    if not is_overlapped:
        return fusion.cycle_seconds / 2 + sum(cost(size) for size in _full_buffers(sizes, fusion))
    ready = [backward_seconds * fraction for fraction in ready_fractions(tensors)]
    window, ends = fusion.cycle_seconds, []
    while True:
        ends.append(_end_of_last(_buffers(sizes, ready, window, fusion), fusion, cost))
        if window >= backward_seconds:
            return max(min(ends) - backward_seconds, 0.0)
        window = max(2 * window, backward_seconds / 256)


def _end_of_last(buffers: Sequence[tuple[float, float]], fusion: Fusion, cost: Cost) -> float:
    end = 0.0
    for size, ready in buffers:
        # A buffer waits for the next look of the coordinator, half a cycle on average.
        end = max(end, ready + fusion.cycle_seconds / 2) + cost(size)
    return end


def _buffers(
    sizes: Sequence[float], ready: Sequence[float], window_seconds: float, fusion: Fusion
) -> list[tuple[float, float]]:
    """Bytes and ready time of each buffer: what comes within a window, up to the threshold."""
    buffers: list[tuple[float, float]] = []
    filled, opened = 0.0, ready[0]
    for index, (size, time) in enumerate(zip(sizes, ready)):
        if filled and (filled + size > fusion.threshold_bytes or time > opened + window_seconds):
            buffers.append((filled, ready[index - 1]))
            filled, opened = 0.0, time
        filled += size
    return [*buffers, (filled, ready[-1])]


def _full_buffers(sizes: Sequence[float], fusion: Fusion) -> list[float]:
    """Bytes of each buffer if everything is ready at once."""
    return [size for size, _ in _buffers(sizes, [0.0] * len(sizes), 0.0, fusion)]
