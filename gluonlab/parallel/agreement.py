"""Wishes of single processes that all processes must follow at the same step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

from gluonlab.parallel.virtual_workers import VirtualWorkers
from gluonlab.parallel.world import World
from gluonlab.runtime.mxnet import mx

# One update carries the wishes beside its gradients, and during the next their sum comes to the host, which
# is at most two batches ahead of the device: by then it is there, and nobody waits for it.
LAG = 2


class Agreement:
    """Sends yes-or-no wishes along with the gradients and looks at their sum `LAG` updates later.

    All processes must call `exchange` after each update.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._sum: Any = None  # of the wishes that travelled with the last update, on its way to the host
        self._workers: Optional[VirtualWorkers] = None
        self._sent: Sequence[bool] = ()

    def exchange(self, workers: VirtualWorkers, wishes: Sequence[bool]) -> tuple[bool, ...]:
        """Send ours with the next update of ``workers``.

        Returns which of them any process sent `LAG` calls ago; ours at once if we are alone.
        """
        if self._world.size == 1:
            return tuple(wishes)
        is_sent = self._workers is workers
        if self._workers is not None and not is_sent:  # of another phase: nobody will add up what was sent
            wishes = [one or other for one, other in zip(wishes, self._sent)]
        heard = [False] * len(wishes) if self._sum is None else self._sum.asnumpy() > 0
        if is_sent:
            self._sum = workers.wishes.copyto(mx.cpu())
        workers.wishes[:] = [float(wish) for wish in wishes] if any(wishes) else 0
        self._workers, self._sent = workers, wishes
        return tuple(map(bool, heard))
