"""Steps that move or cover pixels: shift with mirroring, random erasing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gluonlab.data.augment.views import Image

ERASING_ATTEMPTS = 10
ERASING_RATIO = 0.3  # aspect ratios from this to its inverse


@dataclass(frozen=True)
class ShiftCrop:
    """Shift by up to ``pad`` pixels each way, zeros coming in, or if ``is_reflecting`` the image reflected
    at its border; mirror half of the images if ``flip``.

    The CIFAR-10 augmentation of He et al. 2015 (pad 4, flip): the same as padding and cropping.
    """

    pad: int
    flip: bool
    is_reflecting: bool = False
    num_draws: int = 3

    def __call__(self, image: Image, draws: NDArray[np.float64]) -> Image:
        """Shift a copy of ``image`` by up to ``pad`` pixels, and mirror it by chance."""
        size = image.shape[0]
        top = int(draws[0] * (2 * self.pad + 1)) - self.pad
        left = int(draws[1] * (2 * self.pad + 1)) - self.pad
        if self.is_reflecting:
            return self._mirrored(self._reflected(image, top, left), draws)
        shifted = np.zeros_like(image)
        shifted[max(-top, 0) : size - max(top, 0), max(-left, 0) : size - max(left, 0)] = image[
            max(top, 0) : size + min(top, 0), max(left, 0) : size + min(left, 0)
        ]
        return self._mirrored(shifted, draws)

    def _mirrored(self, image: Image, draws: NDArray[np.float64]) -> Image:
        return cv2.flip(image, 1).reshape(image.shape) if self.flip and draws[2] < 0.5 else image

    def _reflected(self, image: Image, top: int, left: int) -> Image:
        pad, (height, width, _) = self.pad, image.shape
        wide = cv2.copyMakeBorder(image, pad, pad, pad, pad, cv2.BORDER_REFLECT_101)
        part = wide[pad + top : pad + top + height, pad + left : pad + left + width]
        return np.ascontiguousarray(part).reshape(image.shape)


@dataclass(frozen=True)
class RandomErasing:
    """Cover a rectangle of an image with ``fill``, with ``probability`` (Zhong et al. 2017, algorithm 1).

    The rectangle has 2 % to a third of the area and an aspect ratio of 0.3 to 3.3 on a logarithmic scale;
    after ten that do not fit, nothing is covered. ``fill`` is one value for each channel, by default the
    mean of the data set, which the network sees as zero.
    """

    probability: float
    fill: tuple[float, ...]
    min_area: float = 0.02
    max_area: float = 1 / 3
    num_draws: int = 4 * ERASING_ATTEMPTS + 1

    def __call__(self, image: Image, draws: NDArray[np.float64]) -> Image:
        """Cover the rectangle in ``image`` itself, or leave it."""
        decision, *numbers = draws.tolist()
        if decision >= self.probability:
            return image
        height, width = image.shape[:2]
        for i in range(0, len(numbers), 4):
            area_draw, ratio_draw, top_draw, left_draw = numbers[i : i + 4]
            area = height * width * (self.min_area + area_draw * (self.max_area - self.min_area))
            ratio = math.exp((2 * ratio_draw - 1) * math.log(1 / ERASING_RATIO))
            rows, columns = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if 0 < rows < height and 0 < columns < width:
                top, left = int(top_draw * (height - rows + 1)), int(left_draw * (width - columns + 1))
                image = image if image.flags.writeable else image.copy()
                image[top : top + rows, left : left + columns] = np.rint(self.fill).astype(np.uint8)
                return image
        return image
