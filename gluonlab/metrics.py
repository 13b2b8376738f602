"""Loss, top-1 and top-5 as sums on the device; they become averages when somebody asks."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Any

from gluonlab import arrays as libraries
from gluonlab.parallel.world import World
from gluonlab.runtime.mxnet import gluon

# Batches that may be queued on the device; one more would only take memory, the device is not idle.
MAX_IN_FLIGHT = 2


class Metrics:
    """Sums over the samples of this process; `compute` adds those of the others and divides once.

    A sample with a negative label is padding and is not counted. Among equal logits the label ranks
    last, so a network that cannot tell classes apart gets no credit.
    """

    def __init__(self, world: World, ctx: Any) -> None:
        self._world = world
        self._library = libraries.of(ctx)
        self._sums, self._totals = (self._library.zeros((4,), ctx, "float64") for _ in range(2))
        self._in_flight: deque[Callable[[], object]] = deque()
        self._count = _Count()
        self._count.hybridize(static_alloc=True)

    def reset(self) -> None:
        """Forget all samples."""
        self._sums[:] = 0

    def update(self, losses: Any, logits: Any, labels: Any) -> None:
        """Add one batch: losses (n,), logits (n, classes), labels (n,).

        Waits for the batch before the last, so that a loader cannot run ahead of the device without
        bound; the device has work all the while.
        """
        batch = self._library.call(self._count, losses, logits, labels)
        self._sums += batch
        self._in_flight.append(self._library.mark(batch))
        if len(self._in_flight) > MAX_IN_FLIGHT:
            self._in_flight.popleft()()  # the wait: the device has two batches more to do

    def compute(self) -> dict[str, float]:
        """Averages over the samples of all processes, which must call this together; waits once.

        Returns ``loss``, ``top1``, ``top5`` (fractions) and ``count``; the averages of nothing are NaN.
        """
        self._library.copy([self._sums], [self._totals])
        self._world.sum([self._totals], "metrics")  # the collective
        with self._world.progress.waiting_for_sums():
            loss, top1, top5, count = self._library.to_numpy(self._totals).tolist()
        if count == 0:
            return {"loss": math.nan, "top1": math.nan, "top5": math.nan, "count": 0}
        return {"loss": loss / count, "top1": top1 / count, "top5": top5 / count, "count": count}


class _Count(gluon.HybridBlock):
    """What one batch adds to the sums; compiled, since calls of 20 operators would cost more than they do."""

    def hybrid_forward(self, F: Any, losses: Any, logits: Any, labels: Any) -> Any:
        """Losses (n,), logits (n, classes) and labels (n,) to loss, top-1, top-5 and count: float64 (4,)."""
        is_real = labels >= 0
        target = F.pick(logits, labels, axis=1, keepdims=True)
        place = F.broadcast_greater_equal(logits, target).sum(axis=1)  # 1 is best; 0 if the target is NaN
        top1 = (place == 1) * is_real
        top5 = (place >= 1) * (place <= 5) * is_real
        loss = F.where(is_real, losses.astype("float32"), F.zeros_like(is_real))
        return F.stack(loss, top1, top5, is_real, axis=0).sum(axis=1).astype("float64")
