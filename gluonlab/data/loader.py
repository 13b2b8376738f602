"""From requests to batches on the device: decode in threads, prefetch, normalise on the device."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Optional, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from gluonlab.data.augment import Transform
from gluonlab.data.randomness import uniforms
from gluonlab.data.sampler import PADDING, Request
from gluonlab.data.source import Source
from gluonlab.runtime.mxnet import mx, nd

Batch = tuple[Any, ...]
"""Images (n, channels, height, width), labels (n,); where images are mixed also the labels of their partners
(n,) and the share of the first (n,). All are float32 NDArrays on ctx."""

ToDevice = Callable[[NDArray[Any]], Any]


class Loader(Protocol):
    """Anything that turns requests into batches, in their order."""

    def batches(self, requests: Iterable[Request]) -> Generator[Batch, None, None]:
        """One batch for each request; closing it ends what goes on behind it."""


class Normalise:
    """uint8 (n, height, width, channels) on the host -> float32 (n, channels, height, width) on ``ctx``.

    ``mean`` and ``std`` are per channel, in the units of the pixels (0 to 255).
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float], ctx: Any) -> None:
        self._ctx = ctx
        self._mean = np.array(mean, np.float32).reshape(1, -1, 1, 1)
        self._scale = 1 / np.array(std, np.float32).reshape(1, -1, 1, 1)
        self._on_device = nd.array(self._mean, ctx), nd.array(self._scale, ctx)

    def __call__(self, images: NDArray[Any]) -> Any:
        """Bytes cross to a GPU, where arithmetic and layout happen; on a CPU NumPy is faster than MXNet."""
        if self._ctx.device_type == "cpu":
            values = images.transpose(0, 3, 1, 2).astype(np.float32)
            values -= self._mean
            values *= self._scale
            return nd.array(values, ctx=self._ctx, dtype="float32")
        mean, scale = self._on_device
        values = nd.array(images, ctx=self._ctx, dtype="uint8").transpose((0, 3, 1, 2)).astype("float32")
        return (values - mean) * scale


class SourceLoader:
    """Reads ``source`` in ``threads`` threads, ``prefetch`` batches ahead.

    Without a ``transform`` images are taken as they are; without ``to_device`` they become float32
    arrays on ``ctx`` in the layout of the source.
    """

    def __init__(
        self,
        source: Source,
        *,
        ctx: Any,
        seed: int = 0,
        transform: Optional[Transform] = None,
        to_device: Optional[ToDevice] = None,
        threads: int = 1,
        prefetch: int = 2,
    ) -> None:
        self._source = source
        self._ctx = ctx
        self._seed = seed
        self._transform = transform
        self._to_device = to_device or (lambda images: nd.array(images, ctx=ctx, dtype="float32"))
        self._threads = threads
        self._prefetch = prefetch
        cv2.setNumThreads(0)  # our threads already fill the cores

    def batches(self, requests: Iterable[Request]) -> Generator[Batch, None, None]:
        """One batch for each request, in order; stops its threads when it is closed or fails."""
        pool = ThreadPoolExecutor(self._threads, thread_name_prefix="gluonlab-loader")
        ahead: deque[tuple[Request, list[Future[Any]]]] = deque()
        try:
            for request in requests:
                ahead.append((request, self._submit(pool, request)))
                if len(ahead) > self._prefetch:
                    yield self._collect(*ahead.popleft())
            while ahead:
                yield self._collect(*ahead.popleft())
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _submit(self, pool: ThreadPoolExecutor, request: Request) -> list[Future[Any]]:
        places = np.array_split(np.arange(len(request.indices)), self._threads)
        return [pool.submit(self._read, request, part) for part in places if len(part)]

    def _read(self, request: Request, places: NDArray[np.int64]) -> list[NDArray[Any]]:
        indices, epochs = request.indices[places], request.epochs[places]
        transform = self._transform
        draws = uniforms(self._seed, epochs, indices, transform.num_draws if transform else 0)
        images: list[NDArray[Any]] = []
        for index, numbers in zip(indices, draws):
            image = self._source.image(max(int(index), 0))  # padding shows some image, masked by its label
            images.append(transform(image, numbers) if transform else image)
        return images

    def _collect(self, request: Request, parts: list[Future[Any]]) -> Batch:
        images = np.stack([image for part in parts for image in part.result()])
        labels = np.where(request.indices == PADDING, PADDING, self._source.labels[request.indices])
        return self._to_device(images), nd.array(labels, ctx=self._ctx, dtype="float32")


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
                labels = nd.where(
                    nd.array(is_padding, ctx=self._ctx, dtype="float32"),
                    nd.full(labels.shape, PADDING, self._ctx),
                    labels,
                )
            yield images, labels

    def _fixed_batch(self, size: int) -> Batch:
        if size not in self._batches:
            generator = np.random.RandomState(self._seed)
            images = generator.standard_normal((size, *self._shape)).astype(np.float32)
            labels = generator.randint(self._classes, size=size)
            on_device = (
                mx.nd.array(images, ctx=self._ctx),
                mx.nd.array(labels, ctx=self._ctx, dtype="float32"),
            )
            self._batches[size] = on_device
        return self._batches[size]
