"""Random numbers that are a pure function of (seed, epoch, sample index).

Neither the process nor the thread that asks has a say, so augmentation and order are the same on any
number of them. Built on SplitMix64 (Steele, Lea & Flood 2014), whose output does not depend on the
NumPy version as that of NumPy's generators may.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


def uniforms(
    seed: int, epochs: NDArray[np.int64], indices: NDArray[np.int64], count: int
) -> NDArray[np.float64]:
    """``count`` numbers in [0, 1) for each sample: (n,), (n,) -> (n, count)."""
    keys = _sample_keys(seed, epochs, indices)
    counters = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(_GOLDEN)
    bits: NDArray[np.uint64] = _mix(keys[:, None] + counters)
    return np.asarray((bits >> np.uint64(11)) * 2.0**-53)


def normals(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard normal numbers from two uniform ones in [0, 1) each (Box & Muller 1958)."""
    return np.asarray(np.sqrt(-2 * np.log(1 - first)) * np.cos(2 * np.pi * second))


def permutation(seed: int, epoch: int, size: int) -> NDArray[np.int64]:
    """A uniformly random order of ``range(size)`` for this epoch."""
    indices = np.arange(size, dtype=np.int64)
    keys = _sample_keys(seed, np.full(size, epoch, np.int64), indices)
    # Counter 0 of each sample; augmentation counts from 1, so order and augmentation are independent.
    return np.argsort(_mix(keys), kind="stable")


def _sample_keys(seed: int, epochs: NDArray[np.int64], indices: NDArray[np.int64]) -> NDArray[np.uint64]:
    start = np.uint64((seed * _GOLDEN + 1) & _MASK)
    keys = _mix(start + epochs.astype(np.uint64) * np.uint64(_GOLDEN))
    return _mix(keys ^ (indices.astype(np.uint64) * np.uint64(0xD1B54A32D192ED03)))


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64; arithmetic wraps at 64 bits by design."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: NDArray[np.uint64] = values ^ (values >> np.uint64(31))
    return mixed
