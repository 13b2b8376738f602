"""The World: the processes that train together, as one object of size 1 or more."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Optional, TypeVar

from gluonlab import arrays as libraries
from gluonlab.errors import ClusterError, PeerFailedError
from gluonlab.supervision.progress import Progress

Result = TypeVar("Result")


class World(ABC):
    """Processes ``rank`` of ``size``; every method must be called by all of them, in the same order."""

    rank: int
    size: int
    local_rank: int
    local_size: int
    progress: Progress

    @abstractmethod
    def sum(self, arrays: Sequence[Any], name: str) -> None:
        """Add up ``arrays`` over all processes, in place, without waiting.

        The same arrays must come with the same ``name`` each time, since sums are under way in them.
        """

    @abstractmethod
    def sum_in_pairs(self, arrays: Sequence[Any], name: str) -> None:
        """Like `sum`, in the order of `pairwise_sum`, so that the bits do not depend on the network.

        Takes ``size`` times the memory of ``arrays``, which must be of one type.
        """

    @abstractmethod
    def exchange(self, text: str) -> list[str]:
        """The ``text`` of each process, by rank. Waits."""

    @abstractmethod
    def shutdown(self) -> None:
        """Leave the world; finished collectives only."""

    def broadcast(self, arrays: Sequence[Any]) -> None:
        """Overwrite ``arrays`` with those of rank 0. They must not have been through a forward pass.

        It is their sum with what adding does not change: -0.0, for 0.0 would take the sign from a zero.
        """
        library = libraries.of(arrays[0])
        if self.rank != 0:
            library.scaled(library.zeros_like(arrays), -1.0, out=arrays)
        self.sum(arrays, "broadcast")
        library.wait_for_all()

    def adds_halves_slowly(self, ctx: Any) -> bool:
        """Whether float16 arrays on ``ctx`` take longer to add up than float32 ones of twice the bytes."""
        return False

    def run_on_all(self, action: Callable[[], Result]) -> Result:
        """Run ``action`` on every process; raise on all of them or on none.

        Raises:
            Exception: what ``action`` raised here.
            PeerFailedError: ``action`` failed elsewhere only.
        """
        failure: Exception | None = None
        result: Result
        try:
            result = action()
        except Exception as error:
            failure = error
        outcomes = self.exchange("" if failure is None else f"{type(failure).__name__}: {failure}")
        if failure is not None:
            raise failure
        failed = {rank: outcome for rank, outcome in enumerate(outcomes) if outcome}
        if failed:
            rank, outcome = next(iter(failed.items()))
            raise PeerFailedError("CLU10", f"rank {rank}", f"failed: {outcome}")
        return result

    def check_equal(self, what: str, value: Any) -> None:
        """Refuse to go on unless ``value`` (JSON data) is the same on all processes.

        Raises:
            ClusterError: CLU16, naming the first process that differs from rank 0.
        """
        values = self.exchange(json.dumps(value, sort_keys=True))
        for rank, other in enumerate(values):
            if other != values[0]:
                raise ClusterError(
                    "CLU16", f"rank {rank}", f"{what} differs: {other[:200]}, rank 0: {values[0][:200]}"
                )


class SingleProcess(World):
    """A world of one: nothing to add up, nobody to wait for."""

    rank = 0
    size = 1
    local_rank = 0
    local_size = 1

    def __init__(self, progress: Optional[Progress] = None) -> None:
        self.progress = progress or Progress()

    def sum(self, arrays: Sequence[Any], name: str) -> None:
        """Do nothing: the arrays are the sum."""

    def sum_in_pairs(self, arrays: Sequence[Any], name: str) -> None:
        """Do nothing: the arrays are the sum."""

    def exchange(self, text: str) -> list[str]:
        """The text of this one process."""
        return [text]

    def shutdown(self) -> None:
        """Do nothing: there is nobody to leave."""
