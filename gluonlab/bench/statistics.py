"""What repeated measurements say, without assuming a distribution of their noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, comb
from statistics import median
from typing import Any, Optional

CONFIDENCE = 0.95

Interval = Optional[tuple[float, float]]


def median_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Where the median of what ``values`` were drawn from lies, with at least ``confidence``.

    Between two of the sorted values: as many lie below the median as heads fall in n throws of a coin
    (Conover 1999, section 3.2). None for fewer values than tell: below 6 at 95 %.
    """
    ordered, count = sorted(values), len(values)
    left_out, tail = 0, 0.0
    while left_out < count // 2:
        tail += comb(count, left_out) / 2**count
        if tail > (1 - confidence) / 2:
            break
        left_out += 1
    return (ordered[left_out - 1], ordered[-left_out]) if left_out else None


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` of ``values`` do not exceed (nearest rank)."""
    return sorted(values)[max(ceil(share * len(values)), 1) - 1]


def summarize(values: Sequence[float]) -> dict[str, Any]:
    """Median, range, 95 % interval of the median, and the values themselves."""
    interval = median_interval(values)
    return {
        "median": median(values),
        "lowest": min(values),
        "highest": max(values),
        "interval_95": list(interval) if interval else None,
        "values": list(values),
    }


@dataclass(frozen=True)
class Ratio:
    """How many times the old values the new ones are; ``interval`` has 95 %, None for too few values."""

    ratio: float
    interval: Interval


def ratio_of(new: Sequence[float], old: Sequence[float], confidence: float = CONFIDENCE) -> Ratio:
    """Median of the ratios of all pairs (Hodges & Lehmann 1963), for positive values.

    The interval comes from the distribution of Mann and Whitney's count of pairs in order.
    """
    ratios = sorted(a / b for a in new for b in old)
    counts = _pair_counts(len(new), len(old))
    left_out, tail, orders = 0, 0.0, comb(len(new) + len(old), len(new))
    while left_out < len(ratios) // 2:
        tail += counts[left_out] / orders
        if tail > (1 - confidence) / 2:
            break
        left_out += 1
    return Ratio(median(ratios), (ratios[left_out - 1], ratios[-left_out]) if left_out else None)


def paired_ratio(new: Sequence[float], old: Sequence[float]) -> Ratio:
    """Median of the ratios within rounds: what disturbs a whole round cancels."""
    ratios = [a / b for a, b in zip(new, old)]
    return Ratio(median(ratios), median_interval(ratios))


def _pair_counts(m: int, n: int) -> list[int]:
    """Of all orders of m and n values, how many have 0, 1, ..., m n pairs in order (Gauss's binomial)."""
    counts = [1] + [0] * (m * n)
    for i in range(1, m + 1):
        for pairs in range(m * n, n + i - 1, -1):
            counts[pairs] -= counts[pairs - n - i]
        for pairs in range(i, m * n + 1):
            counts[pairs] += counts[pairs - i]
    return counts
