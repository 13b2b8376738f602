"""Batches that cost nothing to make."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any

import numpy as np

from gluonlab import arrays as libraries
from gluonlab.data.loader import Batch
from gluonlab.data.sampler import PADDING, Request


class SyntheticLoader:
    """The same random batch again and again, already on the device: measures compute alone."""

    def __init__(self, shape: tuple[int, int, int], classes: int, ctx: Any, seed: int = 0) -> None:
        self._shape, self._classes, self._ctx, self._seed = shape, classes, ctx, seed
        self._batches: dict[int, Batch] = {}

    def batches(self, requests: Iterable[Request]) -> Generator[Batch, None, None]:
        """The fixed batch of the request's size; padding is marked in the labels."""
        for request in requests:
            images, labels = self._fixed_batch(len(request.indices))
            is_padding = request.indices == PADDING
            if is_padding.any():
                library = libraries.of(labels)
                mask, padding = library.from_numpy(is_padding, labels), library.full_like(labels, PADDING)
                labels = library.where(mask, padding, labels)
            yield images, labels

    def statistics(self) -> dict[str, float]:
        """Empty: nothing is read."""
        return {}

    def _fixed_batch(self, size: int) -> Batch:
        if size not in self._batches:
            generator = np.random.RandomState(self._seed)
            images = generator.standard_normal((size, *self._shape)).astype(np.float32)
            labels = generator.randint(self._classes, size=size)
            make = libraries.of(self._ctx).from_numpy
            self._batches[size] = make(images, self._ctx), make(labels, self._ctx)
        return self._batches[size]
