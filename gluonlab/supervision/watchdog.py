"""From what the launcher knows of its processes to the one that keeps the others waiting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Optional

from gluonlab.errors import ClusterError, Problem
from gluonlab.supervision.first_difference import Difference, Entered, parting
from gluonlab.supervision.lived_time import LivedTime
from gluonlab.supervision.progress import JOINING, SLOW_PHASES, STARTING
from gluonlab.supervision.switchboard import RankView

# A process may pause for so many times the longest pause after which it went on.
PATIENCE = 3.0
# So long may a process be gone before it counts: its own report may be on the way.
GONE_SECONDS = 1.0
STANDSTILLS = ("CLU13", "CLU15")
_LOGS = "the stacks of all processes are in the logs folder of the run"


@dataclass(frozen=True)
class Limits:
    """Seconds that a job may take: to start, without progress, and to stop when asked."""

    startup: float = 600.0
    idle: float = 120.0
    grace: float = 120.0


@dataclass(frozen=True)
class Trouble:
    """A process that ends the job, and what is wrong with it."""

    view: Optional[RankView]
    problem: Problem
    exit_code: int = ClusterError.exit_code


def with_record(trouble: Trouble, difference: Optional[Difference], command: str) -> Trouble:
    """``trouble`` of a standstill, with where processes parted, and the ``command`` that draws it."""
    what, hint = trouble.problem.what, trouble.problem.hint
    if trouble.problem.code not in STANDSTILLS:
        return trouble
    if difference and difference.what not in what:
        is_same = trouble.view is not None and trouble.view.rank == difference.rank
        what += f"; {'it' if is_same else f'rank {difference.rank}'} {difference.what}"
    if command:
        hint += f"; {command} draws what they did last"
    return replace(trouble, problem=replace(trouble.problem, what=what, hint=hint))


class Watchdog:
    """Looks at ``size`` processes again and again, on the ``clock`` by which they were heard."""

    def __init__(
        self, size: int, limits: Limits, clock: LivedTime, gone_seconds: float = GONE_SECONDS
    ) -> None:
        self._size, self._limits, self._clock = size, limits, clock
        self._gone_seconds = gone_seconds
        self._started = clock()
        self._longest_pause = 0.0
        self._last_idle: dict[int, float] = {}

    def look(self, ranks: Mapping[int, RankView]) -> Optional[Trouble]:
        """The trouble there is by now, if any."""
        now = self._clock()
        here = [ranks[rank] for rank in sorted(ranks)]
        for view in here:
            idle = self._idle(view)
            if idle < self._last_idle.get(view.rank, 0.0) and view.phase not in SLOW_PHASES:
                self._longest_pause = max(self._longest_pause, self._last_idle[view.rank])
            self._last_idle[view.rank] = idle
        return (
            self._gone(here, now)
            or self._absent(ranks, now)
            or self._silent(here, now)
            or self._stuck([view for view in here if view.left is None and not view.is_done])
        )

    def late(self, ranks: Mapping[int, RankView]) -> str:
        """Who has not started yet while another waits for it, and for how long; empty if nobody."""
        if not any(view.phase == JOINING for view in ranks.values()):
            return ""
        late = [r for r in range(self._size) if r not in ranks or ranks[r].phase in ("", STARTING)]
        if not late:
            return ""
        who = f"rank {late[0]} and {len(late) - 1} more have" if late[1:] else f"rank {late[0]} has"
        waited = f"{self._clock() - self._started:.0f} of {self._limits.startup:g} s"
        return f"{who} not started yet; waited {waited}"

    def _idle(self, view: RankView) -> float:
        """Since when a process makes no progress, counted from the launcher's own last pause."""
        return min(view.idle, self._clock() - self._clock.resumed)

    def _limit(self, phase: str) -> float:
        if phase in SLOW_PHASES or not phase:
            return self._limits.startup
        return max(self._limits.idle, PATIENCE * self._longest_pause)

    def _gone(self, here: list[RankView], now: float) -> Optional[Trouble]:
        gone = [
            view
            for view in here
            if view.left is not None
            and not view.is_done
            and not view.report
            and now - view.left >= self._gone_seconds
        ]
        if not gone:
            return None
        first = min(gone, key=lambda view: view.left or now)
        return Trouble(first, Problem("CLU10", first.name, f"ended without a word {_doing(first)}"))

    def _absent(self, ranks: Mapping[int, RankView], now: float) -> Optional[Trouble]:
        absent = [rank for rank in range(self._size) if rank not in ranks]
        if not absent or now - self._started < self._limits.startup:
            return None
        more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
        what = f"did not start within {self._limits.startup:g} s"
        return Trouble(None, Problem("CLU21", f"rank {absent[0]}{more}", what, "see --startup-limit"))

    def _silent(self, here: list[RankView], now: float) -> Optional[Trouble]:
        for view in here:
            silence = now - max(view.heard, self._clock.resumed)
            if view.left is None and not view.is_done and silence > self._limit(view.phase):
                what = f"no heartbeat for {silence:.0f} s {_doing(view)}"
                return Trouble(
                    view, Problem("CLU13", view.name, what, "frozen, or its host cannot be reached")
                )
        return None

    def _stuck(self, here: list[RankView]) -> Optional[Trouble]:
        """Who is behind the others, and has made no progress for too long, keeps them waiting."""
        if len(here) < self._size:
            return None
        least = min(map(_position, here))
        behind = [view for view in here if _position(view) == least]
        if any(self._idle(view) <= self._limit(view.phase) for view in behind):
            return None
        parted = _parted(here)
        if parted:
            return parted
        first, ahead = behind[0], next((view for view in here if _position(view) > least), None)
        what = f"no progress for {self._idle(first):.0f} s {_doing(first)}"
        if ahead and ahead.phase == JOINING:
            what += f", rank {ahead.rank} waits for it"
        elif ahead:
            what += f" while rank {ahead.rank} waits in '{ahead.collective}'"
        elif self._size > 1:
            what += f" in '{first.collective}', as are all others"
        return Trouble(first, Problem("CLU15", first.name, what, _LOGS))


def _position(view: RankView) -> tuple[int, bool]:
    """How far a process is, as the others see it."""
    return view.collectives, view.phase == JOINING


def _parted(here: list[RankView]) -> Optional[Trouble]:
    """The process that first entered another collective than most, if any did."""
    entered = {view.rank: [Entered(name) for name in view.recent] for view in here}
    found = parting(entered, {view.rank: view.collectives for view in here})
    if found is None:
        return None
    view = next(view for view in here if view.rank == found.rank)
    return Trouble(view, Problem("CLU15", view.name, f"{found.what}, {_doing(view)}", _LOGS))


def _doing(view: RankView) -> str:
    return f"at step {view.step} ({view.phase or 'starting'})"
