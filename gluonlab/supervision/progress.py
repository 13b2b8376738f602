"""What a process is doing, in the few words that a watcher needs to tell work from a standstill."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, Optional, TypeVar

from gluonlab.fault_injection import fault_point
from gluonlab.supervision.flight_recorder import FlightRecorder
from gluonlab.supervision.stragglers import Spent

Item = TypeVar("Item")

STARTING, JOINING = "starting", "waiting for the others to start"
TRAINING, VALIDATING, SAVING = "training", "validating", "writing a checkpoint"
WAITING_FOR_DATA = "waiting for data"
LEAVING = "leaving"

# In these a long silence is no sign of trouble.
SLOW_PHASES = (STARTING, JOINING, SAVING, LEAVING)
# Of a main thread that waits for what other processes have sent; it is in one of the phases above meanwhile.
WAITING_FOR_SUMS = "waiting for sums"
# So many collectives are told to the launcher, by name, to find where processes part.
REMEMBERED = 64


class Progress:
    """Finished steps, the phase, the collectives entered so far, and when any of them last changed.

    ``seconds`` sums up finished stretches by phase; one within another counts in both.

    A mark costs less than a microsecond; ``on_change`` is called when a step ends and when a phase begins.
    ``recorder`` keeps the last phases and collectives; ``spent`` sums up updates whose waiting was measured.
    """

    def __init__(self, recorder: Optional[FlightRecorder] = None) -> None:
        self.recorder = recorder or FlightRecorder()
        self.step = 0
        self.phase = STARTING
        self.seconds: dict[str, float] = {}
        self.spent = Spent()
        self.on_change: Callable[[], None] = lambda: None
        self._changed = time.monotonic()
        self.recorder.turn_to(STARTING, self.step)

    @property
    def collectives(self) -> int:
        """How many were entered."""
        return self.recorder.collectives.count

    @property
    def recent(self) -> list[str]:
        """The last collectives that were entered."""
        return [event.name for event in self.recorder.collectives.events()[-REMEMBERED:]]

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

    def mark_waiting(self, own: float, waiting: float) -> None:
        """An update took ``own`` seconds of this process, which then was ``waiting`` for the others."""
        before = self.spent
        self.spent = Spent(before.updates + 1, before.own + own, before.waiting + waiting)

    @contextmanager
    def collective(self, name: str, size: int = 0) -> Iterator[None]:
        """The stretch from entering the collective ``name`` to the return of the call, which may come earlier
        than its end; ``size`` in bytes, 0 if that may differ between processes.
        """
        number = self.recorder.collectives.enter(name, self.step, size)
        self.mark()
        try:
            yield
        finally:
            self.recorder.collectives.leave(number)

    @contextmanager
    def waiting_for_sums(self) -> Iterator[None]:
        """A stretch in which this thread waits for what other processes have sent."""
        self.recorder.turn_to(WAITING_FOR_SUMS, self.step)
        try:
            yield
        finally:
            self.recorder.turn_to(self.phase, self.step)

    @contextmanager
    def doing(self, phase: str) -> Iterator[None]:
        """A stretch of ``phase``."""
        before, self.phase = self.phase, phase
        began = time.monotonic()
        self.recorder.turn_to(phase, self.step)
        self.mark()
        if phase != WAITING_FOR_DATA:  # that comes with each batch
            self.on_change()
        try:
            yield
        finally:
            self.phase = before
            self.recorder.turn_to(before, self.step)
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
