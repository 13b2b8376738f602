"""Mixing each image of a batch with another one of it, on the device: mixup and CutMix.

What is drawn is a function of (seed, step, virtual worker), so it is the same on any number of processes
and after a restart.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from gluonlab import arrays as libraries
from gluonlab.data.loader import Batch, Loader
from gluonlab.data.randomness import uniforms
from gluonlab.data.sampler import Request


@dataclass(frozen=True)
class Mixing:
    """mixup (Zhang et al. arXiv:1710.09412) and CutMix (Yun et al. arXiv:1905.04899), one for each batch.

    The share of the first image is drawn from Beta(alpha, alpha); an alpha of 0 switches a method off. A
    batch is mixed with ``probability``, then cut rather than blended with ``cutmix_probability`` if both
    are on. Partners are the images of the batch in reverse, for their order is random already.
    """

    mixup_alpha: float = 0.0
    cutmix_alpha: float = 0.0
    probability: float = 1.0
    cutmix_probability: float = 0.5

    def __call__(self, images: Any, labels: Any, draws: np.random.RandomState) -> Batch:
        """Mixed images (n, channels, height, width), labels (n,), partners' labels (n,), shares (n,).

        ``labels`` are those with the larger share, which is that of the whole batch.
        """
        share, library = 1.0, libraries.of(images)
        if draws.random_sample() < self.probability:
            if self._is_cut(draws):
                images, share = _cut(images, draws.beta(self.cutmix_alpha, self.cutmix_alpha), draws)
            else:
                share = draws.beta(self.mixup_alpha, self.mixup_alpha)
                images = share * images + (1 - share) * library.reversed_order(images)
        partners = library.reversed_order(labels)
        if share < 0.5:
            labels, partners, share = partners, labels, 1 - share
        return images, labels, partners, library.full_like(labels, share)

    def _is_cut(self, draws: np.random.RandomState) -> bool:
        is_chosen = draws.random_sample() < self.cutmix_probability  # drawn in any case
        return self.cutmix_alpha > 0 and (is_chosen or self.mixup_alpha == 0)


def _cut(images: Any, share: float, draws: np.random.RandomState) -> tuple[Any, float]:
    """``images`` with a box of their partners that has 1 - ``share`` of the area, before the border cuts it.

    Returns the share that is left of the first image.
    """
    height, width = images.shape[2:]
    half = math.sqrt(1 - share) / 2
    middle_row, middle_column = draws.random_sample(2) * (height, width)
    top, bottom = (int(np.clip(middle_row + side * height, 0, height)) for side in (-half, half))
    left, right = (int(np.clip(middle_column + side * width, 0, width)) for side in (-half, half))
    library = libraries.of(images)
    mixed = library.copies([images])[0]
    if top < bottom and left < right:
        mixed[:, :, top:bottom, left:right] = library.reversed_order(images)[:, :, top:bottom, left:right]
    return mixed, 1 - (bottom - top) * (right - left) / (height * width)


class MixingLoader:
    """The batches of ``loader``, each mixed by its own draws; needs requests that know their turn."""

    def __init__(self, loader: Loader, mixing: Mixing, seed: int) -> None:
        self._loader, self._mixing, self._seed = loader, mixing, seed

    def batches(self, requests: Iterable[Request]) -> Generator[Batch, None, None]:
        """One batch for each request, in order."""
        turns: list[tuple[int, int]] = []

        def noting_turns() -> Iterator[Request]:
            for request in requests:
                assert request.turn is not None, "only training mixes"
                turns.append(request.turn)
                yield request

        inner = self._loader.batches(noting_turns())
        try:
            for images, labels in inner:
                yield self._mixing(images, labels, self._draws(*turns.pop(0)))
        finally:
            inner.close()

    def statistics(self) -> dict[str, float]:
        """The statistics of the inner loader; mixing adds none."""
        return self._loader.statistics()

    def _draws(self, step: int, worker: int) -> np.random.RandomState:
        # Counter 2 of this key; what the network draws has counter 1. NumPy keeps this generator's stream.
        draw = uniforms(self._seed, np.array([step]), np.array([worker]), 2)[0, 1]
        return np.random.RandomState(int(draw * 2**32))
