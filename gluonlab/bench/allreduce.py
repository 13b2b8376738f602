"""Sums over all processes: seconds by size, and the latency and bandwidth that explain them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gluonlab import arrays as libraries
from gluonlab.bench.work import wait_for_device
from gluonlab.parallel.world import World
from gluonlab.timing import time_block

FLOAT_BYTES = 4


def measure_allreduce(
    world: World, ctx: Any, size_bytes: int, rounds: int, seconds_per_round: float = 0.2
) -> list[float]:
    """Seconds of one sum of ``size_bytes`` float32, as the slowest process sees it, for each round.

    A round is as many sums, one after another, as take ``seconds_per_round``.
    """
    library = libraries.of(ctx)
    array = library.full_like(library.zeros((max(size_bytes // FLOAT_BYTES, 1),), ctx), 1.0)

    def add_up() -> None:
        world.sum([array], f"allreduce.{size_bytes}")
        library.mark(array)()

    trial = time_block(add_up, 3, wait_for_device).seconds / 3
    sums = int(world.exchange(str(max(round(seconds_per_round / trial), 3)))[0])
    seconds = []
    for _ in range(rounds):
        array[:] = 1  # so that sums of sums stay finite
        wait_for_device()
        world.exchange("")
        block = time_block(add_up, sums, wait_for_device)
        seconds.append(max(float(text) for text in world.exchange(repr(block.seconds / sums))))
    return seconds


def bus_bytes_per_second(size_bytes: float, seconds: float, processes: int) -> float:
    """What each process sends and receives if sums go around a ring: ``2 (p - 1) / p`` of the bytes.

    It compares with the rate of a link for any number of processes (NVIDIA, nccl-tests).
    """
    return 2 * (processes - 1) / processes * size_bytes / seconds


@dataclass(frozen=True)
class LinkFit:
    """``seconds = latency + bytes / bandwidth`` (Hockney 1994); ``largest_error`` relative, of a size."""

    latency_seconds: float
    bytes_per_second: float
    largest_error: float


def fit_link(seconds_by_size: Mapping[int, float]) -> LinkFit:
    """Least squares of relative errors, with a latency of at least 0.

    Raises:
        ValueError: fewer than two sizes, or seconds that do not grow with the size.
    """
    if len(seconds_by_size) < 2:
        raise ValueError("one size does not tell latency from bandwidth")
    rows = [(1 / seconds, size / seconds) for size, seconds in seconds_by_size.items()]
    latency = max(_latency(rows), 0.0)
    slope = sum(y * (1 - latency * x) for x, y in rows) / sum(y * y for _, y in rows)
    if slope <= 0:
        raise ValueError("larger sums take no more time than small ones")
    errors = [abs(latency * x + slope * y - 1) for x, y in rows]
    return LinkFit(latency, 1 / slope, max(errors))


def _latency(rows: Sequence[tuple[float, float]]) -> float:
    """Of the normal equations of ``1 = latency * x + slope * y``."""
    xx, yy, xy = sum(x * x for x, _ in rows), sum(y * y for _, y in rows), sum(x * y for x, y in rows)
    sum_x, sum_y = sum(x for x, _ in rows), sum(y for _, y in rows)
    return (sum_x * yy - sum_y * xy) / (xx * yy - xy * xy)
