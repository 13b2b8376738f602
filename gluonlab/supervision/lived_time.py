"""A clock for limits: time in which its own process was stopped does not count."""

from __future__ import annotations

import time
from collections.abc import Callable

# Between two ticks of a process that is not stopped, on however busy a machine.
LONGEST_TICK = 2.0


class LivedTime:
    """Seconds that this process has lived through, if it calls `tick` several times each second.

    Without it, a launcher that was stopped (Ctrl-Z) and continued, or a machine that a host took the
    processor from, would find all its processes silent for as long as that took.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lived, self._last_tick = 0.0, clock()
        self.resumed = 0.0

    def __call__(self) -> float:
        """The time since this object was made, without pauses."""
        return self._lived + min(self._clock() - self._last_tick, LONGEST_TICK)

    def tick(self) -> None:
        """Go on; what is longer than `LONGEST_TICK` was a pause, and ``resumed`` is when it ended."""
        now = self._clock()
        passed = now - self._last_tick
        self._lived, self._last_tick = self._lived + min(passed, LONGEST_TICK), now
        if passed > LONGEST_TICK:
            self.resumed = self._lived
