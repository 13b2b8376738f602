"""A start that has lost a process leaves the state of its last update to the next."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Optional

from gluonlab.checkpoint.inheritance import Inheritance
from gluonlab.supervision.messages import Message
from gluonlab.supervision.survivors import LEAVE, STAND, Standing, testator
from gluonlab.supervision.switchboard import RankView, Switchboard
from gluonlab.supervision.watchdog import Trouble

# A survivor may have an update to end, and much to write.
STAND_SECONDS, LEAVE_SECONDS = 35.0, 120.0
# Who has beaten within so many seconds is heard of as alive.
SILENT_SECONDS = 5.0
_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class HandOver:
    """What came of it: an inheritance, or why there is none; and the seconds it took, until ``ended_at``."""

    inheritance: Optional[Inheritance] = None
    reason: str = ""
    detect_seconds: float = 0.0
    agree_seconds: float = 0.0
    leave_seconds: float = 0.0
    ended_at: float = field(default_factory=time.monotonic)


def survivors(board: Switchboard, trouble: Optional[Trouble]) -> list[RankView]:
    """The processes that did nothing wrong and can be heard."""
    now, faulty = board.clock(), trouble.view if trouble else None
    return [
        view
        for _, view in sorted(board.ranks.items())
        if view.left is None
        and view is not faulty
        and (view.report is None or view.report.is_victim)
        and now - max(view.heard, board.clock.resumed) < SILENT_SECONDS
    ]


def hand_over(board: Switchboard, alive: Sequence[RankView], job: str, start: int) -> HandOver:
    """Ask those ``alive`` where they stand, and the furthest to leave its state.

    One that dies meanwhile is passed over, as is one that cannot write.

    Raises:
        DivergenceError: DIV04 they do not hold the same state.
    """
    began = time.monotonic()
    _ask(board, alive, STAND, {}, STAND_SECONDS)
    standings = [
        Standing(view.rank, int(answer["step"]), str(answer["sha256"]))
        for view in alive
        if "sha256" in (answer := view.replies.get(STAND, {}))
    ]
    agreed, reason = time.monotonic(), _reason(alive, STAND)
    while (chosen := testator(standings)) is not None:
        view = board.ranks[chosen.rank]
        _ask(board, [view], LEAVE, {"job": job, "start": start, "step": chosen.step}, LEAVE_SECONDS)
        try:
            left = Inheritance.from_text(str(view.replies[LEAVE]["inheritance"]))
        except (KeyError, TypeError, ValueError):
            reason = _reason([view], LEAVE)
            standings = [one for one in standings if one is not chosen]
            continue
        leave_seconds = time.monotonic() - agreed
        return HandOver(left, agree_seconds=agreed - began, leave_seconds=leave_seconds)
    return HandOver(None, reason or "no process has survived", agree_seconds=agreed - began)


def _ask(
    board: Switchboard, views: Sequence[RankView], question: str, content: Message, seconds: float
) -> None:
    """Ask, and wait until all have answered or are gone."""
    board.tell([view.rank for view in views], {"ask": {question: content}})

    def is_awaited(view: RankView) -> bool:
        return view.left is None and question not in view.replies

    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and any(map(is_awaited, views)):
        board.clock.tick()
        board.news.wait(_LOOK_SECONDS)
        board.news.clear()


def _reason(views: Sequence[RankView], question: str) -> str:
    """What the first of ``views`` has that did not do what it was asked for."""
    for view in views:
        answer = view.replies.get(question)
        if answer is None:
            return f"{view.name} " + ("has left too" if view.left else "did not answer")
        if "error" in answer:
            return f"{view.name} {str(answer['error'])[:200]}"
    return ""
