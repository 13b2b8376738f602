"""Throughput of steps and blocks of steps; the clock is an argument, so tests need no waiting."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

Clock = Callable[[], float]


class Throughput:
    """Images and steps since the last `lap`; the caller has waited for the device before it asks."""

    def __init__(self, clock: Clock = time.perf_counter) -> None:
        self._clock = clock
        self._start = clock()
        self._images = self._steps = 0

    def add(self, images: int) -> None:
        """Count one step over ``images``."""
        self._images += images
        self._steps += 1

    def lap(self) -> dict[str, float]:
        """``images_per_sec`` and ``sec_per_step`` since the last lap, and start a new one."""
        now = self._clock()
        seconds = max(now - self._start, 1e-9)
        results = {"images_per_sec": self._images / seconds, "sec_per_step": seconds / max(self._steps, 1)}
        self._start, self._images, self._steps = now, 0, 0
        return results


@dataclass(frozen=True)
class Block:
    """``seconds`` of some steps and the wait at their end.

    ``intervals`` are the seconds from the return of one step to that of the next.
    """

    seconds: float
    intervals: tuple[float, ...]


def time_block(
    step: Callable[[], object],
    steps: int,
    wait: Callable[[], object],
    in_flight: int = 0,
    clock: Clock = time.perf_counter,
) -> Block:
    """Call ``step`` so often and then ``wait`` once.

    The first ``in_flight`` steps return before they are done, so intervals are counted from there on.
    """
    start = clock()
    returns = []
    for _ in range(steps):
        step()
        returns.append(clock())
    wait()
    later = returns[in_flight:]
    return Block(clock() - start, tuple(after - before for before, after in zip(later, later[1:])))
