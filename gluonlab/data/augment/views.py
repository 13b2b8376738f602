"""Which rectangle of an image becomes the input of the network."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[Any]
Shape = tuple[int, int, int]

INCEPTION_ATTEMPTS = 10


class View(NamedTuple):
    """A rectangle in pixels of the stored image, and whether it is looked at in a mirror."""

    top: int
    left: int
    height: int
    width: int
    is_mirrored: bool = False

    def shrunk(self, factor: int) -> View:
        """The same rectangle of the image at 1 / ``factor`` of its size."""
        top, left = round(self.top / factor), round(self.left / factor)
        height = max(1, round((self.top + self.height) / factor) - top)
        width = max(1, round((self.left + self.width) / factor) - left)
        return View(top, left, height, width, self.is_mirrored)


class Framing(Protocol):
    """Chooses a `View` from the size of an image alone, so that no more needs to be decoded."""

    @property
    def size(self) -> int:
        """Side of the square that the view is resized to, in pixels."""

    @property
    def num_draws(self) -> int:
        """How many uniform numbers a call uses."""

    def __call__(self, height: int, width: int, draws: NDArray[np.float64]) -> View:
        """The view of an image of ``height`` x ``width``."""


@dataclass(frozen=True)
class InceptionCrop:
    """A random area in [``min_area``, 1] and aspect ratio in [3/4, 4/3], half of them mirrored.

    Szegedy et al. 2015; after ten sizes that do not fit, the largest centred square is taken.
    """

    size: int
    min_area: float = 0.08
    num_draws: int = 4 * INCEPTION_ATTEMPTS + 1

    def __call__(self, height: int, width: int, draws: NDArray[np.float64]) -> View:
        """The first of ten rectangles that fits."""
        *numbers, mirror = draws.tolist()
        is_mirrored = mirror < 0.5
        for i in range(0, len(numbers), 4):
            area_draw, ratio_draw, top_draw, left_draw = numbers[i : i + 4]
            area = height * width * (self.min_area + area_draw * (1 - self.min_area))
            ratio = math.exp((2 * ratio_draw - 1) * math.log(4 / 3))
            crop_width, crop_height = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if 0 < crop_width <= width and 0 < crop_height <= height:
                top = int(top_draw * (height - crop_height + 1))
                left = int(left_draw * (width - crop_width + 1))
                return View(top, left, crop_height, crop_width, is_mirrored)
        return _centred_square(height, width, min(height, width))._replace(is_mirrored=is_mirrored)


@dataclass(frozen=True)
class CentreCrop:
    """The centred square that has ``size`` pixels when the shorter side is resized to ``resize_to``."""

    size: int
    resize_to: int
    num_draws: int = 0

    def __call__(self, height: int, width: int, draws: NDArray[np.float64]) -> View:
        """A square; ``draws`` is empty."""
        shorter = min(height, width)
        return _centred_square(height, width, max(1, round(shorter * self.size / self.resize_to)))


@dataclass(frozen=True)
class RandomCrop:
    """The square of `CentreCrop` anywhere in the image, half of them mirrored.

    Krizhevsky et al. 2012, section 4.1: neither scale nor aspect ratio change.
    """

    size: int
    resize_to: int
    num_draws: int = 3

    def __call__(self, height: int, width: int, draws: NDArray[np.float64]) -> View:
        """A square of the share ``size / resize_to`` of the shorter side, placed and mirrored by chance."""
        side = max(1, round(min(height, width) * self.size / self.resize_to))
        top, left = int(draws[0] * (height - side + 1)), int(draws[1] * (width - side + 1))
        return View(top, left, side, side, bool(draws[2] < 0.5))


@dataclass(frozen=True)
class WholeImage:
    """All of the image, whatever its shape."""

    size: int
    num_draws: int = 0

    def __call__(self, height: int, width: int, draws: NDArray[np.float64]) -> View:
        """The view of the whole image; ``draws`` is empty."""
        return View(0, 0, height, width)


def _centred_square(height: int, width: int, side: int) -> View:
    return View((height - side) // 2, (width - side) // 2, side, side)


def look(image: Image, view: View, size: int, channels: int) -> Image:
    """The part of ``image`` (height, width, any channels) that ``view`` shows: (size, size, channels)."""
    part = image[view.top : view.top + view.height, view.left : view.left + view.width]
    part = resize(with_channels(part, channels), size, size)
    return cv2.flip(part, 1).reshape(part.shape) if view.is_mirrored else part


def with_channels(image: Image, channels: int) -> Image:
    """``image`` with 1 channel (gray) or 3 (RGB)."""
    if image.shape[2] == channels:
        return image
    code = cv2.COLOR_GRAY2RGB if channels == 3 else cv2.COLOR_RGB2GRAY
    converted: Image = cv2.cvtColor(image, code).reshape(*image.shape[:2], channels)
    return converted


def resize(image: Image, height: int, width: int) -> Image:
    """``image`` at ``height`` x ``width``: bilinear, area average where it shrinks to less than half."""
    old_height, old_width = image.shape[:2]
    if (old_height, old_width) == (height, width):
        return image
    is_far = old_height > 2 * height and old_width > 2 * width
    resized: Image = cv2.resize(
        image, (width, height), interpolation=cv2.INTER_AREA if is_far else cv2.INTER_LINEAR
    )
    return resized.reshape(height, width, image.shape[2])
