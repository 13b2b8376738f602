"""What the rows of a run say of its gradient noise scale, and so of the largest batch that is worth using.

Single ratios are biased and may be far off or negative, so numerator and denominator are averaged apart
(McCandlish et al. 2018, appendix A.1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum, isfinite
from typing import Any, Optional

from gluonlab.reporting.run_files import latest_by_step

SMOOTHING = 0.9
"""Weight of the past in the exponential averages, at each logged measurement."""


class NoiseScale:
    """The gradient noise scale, smoothed: the ratio of the exponential averages of its two parts."""

    def __init__(self) -> None:
        self._square = self._variance = 0.0

    def add(self, values: Mapping[str, Any]) -> Optional[float]:
        """The scale in images, with the measurement of a train row; None while it is not positive."""
        # Both averages begin at 0 and are too small by the same factor, which the ratio does not see.
        self._square += (1 - SMOOTHING) * (values["gradient_square"] - self._square)
        self._variance += (1 - SMOOTHING) * (values["gradient_variance"] - self._variance)
        is_known = self._square > 0 and self._variance > 0
        return self._variance / self._square if is_known else None


def smoothed_rows(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Train ``rows`` in order of step, with the smoothed scale as ``noise_scale`` where one was measured."""
    scale = NoiseScale()
    return [
        {**row, "noise_scale": scale.add(row) if is_measured(row) else None}
        for row in latest_by_step(rows, "train")
    ]


def is_measured(values: Mapping[str, Any]) -> bool:
    """Whether a train row holds a measurement whose parts are finite numbers."""
    parts = (values.get(key) for key in ("gradient_square", "gradient_variance"))
    return all(isinstance(part, (int, float)) and isfinite(part) for part in parts)


def largest_useful_batch(rows: Sequence[dict[str, Any]]) -> Optional[float]:
    """The gradient noise scale over the second half of training, in images; None where it was not measured.

    The ratio of means. Training with a batch of this size takes twice the fewest steps and twice the fewest
    images; with one that is much larger it takes many more images to save few steps (section 2.3).
    """
    train = [row for row in latest_by_step(rows, "train") if "gradient_square" in row]
    late = [row for row in train if 2 * row["step"] >= train[-1]["step"]]
    square = fsum(row["gradient_square"] for row in late)
    variance = fsum(row["gradient_variance"] for row in late)
    return variance / square if square > 0 and variance > 0 else None
