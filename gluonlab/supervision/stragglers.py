"""Which process keeps the others waiting, update after update."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple, Optional

INTERVAL_SECONDS = 10.0
# So many intervals in a row make a straggler, and as many a recovered one.
INTERVALS = 3
# Of each process, in an interval; it lasts until they are there.
MIN_UPDATES = 5


class Spent(NamedTuple):
    """What a process has told of all updates that it measured: their number, seconds of its own, waiting."""

    updates: int = 0
    own: float = 0.0
    waiting: float = 0.0

    def since(self, before: Spent) -> Spent:
        """What came after ``before``."""
        return Spent(self.updates - before.updates, self.own - before.own, self.waiting - before.waiting)


@dataclass(frozen=True)
class Straggler:
    """``rank`` takes ``own`` s for an update, others ``usual``; they wait ``share`` of their time for it."""

    rank: int
    own: float
    usual: float
    share: float

    def __str__(self) -> str:
        return (
            f"takes {self.own:.3g} s of its own for an update, {self.own / self.usual:.1f} times the median "
            f"of the others ({self.usual:.3g} s), which wait for it {self.share:.0%} of their time"
        )


class Stragglers:
    """Looks for processes whose own time is above ``factor`` times the median of the others'.

    A process is found once, and again only after it has recovered.
    """

    def __init__(self, factor: float, now: float) -> None:
        self._factor, self._began = factor, now
        self._before: dict[int, Spent] = {}
        self._slow: dict[int, int] = {}
        self._well: dict[int, int] = {}
        self.slow: dict[int, Straggler] = {}

    def look(self, spent: Mapping[int, Spent], now: float) -> list[Straggler]:
        """Those found now; ``spent`` is since the start of each process, ``slow`` are all of them."""
        lately = {rank: total.since(self._before.get(rank, Spent())) for rank, total in spent.items()}
        is_over = now - self._began >= INTERVAL_SECONDS
        if not is_over or len(spent) < 2 or any(one.updates < MIN_UPDATES for one in lately.values()):
            return []
        self._began, self._before = now, dict(spent)
        return [found for rank in lately if (found := self._judge(rank, compare(rank, lately)))]

    def _judge(self, rank: int, compared: Straggler) -> Optional[Straggler]:
        is_slow = compared.own > self._factor * compared.usual
        self._slow[rank] = self._slow.get(rank, 0) + 1 if is_slow else 0
        self._well[rank] = 0 if is_slow else self._well.get(rank, 0) + 1
        if rank in self.slow:
            if self._well[rank] >= INTERVALS:
                del self.slow[rank]
            return None
        if self._slow[rank] < INTERVALS:
            return None
        self.slow[rank] = compared
        return compared


def compare(rank: int, spent: Mapping[int, Spent]) -> Straggler:
    """``rank`` beside the others. What it waits itself, being the last to come, the network takes."""
    others = [one for other, one in spent.items() if other != rank]
    mine = spent[rank]
    usual = median(one.own / one.updates for one in others)
    network = mine.waiting / mine.updates
    waited = sum(max(0.0, one.waiting - network * one.updates) for one in others)
    share = waited / max(1e-9, sum(one.own + one.waiting for one in others))
    return Straggler(rank, mine.own / mine.updates, max(usual, 1e-9), share)
