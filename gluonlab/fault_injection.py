"""Faults on command, so that tests can kill a real process at a named place. Does nothing unless armed.

``GLUONLAB_FAULT=POINT:RANK:NTH:ACTION[:ATTEMPT]``, several with commas between: the NTH time (from 1; ``5+``:
from the 5th on) that process RANK comes by POINT, ACTION happens; with ATTEMPT only in that attempt of a
launcher that restarts. A point with a number of its own, as ``step`` has, counts by that.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

VARIABLE = "GLUONLAB_FAULT"


@dataclass
class Fault:
    """One armed fault; ``passed`` counts how often its point was passed."""

    point: str
    nth: int
    is_lasting: bool
    action: str
    passed: int = 0


_armed: list[Fault] = []


def arm(rank: int, attempt: int = 1, environment: Mapping[str, str] = os.environ) -> None:
    """Read the faults that concern process ``rank`` in this ``attempt``."""
    _armed.clear()
    for text in filter(None, environment.get(VARIABLE, "").split(",")):
        point, of_rank, nth, action, *of_attempt = text.split(":")
        if int(of_rank) == rank and (not of_attempt or int(of_attempt[0]) == attempt):
            _armed.append(Fault(point, int(nth.rstrip("+")), nth.endswith("+"), action))


def fault_point(point: str, number: Optional[int] = None) -> str:
    """Pass ``point``. Returns an action that is the caller's to carry out, ordinarily none."""
    for fault in _armed:
        if fault.point != point:
            continue
        fault.passed = fault.passed + 1 if number is None else number
        if fault.passed == fault.nth or (fault.is_lasting and fault.passed > fault.nth):
            act = _ACTIONS.get(fault.action)
            if act is None:
                return fault.action
            act()
    return ""


def arm_collectives(world: Any) -> None:
    """Let the sums of ``world`` pass the point "collective", if a fault waits there; else leave it alone.

    A ``skip`` leaves one out, a ``rename`` gives it a name that the others do not use.
    """
    if not any(fault.point == "collective" for fault in _armed):
        return
    whole_sum = world.sum

    def faulty_sum(arrays: Sequence[Any], name: str) -> None:
        action = fault_point("collective")
        if action != "skip":
            whole_sum(arrays, "another" if action == "rename" else name)

    world.sum = faulty_sum


def _fail() -> None:
    raise RuntimeError("injected")


def _fail_with(number: int) -> None:
    raise OSError(number, os.strerror(number))


def _loop() -> None:
    while True:
        pass


_ACTIONS: dict[str, Callable[[], object]] = {
    "kill9": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "segv": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "abort": os.abort,
    "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "term": lambda: os.kill(os.getpid(), signal.SIGTERM),
    "exit0": lambda: os._exit(0),
    "exit3": lambda: os._exit(3),
    "raise": _fail,
    "hang": lambda: time.sleep(1e6),
    "pause": lambda: time.sleep(5),
    "late": lambda: time.sleep(40),
    "loop": _loop,
    "hold": lambda: ctypes.PyDLL(None).sleep(1_000_000),  # keeps the interpreter lock: no thread of ours runs
    "enospc": lambda: _fail_with(errno.ENOSPC),
    "eio": lambda: _fail_with(errno.EIO),
    "eacces": lambda: _fail_with(errno.EACCES),
    "estale": lambda: _fail_with(errno.ESTALE),
    "enoent": lambda: _fail_with(errno.ENOENT),
}
