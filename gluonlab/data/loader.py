"""From requests to batches on the device: decode and augment in threads, some batches ahead."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Optional, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from gluonlab import arrays as libraries
from gluonlab.data.augment import Augmentation
from gluonlab.data.augment.views import Image
from gluonlab.data.collate import AsStored, Collate
from gluonlab.data.decode import read_view
from gluonlab.data.sampler import PADDING, Request
from gluonlab.data.source import Source
from gluonlab.data.statistics import PipelineStatistics

Batch = tuple[Any, ...]
"""Images (n, channels, height, width), labels (n,); where images are mixed also the labels of their partners
(n,) and the share of the first (n,). All are float32 arrays on ctx, a device of any library."""

_PART = 8  # images that a thread takes at a time


class Loader(Protocol):
    """Anything that turns requests into batches, in their order."""

    def batches(self, requests: Iterable[Request]) -> Generator[Batch, None, None]:
        """One batch for each request; closing it ends what goes on behind it."""

    def statistics(self) -> dict[str, float]:
        """What the loader cost since the last call, by name; empty if it costs nothing."""


@dataclass
class _Pending:
    """A batch in the making: where it is written, and the threads' promises."""

    request: Request
    batch: Any
    memory: NDArray[Any]
    parts: list[Future[None]]


class SourceLoader:
    """Reads ``source`` in ``threads`` threads, ``prefetch`` batches ahead.

    Without an ``augmentation`` images are taken as they are; without ``collate`` they become float32 arrays
    on ``ctx`` in the layout of the source. ``prefetch`` + 1 batches are in the making at most.
    """

    def __init__(
        self,
        source: Source,
        *,
        ctx: Any,
        seed: int = 0,
        augmentation: Optional[Augmentation] = None,
        collate: Optional[Collate] = None,
        threads: int = 1,
        prefetch: int = 2,
    ) -> None:
        self._source = source
        self._ctx = ctx
        self._seed = seed
        self._augmentation = augmentation
        self._collate = collate or AsStored(ctx)
        self._threads = threads
        self._prefetch = prefetch
        self._statistics = PipelineStatistics()
        cv2.setNumThreads(0)  # our threads already fill the cores

    def statistics(self) -> dict[str, float]:
        """Milliseconds per image by stage, the part of the time waited for batches, the verdict."""
        return self._statistics.lap()

    def batches(self, requests: Iterable[Request]) -> Generator[Batch, None, None]:
        """One batch for each request, in order; stops its threads when it is closed or fails."""
        pool = ThreadPoolExecutor(self._threads, thread_name_prefix="gluonlab-loader")
        ahead: deque[_Pending] = deque()
        try:
            for request in requests:
                ahead.append(self._start(pool, request))
                if len(ahead) > self._prefetch:
                    yield self._finish(ahead.popleft())
            while ahead:
                yield self._finish(ahead.popleft())
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _start(self, pool: ThreadPoolExecutor, request: Request) -> _Pending:
        shape = self._augmentation.shape if self._augmentation else self._source.image(0).shape
        batch, memory = self._collate.start(len(request.indices), shape)
        starts = range(0, len(memory), _PART)
        parts = [pool.submit(self._read, request, memory, slice(start, start + _PART)) for start in starts]
        return _Pending(request, batch, memory, parts)

    def _finish(self, pending: _Pending) -> Batch:
        with self._statistics.measure("wait"):
            for part in pending.parts:
                part.result()
        with self._statistics.measure("collate"):
            images = self._collate.finish(pending.batch, pending.memory)
        indices = pending.request.indices
        labels = np.where(indices == PADDING, PADDING, self._source.labels[indices])
        return images, libraries.of(self._ctx).from_numpy(labels, self._ctx)

    def _read(self, request: Request, memory: NDArray[Any], places: slice) -> None:
        indices, epochs = request.indices[places], request.epochs[places]
        augmentation = self._augmentation
        if augmentation:
            draws = augmentation.draws(self._seed, epochs, indices)
        else:
            draws = np.empty((len(indices), 0))
        decode = augment = collate = 0.0
        for index, numbers, place in zip(indices.tolist(), draws, memory[places]):
            start = time.perf_counter()
            image: Image
            if augmentation is None:
                image = self._source.image(max(index, 0))  # padding shows some image, masked by its label
                decoded = augmented = time.perf_counter()
            else:
                image = read_view(self._source, max(index, 0), augmentation, numbers)
                decoded = time.perf_counter()
                image = augmentation.change(image, numbers)
                augmented = time.perf_counter()
            self._collate.put(image, place)
            decode += decoded - start
            augment += augmented - decoded
            collate += time.perf_counter() - augmented
        self._statistics.add(len(indices), {"decode": decode, "augment": augment, "collate": collate})
