"""What a data set looks like: classes, sizes, mean and deviation of the pixels."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Optional

import cv2
import numpy as np
from numpy.typing import NDArray

from gluonlab.data.decode import decode_image
from gluonlab.data.duplicates import UNKNOWN, Part, image_digest, tell_repeats
from gluonlab.data.source import EncodedSource, Source


@dataclass(frozen=True)
class Description:
    """``measured`` images, evenly spaced, gave sizes (pixels), bytes, moments (per channel, in 0 to 255)."""

    images: int
    measured: int
    class_counts: dict[int, int]
    height: dict[str, float]
    width: dict[str, float]
    bytes_per_image: dict[str, float]
    channels: int
    mean: list[float]
    std: list[float]
    repeats: list[str]


def describe(source: Source, *, sample: int = 5000, threads: int = 1) -> Description:
    """Describe ``source``; pixels of ``sample`` images at most, each image with the same weight.

    The deviation is that of all pixels together, so it holds the spread between images as well. Repeated
    images are looked for among all that an earlier verification saw, else among the measured ones. Raises
    what reading an image raises.
    """
    chosen = np.unique(np.linspace(0, len(source) - 1, min(sample, len(source))).astype(int))
    with ThreadPoolExecutor(threads, thread_name_prefix="gluonlab-describe") as pool:
        rows = list(pool.map(lambda index: _measure(source, int(index)), chosen))
    digests: Optional[NDArray[np.uint64]] = getattr(source, "digests", None)
    if digests is None:
        digests = np.full(len(source), UNKNOWN, np.uint64)
        digests[chosen] = [row[3] for row in rows]
    labels, counts = np.unique(source.labels, return_counts=True)
    sizes = np.array([row[0] for row in rows], np.float64)
    channels = max(len(row[1]) for row in rows)
    moments = np.array([np.broadcast_to(row[1:3], (2, channels)) for row in rows], np.float64)
    mean, square = moments.mean(axis=0)
    return Description(
        images=len(source),
        measured=len(chosen),
        class_counts=dict(zip(labels.tolist(), counts.tolist())),
        height=_summary(sizes[:, 0]),
        width=_summary(sizes[:, 1]),
        bytes_per_image=_summary(sizes[:, 2]),
        channels=channels,
        mean=[round(value, 3) for value in mean],
        std=[round(value, 3) for value in np.sqrt(np.maximum(square - mean**2, 0))],
        repeats=tell_repeats([Part(source.name, digests, source.labels, source.where)]),
    )


def _measure(source: Source, index: int) -> tuple[tuple[int, int, int], NDArray[Any], NDArray[Any], int]:
    """Height, width and bytes; mean and mean square of each channel; digest."""
    if isinstance(source, EncodedSource):
        payload = source.encoded(index)
        image = decode_image(payload, source.where(index), source.limits)
    else:
        image = source.image(index)
        payload = image.tobytes()
    mean, deviation = (values[:, 0] for values in cv2.meanStdDev(image))  # without a copy in float64
    height, width = image.shape[:2]
    return (height, width, len(payload)), mean, mean**2 + deviation**2, image_digest(payload)


def _summary(values: NDArray[np.float64]) -> dict[str, float]:
    return {"min": float(values.min()), "median": float(np.median(values)), "max": float(values.max())}
