"""RandAugment (Cubuk et al. 2020): a few operations drawn from fourteen, all at one strength.

Ranges of the operations are those of the paper's table, at its scale of magnitudes from 0 to 30.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gluonlab.data.augment.colour import BYTES, brighten, look_up, saturate, stretch_contrast, to_bytes
from gluonlab.data.augment.views import Image

LARGEST_MAGNITUDE = 30
Operation = Callable[[Image, float, float], Image]
"""Of an image, the strength in [0, 1] and a sign of -1 or 1."""


@dataclass(frozen=True)
class RandAugment:
    """``count`` operations, each drawn with replacement, at ``magnitude`` 0 to 30.

    The paper's ResNet-50 on ImageNet: count 2, magnitude 9. ``fill`` is what comes in at the borders of
    moved images, one value for each channel.
    """

    count: int
    magnitude: float
    fill: tuple[float, ...]

    @property
    def num_draws(self) -> int:
        """An operation and a sign for each."""
        return 2 * self.count

    def __call__(self, image: Image, draws: NDArray[np.float64]) -> Image:
        """A new image."""
        strength = self.magnitude / LARGEST_MAGNITUDE
        operations = list(self._operations().values())
        for choice, sign_draw in draws.reshape(-1, 2).tolist():
            sign = -1.0 if sign_draw < 0.5 else 1.0
            image = operations[int(choice * len(operations))](image, strength, sign)
        return image

    def _operations(self) -> dict[str, Operation]:
        def move(image: Image, matrix: list[list[float]]) -> Image:
            return _warp(image, matrix, self.fill)

        return {
            "identity": lambda image, strength, sign: image,
            "auto_contrast": lambda image, strength, sign: auto_contrast(image),
            "equalize": lambda image, strength, sign: equalize(image),
            "rotate": lambda image, strength, sign: move(image, rotation(image, sign * 30 * strength)),
            "solarize": lambda image, strength, sign: solarize(image, 256 * (1 - strength)),
            "saturation": lambda image, strength, sign: saturate(image, 1 + sign * 0.9 * strength),
            "posterize": lambda image, strength, sign: posterize(image, 8 - round(4 * strength)),
            "contrast": lambda image, strength, sign: stretch_contrast(image, 1 + sign * 0.9 * strength),
            "brightness": lambda image, strength, sign: brighten(image, 1 + sign * 0.9 * strength),
            "sharpness": lambda image, strength, sign: sharpen(image, 1 + sign * 0.9 * strength),
            "shear_x": lambda image, strength, sign: move(image, [[1, sign * 0.3 * strength, 0], [0, 1, 0]]),
            "shear_y": lambda image, strength, sign: move(image, [[1, 0, 0], [sign * 0.3 * strength, 1, 0]]),
            "shift_x": lambda image, strength, sign: move(
                image, [[1, 0, sign * 100 / 224 * image.shape[1] * strength], [0, 1, 0]]
            ),
            "shift_y": lambda image, strength, sign: move(
                image, [[1, 0, 0], [0, 1, sign * 100 / 224 * image.shape[0] * strength]]
            ),
        }


def auto_contrast(image: Image) -> Image:
    """Stretch each channel so that it spans 0 to 255; a constant channel stays."""
    tables = np.empty((1, 256, image.shape[2]), np.uint8)
    for channel in range(image.shape[2]):
        low, high, *_ = cv2.minMaxLoc(image[:, :, channel])
        stretched = (BYTES - low) * np.float32(255 / (high - low)) if high > low else BYTES
        tables[0, :, channel] = to_bytes(stretched)
    return look_up(image, tables)


def equalize(image: Image) -> Image:
    """Spread each channel so that all values are about equally frequent."""
    planes = [cv2.equalizeHist(np.ascontiguousarray(image[:, :, c])) for c in range(image.shape[2])]
    return np.dstack(planes).reshape(image.shape)


def solarize(image: Image, threshold: float) -> Image:
    """Invert the values from ``threshold`` on."""
    return look_up(image, np.where(threshold <= BYTES, 255 - BYTES, BYTES).astype(np.uint8))


def posterize(image: Image, bits: int) -> Image:
    """Keep the ``bits`` highest bits of each value."""
    return image & np.uint8(256 - (1 << (8 - bits)))


def sharpen(image: Image, factor: float) -> Image:
    """Away from a smoothed copy (3x3, the centre with weight 5 of 13), or towards it below 1."""
    kernel = np.ones((3, 3), np.float32)
    kernel[1, 1] = 5
    smooth = cv2.filter2D(image, -1, kernel / 13, borderType=cv2.BORDER_REPLICATE)
    mixed: Image = cv2.addWeighted(image, factor, smooth.reshape(image.shape), 1 - factor, 0)
    return mixed.reshape(image.shape)


def rotation(image: Image, degrees: float) -> list[list[float]]:
    """The matrix that turns about the centre, counter-clockwise."""
    height, width = image.shape[:2]
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x, y = (width - 1) / 2, (height - 1) / 2
    return [[cosine, sine, x - cosine * x - sine * y], [-sine, cosine, y + sine * x - cosine * y]]


def _warp(image: Image, matrix: list[list[float]], fill: tuple[float, ...]) -> Image:
    size = image.shape[1], image.shape[0]
    moved: Image = cv2.warpAffine(
        image,
        np.array(matrix, np.float64),
        size,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=fill,
    )
    return moved.reshape(image.shape)
