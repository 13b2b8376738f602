"""Saves in the background: training goes on while a snapshot goes to the disk."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Optional

from gluonlab.checkpoint.store import CheckpointStore
from gluonlab.checkpoint.tensors import Tensors
from gluonlab.errors import CheckpointError


@dataclass(frozen=True)
class SaveResult:
    """How the save of ``step`` ended; ``error`` is None if it is on the disk."""

    step: int
    seconds: float
    error: Optional[CheckpointError]


class BackgroundWriter:
    """Writes snapshots into ``store`` in a thread, one at a time."""

    def __init__(self, store: CheckpointStore) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="gluonlab-checkpoint")
        self._under_way: Optional[Future[SaveResult]] = None
        self.newest: Optional[int] = None
        """The step of the last checkpoint that is on the disk."""

    @property
    def is_busy(self) -> bool:
        """Whether a save is under way, or its result was not asked for yet."""
        return self._under_way is not None

    def start(
        self, step: int, tensors: Mapping[str, Tensors], state: Mapping[str, Any], score: Optional[float]
    ) -> None:
        """Begin to write what `CheckpointStore.save` takes; nobody may change it from here on."""
        assert self._under_way is None, "one save at a time"
        self._under_way = self._thread.submit(self._save, step, tensors, state, score)

    def result(self, wait_seconds: float = 0.0) -> Optional[SaveResult]:
        """How the save ended, told once; None if there is none or it still goes on after the wait."""
        if self._under_way is None:
            return None
        if not self._under_way.done() and wait_seconds:
            wait([self._under_way], timeout=wait_seconds)
        if not self._under_way.done():
            return None
        finished, self._under_way = self._under_way, None
        return finished.result()

    def close(self) -> None:
        """Let a save that is under way come to its end."""
        self._thread.shutdown(wait=True)

    def _save(
        self, step: int, tensors: Mapping[str, Tensors], state: Mapping[str, Any], score: Optional[float]
    ) -> SaveResult:
        start, failure = time.monotonic(), None
        try:
            self._store.save(step, tensors, state, score)
            self.newest = step
        except CheckpointError as error:
            failure = error
        return SaveResult(step, time.monotonic() - start, failure)
