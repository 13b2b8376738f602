"""What a process is doing, in the few words that a watcher needs to tell work from a standstill."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from gluonlab.fault_injection import fault_point

Item = TypeVar("Item")

STARTING, JOINING = "starting", "waiting for the others to start"
TRAINING, VALIDATING, SAVING = "training", "validating", "writing a checkpoint"
WAITING_FOR_DATA = "waiting for data"
LEAVING = "leaving"

# In these a long silence is no sign of trouble.
SLOW_PHASES = (STARTING, JOINING, SAVING, LEAVING)
# So many collectives are remembered, by name, to find where processes part.
REMEMBERED = 64


class Progress:
    """Finished steps, the phase, the collectives entered so far, and when any of them last changed.

    ``seconds`` sums up finished stretches by phase; one within another counts in both.

    A mark costs less than a microsecond; ``on_change`` is called when a step ends and when a phase begins.
    """

    def __init__(self) -> None:
        self.step = 0
        self.phase = STARTING
        self.collectives = 0
        self.seconds: dict[str, float] = {}
        self.recent: deque[str] = deque(maxlen=REMEMBERED)
        self.on_change: Callable[[], None] = lambda: None
        self._changed = time.monotonic()

    @property
    def idle_seconds(self) -> float:
        """Time since the last mark."""
        return time.monotonic() - self._changed

    def mark(self) -> None:
        """Something was done."""
        self._changed = time.monotonic()

    def mark_step(self, step: int) -> None:
        """``step`` updates are finished, as far as the host knows."""
        self.step = step
        self.mark()
        self.on_change()

    def mark_collective(self, name: str) -> None:
        """The collective ``name`` was entered."""
        self.collectives += 1
        self.recent.append(name)
        self.mark()

    @contextmanager
    def doing(self, phase: str) -> Iterator[None]:
        """A stretch of ``phase``."""
        before, self.phase = self.phase, phase
        began = time.monotonic()
        self.mark()
        if phase != WAITING_FOR_DATA:  # that comes with each batch
            self.on_change()
        try:
            yield
        finally:
            self.phase = before
            self.mark()
            self.seconds[phase] = self.seconds.get(phase, 0.0) + time.monotonic() - began

    def watch(self, items: Generator[Item, Any, Any]) -> Generator[Item, None, None]:
        """The ``items``, with a mark before and after each: they may be long in coming."""
        try:
            while True:
                with self.doing(WAITING_FOR_DATA):
                    fault_point("data")
                    try:
                        item = next(items)
                    except StopIteration:
                        return
                yield item
        finally:
            items.close()
