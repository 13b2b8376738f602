"""Wishes of single processes that all processes must follow at the same step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Optional

import numpy as np

from gluonlab import arrays as libraries
from gluonlab.parallel.virtual_workers import VirtualWorkers, Wishes
from gluonlab.parallel.world import World

# One update carries the wishes beside its gradients, and their sum is read after the next.
LAG = 2
NONE = Wishes(*[False] * len(Wishes._fields))


class Agreement:
    """Sends `Wishes` along with the gradients and looks at their sum `LAG` updates later.

    All processes must call `exchange` after each update.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._sum: Optional[Callable[[], Any]] = (
            None  # of the wishes that travelled with the last update, on its way to the host
        )
        self._workers: Optional[VirtualWorkers] = None
        self._sent = NONE

    def exchange(self, workers: VirtualWorkers, wishes: Wishes) -> Wishes:
        """Send ours with the next update of ``workers``.

        Returns which of them any process sent `LAG` calls ago; ours at once if we are alone.
        """
        if self._world.size == 1:
            return wishes
        is_under_way = self._workers is workers
        if not is_under_way:  # the workers of a new phase: nobody adds up what was sent with the old ones
            wishes = Wishes(*(one or other for one, other in zip(wishes, self._sent)))
        # Waits for the gradients of the update before the last; the device has the last one to do.
        heard = NONE
        if self._sum is not None:
            with self._world.progress.waiting_for_sums():
                heard = Wishes(*(bool(count) for count in self._sum()))
        library = libraries.of(workers.wishes)
        self._sum = library.fetch(workers.wishes) if is_under_way else None
        if any(wishes):
            library.fill(workers.wishes, np.array(wishes, float))
        else:
            workers.wishes[:] = 0
        self._workers, self._sent = workers, wishes
        return heard
