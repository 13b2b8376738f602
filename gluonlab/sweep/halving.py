"""Successive halving (Jamieson & Talwalkar 2016): all runs begin, the better half goes on at each rung."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Optional

from gluonlab.sweep.record import DIVERGED, FAILED, FINISHED, OPEN, STOPPED, Trial


def rungs_of(epochs: float, eval_every: float, runs: int) -> list[float]:
    """The epochs at which runs are compared: halves, quarters, ... of ``epochs``, ascending.

    Each is put off to the next validation, so that a run which is stopped there and goes on has had no other
    validations than one that never stopped. No more than leave one run of ``runs``.
    """
    rungs: set[float] = set()
    for power in range(1, max(runs, 1).bit_length()):
        rung = math.ceil(epochs / 2**power / eval_every - 1e-9) * eval_every
        if rung < epochs:
            rungs.add(rung)
    return sorted(rungs)


def next_run(
    trials: Sequence[Trial], rungs: Sequence[float], busy: Sequence[int]
) -> Optional[tuple[Trial, Optional[float]]]:
    """The run to go on with next, and the epoch to stop at, None for its end.

    None if all are done, or those that are ``busy``, by number, have to come to their rung first. Which runs
    go on depends on what they gave, not on when.
    """
    alive = list(trials)
    for level, rung in enumerate([*rungs, None]):
        waiting = [trial for trial in alive if not _has_reached(trial, level)]
        for trial in waiting:
            if trial.number not in busy:
                return trial, rung
        if waiting or rung is None:
            return None
        alive = _better_half(alive, level)
    return None


def stop_the_others(trials: Sequence[Trial], rungs: Sequence[float]) -> bool:
    """Mark the runs that do not go on; whether there were any."""
    alive = list(trials)
    marked = False
    for level in range(len(rungs)):
        if not all(_has_reached(trial, level) for trial in alive):
            break
        better = _better_half(alive, level)
        for trial in alive:
            if trial.state == OPEN and trial not in better:
                trial.state, marked = STOPPED, True
        alive = better
    return marked


def _has_reached(trial: Trial, level: int) -> bool:
    return trial.state in (FINISHED, DIVERGED, FAILED) or len(trial.scores) > level


def _better_half(alive: Sequence[Trial], level: int) -> list[Trial]:
    """Half of ``alive``, rounded up, of those that have a score at ``level``; the first of equals."""
    scored = [trial for trial in alive if len(trial.scores) > level]
    ranked = sorted(scored, key=lambda trial: (-trial.scores[level], trial.number))
    kept = ranked[: math.ceil(len(alive) / 2)]
    return sorted(kept, key=lambda trial: trial.number)
