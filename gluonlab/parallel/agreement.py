"""Wishes of single processes that all processes must follow at the same step."""

from __future__ import annotations

from collections.abc import Sequence

from gluonlab.parallel.world import World

# By then the sum is there: the host is at most two batches ahead of the device.
LAG = 2


class Agreement:
    """Sums ``wishes`` yes-or-no wishes beside the gradients and looks at the sum `LAG` steps later.

    So nobody waits for it. All processes must take part at each step.
    """

    def __init__(self, world: World, wishes: int) -> None:
        from gluonlab.runtime.mxnet import nd

        self._world = world
        self._rounds = 0
        self._sums = [nd.zeros(wishes) for _ in range(LAG + 1)]

    def exchange(self, wishes: Sequence[bool]) -> tuple[bool, ...]:
        """Tell ours; returns which of them any process had `LAG` calls ago (now, if we are alone)."""
        if self._world.size == 1:
            return tuple(wishes)
        place = self._rounds % len(self._sums)
        self._sums[place][:] = [float(wish) for wish in wishes]
        self._world.sum([self._sums[place]], f"agreement.{place}")
        self._rounds += 1
        oldest = self._sums[self._rounds % len(self._sums)]
        return tuple(bool(count) for count in oldest.asnumpy())
