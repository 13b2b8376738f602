"""Learning-rate schedules: pure functions from the step to the learning rate.

A schedule keeps no state, so a run resumes at step ``k`` by calling it with ``k``, and its curve is
``[schedule(step) for step in range(total_steps)]``. A boundary belongs to what comes after it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

Schedule = Callable[[int], float]


def linear_scaling(base_lr: float, global_batch_size: int, base_batch_size: int) -> float:
    """Rate for a batch k times as large is k times as large (Krizhevsky 2014; Goyal et al. 2017)."""
    return base_lr * global_batch_size / base_batch_size


def sqrt_scaling(base_lr: float, global_batch_size: int, base_batch_size: int) -> float:
    """Rate grows with the square root of the batch (Krizhevsky 2014; You et al. 2017)."""
    return base_lr * math.sqrt(global_batch_size / base_batch_size)


def constant(value: float) -> Schedule:
    """The same rate at every step."""
    return lambda step: value


def linear(start: float, end: float, num_steps: int) -> Schedule:
    """Straight line from ``start`` at step 0 to ``end`` at ``num_steps``, then flat."""
    return polynomial(start, end, num_steps, power=1.0)


def exponential(start: float, end: float, num_steps: int) -> Schedule:
    """Geometric growth from ``start`` at step 0 to ``end`` at ``num_steps``, then flat.

    Raises:
        ValueError: if ``start`` or ``end`` is not positive.
    """
    if start <= 0 or end <= 0:
        raise ValueError(f"exponential growth needs positive rates, got {start} and {end}")
    return lambda step: start * (end / start) ** _progress(step, num_steps)


def quadratic(start: float, end: float, num_steps: int) -> Schedule:
    """``start + (end - start) * (step / num_steps) ** 2`` (warm-up of You et al. 2017), then flat."""
    return lambda step: start + (end - start) * _progress(step, num_steps) ** 2


def cosine(start: float, end: float, num_steps: int) -> Schedule:
    """Half a cosine from ``start`` to ``end`` (Loshchilov & Hutter 2017), then flat."""
    return lambda step: end + (start - end) * 0.5 * (1 + math.cos(math.pi * _progress(step, num_steps)))


def polynomial(start: float, end: float, num_steps: int, power: float = 2.0) -> Schedule:
    """``end + (start - end) * (1 - step / num_steps) ** power`` (You et al. 2017), then flat."""
    return lambda step: end + (start - end) * (1 - _progress(step, num_steps)) ** power


def rmsprop_to_sgd(center: float, period: float) -> Schedule:
    """The share of SGD in a transition from RMSprop (Akiba et al. 2017): 1/2 at step ``center``.

    ``exp(2 * (step - center) / period) / 2`` before it, then a straight line of the same slope, which
    reaches 1 at ``center + period / 2`` and stays there. As printed, the line is twice as steep: it would
    have a kink at the centre, and overshoot to 1.5 before it is cut back to 1.
    """

    def share(step: int) -> float:
        distance = (step - center) / period
        return 0.5 * math.exp(2 * distance) if distance < 0 else min(0.5 + distance, 1.0)

    return share


def multistep(start: float, boundaries: Sequence[int], factor: float = 0.1) -> Schedule:
    """Multiply by ``factor`` from each boundary step on (He et al. 2015)."""
    ordered = _ascending(boundaries)
    return lambda step: start * factor ** sum(step >= boundary for boundary in ordered)


def piecewise(values: Sequence[float], boundaries: Sequence[int]) -> Schedule:
    """``values[i]`` until ``boundaries[i]``, the last value after the last boundary."""
    return join([constant(value) for value in values], boundaries)


def join(schedules: Sequence[Schedule], boundaries: Sequence[int]) -> Schedule:
    """Run ``schedules`` one after another; each counts its steps from its own boundary.

    Raises:
        ValueError: unless there is one boundary between each two schedules, in ascending order.
    """
    if len(boundaries) != len(schedules) - 1:
        raise ValueError(f"{len(schedules)} schedules cannot be joined at {list(boundaries)}")
    starts = [0, *_ascending(boundaries)]

    def joined(step: int) -> float:
        phase = sum(step >= start for start in starts[1:])
        return schedules[phase](step - starts[phase])

    return joined


def with_warmup(schedule: Schedule, warmup: Schedule, warmup_steps: int) -> Schedule:
    """Follow ``warmup`` for ``warmup_steps``, then ``schedule``; both count from the first step.

    This is what a decay with milestones counted from the start of training needs (Goyal et al. 2017).
    """
    return lambda step: warmup(step) if step < warmup_steps else schedule(step)


def after(schedule: Schedule, first_step: int) -> Schedule:
    """``schedule`` counted from ``first_step``, for a decay that starts where warm-up ends."""
    return lambda step: schedule(max(step - first_step, 0))


def _progress(step: int, num_steps: int) -> float:
    """Fraction of ``num_steps`` done, held at 1 afterwards."""
    return 1.0 if num_steps <= 0 else min(step / num_steps, 1.0)


def _ascending(boundaries: Sequence[int]) -> list[int]:
    if list(boundaries) != sorted(set(boundaries)):
        raise ValueError(f"boundaries must ascend, got {list(boundaries)}")
    return list(boundaries)
