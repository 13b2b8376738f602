"""The state of the last update that this process has finished, while it waits for a sum that never comes.

When a process dies the others cannot finish the update they are in, but each holds the whole state of the one
before. No copy of it is made while all is well: the arrays are read when they are asked for, past all that is
asked of them and will not be done.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Optional

from gluonlab import arrays as libraries
from gluonlab.checkpoint.tensors import Tensors
from gluonlab.parallel.virtual_workers import VirtualWorkers

# The host may have asked for so many updates that the device has not begun, and some more.
REMEMBERED = 16
# A device that finished no update for so long waits for a process that is gone.
SETTLED_SECONDS, PATIENCE_SECONDS = 0.02, 30.0

# What checkpoints hold beside arrays that is the same on all processes; times are not.
COUNTERS = ("step", "optimizer", "loss_scaler", "average")

StateArrays = Callable[[], Iterator[tuple[str, str, Any]]]


@dataclass(frozen=True)
class Snapshot:
    """What a checkpoint of one step holds: arrays by file and name, and the rest as JSON data."""

    tensors: dict[str, Tensors]
    state: dict[str, Any]

    @property
    def step(self) -> int:
        """Updates behind it."""
        return int(self.state["step"])

    def digest(self) -> str:
        """SHA-256 over arrays with their names, and counters: all processes have the same at one step."""
        counters = {key: self.state.get(key) for key in COUNTERS}
        digest = hashlib.sha256(json.dumps(counters, sort_keys=True).encode())
        for file, tensors in sorted(self.tensors.items()):
            for name, values in sorted(tensors.items()):
                digest.update(f"{file}/{name}\n".encode() + values.tobytes())
        return digest.hexdigest()


class Unwatched:
    """In place of a `LastUpdate` where nobody will ask for it."""

    def hold(self, workers: VirtualWorkers) -> None:
        """Nothing to do."""

    def release(self) -> None:
        """Nothing to do."""

    def note(self) -> None:
        """Nothing to do."""


class LastUpdate:
    """Follows the updates of arrays on the host; ``arrays`` lists them as a checkpoint does.

    ``describe`` is what else the checkpoint of the present step would hold, as JSON data.
    """

    def __init__(self, arrays: StateArrays, describe: Callable[[], dict[str, Any]]) -> None:
        self._arrays, self._describe = arrays, describe
        self._library = libraries.of(next(arrays())[2])
        self._marks = self._library.update_marks()
        self._workers: Optional[VirtualWorkers] = None
        self._changed: list[Any] = []
        self._asked_for = 0
        self._described: deque[tuple[int, dict[str, Any]]] = deque(maxlen=REMEMBERED)

    def hold(self, workers: VirtualWorkers) -> None:
        """The state is whole, and only updates of ``workers`` change it from here on. Waits."""
        if workers.statistics:
            workers.statistics.keep()
        libraries.wait_for_all()
        for _, _, array in self._arrays():
            self._library.memory_of(array)  # has prediction's order of elements undone
        self._workers = workers
        self._find_changed(workers)
        self.note()

    def release(self) -> None:
        """Something else is going to change the state, which is not to be read until `hold`."""
        self._workers = None

    def note(self) -> None:
        """What a checkpoint would say beside arrays has changed."""
        self._described.append((self._asked_for, self._describe()))

    def begins(self, sums: Sequence[Any]) -> None:
        """The update of ``sums`` begins when they are there."""
        self._marks.begin(sums)

    def ends(self, workers: VirtualWorkers) -> None:
        """All of an update is asked for."""
        if not self._asked_for:
            self._find_changed(workers)  # the optimizer made its arrays now
        self._marks.end(self._changed)
        self._asked_for += 1
        self.note()

    def snapshot(self) -> Optional[Snapshot]:
        """A copy of the state of the last finished update, once no further one ends; None if there is none.

        For another thread than that which trains, and may hang.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            finished = self._marks.finished()
            time.sleep(SETTLED_SECONDS)
            if finished is None or finished != self._marks.finished():
                continue
            copied = self._copy(finished)
            if finished == self._marks.finished():
                return copied
        return None

    def _copy(self, finished: int) -> Optional[Snapshot]:
        workers = self._workers
        state = dict(self._described).get(finished)
        if workers is None or not state or not state["step"]:
            return None
        tensors: dict[str, Tensors] = {"model": {}, "optimizer": {}}
        for file, name, array in self._arrays():
            tensors.setdefault(file, {})[name] = self._library.memory_of(array).copy()
        if workers.statistics:
            tensors["model"].update(workers.statistics.of_last_update())
        return Snapshot(tensors, state) if self._workers is workers else None

    def _find_changed(self, workers: VirtualWorkers) -> None:
        kept = [workers.statistics.kept] if workers.statistics else []
        arrays = [workers.wishes, *kept, *(array for _, _, array in self._arrays())]
        changed = {id(array): array for array in arrays}  # a parameter may have two names
        if [id(array) for array in self._changed] != list(changed):
            self._changed = list(changed.values())
