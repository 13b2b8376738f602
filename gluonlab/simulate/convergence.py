"""Epochs to 75.9 % top-1 of ResNet-50 on ImageNet with LARS, against the batch: published points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2
from statistics import mean
from typing import Optional


@dataclass(frozen=True)
class ConvergencePoint:
    """Epochs that runs with ``global_batch_size`` needed: mean, least and most."""

    global_batch_size: int
    mean_epochs: float
    least_epochs: float
    most_epochs: float


MLPERF_LARS = (
    ConvergencePoint(1_632, 35.0, 33, 37),
    ConvergencePoint(3_264, 35.2, 34, 37),
    ConvergencePoint(4_096, 40.0, 39, 42),
    ConvergencePoint(8_192, 42.0, 41, 44),
    ConvergencePoint(13_056, 45.4, 44, 46),
    ConvergencePoint(32_768, 56.0, 55, 57),
    ConvergencePoint(35_840, 60.0, 60, 60),
    ConvergencePoint(49_152, 68.0, 67, 69),
    ConvergencePoint(58_880, 79.9, 78, 81),
    ConvergencePoint(65_536, 84.5, 83, 86),
)
"""MLPerf's reference convergence points (mlcommons/logging, rcps_resnet.json of training 2.0, 10 to 17 runs
each). Each batch has hyperparameters of its own, so neighbours differ by more than their runs do."""


@dataclass(frozen=True)
class EpochsToTarget:
    """An estimate, and the bounds that a run like those published may be expected in."""

    epochs: float
    least: float
    most: float


def epochs_to_target(
    global_batch_size: int, points: Sequence[ConvergencePoint] = MLPERF_LARS
) -> Optional[EpochsToTarget]:
    """On the line between the neighbouring points, over the logarithm of the batch.

    The bounds are those of the neighbours' runs, plus the mean distance of a published point from the line
    between its own neighbours. Below the smallest batch its epochs hold; above the largest: None.
    """
    if global_batch_size > points[-1].global_batch_size:
        return None
    tuning = _distance_from_line(points)
    batch = max(global_batch_size, points[0].global_batch_size)
    upper = next(i for i in range(1, len(points)) if points[i].global_batch_size >= batch)
    left, right = points[upper - 1], points[upper]
    share = log2(batch / left.global_batch_size) / log2(right.global_batch_size / left.global_batch_size)

    def between(low: float, high: float) -> float:
        return low + share * (high - low)

    return EpochsToTarget(
        between(left.mean_epochs, right.mean_epochs),
        between(left.least_epochs, right.least_epochs) - tuning,
        between(left.most_epochs, right.most_epochs) + tuning,
    )


def _distance_from_line(points: Sequence[ConvergencePoint]) -> float:
    """Mean distance, in epochs, of inner points from the line between their neighbours."""
    distances = []
    for left, point, right in zip(points, points[1:], points[2:]):
        start = log2(left.global_batch_size)
        share = (log2(point.global_batch_size) - start) / (log2(right.global_batch_size) - start)
        line = left.mean_epochs + share * (right.mean_epochs - left.mean_epochs)
        distances.append(abs(point.mean_epochs - line))
    return mean(distances)
