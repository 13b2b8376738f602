"""Several views of an image in evaluation: the network sees each, and their logits are averaged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gluonlab import arrays as libraries

Views = Literal["one", "mirror", "mirror_shift"]
Predict = Callable[[Any], Any]


def with_views(predict: Predict, views: Views) -> Predict:
    """``predict``, images (N, C, H, W) to logits, over the weighted ``views`` of each image."""
    if views == "one":
        return predict

    def over_views(images: Any) -> Any:
        total: Any = 0
        for share, is_mirrored, shift in weighted(views):
            total = total + share * predict(_view(images, is_mirrored, shift))
        return total

    return over_views


def weighted(views: Views) -> list[tuple[float, bool, int]]:
    """The weight of each view, whether it is a mirror image, and its diagonal shift in pixels.

    ``mirror_shift``: half of the weight on the unshifted images, a quarter on each of two diagonal shifts by
    a pixel (Jordan arXiv:2404.00498, section 3.6).
    """
    shifts = {0: 1.0} if views == "mirror" else {0: 0.5, 1: 0.25, -1: 0.25}
    return [
        (share / 2, is_mirrored, shift) for shift, share in shifts.items() for is_mirrored in (False, True)
    ]


def _view(images: Any, is_mirrored: bool, shift: int) -> Any:
    if not (is_mirrored or shift):
        return images
    count, channels, height, width = images.shape
    places = _places(height, width, is_mirrored, shift)
    flat = images.reshape((count * channels, height * width))
    return libraries.of(images).take(flat, places, 1).reshape((count, channels, height, width))


def _places(height: int, width: int, is_mirrored: bool, shift: int) -> NDArray[np.int64]:
    """Where each pixel of the view is in the image, row by row; a border reflects what comes in."""
    rows, columns = (_reflected(np.arange(size) - shift, size) for size in (height, width))
    if is_mirrored:
        columns = columns[::-1]
    return (rows[:, None] * width + columns).reshape(-1)


def _reflected(places: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    last = size - 1
    return np.asarray(last - np.abs(last - np.abs(places)))
