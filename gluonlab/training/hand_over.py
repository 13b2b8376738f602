"""What a process says to a launcher whose job has lost another: where it stands, and what it leaves."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Optional, Union

from gluonlab import arrays as libraries
from gluonlab.checkpoint.inheritance import Inheritance, leave, older, remove
from gluonlab.supervision.messages import Message
from gluonlab.supervision.survivors import LEAVE, STAND
from gluonlab.supervision.variables import HEIRS, INHERITANCE
from gluonlab.training.last_update import LastUpdate, Snapshot, Unwatched
from gluonlab.training.run import Run
from gluonlab.training.state import state_arrays


def watch_updates(run: Run, describe: Callable[[], dict[str, Any]]) -> Union[LastUpdate, Unwatched]:
    """Follow the updates of ``run`` if its launcher may ask for the last; ``describe`` is as in `LastUpdate`.

    Not on a GPU, whose memory is not read past what it waits for: there the last checkpoint is gone back to.
    """
    if run.line is None or HEIRS not in os.environ or run.world.size == 1:
        return Unwatched()
    if not libraries.of(run.ctx).is_on_host(run.ctx):
        return Unwatched()
    run.state.last_update = LastUpdate(partial(state_arrays, run.state), describe)
    testator = _Testator(run.state.last_update, run.store.directory.parent, run.world.rank)
    run.line.answer(STAND, testator.stand)
    run.line.answer(LEAVE, testator.leave)
    return run.state.last_update


def what_was_left(environment: Mapping[str, str] = os.environ) -> Optional[Inheritance]:
    """What the start before has left, as the launcher tells it."""
    text = environment.get(INHERITANCE, "")
    return Inheritance.from_text(text) if text else None


def drop_what_others_left(run: Run, tell: Callable[[str], None]) -> None:
    """Remove from this host what earlier starts have left to nobody any more; one process of a host does."""
    if run.world.local_rank == 0:
        for folder in older(run.store.directory.parent, run.inheritance):
            tell(f"what another start has left in {folder} is ignored, and removed")
            remove(folder)


class _Testator:
    """The process ``rank`` of a run in ``run_dir``; its answers are JSON data."""

    def __init__(self, last_update: LastUpdate, run_dir: Path, rank: int) -> None:
        self._last_update, self._run_dir, self._rank = last_update, run_dir, rank
        self._snapshot: Optional[Snapshot] = None

    def stand(self, _: Any) -> Message:
        """Where it stands. The copy is kept, so that what is agreed on is what is left."""
        self._snapshot = self._last_update.snapshot()
        if self._snapshot is None:
            return {"error": "has no whole state of an update"}
        return {"step": self._snapshot.step, "sha256": self._snapshot.digest()}

    def leave(self, wanted: Any) -> Message:
        """What it has left; ``wanted`` names the job, the number of this start and the step."""
        taken = self._snapshot
        if taken is None or taken.step != int(wanted["step"]):
            return {"error": "does not hold the state that was agreed on"}
        job, start = str(wanted["job"]), int(wanted["start"])
        left = leave(self._run_dir, job, start, self._rank, taken.tensors, taken.state)
        return {"inheritance": left.to_text()}
