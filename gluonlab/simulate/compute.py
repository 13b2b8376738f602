"""Time of a forward and backward pass on one device, from a measured throughput-against-batch curve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional

LARGEST_STEP_DOWN, LARGEST_STEP_UP = 32.0, 4.0
"""How far below and above the measured batches the law is used, as factors; further out is refused.

Published series bear out steps down to a 27th; steps up are left to memory that nobody has shown.
"""


@dataclass(frozen=True)
class ComputeLaw:
    """``t(b) = overhead + b / limit``: what is paid once per pass, and the rate of a filled device.

    The overhead is the launch of some hundred kernels and the part of each that does not depend on the
    batch. The rate ``b / t(b)`` saturates: it is half of ``limit`` at ``b = overhead * limit``. Published
    curves of ResNet-50 on K80, P100 and V100, batches 1 to 128, lie within a few per cent of it.
    ``smallest_batch`` and ``largest_batch`` are the images between which it was measured.
    """

    overhead_seconds: float
    limit_images_per_second: float
    smallest_batch: float
    largest_batch: float

    def seconds(self, batch: float) -> float:
        """Seconds for ``batch`` images."""
        return self.overhead_seconds + batch / self.limit_images_per_second

    def slowed(self, factor: float) -> ComputeLaw:
        """The law of a model with ``factor`` times the arithmetic per image."""
        return ComputeLaw(
            self.overhead_seconds,
            self.limit_images_per_second / factor,
            self.smallest_batch,
            self.largest_batch,
        )

    def is_measured(self, batch: float) -> bool:
        """Whether ``batch`` lies between the measured ones."""
        return self.smallest_batch <= batch <= self.largest_batch

    @property
    def allowed_batches(self) -> tuple[float, float]:
        """The smallest and the largest batch that the law is used for."""
        return self.smallest_batch / LARGEST_STEP_DOWN, self.largest_batch * LARGEST_STEP_UP


def fit_law(curve: Mapping[float, float], overhead_seconds: Optional[float] = None) -> ComputeLaw:
    """Least squares over ``curve`` (images per second by batch) of the relative errors of t(b).

    A given ``overhead_seconds`` is kept, and only the limit is fitted; one point alone needs it.

    Raises:
        ValueError: one point without an overhead, or an overhead longer than a measured pass.
    """
    if len(curve) < 2 and overhead_seconds is None:
        raise ValueError("one measured batch does not tell the overhead of a pass from its rate")
    # Each point says 1 = overhead / t + slope * (b / t); its time t is its weight.
    rows = [(rate / batch, rate) for batch, rate in curve.items()]
    if overhead_seconds is None:
        overhead_seconds = max(_fitted_overhead(rows), 0.0)
    left = sum(b_over_t * (1 - overhead_seconds * one_over_t) for one_over_t, b_over_t in rows)
    if left <= 0:
        raise ValueError(f"an overhead of {overhead_seconds:g} s is longer than the measured passes")
    limit = sum(b_over_t**2 for _, b_over_t in rows) / left
    return ComputeLaw(overhead_seconds, limit, min(curve), max(curve))


def _fitted_overhead(rows: list[tuple[float, float]]) -> float:
    """The overhead of the two normal equations."""
    xx = sum(x * x for x, _ in rows)
    xy = sum(x * y for x, y in rows)
    yy = sum(y * y for _, y in rows)
    sum_x, sum_y = sum(x for x, _ in rows), sum(y for _, y in rows)
    return (sum_x * yy - sum_y * xy) / (xx * yy - xy * xy)
