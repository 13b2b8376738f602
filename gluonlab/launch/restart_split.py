"""Where the time between a loss and the next finished update goes."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Optional

from gluonlab.launch.hand_over import HandOver
from gluonlab.parallel.agreement import LAG
from gluonlab.supervision.progress import TRAINING
from gluonlab.supervision.switchboard import RankView


@dataclass
class RestartSplit:
    """Follows start ``attempt``, for which ``hand_over`` was made; ``seconds`` are those of each part.

    Times are of `time.monotonic`. The start before has ended when this is made.
    """

    attempt: int
    hand_over: HandOver
    seconds: dict[str, float] = field(init=False)
    is_told: bool = False

    def __post_init__(self) -> None:
        done, now = self.hand_over, time.monotonic()
        parts = {"detect": done.detect_seconds, "agree": done.agree_seconds, "hand over": done.leave_seconds}
        self._lost_at = done.ended_at - sum(parts.values())
        self.seconds = {**parts, "end": now - done.ended_at}
        self._began = now

    def look(self, views: Collection[RankView]) -> Optional[str]:
        """A line when its first update is known to be finished, once.

        A process asks for an update after the next two only when that is so (`Agreement`).
        """
        if self.is_told or not views or self.hand_over.inheritance is None:
            return None
        now = time.monotonic()
        if "start" not in self.seconds and any(view.phase == TRAINING for view in views):
            self.seconds["start"], self._began = now - self._began, now
        if max(view.step for view in views) <= self.hand_over.inheritance.step + LAG:
            return None
        self.is_told = True
        self.seconds["first update"] = now - self._began
        self.seconds["all"] = now - self._lost_at
        parts = ", ".join(f"{name} {seconds:.2f}" for name, seconds in self.seconds.items())
        return f"restart {self.attempt - 1}, in seconds: {parts}"
