"""What the device reaches at best: a large matrix multiply, and a copy of memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from gluonlab import arrays as libraries
from gluonlab.arrays import Arrays

_SIDE, _SIDE_ON_GPU = 2048, 8192
_COPY_FLOATS = 1 << 24
_REPETITIONS = 5


def matmul_flops_per_second(ctx: Any, dtype: str = "float32") -> float:
    """The best of some multiplications of square matrices; a multiplication and an addition count as two."""
    library = libraries.of(ctx)
    side = _SIDE if library.is_on_host(ctx) else _SIDE_ON_GPU
    values = np.random.RandomState(0).random_sample((2, side, side)).astype(np.float32)
    left, right = library.cast([library.from_numpy(one, ctx) for one in values], dtype)
    return 2 * side**3 / _shortest(library, lambda: library.times_transposed(left, right))


def copied_bytes_per_second(ctx: Any) -> float:
    """The best of some copies of 64 MiB; each byte is read once and written once, and counts twice."""
    library = libraries.of(ctx)
    source, target = (library.zeros((_COPY_FLOATS,), ctx) for _ in range(2))

    def copy() -> Any:
        library.copy([source], [target])
        return target

    return 8 * _COPY_FLOATS / _shortest(library, copy)


def _shortest(library: Arrays, action: Callable[[], Any]) -> float:
    library.mark(action())()
    seconds = []
    for _ in range(_REPETITIONS):
        start = time.perf_counter()
        library.mark(action())()
        seconds.append(time.perf_counter() - start)
    return min(seconds)
