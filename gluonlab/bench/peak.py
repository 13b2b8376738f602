"""What the device reaches at best: a large matrix multiply, and a copy of memory."""

from __future__ import annotations

import time
from typing import Any

from gluonlab.runtime.mxnet import nd

_SIDE = {"cpu": 2048, "gpu": 8192}
_COPY_FLOATS = 1 << 24
_REPETITIONS = 5


def matmul_flops_per_second(ctx: Any, dtype: str = "float32") -> float:
    """The best of some multiplications of square matrices; a multiplication and an addition count as two.

    On a CPU ``dot`` is OpenBLAS, whose version in MXNet does not know every processor, and
    ``FullyConnected`` is oneDNN; one may be four times as fast as the other.
    """
    side = _SIDE[ctx.device_type]
    left = nd.random.uniform(shape=(side, side), ctx=ctx).astype(dtype)
    right = nd.random.uniform(shape=(side, side), ctx=ctx).astype(dtype)
    ways = (
        lambda: nd.dot(left, right),
        lambda: nd.FullyConnected(left, right, no_bias=True, num_hidden=side),
    )
    return 2 * side**3 / min(_shortest(multiply) for multiply in ways)


def copied_bytes_per_second(ctx: Any) -> float:
    """The best of some copies of 64 MiB; each byte is read once and written once, and counts twice."""
    source = nd.zeros(_COPY_FLOATS, ctx=ctx)
    target = nd.zeros(_COPY_FLOATS, ctx=ctx)
    return 8 * _COPY_FLOATS / _shortest(lambda: source.copyto(target))


def _shortest(action: Any) -> float:
    action().wait_to_read()
    seconds = []
    for _ in range(_REPETITIONS):
        start = time.perf_counter()
        action().wait_to_read()
        seconds.append(time.perf_counter() - start)
    return min(seconds)
