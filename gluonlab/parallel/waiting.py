"""How long a process computes, and then waits for the others: measured in some updates, without a wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Optional

from gluonlab import arrays as libraries
from gluonlab.supervision.progress import Progress

# Three calls back of 50 µs each are a few thousandths of this.
EVERY_SECONDS = 0.1


class WaitingTime:
    """Tells ``progress`` what passed, in some updates, from the sums before to the gradients of this process.

    That is its own time: data, forward and backward. From there to the end of the sums it waits, for those
    who are slower and for the network. It is the device that is asked, for the process is ahead of it.
    """

    def __init__(self, progress: Progress, clock: Callable[[], float] = time.monotonic) -> None:
        self._progress, self._clock = progress, clock
        self._began = clock()
        self._update: Optional[_Update] = None

    def before_sums(self, gradient: Any) -> None:
        """The gradients of this process were asked for, and no sums yet; ``gradient`` is the last of them."""
        if self._update:
            libraries.of(gradient).call_when_ready(gradient, self._update.note)

    def after_sums(self, gradient: Any) -> None:
        """The sums were asked for."""
        now = self._clock()
        if self._update:
            libraries.of(gradient).call_when_ready(gradient, self._update.note)
            self._update = None
        elif now - self._began >= EVERY_SECONDS:
            self._began, self._update = now, _Update(self._progress, self._clock)
            libraries.of(gradient).call_when_ready(gradient, self._update.note)


class _Update:
    """Three moments: the end of some sums, the gradients, the end of their sums."""

    def __init__(self, progress: Progress, clock: Callable[[], float]) -> None:
        self._progress, self._clock = progress, clock
        self._moments: list[float] = []

    def note(self) -> None:
        """It is the next of them; called by another thread."""
        self._moments.append(self._clock())
        if len(self._moments) == 3:
            before, ready, after = self._moments
            self._progress.mark_waiting(ready - before, after - ready)
