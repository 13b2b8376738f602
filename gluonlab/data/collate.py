"""Images of a batch side by side in host memory, and that memory to the device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from gluonlab import arrays as libraries
from gluonlab.data.augment.views import Image

Shape = tuple[int, ...]


class Collate(Protocol):
    """How images become a batch. ``put`` runs in the threads of a loader, the rest in its caller's."""

    def start(self, count: int, shape: Shape) -> tuple[Any, NDArray[Any]]:
        """A new batch of ``count`` images of ``shape``, and the host memory (count, ...) to write them to."""

    def put(self, image: Image, place: NDArray[Any]) -> None:
        """Write ``image`` to its ``place`` in that memory."""

    def finish(self, batch: Any, memory: NDArray[Any]) -> Any:
        """The batch as an array on the device, once all images are in its memory."""


class NormaliseOnDevice:
    """Bytes cross to the device, where they become float32 (n, channels, height, width) of mean 0.

    ``mean`` and ``std`` are per channel, in the units of the pixels (0 to 255).
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float], ctx: Any) -> None:
        self._ctx = ctx
        self._library = libraries.of(ctx)
        self._mean = self._library.from_numpy(_per_channel(mean), ctx)
        self._scale = self._library.from_numpy(1 / _per_channel(std), ctx)

    def start(self, count: int, shape: Shape) -> tuple[Any, NDArray[Any]]:
        """The batch as bytes (n, height, width, channels)."""
        return self._library.host_batch((count, *shape), self._ctx, "uint8")

    def put(self, image: Image, place: NDArray[Any]) -> None:
        """Copy."""
        np.copyto(place, image)

    def finish(self, batch: Any, memory: NDArray[Any]) -> Any:
        """Copy, arithmetic and layout on the device, none of it waited for."""
        return self._library.normalised(batch, self._mean, self._scale)


class NormaliseOnHost:
    """The same values for a device that is a CPU: made in the threads, image by image, in place.

    A byte has 256 values, so each channel has a table of them, made by the same float32 arithmetic.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float], ctx: Any) -> None:
        self._ctx = ctx
        values = np.arange(256, dtype=np.float32)[None, None, None]
        self._tables = ((values - _per_channel(mean)) * (1 / _per_channel(std))).reshape(-1, 256)

    def start(self, count: int, shape: Shape) -> tuple[Any, NDArray[Any]]:
        """The batch's own memory, (n, channels, height, width) float32."""
        height, width, channels = shape
        return libraries.of(self._ctx).host_batch((count, channels, height, width), self._ctx, "float32")

    def put(self, image: Image, place: NDArray[Any]) -> None:
        """Look up each channel in its table."""
        for table, plane, there in zip(self._tables, cv2.split(image), place):
            cv2.LUT(plane, table, dst=there)

    def finish(self, batch: Any, memory: NDArray[Any]) -> Any:
        """Return ``batch``, which is on the device already."""
        return batch


def normalise(mean: Sequence[float], std: Sequence[float], ctx: Any) -> Collate:
    """Bytes to float32 (n, channels, height, width) of mean 0 on ``ctx``, where it costs least."""
    kind = NormaliseOnHost if libraries.of(ctx).is_on_host(ctx) else NormaliseOnDevice
    return kind(mean, std, ctx)


class AsStored:
    """Arrays of any shape become float32 on ``ctx``, in their own layout."""

    def __init__(self, ctx: Any) -> None:
        self._ctx = ctx

    def start(self, count: int, shape: Shape) -> tuple[Any, NDArray[Any]]:
        """New memory (n, ...) float32 on the host."""
        return None, np.empty((count, *shape), np.float32)

    def put(self, image: NDArray[Any], place: NDArray[Any]) -> None:
        """Copy ``image`` into its place as float32."""
        np.copyto(place, image, casting="unsafe")

    def finish(self, batch: Any, memory: NDArray[Any]) -> Any:
        """Copy the memory to the device."""
        return libraries.of(self._ctx).from_numpy(memory, self._ctx)


def _per_channel(values: Sequence[float]) -> NDArray[np.float32]:
    return np.array(values, np.float32).reshape(1, -1, 1, 1)
