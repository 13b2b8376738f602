"""Augmentation of one image on the host: (height, width, channels) uint8 in and out.

A transform takes as many uniform numbers as ``num_draws`` says and has no other source of randomness.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[Any]

INCEPTION_ATTEMPTS = 10


class Transform(Protocol):
    """One image to one image of a fixed size."""

    @property
    def num_draws(self) -> int:
        """How many uniform numbers a call uses."""

    def __call__(self, image: Image, draws: NDArray[np.float64]) -> Image:
        """``image`` transformed by the numbers ``draws``, shape (num_draws,)."""


@dataclass(frozen=True)
class ShiftCrop:
    """Pad by ``pad`` zeros, crop ``size`` x ``size`` at random, mirror half of them if ``flip``.

    The CIFAR-10 augmentation of He et al. 2015 (pad 4, flip).
    """

    size: int
    pad: int
    flip: bool
    num_draws: int = 3

    def __call__(self, image: Image, draws: NDArray[np.float64]) -> Image:
        """Crop; the image is first resized if it is not ``size`` x ``size``."""
        image = resize(image, self.size, self.size)
        top = int(draws[0] * (2 * self.pad + 1)) - self.pad
        left = int(draws[1] * (2 * self.pad + 1)) - self.pad
        shifted = np.zeros_like(image)
        rows = slice(max(top, 0), self.size + min(top, 0))
        columns = slice(max(left, 0), self.size + min(left, 0))
        shifted[max(-top, 0) : self.size - max(top, 0), max(-left, 0) : self.size - max(left, 0)] = image[
            rows, columns
        ]
        return shifted[:, ::-1] if self.flip and draws[2] < 0.5 else shifted


@dataclass(frozen=True)
class InceptionCrop:
    """A random area in [``min_area``, 1] and aspect ratio in [3/4, 4/3], resized, half of them mirrored.

    Szegedy et al. 2015; after ten sizes that do not fit, the largest centred square is taken.
    """

    size: int
    min_area: float = 0.08
    num_draws: int = 4 * INCEPTION_ATTEMPTS + 1

    def __call__(self, image: Image, draws: NDArray[np.float64]) -> Image:
        """Crop and resize to ``size`` x ``size``."""
        height, width = image.shape[:2]
        top, left, crop_height, crop_width = self._box(height, width, draws)
        crop = resize(image[top : top + crop_height, left : left + crop_width], self.size, self.size)
        return crop[:, ::-1] if draws[-1] < 0.5 else crop

    def _box(self, height: int, width: int, draws: NDArray[np.float64]) -> tuple[int, int, int, int]:
        for area_draw, ratio_draw, top_draw, left_draw in draws[:-1].reshape(-1, 4):
            area = height * width * (self.min_area + area_draw * (1 - self.min_area))
            ratio = math.exp((2 * ratio_draw - 1) * math.log(4 / 3))
            crop_width, crop_height = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if 0 < crop_width <= width and 0 < crop_height <= height:
                top = int(top_draw * (height - crop_height + 1))
                left = int(left_draw * (width - crop_width + 1))
                return top, left, crop_height, crop_width
        side = min(height, width)
        return (height - side) // 2, (width - side) // 2, side, side


@dataclass(frozen=True)
class CentreCrop:
    """Resize the shorter side to ``resize_to``, then cut ``size`` x ``size`` from the centre."""

    size: int
    resize_to: int
    num_draws: int = 0

    def __call__(self, image: Image, draws: NDArray[np.float64]) -> Image:
        """Resize and crop; ``draws`` is empty."""
        image = resize_shorter_side(image, self.resize_to, self.size)
        top, left = (image.shape[0] - self.size) // 2, (image.shape[1] - self.size) // 2
        return image[top : top + self.size, left : left + self.size]


@dataclass(frozen=True)
class RandomCrop:
    """Resize the shorter side to ``resize_to``, cut ``size`` x ``size`` anywhere, mirror half of them.

    Krizhevsky et al. 2012, section 4.1: neither scale nor aspect ratio change.
    """

    size: int
    resize_to: int
    num_draws: int = 3

    def __call__(self, image: Image, draws: NDArray[np.float64]) -> Image:
        """Resize, crop and mirror."""
        image = resize_shorter_side(image, self.resize_to, self.size)
        top = int(draws[0] * (image.shape[0] - self.size + 1))
        left = int(draws[1] * (image.shape[1] - self.size + 1))
        crop = image[top : top + self.size, left : left + self.size]
        return crop[:, ::-1] if draws[2] < 0.5 else crop


@dataclass(frozen=True)
class WithChannels:
    """``transform`` on images brought to ``channels`` (1: gray, 3: RGB) first."""

    transform: Transform
    channels: int

    @property
    def num_draws(self) -> int:
        """As many as the inner transform."""
        return self.transform.num_draws

    def __call__(self, image: Image, draws: NDArray[np.float64]) -> Image:
        """Convert, then transform."""
        if image.shape[2] != self.channels:
            code = cv2.COLOR_GRAY2RGB if self.channels == 3 else cv2.COLOR_RGB2GRAY
            image = cv2.cvtColor(image, code).reshape(*image.shape[:2], self.channels)
        return self.transform(image, draws)


def resize_shorter_side(image: Image, length: int, at_least: int) -> Image:
    """``image`` in its own aspect ratio with a shorter side of ``length``, no side below ``at_least``."""
    height, width = image.shape[:2]
    scale = length / min(height, width)
    return resize(image, max(round(height * scale), at_least), max(round(width * scale), at_least))


def resize(image: Image, height: int, width: int) -> Image:
    """``image`` at ``height`` x ``width``: area average when it shrinks, else bilinear."""
    if image.shape[:2] == (height, width):
        return image
    is_smaller = height < image.shape[0] and width < image.shape[1]
    resized = cv2.resize(
        image, (width, height), interpolation=cv2.INTER_AREA if is_smaller else cv2.INTER_LINEAR
    )
    return np.asarray(resized).reshape(height, width, image.shape[2])
