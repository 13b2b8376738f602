"""Which of the processes that survive a death leaves its state to the next start: a pure function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

from gluonlab.errors import DivergenceError

STAND, LEAVE = "stand", "leave"
"""What a launcher asks them: where they stand, and to leave their state."""


@dataclass(frozen=True)
class Standing:
    """Where a survivor stands: its last finished update, and the SHA-256 of the state after it."""

    rank: int
    step: int
    sha256: str


def testator(standings: Sequence[Standing]) -> Optional[Standing]:
    """The furthest survivor, the lowest rank of several; None if there is none.

    A sum that failed on one process may have come to its end on another, which has finished one update more.
    Both states are exact ones of the run, so the further one is left. More than one update apart, or at one
    step with other bits, they are not of one run.

    Raises:
        DivergenceError: DIV04, naming the first that differs from the furthest.
    """
    if not standings:
        return None
    furthest = min(standings, key=lambda one: (-one.step, one.rank))
    for one in sorted(standings, key=lambda one: one.rank):
        if one.step < furthest.step - 1:
            what = f"has finished update {one.step}, rank {furthest.rank} has finished {furthest.step}"
        elif one.step == furthest.step and one.sha256 != furthest.sha256:
            what = f"holds {one.sha256[:12]}..., rank {furthest.rank} holds {furthest.sha256[:12]}..."
        else:
            continue
        raise DivergenceError(
            "DIV04",
            f"step {furthest.step}",
            f"of the processes that survive, rank {one.rank} {what}: no state is handed over",
            "the same command goes back to the last checkpoint, where all were equal",
        )
    return furthest
