"""Throughput of steps; the clock is an argument, so tests need no waiting."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], float]


class Throughput:
    """Images and steps since the last `lap`; the caller has waited for the device before it asks."""

    def __init__(self, clock: Clock = time.perf_counter) -> None:
        self._clock = clock
        self._start = clock()
        self._images = self._steps = 0

    def add(self, images: int) -> None:
        """One step over ``images``."""
        self._images += images
        self._steps += 1

    def lap(self) -> dict[str, float]:
        """``images_per_sec`` and ``sec_per_step`` since the last lap, and start a new one."""
        now = self._clock()
        seconds = max(now - self._start, 1e-9)
        results = {"images_per_sec": self._images / seconds, "sec_per_step": seconds / max(self._steps, 1)}
        self._start, self._images, self._steps = now, 0, 0
        return results
