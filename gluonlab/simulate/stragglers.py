"""What waiting for the slowest of many workers costs."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist


def expected_maximum(workers: int) -> float:
    """Expected largest of ``workers`` standard normal numbers; 0 for one, about sqrt(2 ln P) for many.

    Blom 1958: the quantile at ``(P - 0.375) / (P + 0.25)``, within 5 % of the exact mean.
    """
    return NormalDist().inv_cdf((workers - 0.375) / (workers + 0.25))


def straggler_seconds(compute_seconds: float, noise_fraction: float, workers: int, passes: int = 1) -> float:
    """Wait for the slowest of ``workers``, each of which computes for ``compute_seconds`` on average.

    ``noise_fraction`` is the standard deviation of one pass over its mean. The noise of the ``passes`` that
    make up an update averages out.
    """
    return compute_seconds * noise_fraction * expected_maximum(workers) / sqrt(passes)
