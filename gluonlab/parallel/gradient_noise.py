"""The gradient noise scale: how large a batch is worth using (McCandlish et al. arXiv:1812.06162)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gluonlab import arrays as libraries
from gluonlab.optim.norms import SquaredNorms
from gluonlab.parallel.world import World


class GradientNoise:
    """Compares the gradients of single virtual workers with that of the update, on the device.

    ``gradients`` are sums over samples: of one of ``workers`` (at least two) when `add_worker` is called, of
    the whole update when `add_update` is. Neither waits.
    """

    def __init__(self, gradients: Sequence[Any], world: World, workers: int, worker_batch_size: int) -> None:
        self._gradients, self._world = gradients, world
        self._norms = SquaredNorms()
        self._workers, self._worker_batch_size = workers, worker_batch_size
        self._library = libraries.of(gradients[0])
        self._sums = self._library.zeros(
            (2,), gradients[0], "float64"
        )  # squared norms of workers, of updates
        self._totals = self._library.zeros((2,), gradients[0], "float64")
        self._workers_so_far = self._library.zeros((1,), gradients[0], "float64")
        self._updates = 0

    def start(self) -> None:
        """Begin an update, and forget one that was broken off."""
        self._workers_so_far[:] = 0

    def add_worker(self) -> None:
        """The gradients are those of a worker of this process."""
        self._workers_so_far += self._squared_norm()

    def add_update(self) -> None:
        """The gradients are those of all workers of all processes together."""
        self._sums += self._library.concatenated([self._workers_so_far, self._squared_norm()])
        self._updates += 1

    def _squared_norm(self) -> Any:
        return self._library.cast([self._norms(self._gradients)], "float64")[0].sum().reshape(1)

    def compute(self) -> dict[str, float]:
        """The estimates since the last call, by appendix A.1; all processes must call this together. Waits.

        ``gradient_variance`` is the trace of the covariance of a sample's gradient, ``gradient_square`` the
        squared norm of the expected one, ``gradient_noise_scale`` their ratio in images, left out where the
        second is too small to tell from 0. All are of the loss of a sample, times the loss scale squared if
        there is one. Without an update, nothing.
        """
        if not self._updates:
            return {}
        self._library.copy([self._sums], [self._totals])
        self._world.sum([self._totals], "gradient noise")  # the collective; `to_numpy` below is the wait
        small_batch, workers = self._worker_batch_size, self._workers
        big_batch = small_batch * workers
        of_workers, of_updates = self._library.to_numpy(self._totals).tolist()
        small = of_workers / (self._updates * workers * small_batch**2)
        big = of_updates / (self._updates * self._world.size * big_batch**2)
        square = (big_batch * big - small_batch * small) / (big_batch - small_batch)
        variance = (small - big) / (1 / small_batch - 1 / big_batch)
        self._sums[:] = 0
        self._updates = 0
        estimates = {"gradient_variance": variance, "gradient_square": square}
        if square > 0 and variance > 0:
            estimates["gradient_noise_scale"] = variance / square
        return estimates
