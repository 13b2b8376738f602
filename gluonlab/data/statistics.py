"""Where the time of a loader goes, and whether training waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

INPUT_BOUND = 0.1
"""Part of the time that training waits for data, beyond which the verdict is "input-bound"."""


class PipelineStatistics:
    """Seconds of each stage since the last `lap`; safe to add to from many threads.

    ``decode`` (reading, decoding, resizing), ``augment`` and ``collate`` are summed over threads, ``wait`` is
    the time that whoever takes the batches waited for them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._start_lap()

    def _start_lap(self) -> None:
        self._seconds = {"decode": 0.0, "augment": 0.0, "collate": 0.0, "wait": 0.0}
        self._images = 0
        self._started = time.perf_counter()

    def add(self, images: int, seconds: dict[str, float]) -> None:
        """Add to the number of images and to the ``seconds`` of stages."""
        with self._lock:
            self._images += images
            for stage, value in seconds.items():
                self._seconds[stage] += value

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Add the time of a block."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.add(0, {stage: time.perf_counter() - start})

    def lap(self) -> dict[str, float]:
        """Milliseconds per image of the stages, the part of the time waited, the verdict; starts anew."""
        with self._lock:
            elapsed = time.perf_counter() - self._started
            images, seconds = max(self._images, 1), self._seconds
            self._start_lap()
        waited = seconds.pop("wait") / max(elapsed, 1e-9)
        return {
            **{f"{stage}_ms_per_image": 1000 * value / images for stage, value in seconds.items()},
            "wait_fraction": waited,
            "input_bound": waited > INPUT_BOUND,
        }
